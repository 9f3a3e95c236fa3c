"""A writer of micro-batches that is killed twenty times: `writer.py topic tables`.

Each process plans a batch, writes it to four tables and commits it, unless it kills itself at the
point that is its turn. Its successor goes on from what stands in the working folder, as Spark
goes on from a checkpoint. Prints how often it was killed.
"""

import json
import os
import signal
import sys
from contextlib import closing
from itertools import count
from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from kafka import KafkaConsumer, TopicPartition

from jobs.commits import storage_options
from jobs.settings import load_settings

RECORDS_PER_BATCH, BATCHES = 25, 20
POINTS = ("planned", "progress saved first", "half written", "all written")
WRITER = "writer"


class Batch:
    """One batch of the topic, and where its rows go."""

    def __init__(self, topic: str, tables: str, number: int, folder: Path) -> None:
        self._topic, self._tables, self._number, self._folder = topic, tables, number, folder
        self._settings = load_settings()
        self._store = storage_options(self._settings)

    def process(self) -> None:
        """Nothing; the batch is in the tables and committed. Only once does it die on the way."""
        self._come_to("planned")
        rows = self._rows()
        progress = self._folder / f"{self._number}.first"
        if not progress.exists():
            progress.touch()
            self._come_to("progress saved first")
            self._append("progress_first", rows)
        self._append("plain", rows)
        self._come_to("half written")
        self._append_numbered("numbered", rows)
        self._merge("merged", rows)
        self._come_to("all written")
        (self._folder / f"{self._number}.committed").touch()

    def _come_to(self, point: str) -> None:
        """Nothing, unless this batch is to die here and has not: then the process is killed."""
        died = self._folder / f"{self._number}.died"
        if point == POINTS[self._number % len(POINTS)] and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def _rows(self) -> pa.Table:
        place = TopicPartition(self._topic, 0)
        begin = self._number * RECORDS_PER_BATCH
        consumer = KafkaConsumer(
            bootstrap_servers=self._settings.kafka_bootstrap_servers, enable_auto_commit=False
        )
        offsets: list[int] = []
        with closing(consumer):
            consumer.assign([place])
            consumer.seek(place, begin)
            while len(offsets) < RECORDS_PER_BATCH:
                got = consumer.poll(1_000, max_records=RECORDS_PER_BATCH - len(offsets))
                offsets += [record.offset for records in got.values() for record in records]
        return pa.table({"record": pa.array(offsets, pa.int64())})

    def _path(self, name: str) -> str:
        return f"{self._tables}/{name}"

    def _append(self, name: str, rows: pa.Table) -> None:
        write_deltalake(self._path(name), rows, mode="append", storage_options=self._store)

    def _append_numbered(self, name: str, rows: pa.Table) -> None:
        """The commit says which batch it is; one that is there already is passed over."""
        path = self._path(name)
        if DeltaTable.is_deltatable(path, self._store):
            last = DeltaTable(path, storage_options=self._store).transaction_version(WRITER)
            if last is not None and last >= self._number:
                return
        said = CommitProperties(app_transactions=[Transaction(WRITER, self._number)])
        write_deltalake(
            path, rows, mode="append", storage_options=self._store, commit_properties=said
        )

    def _merge(self, name: str, rows: pa.Table) -> None:
        path = self._path(name)
        table = DeltaTable.create(path, rows.schema, mode="ignore", storage_options=self._store)
        merging = table.merge(rows, "kept.record = came.record", "came", "kept")
        merging.when_matched_update_all().when_not_matched_insert_all().execute()


def work(topic: str, tables: str, folder: Path) -> None:
    """Nothing; all batches that are not committed are processed, unless the process dies."""
    for number in range(BATCHES):
        if not (folder / f"{number}.committed").exists():
            Batch(topic, tables, number, folder).process()


def main(topic: str, tables: str, folder: Path) -> None:
    """Start a process for the work until one comes to its end."""
    for kills in count():
        child = os.fork()
        if not child:
            work(topic, tables, folder)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            print(json.dumps({"kills": kills, "exit": os.waitstatus_to_exitcode(status)}))
            return


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path.cwd())

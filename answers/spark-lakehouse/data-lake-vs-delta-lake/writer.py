"""A job that writes a table file by file, and may die half way: `writer.py <kind> <table> <files>`.

Readers of Parquet see each file at once. For Delta the last step counts: one commit of all files.
"""

import os
import signal
import sys
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.transaction import AddAction

from answers.labs.twin_tables import file_system
from jobs.commits import storage_options
from jobs.settings import load_settings

FILES, ROWS_PER_FILE = 10, 1_000


def main(kind: str, table: str, files_before_death: int) -> None:
    """Nothing; the rows are written, unless the process killed itself before."""
    settings = load_settings()
    store = file_system(settings)
    actions = []
    for number in range(FILES):
        if number == files_before_death:
            os.kill(os.getpid(), signal.SIGKILL)
        name = f"{uuid.uuid4()}.parquet"
        ids = range(number * ROWS_PER_FILE, (number + 1) * ROWS_PER_FILE)
        rows = pa.table({"order_id": pa.array(ids, pa.int64())})
        pq.write_table(rows, f"{table}/{name}", filesystem=store)
        size = store.get_file_info(f"{table}/{name}").size
        actions.append(AddAction(name, size, {}, 0, True, "{}"))
    if kind == "delta":
        delta = DeltaTable(f"s3://{table}", storage_options=storage_options(settings))
        delta.create_write_transaction([*actions], "append", delta.schema())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

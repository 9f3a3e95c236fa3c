"""`python -m jobs.lost bronze.orders`: go on behind records that Kafka deleted unread.

The loss is written into the table's log: which offsets, how many. The ledger differs by as many
from then on, because as many are missing.
"""

import sys
from dataclasses import replace

from jobs import commits, delta
from jobs.commits import RunRecord
from jobs.errors import LakeproofError
from jobs.run import confirmed, next_run
from jobs.session import spark
from jobs.settings import Settings, load_settings
from jobs.specs import find_spec
from jobs.topics import lost_offsets


def give_up(settings: Settings, table: str) -> RunRecord:
    """The record of the loss; the table's next run begins behind it.

    Raises: LakeproofError if nothing is lost, or the table reads no topic; ServiceDown.
    """
    source = find_spec(table).source
    if source is None or source.kind != "kafka":
        raise LakeproofError(f"{table} reads no topic, so Kafka can have deleted nothing of it")
    path = settings.table_path(table)
    last = commits.last_record(settings, path)
    read = last.inputs if last else {}
    lost = lost_offsets(settings, settings.topic(source.topic), read)
    if not lost:
        raise LakeproofError(f"nothing of {table} is lost: Kafka has all that was not read")
    record = replace(
        next_run(table, last),
        inputs={**read, **{number: gap.stop for number, gap in lost.items()}},
        counts={"landed": 0, "lost": sum(map(len, lost.values()))},
        checksums={"landed": "0"},
        reasons={f"lost: {n}/[{gap.start}, {gap.stop})": len(gap) for n, gap in lost.items()},
    )
    delta.commit_record(spark(settings), path, record)
    return confirmed(settings, path, record)


def main(arguments: list[str]) -> None:
    """Nothing; each table's loss is written down and printed.

    Raises: SystemExit with a sentence when it could not be.
    """
    if not arguments:
        sys.exit("Say which table: python -m jobs.lost bronze.orders")
    try:
        for table in arguments:
            print(give_up(load_settings(), table).summary(), flush=True)
    except LakeproofError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])

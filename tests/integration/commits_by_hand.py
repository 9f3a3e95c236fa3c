"""Commits of a table as a run, a run that has not ended, maintenance or a stranger makes them."""

import pyarrow
from deltalake import CommitProperties, write_deltalake

from jobs.commits import RunRecord, storage_options
from jobs.settings import Settings

ROWS_COUNT = 10


def commit(settings: Settings, table: str, said: RunRecord | str | None) -> None:
    """Nothing; the table, made if there is none, has ten rows more, and the commit says that."""
    metadata = said.to_json() if isinstance(said, RunRecord) else said
    write_deltalake(
        settings.table_path(table).replace("s3a://", "s3://"),
        pyarrow.table({"number": [*range(ROWS_COUNT)]}),
        mode="append",
        storage_options=storage_options(settings),
        commit_properties=CommitProperties(
            custom_metadata={"userMetadata": metadata} if metadata else None
        ),
    )


def record(number: int, **counts: int) -> RunRecord:
    """What the run of that number wrote down."""
    return RunRecord(f"r{number}", number, "t", {}, counts)

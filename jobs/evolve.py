"""A stored table that follows its spec: columns are added and widened in place, nothing else.

Whatever would lose a value is refused, and a rebuild is the way.
Source: docs/decisions/schema-change.md
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import commits, delta
from jobs.checksum import checksum
from jobs.commits import RunRecord
from jobs.errors import SpecError
from jobs.fates import ROW_HASH
from jobs.schema_change import DROPPED, NEW, WIDENED, kind_of_type_change
from jobs.session import spark
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.stored_types import column_types

# Delta widens these in place; of a wider decimal, both sides of the point.
WIDENS_IN_PLACE = {("int", "bigint"), ("int", "double"), ("float", "double")}


def evolve(
    settings: Settings, spec: Spec, columns: Mapping[str, str], last: RunRecord
) -> RunRecord:
    """The table's last record, once its columns are those of the spec.

    Rows of a table that is recomputed follow the new columns: it forgets what it consumed.
    Raises: SpecError naming the column that no table can follow in place.
    """
    path = settings.table_path(spec.name)
    old = column_types(settings, path)
    if old == columns:
        return last
    session = spark(settings)
    stored = session.read.format("delta").load(path)
    changes = _changes(spec, old, columns)
    record = replace(
        last,
        run_id=uuid.uuid4().hex,
        run_number=last.run_number + 1,
        counts={},
        checksums={},
        reasons={},
        warnings=[],
        new_fields={},
        followed=[f"{change}: {said}" for change, said in changes],
        stands_on=None,
    )
    if spec.load == "recompute":
        record = replace(record, inputs={})
    wider = {name: columns[name] for name, type_ in old.items() if columns[name] != type_}
    if wider:
        _widen(stored, spec, path, wider, record)
    with delta.recorded(session, record):
        _add_columns(session, path, old, columns)
    return commits.last_record(settings, path) or last


def follow(settings: Settings, path: str, columns: Mapping[str, str]) -> None:
    """Nothing; the bronze table has these columns, null in the rows of before."""
    old = column_types(settings, path)
    _add_columns(spark(settings), path, old, columns)


def _add_columns(
    session: SparkSession, path: str, old: Mapping[str, str], columns: Mapping[str, str]
) -> None:
    added = [f"`{name}` {type_}" for name, type_ in columns.items() if name not in old]
    if added:
        session.sql(f"ALTER TABLE {delta.ref(path)} ADD COLUMNS ({', '.join(added)})")


def _changes(spec: Spec, old: Mapping[str, str], new: Mapping[str, str]) -> list[tuple[str, str]]:
    """Kind and words of each change.

    Raises: SpecError if one of them cannot be followed in place.
    """
    changes = [(DROPPED, name) for name in old if name not in new]
    changes += [(NEW, f"{name} {type_}") for name, type_ in new.items() if name not in old]
    changes += [
        (kind_of_type_change(type_, new[name]), f"{name} from {type_} to {new[name]}")
        for name, type_ in old.items()
        if name in new and new[name] != type_
    ]
    fixed = {*spec.keys, *spec.partition_by, *spec.order, spec.group}
    for change, said in changes:
        name = said.partition(" ")[0]
        is_followed = change == NEW and (spec.load == "recompute" or spec.columns[name].nullable)
        if change == WIDENED and name not in fixed and spec.load != "recompute":
            is_followed = old[name].startswith("decimal") or (old[name], new[name]) in (
                WIDENS_IN_PLACE
            )
        if not is_followed:
            raise SpecError(
                f"{spec.name}: {change} {said}. The rows there are cannot follow in place. "
                f"Take it back, make a new column nullable, or compute the table anew: "
                f"`python -m jobs.rebuild {spec.name}`."
            )
    return changes


def _widen(
    stored: DataFrame, spec: Spec, path: str, wider: Mapping[str, str], record: RunRecord
) -> None:
    """Nothing; the columns have the wider types, and each row's hash is that of its wider values.

    The hashes are first and say so in their commit: a kill between the steps repeats them.
    """
    session, table = stored.sparkSession, delta.ref(path)
    values = [
        f"CAST(`{name}` AS {wider[name]})" if name in wider else f"`{name}`"
        for name in spec.transformed
        if name in stored.columns
    ]
    new_hash = f"xxhash64({', '.join(values)})"
    sums = stored.agg(checksum(F.col(ROW_HASH)), checksum(F.expr(new_hash))).collect()[0]
    content = {"content": str(int(sums[1]) - int(sums[0]))}
    with delta.recorded(session, replace(record, checksums=content)):
        session.sql(f"UPDATE {table} SET {ROW_HASH} = {new_hash}")
    session.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.enableTypeWidening'='true')")
    for name, type_ in wider.items():
        session.sql(f"ALTER TABLE {table} ALTER COLUMN `{name}` TYPE {type_}")

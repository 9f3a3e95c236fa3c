"""A second opinion on every mart: ClickHouse computes it again, without Spark, from silver.

`python -m jobs.verify [<gold table>...]`. The SQL is the `second_opinion` of the gold table's spec.
It reads silver tables, each copied at the exact version the mart was computed from, and its rows
must be those of the mart, all of them and to the cent.
"""

import re
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from jobs import commits
from jobs.currency import BASE, HELD_DAYS
from jobs.errors import LakeproofError, SpecError
from jobs.serve import mart_name, served_version
from jobs.session import clickhouse, spark
from jobs.settings import Settings, load_settings
from jobs.spec import Spec
from jobs.specs import find_spec, load_specs

# What `{fitting_refunds}` stands for: of each order line the refunds in its currency and for its
# customer, oldest first, as long as they leave nothing below nothing.
FITTING_REFUNDS = """(
  SELECT order_id, line_number, currency, refund.3 AS quantity, refund.4 AS amount_cents FROM (
    SELECT f.order_id AS order_id, f.line_number AS line_number, any(i.currency) AS currency,
           arrayFold(
             (left, f) -> if(f.3 <= left.1 AND f.4 <= left.2,
                             (left.1 - f.3, left.2 - f.4, arrayPushBack(left.3, f)), left),
             arraySort(f -> (f.1, f.2), groupArray(
               (f.refunded_at, f.refund_id, toInt64(f.quantity), toInt64(f.amount_cents)))),
             (toInt64(any(i.quantity)), toInt64(any(i.amount_cents)),
              arrayResize([(any(f.refunded_at), '', toInt64(0), toInt64(0))], 0))
           ).3 AS fitting
    FROM silver.refunds AS f
    JOIN silver.order_items AS i ON i.order_id = f.order_id AND i.line_number = f.line_number
    WHERE f.currency = i.currency AND f.customer_id = i.customer_id
    GROUP BY order_id, line_number
  ) ARRAY JOIN fitting AS refund
)"""
READ = re.compile(r"\bsilver\.(\w+)")
SHOWN_ROWS = 5
# What `{held_rates}` stands for in a second opinion: by currency and day the last rate, if it is at
# most HELD_DAYS old; the base currency has one always.
HELD_RATES = f"""(
  SELECT currency, day, argMax(rate_to_eur, rate_date) AS rate_to_eur FROM (
    SELECT currency, rate_to_eur, rate_date,
           arrayJoin(range({HELD_DAYS + 1})) AS age, rate_date + age AS day
    FROM silver.fx_rates WHERE currency != '{BASE}'
  ) GROUP BY currency, day
  UNION ALL
  SELECT '{BASE}', toDate32('2000-01-01') + number, toDecimal64(1, 6) FROM numbers(40000)
)"""
Pins = dict[str, int]


@dataclass(frozen=True)
class Verdict:
    """What was compared: the mart's rows, the total of one of its columns, and what differs."""

    mart: str
    rows_count: int
    measure: str
    total: str
    differences: list[str]
    seconds: float

    def line(self) -> str:
        """The verdict in a line for people, with the first differing rows below it."""
        verdict = "DIFFERS" if self.differences else "equal"
        head = (
            f"{self.mart:<32} {self.rows_count:>9,} rows  {self.measure} {self.total:<16} "
            f"{verdict}  {self.seconds:.1f} s"
        )
        return "\n".join([head, *(f"  {difference}" for difference in self.differences)])


def verify(settings: Settings, tables: Iterable[str] = ()) -> Iterator[Verdict]:
    """The verdict on each mart that has a second opinion, or on those of the named gold tables.

    Raises: ServiceDown; SpecError if a table has no second opinion; LakeproofError if a mart is not
    served, or was computed from two versions of one silver table.
    """
    chosen = [find_spec(table) for table in tables]
    for spec in chosen:
        if not spec.second_opinion:
            raise SpecError(f"{spec.name} has no `second_opinion:` in its spec")
    session = spark(settings)
    client = clickhouse(settings)
    with _scratch(client, settings) as copies:
        for spec in chosen or [s for s in load_specs().values() if s.second_opinion]:
            started = time.monotonic()
            mart = mart_name(settings, spec)
            pins = _pins(session, settings, spec, _served(client, mart))
            sql = copies.read_by(spec, pins)
            count, measure, total = _measured(client, mart, spec)
            differences = _differences(client, mart, sql, spec)
            seconds = time.monotonic() - started
            yield Verdict(mart, count, measure, total, differences, seconds)


def _served(client: Any, mart: str) -> int:
    version = served_version(client, mart)
    if version is None:
        raise LakeproofError(f"{mart} is not served yet: `make run T=gold.{mart.split('.')[1]}`")
    return version


def _pins(session: SparkSession, settings: Settings, spec: Spec, version: int) -> Pins:
    """The versions of the silver tables that a version of a gold table was computed from.

    Raises: LakeproofError if that is two versions of one table with different rows.
    """
    path = settings.table_path(spec.name)
    found = commits.standing(settings, path)
    inputs: Pins = next((record.inputs for at, record in found if at <= version), {})
    pins: Pins = {}
    for name, consumed in inputs.items():
        is_gold = name.startswith("gold.")
        below = _pins(session, settings, find_spec(name), consumed) if is_gold else {name: consumed}
        for table, at in below.items():
            older, newer = sorted((pins.get(table, at), at))
            if commits.has_changed(settings, settings.table_path(table), older, newer):
                raise LakeproofError(
                    f"{spec.name} was computed from {table} at version {older} and at {newer}. "
                    "Bring all of gold up to date (`make run`), then verify."
                )
            pins[table] = newer
    return pins


class Copies:
    """Silver tables at exact versions in a database of ClickHouse, each copied once."""

    def __init__(self, client: Any, settings: Settings, database: str) -> None:
        self._client, self._settings, self._database = client, settings, database
        self._made: set[str] = set()

    def read_by(self, spec: Spec, pins: Pins) -> str:
        """The second opinion of a gold table over copies of the silver tables it names.

        Raises: SpecError if the gold table is not computed from one of them.
        """
        told = spec.second_opinion.replace("{held_rates}", HELD_RATES)
        told = told.replace("{fitting_refunds}", FITTING_REFUNDS)
        return READ.sub(lambda found: self._copied(found[0], pins, spec), told)

    def _copied(self, table: str, pins: Pins, spec: Spec) -> str:
        if table not in pins:
            raise SpecError(
                f"{spec.name}: its second opinion reads {table}, which it is not computed from"
            )
        copy = f"{self._database}.{table.partition('.')[2]}_{pins[table]}"
        if copy not in self._made:
            self._copy(find_spec(table), pins[table], copy)
            self._made.add(copy)
        return copy

    def _copy(self, spec: Spec, version: int, copy: str) -> None:
        is_optional = {n: c.nullable or "<" in c.type for n, c in spec.columns.items()}
        columns = ", ".join(
            f"`{name}`" if optional else f"assumeNotNull(`{name}`) AS `{name}`"
            for name, optional in is_optional.items()
        )
        settings = self._settings
        folder = settings.object_key(spec.name.replace(".", "/"))
        self._client.command(
            f"CREATE TABLE {copy} ENGINE = MergeTree ORDER BY tuple() AS SELECT {columns} "
            "FROM deltaLake({url:String}, {key:String}, {secret:String})",
            parameters={
                "url": f"{settings.s3_endpoint}/{settings.s3_bucket}/{folder}",
                "key": settings.s3_access_key,
                "secret": settings.s3_secret_key,
            },
            settings={"delta_lake_snapshot_version": version},
        )


@contextmanager
def _scratch(client: Any, settings: Settings) -> Iterator[Copies]:
    database = settings.database(f"opinion_{uuid.uuid4().hex[:8]}")
    client.command(f"CREATE DATABASE {database}")
    try:
        yield Copies(client, settings, database)
    finally:
        client.command(f"DROP DATABASE {database}")


def _measured(client: Any, mart: str, spec: Spec) -> tuple[int, str, str]:
    """Rows of the mart, and the total of its first column of cents, or else of its last column."""
    cents = [name for name in spec.columns if name.endswith("_cents")]
    measure = (cents or list(spec.columns))[0 if cents else -1]
    query = f"SELECT count(), toString(sum(`{measure}`)) FROM {mart}"
    count, total = client.query(query).result_rows[0]
    return int(count), measure, total


def _differences(client: Any, mart: str, sql: str, spec: Spec) -> list[str]:
    """The first rows that only one of the two sides has, in order of the keys."""
    types = dict(row[:2] for row in client.query(f"DESCRIBE TABLE {mart}").result_rows)
    nullable = {n: t if t.startswith("Nullable(") else f"Nullable({t})" for n, t in types.items()}
    cast = ", ".join(f"CAST(`{name}` AS {nullable[name]}) AS `{name}`" for name in spec.columns)
    names = ", ".join(f"`{name}`" for name in spec.columns)
    keys = ", ".join(f"`{name}`" for name in spec.keys)
    found = client.query(
        f"SELECT {names}, sum(side) AS surplus FROM ("
        f"SELECT {cast}, toInt64(1) AS side FROM ({sql}) UNION ALL "
        f"SELECT {cast}, toInt64(-1) AS side FROM {mart}"
        f") GROUP BY {names} HAVING surplus != 0 ORDER BY {keys}, surplus LIMIT {SHOWN_ROWS}"
    ).result_rows
    return [_told(dict(zip(spec.columns, row[:-1], strict=True)), row[-1]) for row in found]


def _told(row: dict[str, Any], surplus: int) -> str:
    side = "only the second opinion has" if surplus > 0 else "only the mart has"
    return f"{side} " + ", ".join(f"{name}={value}" for name, value in row.items())


def main(tables: list[str]) -> None:
    """Compare the named marts, or all, with their second opinions.

    Raises: SystemExit 1 when one differs, with a sentence when it could not be compared.
    """
    is_equal = True
    try:
        for verdict in verify(load_settings(), tables):
            print(verdict.line(), flush=True)
            is_equal = is_equal and not verdict.differences
    except LakeproofError as error:
        sys.exit(f"error: {error}")
    sys.exit(0 if is_equal else 1)


if __name__ == "__main__":
    main(sys.argv[1:])

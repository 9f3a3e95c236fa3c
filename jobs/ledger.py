"""The ledger: for every hop, what went in equals what came out, by count and by checksum.

The left sides come from the run records in the Delta logs, the right sides from the data itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import commits, delta
from jobs.checksum import checksum, row_hash
from jobs.commits import RunRecord
from jobs.fates import ACCEPTED, DUPLICATE, FATES, QUARANTINED
from jobs.serve import lake_content, mart_content, mart_name, served_version
from jobs.session import clickhouse, spark
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import load_specs
from quality.actions import open_records

RUN_ID_HEADER = "run_id"


@dataclass(frozen=True)
class Sum:
    """How many rows, and the order-free sum of their hashes; '' where no two sides compare it."""

    count: int
    checksum: str = ""

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(
            self.count + other.count, str(int(self.checksum or 0) + int(other.checksum or 0))
        )


@dataclass(frozen=True)
class Hop:
    """Two sides of one hop that must be equal; the parts say what the right side consists of."""

    name: str
    left: Sum
    right: Sum
    parts: str = ""

    @property
    def balances(self) -> bool:
        """Whether count and checksum are equal."""
        return self.left == self.right


def hops(settings: Settings) -> Iterator[Hop]:
    """Every hop from bronze to the marts.

    Raises: ServiceDown.
    """
    session = spark(settings)
    for spec in load_specs().values():
        yield from table_hops(spec, settings)
    yield from _lines(session, settings)
    for spec in load_specs().values():
        if spec.serve:
            yield _served(session, spec, settings)


def table_hops(spec: Spec, settings: Settings) -> Iterator[Hop]:
    """The hops of raw records into one table.

    Raises: ServiceDown.
    """
    session = spark(settings)
    if spec.layer == "bronze":
        yield _landed(session, spec, settings)
    elif spec.raw_inputs:
        yield _fates(session, spec, settings)
    if spec.load == "insert":
        yield _kept(session, spec, settings)
        yield _rejected(session, spec, settings)


def landed_by_run(settings: Settings, table: str) -> dict[str, Sum]:
    """What a bronze topic table holds by the run id in its records' headers; '' if none."""
    session = spark(settings)
    own = F.filter("headers", lambda header: header["key"] == RUN_ID_HEADER)
    run_id = F.coalesce(F.try_element_at(own, F.lit(1))["value"].cast("string"), F.lit(""))
    rows = _table(session, settings, table).groupBy(run_id.alias("run_id"))
    sums = rows.agg(F.count("*").alias("n"), checksum(row_hash("value")).alias("s")).collect()
    return {row["run_id"]: Sum(row["n"], row["s"]) for row in sums}


def _table(session: SparkSession, settings: Settings, table: str) -> DataFrame:
    return session.read.format("delta").load(settings.table_path(table))


def _recorded(session: SparkSession, settings: Settings, table: str) -> list[RunRecord]:
    return [record for _, record in commits.standing(settings, settings.table_path(table))]


def _total(records: list[RunRecord], count: str, key: str) -> Sum:
    return Sum(
        sum(record.counts.get(count, 0) for record in records),
        str(sum(int(record.checksums.get(key, 0)) for record in records)),
    )


def _measured(rows: DataFrame, hash_of: Callable[[], object] | None = None) -> Sum:
    hashes = row_hash("value") if hash_of is None else hash_of()
    row = rows.agg(F.count("*").alias("n"), checksum(hashes).alias("s")).collect()[0]  # type: ignore[arg-type]
    return Sum(row["n"], row["s"])


def _landed(session: SparkSession, spec: Spec, settings: Settings) -> Hop:
    recorded = _total(_recorded(session, settings, spec.name), "landed", "landed")
    return Hop(
        f"{spec.name}: landed by the runs = rows in the table",
        recorded,
        _measured(_table(session, settings, spec.name)),
    )


def _fates(session: SparkSession, spec: Spec, settings: Settings) -> Hop:
    records = _recorded(session, settings, spec.name)
    by_fate = {fate: _total(records, fate, f"{fate}_raw") for fate in FATES}
    landed = sum(
        (_measured(_table(session, settings, name)) for name in spec.raw_inputs), Sum(0, "0")
    )
    parts = " + ".join(f"{by_fate[fate].count:,} {fate}" for fate in FATES)
    total = by_fate[ACCEPTED] + by_fate[DUPLICATE] + by_fate[QUARANTINED]
    return Hop(f"{spec.name}: landed = accepted + duplicate + quarantined", landed, total, parts)


def _kept(session: SparkSession, spec: Spec, settings: Settings) -> Hop:
    accepted = _total(_recorded(session, settings, spec.name), ACCEPTED, "content")
    rows = _table(session, settings, spec.name)
    return Hop(
        f"{spec.name}: accepted = rows in the table",
        accepted,
        _measured(rows, lambda: row_hash(*spec.columns)),
    )


def _rejected(session: SparkSession, spec: Spec, settings: Settings) -> Hop:
    recorded = _total(_recorded(session, settings, spec.name), QUARANTINED, "quarantined_raw")
    rows = _measured(open_records(session, settings, spec.name), lambda: row_hash("raw"))
    return Hop(f"{spec.name}: quarantined = raw records in quarantine", recorded, rows)


def _lines(session: SparkSession, settings: Settings) -> Iterator[Hop]:
    """Order lines from the orders to the fact table to the revenue of the days."""
    key = ("order_id", "line_number")
    orders = _table(session, settings, "silver.orders")
    exploded = orders.select("order_id", F.inline("items")).select(*key)
    lines = _table(session, settings, "silver.order_items")
    fact = _table(session, settings, "gold.fact_order_items")
    waiting = _waiting(session, settings).select(*key)
    all_of_them = (exploded, lines, fact.select(*key).unionByName(waiting))
    sides = [_measured(rows, lambda: row_hash(*key)) for rows in all_of_them]
    parts = f"{count:,} of them wait for a rate" if (count := waiting.count()) else ""
    yield Hop("order lines: in silver.orders = silver.order_items", sides[0], sides[1])
    yield Hop("order lines: silver.order_items = gold.fact_order_items", sides[1], sides[2], parts)
    revenue = [
        rows.agg(F.sum("revenue_eur_cents").alias("cents"), items.alias("items")).collect()[0]
        for rows, items in (
            (fact, F.count("*")),
            (_table(session, settings, "gold.daily_revenue"), F.sum("items_count")),
        )
    ]
    left, right = (Sum(row["items"] or 0, str(row["cents"] or 0)) for row in revenue)
    yield Hop("order lines and EUR cents: fact_order_items = daily_revenue", left, right)


def _waiting(session: SparkSession, settings: Settings) -> DataFrame:
    """The keys of the order lines that the fact table's quarantine holds."""
    told = F.from_json(F.col("raw").cast("string"), "order_id string, line_number int")
    rows = open_records(session, settings, "gold.fact_order_items")
    return rows.select(told.alias("line")).select("line.*")


def _served(session: SparkSession, spec: Spec, settings: Settings) -> Hop:
    client = clickhouse(settings)
    mart = mart_name(settings, spec)
    version = served_version(client, mart)
    if version is None:
        return Hop(f"{spec.name} = mart (not served yet)", Sum(1), Sum(0))
    rows = delta.read(session, settings.table_path(spec.name), version)
    return Hop(
        f"{spec.name} at version {version} = {mart} in ClickHouse",
        Sum(*lake_content(rows, spec)),
        Sum(*mart_content(client, mart, spec)),
    )

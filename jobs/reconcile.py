"""Two ways to one table: what is pulled from the shop's database and what is captured must agree.

`python -m jobs.reconcile`. A pull misses what the copy beside the table missed, a capture what the
log lost with its slot; neither can see that by itself. So both are brought up to date and compared
row by row. The shop goes on meanwhile: what differs is looked at once more, and only what then
differs in the same way is told.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import capture
from jobs.errors import LakeproofError
from jobs.session import spark
from jobs.settings import Settings, load_settings
from jobs.spec import Spec
from jobs.specs import find_spec, load_specs
from jobs.together import bring_up_to_date

SHOWN_KEYS = 20
# A row's key, then all of it as either side has it; a side may have several, or none.
Differing = set[tuple[Any, ...]]


@dataclass(frozen=True)
class Pair:
    """A table of the shop, and the silver tables that have it by the one way and by the other."""

    shop_table: str
    pulled: Spec
    captured: Spec

    @property
    def columns(self) -> list[str]:
        """What both say of a row of the shop."""
        told = find_spec(self.pulled.raw_inputs[0]).columns
        both = self.pulled.columns.keys() & self.captured.columns.keys() & told.keys()
        return [*self.pulled.keys, *sorted(both.difference(self.pulled.keys))]


@dataclass(frozen=True)
class Verdict:
    """Keys of the rows that the two ways have differently, with who has them."""

    pair: Pair
    keys: dict[str, str]

    def line(self) -> str:
        """The verdict for people."""
        names = f"{self.pair.pulled.name} and {self.pair.captured.name}"
        if not self.keys:
            return f"{names} agree on {self.pair.shop_table}"
        shown = (f"{key} ({who})" for key, who in sorted(self.keys.items())[:SHOWN_KEYS])
        more = len(self.keys) - SHOWN_KEYS
        rest = f" and {more:,} more" if more > 0 else ""
        return (
            f"{names} differ on {len(self.keys):,} rows of {self.pair.shop_table}: "
            f"{', '.join(shown)}{rest}"
        )


def pairs() -> list[Pair]:
    """The tables of the shop that reach silver by both ways."""
    pulled: dict[str, Spec] = {}
    captured: dict[str, Spec] = {}
    for spec in load_specs().values():
        for source in (find_spec(name).source for name in spec.raw_inputs):
            if source and source.pull.get("from") == "postgres":
                pulled[source.pull["table"]] = spec
            if source and source.capture:
                captured[source.capture] = spec
    return [Pair(name, pulled[name], captured[name]) for name in pulled if name in captured]


def reconcile(settings: Settings, pair: Pair) -> Verdict:
    """Where the two ways differ after each was brought up to date, at two looks.

    Raises: ServiceDown; LakeproofError if nothing is captured; what the tables' runs raise.
    """
    differing = _look(settings, pair)
    if differing:
        differing &= _look(settings, pair)
    sides: dict[str, set[str]] = {}
    for side, key, *_ in differing:
        sides.setdefault(key, set()).add(side)
    return Verdict(pair, {key: " and ".join(sorted(found)) for key, found in sides.items()})


def _look(settings: Settings, pair: Pair) -> Differing:
    capture.progress(settings)
    capture.wait_until_caught_up(settings)
    both = (pair.pulled, pair.captured)
    tables = [name for spec in both for name in (*spec.raw_inputs, spec.name)]
    for _ in bring_up_to_date(tables, settings):
        pass
    session = spark(settings)
    pulled, captured = (_standing(session, settings, spec, pair.columns) for spec in both)
    only_pulled = pulled.exceptAll(captured).withColumn("side", F.lit("pulled"))
    only_captured = captured.exceptAll(pulled).withColumn("side", F.lit("captured"))
    rows = only_pulled.unionByName(only_captured)
    key = F.concat_ws("/", *pair.pulled.keys)
    return {tuple(row) for row in rows.select("side", key.alias("key"), *pair.columns).collect()}


def _standing(
    session: SparkSession, settings: Settings, spec: Spec, columns: list[str]
) -> DataFrame:
    """The rows that the shop has now, as a table has them."""
    rows = session.read.format("delta").load(settings.table_path(spec.name))
    is_standing = F.col("is_current") if "is_current" in spec.columns else ~F.col("is_deleted")
    return rows.where(is_standing).select(*columns)


def verdicts(settings: Settings) -> Iterator[Verdict]:
    """Of each table of the shop that reaches silver by both ways.

    Raises: as `reconcile` does.
    """
    return (reconcile(settings, pair) for pair in pairs())


def main() -> None:
    """A line for each table of the shop.

    Raises: SystemExit 1 if the ways differ, with a sentence if they could not be compared.
    """
    is_equal = True
    try:
        for verdict in verdicts(load_settings()):
            print(verdict.line(), flush=True)
            is_equal &= not verdict.keys
    except LakeproofError as error:
        sys.exit(f"error: {error}")
    sys.exit(0 if is_equal else 1)


if __name__ == "__main__":
    main()

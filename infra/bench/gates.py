"""What the gate adds to a run: its metrics in the one scan there is anyway, and its verdict."""

from dataclasses import replace
from statistics import median

from pyspark.sql import functions as F

from infra.bench.timing import timed
from infra.readable import rows_of
from jobs.decode import ROW
from jobs.fates import ACCEPTED, ROW_HASH, tally
from jobs.kept import keep
from jobs.settings import Settings
from jobs.specs import find_spec
from quality.gate import judge

REPEATS = 3


def seconds(table: str, settings: Settings) -> float:
    """The seconds by which the gate lengthens a run that publishes all of a table's rows.

    The account of a run (counts, checksums) scans its batch once, with the metrics of the rules
    or without them: the difference, and the verdict on it, is the gate's. Medians of repeats.
    """
    spec = find_spec(table)
    bare = replace(
        spec,
        quality=tuple(rule for rule in spec.quality if rule not in spec.dataset_rules),
        columns={name: replace(column, nullable=True) for name, column in spec.columns.items()},
    )
    rows = rows_of(settings, table)
    row_hash = F.col(ROW_HASH) if ROW_HASH in rows.columns else F.lit(0).cast("bigint")
    nothing = F.lit(None).cast("bigint")
    staged = rows.withColumns(
        {
            "_fate": F.lit(ACCEPTED),
            "_reasons": F.array().cast("array<string>"),
            ROW_HASH: row_hash,
            ROW: F.struct(nothing.alias("raw_hash"), nothing.alias("new_fields")),
        }
    )
    kept = keep(staged)
    measured = tally(kept, spec)[1].metrics
    found = [
        timed(lambda: tally(kept, spec))
        - timed(lambda: tally(kept, bare))
        + timed(lambda: judge(spec, measured))
        for _ in range(REPEATS)
    ]
    return median(found)

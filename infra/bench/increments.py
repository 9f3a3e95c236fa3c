"""Does a run slow down as runs add up? Small batches of orders, one after the other."""

from itertools import islice
from statistics import median
from typing import Any

from generators.publish import send
from generators.run import Run
from generators.shop import stream
from infra.bench.daily_revenue import DAY, SEED, orders_of
from infra.bench.timing import timed
from jobs.namespace import namespace
from jobs.run import run as run_table
from jobs.settings import Settings

BATCHES = 200
ORDERS_PER_BATCH = 20
TABLES = ("bronze.orders", "silver.orders")
EARLY = slice(5, 15)
LATE = slice(BATCHES - 10, BATCHES)


def measure(settings: Settings) -> dict[str, Any]:
    """Seconds per batch around batch 10 and around batch 200, and the ratio of the two."""
    seconds = []
    with namespace(settings, "increments") as own:
        messages = orders_of(stream(Run(DAY, BATCHES * ORDERS_PER_BATCH, SEED)))
        for number in range(BATCHES):
            send(islice(messages, ORDERS_PER_BATCH), f"batch-{number}", own)
            seconds.append(timed(lambda: [run_table(table, own) for table in TABLES]))
    early, late = median(seconds[EARLY]), median(seconds[LATE])
    return {
        "batches": BATCHES,
        "orders_per_batch": ORDERS_PER_BATCH,
        "tables": list(TABLES),
        "seconds_of_batch_10": round(early, 2),
        "seconds_of_batch_200": round(late, 2),
        "ratio": round(late / early, 2),
    }

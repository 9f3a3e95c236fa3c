"""`make demo`: a business day of the shop through the whole platform, reconciled to the cent.

`make demo SPEED=20` sends it as it happens, eight hours at twenty times the speed, to the stream.
"""

import os
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

from generators.history import PublishedRun, begin, begun, next_day, remember, runs
from generators.producer import Transport
from generators.progress import shown
from generators.publish import publish
from generators.run import Run
from infra.airflow.client import Airflow
from infra.demo import streaming
from infra.demo.reconcile import Verdict, deliveries, served, verdicts
from infra.native.instance import load
from infra.spark.classes import keep_classes
from infra.spark.native import spark_home
from jobs.errors import LakeproofError
from jobs.ledger import Hop, hops
from jobs.patience import STILL_SECONDS, Awaited, await_progress, told_of
from jobs.settings import Settings, load_settings
from jobs.stream import freshness

ORDERS = 20_000
SEED = 7
PIPELINE = ["ingest", "silver", "gold", "serve"]
TOP_ROWS = 8
DAY_SECONDS = 8 * 3600
# A message is given up when it was not acknowledged for as long as anything may stand still.
PATIENT = Transport(delivery_seconds=STILL_SECONDS)


def main() -> None:
    """Nothing; the reconciliation was printed.

    Raises: SystemExit(1) with what differs, or what failed and how to mend it.
    """
    started = time.monotonic()
    settings = load_settings()
    try:
        streaming.end_left(settings)
        airflow = Airflow(settings)
        airflow.make_ready(PIPELINE, lambda line: print(f"   {line}", flush=True))
        run = begun(settings) or Run(
            next_day(runs(settings)), int(os.environ.get("ORDERS") or ORDERS), SEED
        )
        if speed := float(os.environ.get("SPEED") or 0):
            _stream(settings, run, speed)
        else:
            _produce(settings, run, PATIENT)
        _orchestrate(airflow)
        balanced = report(settings)
        _keep_classes(settings)
        paused = ", ".join(airflow.paused())
    except LakeproofError as error:
        sys.exit(f"\nerror: {error}")
    except KeyboardInterrupt:
        sys.exit("\nEnded. What Airflow runs goes on; the next `make demo` joins and finishes it.")
    print(f"\nDone in {time.monotonic() - started:.0f} s.", end=" ")
    if not balanced:
        sys.exit("The reconciliation does not balance; see the first line marked DIFFERS.")
    print(
        f"Next: look at the runs in Airflow, {settings.airflow_url}, or run it again: one day more."
        f"\nPaused in Airflow until you switch them on: {paused}."
    )


def _stream(settings: Settings, run: Run, speed: float) -> None:
    """The day as it happens; afterwards the stream rests, and batch runs find what it left.

    Raises: StandsStill if no order of the day comes to the mart.
    """
    services = streaming.signs(settings)
    readable = Awaited(lambda: "an order to be readable in the mart", services, services.last_words)
    with streaming.running(settings):
        began = datetime.now(UTC)
        rate = run.expected_messages * speed / DAY_SECONDS
        _produce(settings, run, replace(PATIENT, rate=rate))
        await_progress(lambda: freshness.waits(settings, began)["mart"].count, readable)
    for place, waited in freshness.waits(settings, began).items():
        print(f"   orders were readable in {place}: {waited.line()}")


def _produce(settings: Settings, run: Run, transport: Transport) -> None:
    sent_as = begin(run, settings)
    print(
        f"\n1. The shop's day {run.day}: {run.count:,} orders, {run.defects.total:.0%} with "
        "defects\n"
    )
    if sent_as != run.run_id:
        print("   an earlier demo ended in the middle of this day; it is sent once more, whole")
    with shown(run.expected_messages, "acknowledged") as watch:
        published = publish(run, settings, transport, watch, sent_as)
    path = remember(published, settings)
    for topic, classes in published.truth.topics.items():
        counts = ", ".join(f"{tally.count:,} {label}" for label, tally in classes.items())
        print(f"   {topic:<15} {counts}")
    print(f"   the truth is in {os.path.relpath(path)}")
    published.ledger.require_all_acked()


def _keep_classes(settings: Settings) -> None:
    """Nothing; what Spark loaded is kept. A day that balanced is none the worse if it is not."""
    try:
        if keep_classes(load(settings.instance), spark_home()):
            print("\n   Spark's loaded classes are kept: from now on it starts sooner")
    except LakeproofError as error:
        print(f"\n   {error}\n   The next `make demo` tries again.")


def _orchestrate(airflow: Airflow) -> None:
    print("\n2. Airflow runs the pipeline\n")
    for result in airflow.run_through(PIPELINE):
        print(f"   {result.line()}", flush=True)


def report(settings: Settings) -> bool:
    """Whether everything balances; printed either way."""
    published = runs(settings)
    print("\n3. The mart gold.daily_revenue in ClickHouse, top rows of the newest day\n")
    _print_top(settings)
    print("\n4. The ledger: both sides of every hop, by count and checksum\n")
    balanced, found = True, chain(deliveries(published, settings), hops(settings))
    while True:
        with told_of("the next hop to be summed"):
            hop = next(found, None)
        if hop is None:
            break
        _print_hop(hop)
        balanced &= hop.balances
    return _print_truth(published, settings) and balanced


def _print_top(settings: Settings) -> None:
    revenue = served("daily_revenue", settings)
    newest = max(order_date for order_date, _ in revenue)
    rows = sorted(
        ((group, sales) for group, sales in revenue.items() if group[0] == newest),
        key=lambda row: -row[1]["revenue_eur_cents"],
    )
    print(f"   {'order_date':<12}{'category':<14}{'orders':>8}{'items':>8}{'units':>8}{'EUR':>16}")
    for (order_date, category), sales in rows[:TOP_ROWS]:
        print(
            f"   {order_date!s:<12}{category:<14}{sales['orders_count']:>8,}"
            f"{sales['items_count']:>8,}{sales['units_count']:>8,}"
            f"{sales['revenue_eur_cents'] / 100:>16,.2f}"
        )


def _print_hop(hop: Hop) -> None:
    verdict = "equal" if hop.balances else "DIFFERS"
    print(f"   {verdict:<8}{hop.left.count:>9,} = {hop.right.count:>9,}   {hop.name}", flush=True)
    if hop.parts:
        print(f"{'':>35}{hop.parts}")
    if not hop.balances:
        print(f"{'':>35}checksums {hop.left.checksum} and {hop.right.checksum}")


def _print_truth(published: list[PublishedRun], settings: Settings) -> bool:
    """Whether every mart is what the generators say it must be; a line for each."""
    print("\n5. Every mart against what the generators know they produced\n")
    with told_of("the marts to be compared"):
        found = verdicts(published, settings)
    for verdict in found:
        print_verdict(verdict)
    return not any(verdict.differences for verdict in found)


def print_verdict(verdict: Verdict) -> None:
    """Nothing; a line about the mart was printed, and one about its first differing group."""
    word = "DIFFERS" if verdict.differences else "equal"
    difference = abs(verdict.found - verdict.expected)
    if verdict.column.endswith("_eur_cents"):
        name = verdict.column.removesuffix("_eur_cents")
        told = f"{name} EUR {verdict.found / 100:,.2f}, difference {difference} cents"
    else:
        told = f"{verdict.column} {verdict.found:,}, difference {difference}"
    print(f"   {word:<8}{verdict.mart:<24}{verdict.groups_count:>8,} groups   {told}", flush=True)
    if verdict.differences:
        print(f"           first differing group: {verdict.differences[0]}")


if __name__ == "__main__":
    main()

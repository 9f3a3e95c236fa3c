"""The stream, what is waiting in its topics, and the capture of the shop's changes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from prometheus_client.metrics_core import Metric

from infra.metrics.parts import Values, gauge
from jobs import capture
from jobs.commits import last_record
from jobs.settings import Settings
from jobs.specs import topic_specs
from jobs.stream import control, freshness
from jobs.topics import end_offsets


def stream(settings: Settings) -> Iterator[Metric]:
    """What is wanted of the stream, what it does, and how long orders of the last hour took.

    Raises: ServiceDown; psycopg2.Error.
    """
    found = control.status(settings)
    figures = {
        "wanted": ("Whether it is wanted to run", float(found.wanted == "running")),
        "running": ("Whether it says that it runs", float(found.state == "running")),
        "beat_age_seconds": ("Since its last sign of life", found.beat_seconds),
        "pass_age_seconds": ("Since all tables that follow were up to date", found.pass_seconds),
        "behind_seconds": ("How long an order has been waiting", found.behind_seconds),
    }
    for name, (about, value) in figures.items():
        yield gauge(f"lakeproof_stream_{name}", about, [], {(): value})
    waits = freshness.waits(settings, datetime.now(UTC) - timedelta(hours=1))
    seconds: Values = {
        (place, quantile): value
        for place, one in waits.items()
        for quantile, value in (("0.5", one.p50_seconds), ("0.99", one.p99_seconds))
    }
    about = "From the broker's acknowledgement until orders of the last hour were readable"
    yield gauge("lakeproof_freshness_seconds", about, ["place", "quantile"], seconds)
    orders = {(place,): float(one.count) for place, one in waits.items()}
    yield gauge("lakeproof_freshness_orders", "Orders this was seen of", ["place"], orders)


def lag(settings: Settings) -> Iterator[Metric]:
    """Records that wait in each topic.

    Raises: ServiceDown; KafkaError; LakeproofError if a topic is missing.
    """
    waiting = {}
    for topic, spec in topic_specs().items():
        last = last_record(settings, settings.table_path(spec.name))
        read = last.inputs if last else {}
        ends = end_offsets(settings, settings.topic(topic))
        waiting[(topic,)] = float(
            sum(max(end - int(read.get(number, 0)), 0) for number, end in ends.items())
        )
    about = "Records of the topic that bronze does not hold yet"
    yield gauge("lakeproof_topic_lag_records", about, ["topic"], waiting)


def slot(settings: Settings) -> Iterator[Metric]:
    """How far the capture is behind the shop's database.

    Raises: ServiceDown; LakeproofError if nothing is captured.
    """
    found = capture.progress(settings)
    figures = {
        "running": ("Whether connector and task run", float(found.state == "RUNNING")),
        "connected": ("Whether somebody reads the slot", float(found.is_connected)),
        "behind_bytes": ("Log that is not acknowledged yet", float(found.behind_bytes)),
        "retained_bytes": ("Log that Postgres may not delete", float(found.retained_bytes)),
    }
    for name, (about, value) in figures.items():
        yield gauge(f"lakeproof_capture_{name}", about, [], {(): value})

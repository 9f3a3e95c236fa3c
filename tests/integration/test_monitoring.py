"""What is told when services of the running stack are stopped, one after the other.

Watched by an exporter, a Prometheus and an Alertmanager of the test's own: as the stack's, but they
look every two seconds and wait for eight. `MONITORED=all` stops every service, which takes long;
without it, one that nobody needs, one that is asked for figures, and one that takes others along.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests

from infra.metrics import native as metrics
from infra.native.instance import Instance, load
from infra.native.services import services
from infra.prometheus import native as prometheus
from jobs.settings import Settings
from tests.alertmanager.running import Kept, Receivers, elsewhere, receivers, running, wait_until
from tests.conftest import Stopped

pytestmark = [pytest.mark.integration, pytest.mark.alone]

LOOK_SECONDS = "2"
# A start of Spark or Airflow after their end takes this long on a busy machine.
PATIENCE_SECONDS = 240
# The one that others need comes last: of these nobody is told for three minutes after its return.
SOME = ("stubs", "minio", "postgres")
ALL = tuple(s.name for s in services(brokers=1) if s.name not in ("metrics", "postgres"))
ALL = (*ALL, "postgres")
STOPPED = ALL if os.environ.get("MONITORED") == "all" else SOME


@pytest.fixture(scope="module")
def instance(stack: Settings) -> Instance:
    return load(stack.instance)


@pytest.fixture(scope="module")
def own(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """The instance, with another place for what watches it."""
    return elsewhere(instance, tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def people(instance: Instance, own: Instance) -> Iterator[Receivers]:
    """Those who are told of what the test's own Prometheus finds in the stack."""
    rules = own.state / "rules.yml"
    text = prometheus.RULES.read_text()
    rules.write_text(text.replace("for: 30s", "for: 8s"))
    with ExitStack() as stack:
        found = stack.enter_context(receivers(own))
        # Told of the stack's own services, and listening elsewhere than the stack's exporter.
        command = metrics.command(own, LOOK_SECONDS)
        page = f"{own.values['METRICS_URL']}/metrics"
        stack.enter_context(running(command, instance.environment(), page))
        command = prometheus.command(own, rules, f"{LOOK_SECONDS}s")
        ready = f"{own.values['PROMETHEUS_URL']}/-/ready"
        stack.enter_context(running(command, own.environment(), ready))
        yield found


def asked(own: Instance, query: str) -> list[dict[str, str]]:
    """The labels of what a query finds now."""
    url = f"{own.values['PROMETHEUS_URL']}/api/v1/query"
    answer = requests.get(url, {"query": query}, timeout=10).json()
    return [found["metric"] for found in answer["data"]["result"]]


def of_services(told: Kept) -> list[str]:
    """The titles of what was told of services that are down, or no longer."""
    return [one["title"] for one in told if "ServiceDown" in one["title"]]


def everything_is_up(own: Instance) -> bool:
    """Whether the exporter has seen every service answer, and no alert is left of any."""
    up = len(asked(own, "lakeproof_service_up == 1")) == len(ALL)
    return up and not asked(own, 'ALERTS{alertname="ServiceDown"}')


@pytest.mark.parametrize("service", STOPPED)
def test_service_that_is_down_is_told_of_once_and_so_is_its_return(
    service: str, stopped: Stopped, own: Instance, people: Receivers
) -> None:
    said = f"ServiceDown: {service} does not answer"
    wait_until(lambda: everything_is_up(own), "every service is up", PATIENCE_SECONDS)
    since = len(people.told())
    with stopped(service):
        wait_until(lambda: said in of_services(people.told(since)), f"{service}'s end is told",
                   PATIENCE_SECONDS)  # fmt: skip
    over = f"resolved: {said}"
    wait_until(lambda: over in of_services(people.told(since)), f"{service}'s return is told",
               PATIENCE_SECONDS)  # fmt: skip
    wait_until(lambda: everything_is_up(own), f"all are back with {service}", PATIENCE_SECONDS)
    assert of_services(people.told(since)) == [said, over]


def test_everything_that_speaks_the_format_is_read(own: Instance, people: Receivers) -> None:
    wait_until(lambda: len(asked(own, "up == 1")) == 6, "six jobs are read")
    jobs = {found["job"] for found in asked(own, "up == 1")}
    assert jobs == {"lakeproof", "minio", "kafka", "spark", "prometheus", "alertmanager"}

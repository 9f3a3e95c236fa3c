"""Alertmanager and the stack's receivers as processes of a test, on ports of their own."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests

from infra.alertmanager import native as alertmanager
from infra.alerts import native as alerts
from infra.native.command import Command, free_port
from infra.native.instance import Instance
from jobs.patience import await_true
from jobs.settings import ROOT

START_SECONDS = 60
PATIENCE_SECONDS = 90
Kept = list[dict[str, Any]]


@dataclass
class Receivers:
    """What people were told, and the Alertmanager that told them."""

    manager_url: str
    alerts_url: str

    def raise_alerts(self, *labels: dict[str, str], **more: str) -> None:
        """Nothing; Alertmanager has the alerts, as Prometheus would send them."""
        told = [
            {"labels": each, "annotations": {"summary": f"{each} is so"}, **more} for each in labels
        ]
        answer = requests.post(f"{self.manager_url}/api/v2/alerts", json=told, timeout=10)
        answer.raise_for_status()

    def told(self, since: int = 0) -> Kept:
        """The notifications in the channel after that number."""
        return self._kept("alerts", since)

    def mailed(self, since: int = 0) -> Kept:
        """The mails after that number."""
        return self._kept("mails", since)

    def _kept(self, what: str, since: int) -> Kept:
        answer = requests.get(f"{self.alerts_url}/{what}", {"since": since}, timeout=10)
        found: Kept = answer.json()[what]
        return found


def elsewhere(instance: Instance, state: Path) -> Instance:
    """The instance with ports of their own for what watches it, and another folder."""
    own = {key: f"http://127.0.0.1:{free_port()}" for key in
           ("METRICS_URL", "PROMETHEUS_URL", "ALERTMANAGER_URL", "ALERT_URL")}  # fmt: skip
    own["ALERT_SMTP"] = f"127.0.0.1:{free_port()}"
    return replace(instance, state=state, values={**instance.values, **own})


@contextmanager
def receivers(instance: Instance) -> Iterator[Receivers]:
    """Alertmanager that tells at once, and those it tells."""
    url, manager_url = instance.values["ALERT_URL"], instance.values["ALERTMANAGER_URL"]
    environment = instance.environment()
    with (
        running(alerts.command(instance), environment, f"{url}/health"),
        running(alertmanager.command(instance, "1s", "1s"), environment, f"{manager_url}/-/ready"),
    ):
        yield Receivers(manager_url, url)


@contextmanager
def running(command: Command, environment: Mapping[str, str], page: str) -> Iterator[None]:
    """Nothing; the program runs and its page answers, until the test is done with it."""
    variables = {**os.environ, **environment, **command.variables}
    with subprocess.Popen(command.arguments, env=variables, cwd=ROOT) as process:
        try:
            wait_until(lambda: answers(page), f"{page} answers", START_SECONDS)
            yield
        finally:
            process.terminate()


def answers(page: str) -> bool:
    """Whether the page answers that all is well."""
    try:
        return requests.get(page, timeout=5).ok
    except requests.RequestException:
        return False


def wait_until(
    reached: Callable[[], bool], what: str, patience_seconds: float = PATIENCE_SECONDS
) -> None:
    """Nothing, once it is so; fails with what is wrong if it is not within the patience."""
    late = AssertionError(f"{what}: not within {patience_seconds} s")
    await_true(reached, patience_seconds, lambda _: late)

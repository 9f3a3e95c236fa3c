"""Who is told of which alert: the real Alertmanager with the platform's configuration."""

import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from infra.native.install import go_program
from infra.native.instance import Instance
from infra.native.keys import new_values
from infra.native.services import services
from tests.alertmanager.running import Kept, Receivers, elsewhere, receivers, wait_until

LAST = count()
PAST = "2026-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    """The receivers of an instance that has nothing else."""
    state = tmp_path_factory.mktemp("state")
    assert go_program("alertmanager").exists(), "`make up` builds it at its first start"
    instance = Instance("alpha", state, new_values(0), services(1))
    with receivers(elsewhere(instance, Path(state))) as found:
        yield found


def told_of(people: Receivers, *alerts: dict[str, str], times: int = 1) -> tuple[Kept, Kept]:
    """What came into the channel and by mail because of the alerts, raised so many times."""
    alerts_since, mails_since = len(people.told()), len(people.mailed())
    for _ in range(times):
        people.raise_alerts(*alerts)
    last = f"Last{next(LAST)}"
    people.raise_alerts({"alertname": last, "severity": "critical"})
    wait_until(lambda: any(last in one["title"] for one in people.told()), "the last is told")
    wait_until(lambda: any(last in one["title"] for one in people.mailed()), "and mailed")
    return tuple(
        [one for one in found if "Last" not in one["title"]]
        for found in (people.told(alerts_since), people.mailed(mails_since))
    )  # type: ignore[return-value]


def test_critical_is_mailed_too_and_a_warning_is_not(people: Receivers) -> None:
    critical = {"alertname": "SlotRetainsLog", "severity": "critical"}
    warning = {"alertname": "AdBudgetNearlyUsed", "severity": "warning", "platform": "x"}
    told, mailed = told_of(people, critical, warning)
    assert {one["severity"]: one["title"].partition(":")[0] for one in told} == {
        "critical": "SlotRetainsLog",
        "warning": "AdBudgetNearlyUsed",
    }
    assert ["SlotRetainsLog" in mail["title"] for mail in mailed] == [True]
    assert mailed[0]["source"].endswith("to on-call@lakeproof.localhost")


def test_forty_stale_tables_are_one_notification(people: Receivers) -> None:
    stale = [
        {"alertname": "TableStale", "severity": "warning", "table": f"gold.t{n}"} for n in range(40)
    ]
    [told], _ = told_of(people, *stale)
    assert told["title"].startswith("TableStale: ") and told["title"].endswith(" and 39 more")
    assert all(f"table=gold.t{n}\n" in told["detail"] + "\n" for n in range(40))


def test_what_is_raised_again_and_again_is_told_once_and_its_end_once(people: Receivers) -> None:
    alert = {"alertname": "ProofFailed", "severity": "warning", "answer": "one"}
    told, _ = told_of(people, alert, times=5)
    assert [one["title"].partition(":")[0] for one in told] == ["ProofFailed"]
    number = people.told()[-1]["number"]
    people.raise_alerts(alert, startsAt=PAST, endsAt=PAST)
    resolved = "resolved: ProofFailed"
    wait_until(lambda: any(resolved in one["title"] for one in people.told(number)), resolved)
    told, _ = told_of(people)
    assert told == []


def test_what_a_service_that_is_down_explains_is_not_told(people: Receivers) -> None:
    down = {"alertname": "ServiceDown", "severity": "critical", "service": "kafka"}
    told_of(people, down)
    told, _ = told_of(
        people,
        {"alertname": "StreamLate", "severity": "warning"},
        {"alertname": "CaptureStopped", "severity": "critical"},
        {"alertname": "ReviewsWorse", "severity": "warning"},
    )
    assert [one["title"].partition(":")[0] for one in told] == ["ReviewsWorse"]


def test_silenced_alert_is_told_when_the_silence_is_over(people: Receivers) -> None:
    alert = {"alertname": "VolumeLow", "severity": "warning", "table": "bronze.orders"}
    silence = amtool(
        people, "silence", "add", "--author=test", "--comment=a test", "alertname=VolumeLow"
    )
    told, _ = told_of(people, alert)
    assert told == []
    amtool(people, "silence", "expire", silence)
    wait_until(lambda: any("VolumeLow" in one["title"] for one in people.told()), "it is told")


def amtool(people: Receivers, *arguments: str) -> str:
    """What amtool printed."""
    program = str(go_program("amtool", "alertmanager"))
    command = [program, f"--alertmanager.url={people.manager_url}", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()

"""Alerts to the channel that people watch."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import requests

from jobs.errors import LakeproofError, ServiceDown
from jobs.patience import await_true
from jobs.settings import Settings

TIMEOUT_SECONDS = 5
POLL_SECONDS = 0.5
CUT = {"title": 300, "source": 300, "detail": 20_000}


@dataclass(frozen=True)
class Alert:
    """What happened (one line), how bad (info, warning, critical), where, and what else to know."""

    title: str
    severity: str
    source: str
    detail: str = ""


def alert(settings: Settings, told: Alert) -> int:
    """The number the channel gave the alert; texts longer than it keeps are cut.

    Raises: ServiceDown; LakeproofError with the channel's words if it refuses.
    """
    body = {name: _kept(name, text) for name, text in asdict(told).items()}
    return int(_ask(settings, "POST", body)["number"])


def tell(settings: Settings, told: Iterable[Alert]) -> list[str]:
    """The titles of the alerts, each of which was sent.

    A channel that is down stops no work: the title says then that nobody was told.
    """
    titles = []
    for one in told:
        try:
            alert(settings, one)
            titles.append(one.title)
        except LakeproofError as error:
            titles.append(f"{one.title}; nobody was told: {error}")
    return titles


def alerts(settings: Settings, since: int = 0) -> list[dict[str, Any]]:
    """The alerts the channel received after that number, oldest first.

    Raises: ServiceDown; LakeproofError with the channel's words if it refuses.
    """
    found: list[dict[str, Any]] = _ask(settings, "GET", params={"since": since})["alerts"]
    return found


def await_alert(settings: Settings, parts: tuple[str, str], patience_seconds: float) -> str:
    """The title of the alert whose title and detail contain the parts, once the channel has it.

    Raises: ServiceDown; LakeproofError when it is not there in time.
    """
    late = LakeproofError(
        f"no alert {parts[0]!r} with {parts[1]!r} came to {settings.alert_url} within "
        f"{patience_seconds:.0f} s. Look at `make logs S=alerts` and `S=airflow-triggerer`."
    )

    def title() -> str:
        titles = (
            str(one["title"])
            for one in alerts(settings)
            if parts[0] in one["title"] and parts[1] in one["detail"]
        )
        return next(titles, "")

    return await_true(title, patience_seconds, lambda _: late, POLL_SECONDS)


def _kept(name: str, text: str) -> str:
    """What the channel can keep of a text: whole characters, one line but for the detail."""
    whole = text.encode(errors="replace").decode()
    if name != "detail":
        whole = "".join(c if c.isprintable() else " " for c in whole)
    return whole[: CUT.get(name)]


def _ask(settings: Settings, method: str, body: Any = None, params: Any = None) -> Any:
    url = f"{settings.alert_url}/alerts"
    try:
        answer = requests.request(method, url, json=body, params=params, timeout=TIMEOUT_SECONDS)
    except requests.RequestException as error:
        raise ServiceDown("alerts", settings.alert_url, type(error).__name__) from error
    if not answer.ok:
        raise LakeproofError(f"{url} refused {method}: {answer.status_code} {answer.text[:300]}")
    return answer.json()

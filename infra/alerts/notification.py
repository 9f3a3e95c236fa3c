"""Alertmanager's notifications as alerts of the channel: one for a group, however large."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.alerts.store import LIMITS, SEVERITIES, BadAlert

SOURCE = "alertmanager"


def from_alertmanager(body: object) -> dict[str, str]:
    """The four texts of an alert; a group of which all are resolved is no more than information.

    Raises: BadAlert if it is no notification of Alertmanager.
    """
    try:
        alerts = _alerts(body)
        firing = [each for each in alerts if each["status"] == "firing"]
        name = alerts[0]["labels"]["alertname"]
        said = [_summary(each) for each in firing or alerts]
        severities = [each["labels"].get("severity", "") for each in firing]
        detail = "\n".join(_lines(each) for each in alerts)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise BadAlert(f"no notification of Alertmanager: {error!r} is missing or wrong") from None
    rest = f" and {len(said) - 1} more" if len(said) > 1 else ""
    title = f"{'' if firing else 'resolved: '}{name}: {said[0]}{rest}"
    severity = max(severities, key=_rank, default="info")
    return {
        "title": "".join(c if c.isprintable() else " " for c in title)[: LIMITS["title"]],
        "severity": severity if severity in SEVERITIES else "info",
        "source": SOURCE,
        "detail": detail[: LIMITS["detail"]],
    }


def _alerts(body: object) -> Sequence[Mapping[str, Any]]:
    if not isinstance(body, Mapping) or body.get("version") != "4":
        raise BadAlert("no notification of Alertmanager: its version must be 4")
    found: Sequence[Mapping[str, Any]] = body["alerts"]
    return found


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def _summary(alert: Mapping[str, Any]) -> str:
    return str(alert["annotations"].get("summary") or alert["labels"])


def _lines(alert: Mapping[str, Any]) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in sorted(alert["labels"].items()))
    said = [f"{alert['status']} since {alert['startsAt']}: {_summary(alert)}", f"  {labels}"]
    if description := alert["annotations"].get("description"):
        said.append(f"  {description}")
    return "\n".join(said)

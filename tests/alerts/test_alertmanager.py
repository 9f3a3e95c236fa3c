"""Alertmanager's notifications and mails are kept as people will read them."""

import json
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.alerts.mail import listening
from infra.alerts.store import Store
from infra.native.command import free_port
from tests.alerts.serving import JSON, Client, serving


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with serving(tmp_path) as found:
        yield found


def alert(table: str, **changes: Any) -> dict[str, Any]:
    """One alert of a notification."""
    return {
        "status": "firing",
        "labels": {"alertname": "TableStale", "severity": "warning", "table": table},
        "annotations": {"summary": f"{table} is old"},
        "startsAt": "2026-01-05T10:00:00Z",
        **changes,
    }


def notify(client: Client, *alerts: dict[str, Any], **more: Any) -> requests.Response:
    body = {"version": "4", "alerts": alerts, **more}
    return requests.post(
        f"{client.url}/alertmanager", data=json.dumps(body), headers=JSON, timeout=5
    )


def test_group_is_one_alert_with_all_of_it_in_its_detail(client: Client) -> None:
    kept = notify(client, alert("a"), alert("b"), alert("c", status="resolved")).json()
    assert (kept["title"], kept["severity"]) == ("TableStale: a is old and 1 more", "warning")
    assert "resolved since 2026-01-05T10:00:00Z: c is old" in kept["detail"]
    assert client.get("/alerts").json()["alerts"] == [kept]


def test_group_that_is_over_is_information(client: Client) -> None:
    kept = notify(client, alert("a", status="resolved")).json()
    assert (kept["title"], kept["severity"]) == ("resolved: TableStale: a is old", "info")


@pytest.mark.parametrize(
    "body", [{}, {"version": "4"}, {"version": "4", "alerts": []}, {"version": "3", "alerts": []}]
)
def test_what_is_no_notification_is_refused(body: dict[str, Any], client: Client) -> None:
    url = f"{client.url}/alertmanager"
    answer = requests.post(url, data=json.dumps(body), headers=JSON, timeout=5)
    assert answer.status_code == 400
    assert "no notification of Alertmanager" in answer.json()["error"]
    assert client.get("/alerts").json() == {"alerts": []}


def test_long_title_is_cut_and_lines_in_it_are_joined(client: Client) -> None:
    long = alert("a", annotations={"summary": "one\ntwo " + 400 * "x"})
    title = notify(client, long).json()["title"]
    assert title.startswith("TableStale: one two x") and len(title) == 300


def test_mail_is_kept_with_its_subject_and_text(tmp_path: Path) -> None:
    port = free_port()
    smtp, store = listening(port, tmp_path / "mails")
    smtp.start()
    try:
        with smtplib.SMTP("127.0.0.1", port) as sender:
            text = "Subject: minio is down\r\n\r\nLook at it."
            sender.sendmail("alertmanager@a.localhost", ["on-call@b.localhost"], text)
    finally:
        smtp.stop()
    [mail] = store.since(0)
    assert mail.title == "minio is down"
    assert mail.source == "alertmanager@a.localhost to on-call@b.localhost"
    assert mail.detail.strip() == "Look at it."
    assert Store(tmp_path / "mails").since(0) == [mail]

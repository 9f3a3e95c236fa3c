"""The alert channel: what it takes, what it refuses, what it keeps."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.alerts.server import MAX_BODY_BYTES
from infra.alerts.store import Store
from tests.alerts.serving import GOOD, Client, serving


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with serving(tmp_path) as client:
        yield client


def test_an_alert_is_kept_as_it_was_sent_with_number_and_time(client: Client) -> None:
    answer = client.send()
    assert answer.status_code == 201
    kept = answer.json()
    assert {name: kept[name] for name in GOOD} == GOOD
    assert kept["number"] == 1
    assert kept["received_at"].endswith("+00:00")
    assert client.get("/alerts").json() == {"alerts": [kept]}


def test_only_alerts_after_a_number_are_listed_oldest_first(client: Client) -> None:
    for title in ("one", "two", "three"):
        client.send(title=title)
    found = client.get("/alerts", since=1).json()["alerts"]
    assert [alert["title"] for alert in found] == ["two", "three"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"title": ""}, "title must be a text that says something"),
        ({"title": 7}, "title must be a text"),
        ({"title": "a\nb"}, "title must be one line"),
        ({"title": "x" * 301}, "title has 301 characters; at most 300"),
        ({"severity": "urgent"}, "severity must be one of info, warning, critical"),
        ({"source": None}, "source must be a text"),
        ({"detail": ["a"]}, "detail must be a text"),
        ({"detail": "\ud800"}, "half of a character"),
        ({"page": "x"}, "unknown key 'page'"),
    ],
)
def test_what_is_no_alert_is_refused_with_the_reason(
    client: Client, changes: dict[str, Any], reason: str
) -> None:
    answer = client.send(**changes)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert client.get("/alerts").json() == {"alerts": []}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"null"])
def test_a_body_that_is_no_object_is_refused(client: Client, body: bytes) -> None:
    answer = client.post(body)
    assert (answer.status_code, answer.json()["error"]) == (400, "the body must be a JSON object")


def test_a_page_of_another_site_cannot_post_by_a_form(client: Client) -> None:
    answer = client.post(json.dumps(GOOD), {"content-type": "text/plain"})
    assert answer.status_code == 415


def test_a_body_beyond_the_bound_is_refused(client: Client) -> None:
    answer = client.send(detail="x" * MAX_BODY_BYTES)
    assert answer.status_code == 413


@pytest.mark.parametrize("since", ["-1", "x", "", "²"])
def test_since_must_be_a_number(client: Client, since: str) -> None:
    answer = client.get("/alerts", since=since)
    assert answer.status_code == 400
    assert "since must be the number of an alert" in answer.json()["error"]


def test_alerts_outlive_the_process_and_numbers_go_on(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        client.send()
    with serving(tmp_path) as client:
        assert client.send(title="two").json()["number"] == 2
        titles = [alert["title"] for alert in client.get("/alerts").json()["alerts"]]
    assert titles == ["gold failed", "two"]


def test_a_line_torn_by_a_kill_is_dropped_and_its_neighbours_stay(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = store.add(GOOD, "2026-01-05T00:00:00+00:00")
    with (tmp_path / "alerts.jsonl").open("a") as file:
        file.write('{"number": 2, "tit')
    again = Store(tmp_path)
    assert again.since(0) == [kept]
    assert again.add(GOOD, "2026-01-05T00:00:00+00:00") == replace(kept, number=2)
    assert Store(tmp_path).since(1) == [replace(kept, number=2)]


def test_the_oldest_alerts_are_dropped_once_two_segments_are_full(tmp_path: Path) -> None:
    store = Store(tmp_path, segment_alerts=3)
    for _ in range(8):
        store.add(GOOD, "2026-01-05T00:00:00+00:00")
    assert [alert.number for alert in store.since(0)] == [4, 5, 6, 7, 8]
    assert Store(tmp_path, segment_alerts=3).since(0) == store.since(0)
    lines = sum(len(path.read_text().splitlines()) for path in tmp_path.iterdir())
    assert lines == 5


def test_the_page_shows_the_newest_first_and_runs_nothing_it_was_sent(client: Client) -> None:
    client.send(title="old one")
    client.send(title="<script>alert(1)</script>", detail="<img src=x onerror=alert(2)>")
    answer = client.get("/")
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    shown = answer.text
    assert shown.index("&lt;script&gt;alert(1)") < shown.index("old one")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_page_says_when_there_is_nothing(client: Client) -> None:
    assert "None yet." in client.get("/").text

"""Every page while nothing runs, while services hang, and while a record is broken."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from answers.book import HOME, load_answers
from console import source
from console.app import application, pages
from console.proofs import Running
from infra.native import instance, status
from infra.native.status import Row
from jobs.errors import SpecError
from jobs.settings import Settings

SLUG = "sql-joins"
PAGES = pages(SLUG)
OUTPUT = f"/answers/{SLUG}/output"  # of a proof that does not run


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes its time to say that nothing is there."""
    monkeypatch.setattr(source, "PATIENCE_SECONDS", 60)


def client(settings: Settings) -> TestClient:
    return TestClient(application(settings), base_url=settings.console_url)


def texts(settings: Settings) -> dict[str, str]:
    """What each page says, which must answer."""
    with client(settings) as browser:
        answers = {path: browser.get(path) for path in PAGES}
    assert {path: answer.status_code for path, answer in answers.items()} == {
        path: 404 if path == OUTPUT else 200 for path in PAGES
    }
    return {path: answer.text for path, answer in answers.items()}


def test_with_nothing_running_every_page_says_what_is_down(nothing_runs: Settings) -> None:
    found = texts(nothing_runs)
    store, connect = urlsplit(nothing_runs.s3_endpoint), urlsplit(nothing_runs.connect_url)
    database = urlsplit(nothing_runs.postgres_dsn)
    assert f"minio at {store.netloc} does not answer" in found["/pipeline"]
    for path in ("/", f"/answers/{SLUG}", "/rehearse", "/system"):
        assert f"postgres at 127.0.0.1:{database.port} does not answer" in found[path]
    assert f"connect at {connect.netloc} does not answer" in found["/system"]
    assert "<code>make up</code>" in found["/system"]


def test_with_nothing_running_the_rest_of_each_page_is_there(nothing_runs: Settings) -> None:
    found = texts(nothing_runs)
    assert load_answers()[SLUG].question in found["/"]
    assert "recorded" in found[f"/answers/{SLUG}"]
    assert "Its runs on this instance cannot be read now" in found[f"/answers/{SLUG}/evidence"]
    assert 'data-table="silver.orders"' in found["/pipeline"]
    assert "not read yet" in found["/pipeline"]
    assert "Nothing was refused" not in found["/pipeline"]


@pytest.mark.parametrize(
    ("state", "look"),
    [("RUNNING", "proven"), ("STARTING", ""), ("INSTALLING", ""),
     ("STOPPED", "broken"), ("BACKOFF", "broken"), ("FATAL", "broken")],
)  # fmt: skip
def test_a_service_is_shown_in_each_state_and_with_what_it_lacks(
    nothing_runs: Settings, monkeypatch: pytest.MonkeyPatch, state: str, look: str
) -> None:
    spark = Row("spark", state, 15002, 0, 0, "its jars did not come")
    monkeypatch.setattr(instance, "load", lambda name: name)
    monkeypatch.setattr(status, "rows", lambda _: [spark])
    with client(nothing_runs) as browser:
        found = browser.get("/system").text
    assert f'class="verdict {look}">{state.lower()}<' in found
    assert "spark: its jars did not come" in found


def test_while_a_proof_runs_another_one_is_refused_and_the_first_is_named(
    nothing_runs: Settings,
) -> None:
    console = application(nothing_runs)
    console.state.proofs.current = Running("sql-joins")
    bearer = {"Authorization": f"Bearer {nothing_runs.console_token}"}
    with TestClient(console, base_url=nothing_runs.console_url) as browser:
        refused = browser.post("/answers/sql-purpose-crud/run", headers=bearer)
    assert refused.status_code == 409
    assert "The proof of sql-joins runs. Stop it, or wait for its end." in refused.text


@pytest.fixture
def all_hang(nothing_runs: Settings) -> Iterator[Settings]:
    """Every service accepts connections, and then says nothing."""
    with ExitStack() as listening:
        ports = []
        for _ in range(3):
            listener = listening.enter_context(socket.create_server(("127.0.0.1", 0)))
            ports.append(listener.getsockname()[1])
        yield replace(
            nothing_runs,
            s3_endpoint=f"http://127.0.0.1:{ports[0]}",
            postgres_dsn=f"postgresql://shop:x@127.0.0.1:{ports[1]}/shop",
            connect_url=f"http://127.0.0.1:{ports[2]}",
        )


def test_no_page_waits_for_services_that_hang(
    all_hang: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PATIENCE_SECONDS", 0.05)
    found = texts(all_hang)
    assert "There is no answer about the tables" in found["/pipeline"]
    for path in ("/", f"/answers/{SLUG}", "/rehearse"):
        assert "There is no answer about the runs of proofs yet" in found[path]
    assert "There is no answer about the stream yet" in found["/system"]
    assert {path for path in PAGES if 'hx-trigger="load delay:1s"' in found[path]} == {
        "/pipeline",
        "/system",
    }


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The recorded run of an answer, which may be broken: it is that of a book of its own."""
    folder = tmp_path / "foundations" / SLUG
    folder.mkdir(parents=True)
    for name in ("README.md", "evidence.json"):
        (folder / name).write_text((HOME / "foundations" / SLUG / name).read_text())
    monkeypatch.setattr("answers.book.HOME", tmp_path)
    load_answers.cache_clear()
    yield folder / "evidence.json"
    load_answers.cache_clear()


def changed(whole: str, **values: Any) -> str:
    return json.dumps(json.loads(whole) | values)


BROKEN = {
    "empty": lambda _: "",
    "cut off": lambda whole: whole[: len(whole) // 2],
    "no object": lambda _: "[]",
    "without its claims": lambda whole: json.dumps(
        {key: value for key, value in json.loads(whole).items() if key != "claims"}
    ),
    "seconds of no number": lambda whole: changed(whole, seconds=None),
    "a time without a zone": lambda whole: changed(whole, started_at="2026-01-05T10:00:00"),
    "claims that are a list": lambda whole: changed(whole, claims=["x"]),
    "evidence of no kind": lambda whole: changed(whole, evidence=[{"kind": "song"}]),
    "a value of nothing": lambda whole: changed(
        whole,
        evidence=[
            {
                "kind": "value",
                "claim": "x",
                "label": "l",
                "expected": "",
                "measured": None,
                "unit": "",
                "is_met": True,
            }
        ],
    ),
    "bars without length": lambda whole: changed(
        whole,
        evidence=[
            {"kind": "series", "claim": "x", "label": "l", "unit": "", "points": {"a": None}}
        ],
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_record_is_named_and_the_answer_is_there(
    record: Path, nothing_runs: Settings, kind: str
) -> None:
    record.write_text(BROKEN[kind](record.read_text()))
    found = texts(nothing_runs)
    for path in ("/", f"/answers/{SLUG}", "/rehearse"):
        assert "evidence.json is not the record of a run" in found[path]
        assert f"make prove A={SLUG} RECORD=1" in found[path]
    assert load_answers()[SLUG].question in found["/"]
    assert "What its proof showed cannot be read" in found[f"/answers/{SLUG}/evidence"]


def test_what_all_pages_need_and_cannot_be_read_is_said_on_each(
    nothing_runs: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise SpecError("jobs/silver/orders.yml has no grain")

    monkeypatch.setattr("console.pages.platform.load_specs", broken)
    with client(nothing_runs) as browser:
        answer = browser.get("/pipeline")
    assert answer.status_code == 503
    assert "jobs/silver/orders.yml has no grain" in answer.text

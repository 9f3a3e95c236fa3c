"""Every page of the console in a browser: before, during and after the first run, and with each
service stopped. The pages are those of the application's routes, so a new one is among them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from answers.book import load_answers
from console.app import pages
from infra.chaos.proxy import Proxy, Trouble
from infra.native import keys
from infra.native.command import free_port
from jobs.objects import delete_objects
from jobs.patience import await_true
from jobs.settings import ROOT, Settings, settings_from
from tests.integration.browser import browser
from tests.integration.commits_by_hand import commit, record

pytestmark = pytest.mark.integration

SLUG = "sql-joins"
PAGES = pages(SLUG)
OUTPUT = f"/answers/{SLUG}/output"  # of a proof that does not run: there is none
NOT_FOUND = "Failed to load resource: the server responded with a status of 404"
PATIENCE_SECONDS = 60
# What a console asks itself; every other service only has a row on the page of the system.
ASKED = ("S3_ENDPOINT", "POSTGRES_DSN", "CONNECT_URL")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture
def lake(stack: Settings) -> Iterator[Settings]:
    """The test instance, of which this console sees a part where nothing ever ran."""
    own = replace(stack, namespace=f"console_{uuid4().hex[:8]}")
    yield own
    delete_objects(own, f"{own.namespace}/")


@contextmanager
def console(settings: Settings) -> Iterator[str]:
    """The address of a console process with these settings; it has ended afterwards."""
    url = f"http://127.0.0.1:{free_port()}"
    own = replace(settings, console_url=url)
    process = subprocess.Popen(
        [sys.executable, "-m", "console.app"], cwd=ROOT, env=os.environ | own.environment()
    )
    late = AssertionError(f"the console at {url} does not answer within {PATIENCE_SECONDS} s")
    try:
        await_true(
            lambda: requests.get(f"{url}/health", timeout=5).ok,
            PATIENCE_SECONDS,
            lambda _: late,
            not_yet=(requests.RequestException,),
        )
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def closed(settings: Settings, *names: str) -> Settings:
    """The settings with the addresses of these names at ports where nobody listens."""
    values = settings.environment()
    for name in names:
        ports = keys.ports_of(name, values[name])
        for port in ports:
            values[name] = values[name].replace(str(port), str(free_port()))
    return settings_from(values)


@contextmanager
def opened(chromium: Browser, url: str) -> Iterator[Page]:
    """A page on which no script failed and nothing was refused by the content policy."""
    context = chromium.new_context(base_url=url)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    assert [said for said in complaints if not said.startswith(NOT_FOUND)] == []


def visit(page: Page, path: str) -> str:
    """What is to be read on a page, which answered; empty while it waits for an answer itself."""
    answer = page.goto(path)
    assert answer and answer.status == (404 if path == OUTPUT else 200), path
    text = page.locator("body").inner_text()
    return "" if "There is no answer about" in text else text


def visit_all(page: Page) -> dict[str, str]:
    """What is to be read on each page, once all is answered or refused."""
    late = AssertionError(f"no page without a wait within {PATIENCE_SECONDS} s")
    found = {
        path: await_true(lambda at=path: visit(page, at), PATIENCE_SECONDS, lambda _: late)
        for path in PAGES
    }
    assert load_answers()[SLUG].question in found["/"]
    return found


def test_before_during_and_after_the_first_run(chromium: Browser, lake: Settings) -> None:
    with console(lake) as url, opened(chromium, url) as page:
        found = visit_all(page)
        assert "has not begun yet" in found["/system"]
        assert [path for path, text in found.items() if "cannot be read" in text] == []
        page.goto("/pipeline")
        row = page.locator("[id='silver.orders']")
        expect(row).to_contain_text("no run yet")
        expect(page.locator("#tables")).to_contain_text("Nothing was refused.")

        commit(lake, "bronze.orders", record(1, landed=10))
        commit(lake, "silver.orders", None)  # made, and its run goes on
        visit_all(page)
        page.goto("/pipeline")
        expect(row).to_contain_text("no run has ended yet")
        expect(page.locator("[id='bronze.orders']")).to_contain_text("10 landed")
        expect(page.locator("[id='silver.payments']")).to_contain_text("no run yet")

        commit(lake, "silver.orders", record(1, accepted=8, duplicate=2, quarantined=0))
        visit_all(page)
        page.goto("/pipeline")
        expect(row).to_contain_text("8 accepted, 2 duplicate")
        expect(row).to_contain_text("equal")


def test_after_a_run_that_failed_what_was_before_it_stands(
    chromium: Browser, lake: Settings
) -> None:
    commit(lake, "bronze.orders", record(1, landed=10))
    commit(lake, "silver.orders", record(1, accepted=10))
    commit(lake, "bronze.orders", record(2, landed=5))  # and silver's next run ended in an error
    commit(lake, "silver.payments", "by somebody else")
    with console(lake) as url, opened(chromium, url) as page:
        visit_all(page)
        page.goto("/pipeline")
        expect(page.locator("[id='silver.orders']")).to_contain_text("10 accepted")
        expect(page.locator("[id='silver.orders']")).to_contain_text("5 waiting")
        expect(page.locator("[id='silver.payments']")).to_contain_text("holds no record of a run")
        expect(page.locator(".node")).not_to_have_count(0)


def test_with_the_store_stopped_its_pages_say_so(chromium: Browser, lake: Settings) -> None:
    with console(closed(lake, "S3_ENDPOINT")) as url, opened(chromium, url) as page:
        found = visit_all(page)
    assert "minio at 127.0.0.1" in found["/pipeline"]
    assert "make logs S=minio" in found["/pipeline"]
    assert [path for path, text in found.items() if "does not answer" in text] == ["/pipeline"]


def test_a_slow_store_delays_no_page_which_fills_itself(chromium: Browser, lake: Settings) -> None:
    port, upstream = free_port(), urlsplit(lake.s3_endpoint).port
    assert upstream
    slow = replace(lake, s3_endpoint=f"http://127.0.0.1:{port}")
    with (
        Proxy(port, upstream, Trouble(delay_seconds=0.1)),
        console(slow) as url,
        opened(chromium, url) as page,
    ):
        answer = page.goto("/pipeline")
        assert answer and "There is no answer about the tables&#39; logs yet" in answer.text()
        expect(page.locator("#tables")).to_contain_text("Nothing was refused.", timeout=60_000)
        expect(page.locator(".trouble")).to_have_count(0)


def test_with_the_database_stopped_recorded_runs_are_shown(
    chromium: Browser, lake: Settings
) -> None:
    with console(closed(lake, "POSTGRES_DSN")) as url, opened(chromium, url) as page:
        found = visit_all(page)
    for path in ("/", f"/answers/{SLUG}", "/rehearse", "/system"):
        assert "postgres at 127.0.0.1" in found[path]
    assert "recorded" in found[f"/answers/{SLUG}"]
    assert "does not answer" not in found["/pipeline"]


def test_with_connect_stopped_the_capture_is_wrong(chromium: Browser, lake: Settings) -> None:
    with console(closed(lake, "CONNECT_URL")) as url, opened(chromium, url) as page:
        found = visit_all(page)
    assert [path for path, text in found.items() if "does not answer" in text] == ["/system"]
    assert "make logs S=connect" in found["/system"]


def test_with_all_others_stopped_nothing_else_changes(chromium: Browser, lake: Settings) -> None:
    others = [key for key in keys.PORT_KEYS if key in lake.environment() and key not in ASKED]
    stopped = replace(closed(lake, *others), instance="never-started")
    with console(stopped) as url, opened(chromium, url) as page:
        found = visit_all(page)
    assert [path for path, text in found.items() if "does not answer" in text] == []
    assert "make up" in found["/system"]  # its supervisor is not there either

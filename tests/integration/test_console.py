"""The console in a browser: find an answer, run its proof, rehearse, look at the pipeline."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from answers.book import load_answers
from answers.runs import history
from jobs.settings import Settings
from tests.integration.browser import browser

pytestmark = pytest.mark.integration

SLUG = "python-mutability"
PATIENCE_MS = 60_000
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture
def context(chromium: Browser, stack: Settings) -> Iterator[BrowserContext]:
    context = chromium.new_context(base_url=stack.console_url)
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that raised no error and was refused nothing by its own content policy."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield page
    assert complaints == []


def unlock(page: Page, stack: Settings) -> None:
    page.locator(".lock summary").click()
    page.locator("input[name=token]").fill(stack.console_token)
    page.get_by_role("button", name="Unlock").click()
    expect(page.locator("[data-run]")).to_be_visible()
    expect(page.locator("[data-timer]")).to_be_visible()  # its script has begun: keys are heard


def test_from_the_first_page_an_answer_is_found_and_proven(page: Page, stack: Settings) -> None:
    before = len(history(stack, SLUG))
    page.goto("/")
    page.keyboard.type("mutab")
    expect(page.locator("a.result")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stack.console_url}/answers/{SLUG}")
    unlock(page, stack)
    page.keyboard.press("r")
    output = page.locator(".output")
    expect(output).to_contain_text("PROVEN", timeout=PATIENCE_MS)
    expect(output).to_contain_text("expected")
    expect(page.locator(".state")).to_contain_text("proven a moment ago")
    expect(page.locator("#evidence .mark.proven")).to_have_count(len(load_answers()[SLUG].claims))
    assert len(history(stack, SLUG)) == before + 1


def test_a_proof_that_runs_is_stopped_and_not_kept(page: Page, stack: Settings) -> None:
    slug = "sql-joins"
    before = len(history(stack, slug))
    page.goto(f"/answers/{slug}")
    unlock(page, stack)
    page.locator("[data-run] button").click()
    page.locator("[data-stop] button").click()
    expect(page.locator(".state")).to_contain_text("stopped a moment ago", timeout=PATIENCE_MS)
    assert len(history(stack, slug)) == before


def test_without_the_token_nothing_runs(page: Page, stack: Settings) -> None:
    page.goto(f"/answers/{SLUG}")
    page.keyboard.press("r")
    expect(page.locator("input[name=token]")).to_be_visible()
    expect(page.locator("[data-run]")).to_have_count(0)
    assert page.request.post(f"/answers/{SLUG}/run").status == 403


def test_rehearsing_hides_the_answer_until_asked_and_draws_another(page: Page) -> None:
    page.goto("/rehearse")
    first = page.locator("h1.drawn").inner_text()
    expect(page.locator(".hidden-answer .spoken")).to_be_hidden()
    page.keyboard.press("t")
    expect(page.locator("[data-timer]")).not_to_contain_text("2:00")
    page.keyboard.press("Space")
    expect(page.locator(".hidden-answer .spoken")).to_be_visible()
    page.keyboard.press("n")
    page.wait_for_function(
        "text => document.querySelector('h1.drawn').innerText !== text", arg=first
    )


def test_the_pipeline_page_has_every_layer_and_the_lineage(page: Page) -> None:
    page.goto("/pipeline")
    for layer in ("bronze", "silver", "gold"):
        expect(page.locator("th.layer", has_text=layer)).to_be_visible()
    node = page.locator("[data-table='silver.orders']")
    node.hover()
    assert page.locator(".lineage path.lit").count() > 1


def test_the_system_page_lists_the_services_that_run(page: Page) -> None:
    page.goto("/system")
    row = page.locator("tr", has_text="console")
    expect(row).to_contain_text("running")
    expect(page.locator("tfoot")).to_contain_text("GiB")


@pytest.mark.parametrize("path", ["/", f"/answers/{SLUG}", "/rehearse", "/tour", "/system"])
def test_at_phone_width_nothing_lies_beyond_the_edge(page: Page, path: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_light_and_dark_are_readable(page: Page) -> None:
    found = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto("/")
        found.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(found) == 2


def test_an_answer_reads_without_javascript(chromium: Browser, stack: Settings) -> None:
    context = chromium.new_context(base_url=stack.console_url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/?q=mutable")
    page.locator("a.result").first.click()
    expect(page.locator(".spoken")).to_contain_text("label")
    expect(page.locator("#evidence .claim")).not_to_have_count(0)
    context.close()

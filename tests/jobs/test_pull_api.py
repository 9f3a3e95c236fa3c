"""Pulling from HTTP APIs: whole pages only, each record once, and never too fast."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from generators import stubs
from jobs.errors import PullFailed, ServiceDown, SpecError
from jobs.pull import pull
from jobs.pull.api import STAMP, fetch
from jobs.pull.api_spec import ApiPull, read_api_pull
from jobs.pull.budget import Budget
from jobs.pull.client import Client
from jobs.pull.paging import Question
from jobs.settings import Settings
from jobs.specs import find_spec
from tests.stubs.service import LOGIN, FakeClock, leisurely, rows, serving, settings_for

TABLES = {
    "google": "bronze.ads_google",
    "meta": "bronze.ads_meta",
    "tiktok": "bronze.ads_tiktok",
    "linkedin": "bronze.ads_linkedin",
    "x": "bronze.ads_x",
    "crm": "bronze.crm_contacts",
}
FAULTS = {
    "html_page": "is no JSON .* begins '<!DOCTYPE html>",
    "half_page": "is no JSON",
    "repeated_page": "page 2 repeats 2 of its records from pages before",
    "shrunk_page": "12 records were promised, all pages together hold",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with serving(tmp_path_factory.mktemp("stubs"), leisurely()) as settings:
        yield settings


@pytest.fixture
def settings(service: Settings, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """A namespace of the test's own."""
    name = "".join(letter if letter.isalnum() else "_" for letter in request.node.name.lower())
    yield replace(service, namespace=f"ns_{name}"[:60])


def _pull(platform: str, page_size: int = 2) -> ApiPull:
    """The platform as its spec says, with small pages."""
    told = read_api_pull(find_spec(TABLES[platform]))
    sizes: dict[str, dict[str, Any]] = {
        "google": {"body": {**told.body, "pageSize": page_size}},
        "meta": {"query": {**told.query, "limit": page_size}},
        "tiktok": {"query": {**told.query, "page_size": page_size}},
        "linkedin": {"query": {**told.query, "count": page_size}},
        "x": {"query": {**told.query, "count": page_size}},
        "crm": {"headers": {**told.headers, "Sforce-Query-Options": f"batchSize={page_size}"}},
    }
    return replace(told, **sizes[platform])


def _fetched(asked: ApiPull, settings: Settings, since: datetime | None = None) -> list[Any]:
    """What a pull brings, as the platform holds it."""
    return [json.loads(record.line) for record in fetch(asked, settings, since, FakeClock())]


def _hold(platform: str, settings: Settings, count: int = 12) -> list[dict[str, Any]]:
    stubs.put(platform, rows(platform, days=5)[:count], settings)
    return stubs.held(platform, settings)


@pytest.mark.parametrize("platform", TABLES)
def test_every_page_is_read_and_every_record_once_in_spite_of_hiccups(
    platform: str, settings: Settings
) -> None:
    held = _hold(platform, settings)
    assert _fetched(_pull(platform, page_size=1), settings) == held
    assert _fetched(_pull(platform, page_size=5), settings) == held
    assert _fetched(_pull(platform, page_size=len(held)), settings) == held


@pytest.mark.parametrize("platform", TABLES)
def test_records_of_the_very_instant_asked_for_are_among_the_answer(
    platform: str, settings: Settings
) -> None:
    _hold(platform, settings)
    asked = _pull(platform)
    orders = [record.order for record in fetch(asked, settings, None, FakeClock())]
    middle = sorted(orders)[len(orders) // 2]
    since = datetime.strptime(middle, STAMP).replace(tzinfo=UTC)
    found = [record.order for record in fetch(asked, settings, since, FakeClock())]
    assert found == [order for order in orders if order >= middle]
    assert fetch(asked, settings, datetime(2030, 1, 1, tzinfo=UTC), FakeClock()) == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("platform", TABLES)
def test_a_passing_fault_is_asked_away_and_a_lasting_one_fails_with_its_reason(
    platform: str, fault: str, settings: Settings
) -> None:
    held = _hold(platform, settings)
    stubs.misbehave(platform, fault, 1, settings)
    assert _fetched(_pull(platform), settings) == held
    stubs.misbehave(platform, fault, 1_000, settings)
    with pytest.raises(PullFailed) as caught:
        _fetched(_pull(platform), settings)
    caught.match(f"^{platform}: (GET|POST) {settings.shop_api_url}/{settings.namespace}/")
    caught.match(FAULTS[fault])
    caught.match("Nothing of this pull was landed")
    assert LOGIN[1] not in str(caught.value)
    assert "access_token" not in str(caught.value)


def _between_pages(change: Callable[[], None], settings: Settings) -> list[dict[str, Any]]:
    """What a pull of three pages brings when the platform changes once, after the first page."""
    changes = iter([change])
    clock = FakeClock(between=lambda: next(changes, lambda: None)())
    found = fetch(_pull("linkedin"), settings, None, clock)
    assert next(changes, None) is None
    return [json.loads(record.line) for record in found]


def test_records_that_arrive_between_two_pages_are_in_the_pull(settings: Settings) -> None:
    [*first, last] = _hold("linkedin", settings, count=6)
    _drop(settings)
    stubs.put("linkedin", first, settings)
    found = _between_pages(lambda: stubs.put("linkedin", [last], settings), settings)
    assert found == [*first, last]


def test_a_record_that_changes_between_two_pages_hides_no_other(settings: Settings) -> None:
    [first, *others] = _hold("linkedin", settings, count=6)
    changed = first | {"lastModifiedAt": others[-1]["lastModifiedAt"] + 1}
    found = _between_pages(lambda: stubs.put("linkedin", [changed], settings), settings)
    assert found == [*others, changed]


def test_a_record_that_disappears_between_two_pages_hides_no_other(settings: Settings) -> None:
    [_, *others] = _hold("linkedin", settings, count=6)

    def disappear() -> None:
        _drop(settings)
        stubs.put("linkedin", others, settings)

    assert _between_pages(disappear, settings) == others


def _drop(settings: Settings) -> None:
    url = f"{settings.shop_api_url}/_admin/{settings.namespace}"
    requests.delete(url, auth=LOGIN, timeout=30).raise_for_status()


@pytest.mark.parametrize("platform", TABLES)
def test_a_refused_token_fails_at_once_and_is_not_shown(platform: str, settings: Settings) -> None:
    asked = replace(_pull(platform), headers={"Authorization": "Bearer stale"})
    asked = replace(asked, query={**asked.query, "access_token": "stale"})
    clock = FakeClock()
    with pytest.raises(PullFailed, match=f"^{platform}: .*refused: .*token is missing or wrong"):
        fetch(asked, settings, None, clock)
    assert clock.seconds == 0


def test_a_refused_login_says_so_without_the_secret(settings: Settings) -> None:
    stranger = replace(settings, s3_secret_key="a-wrong-secret")
    with pytest.raises(PullFailed, match="^x: .*oauth/token refused the login") as caught:
        fetch(_pull("x"), stranger, None, FakeClock())
    assert "a-wrong-secret" not in str(caught.value)


def test_a_service_that_does_not_answer_is_named(settings: Settings) -> None:
    nowhere = replace(settings, shop_api_url="http://127.0.0.1:9")
    with pytest.raises(ServiceDown, match="stubs at http://127.0.0.1:9 does not answer"):
        fetch(_pull("x"), nowhere, None, FakeClock())


def test_a_page_that_leads_to_another_host_is_not_followed(settings: Settings) -> None:
    client = Client(_pull("meta"), settings, FakeClock())
    with pytest.raises(PullFailed, match="another host, which gets no token of ours"):
        client.answer(Question("GET", "http://127.0.0.2:9/v24.0/next?after=x"))


@pytest.mark.parametrize(
    "change",
    [{"records": "rows"}, {"total": "size"}, {"updated_at": "then"}, {"identity": ("key",)}],
)
def test_a_page_of_another_shape_than_the_spec_says_is_refused(
    change: dict[str, Any], settings: Settings
) -> None:
    _hold("x", settings)
    with pytest.raises(PullFailed, match="page is not as documented .KeyError"):
        fetch(replace(_pull("x"), **change), settings, None, FakeClock())


def test_requests_are_spread_over_the_minute_and_a_pause_is_no_credit() -> None:
    clock = FakeClock()
    budget = Budget(requests_per_minute=30, clock=clock)
    at = []
    for pause in (0.0, 0.0, 0.0, 60.0, 0.0):
        clock.sleep(pause)
        budget.spend()
        at.append(clock.seconds)
    assert at == [0.0, 2.0, 4.0, 64.0, 66.0]


def test_a_pull_keeps_to_the_budget_of_its_platform(settings: Settings) -> None:
    _hold("crm", settings, count=6)
    clock = FakeClock()
    fetch(replace(_pull("crm"), requests_per_minute=20), settings, None, clock)
    assert clock.seconds == pytest.approx(2 * 60 / 20)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"pageing": {}}, "unknown key 'pageing'; known are platform, path, records"),
        ({"path": None}, "missing 1 required positional argument: 'path'"),
        ({"from": "mail"}, "`pull` needs `from: api.postgres`"),
    ],
)
def test_a_pull_that_is_described_wrongly_is_refused(change: dict[str, Any], sentence: str) -> None:
    spec = find_spec("bronze.ads_x")
    assert spec.source
    told = {k: v for k, v in {**spec.source.pull, **change}.items() if v is not None}
    wrong = replace(spec, source=replace(spec.source, pull=told))
    with pytest.raises(SpecError, match=sentence):
        pull(wrong, settings_for("http://127.0.0.1:9"), None)

"""The stub service: it keeps what it is handed, and makes it as hard to get as the real ones."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from generators import ads, stubs
from infra.stubs.traffic import HICCUP_EVERY, REQUESTS_PER_SECOND
from jobs.errors import LakeproofError
from jobs.settings import Settings
from tests.stubs.service import LOGIN, FakeClock, leisurely, rows, serving

REPORTS = {
    "google": ("POST", "v21/customers/1/googleAds:search"),
    "meta": ("GET", "v24.0/act_1/insights"),
    "tiktok": ("GET", "open_api/v1.3/report/integrated/get/"),
    "linkedin": ("GET", "rest/adAnalytics"),
    "x": ("GET", "12/stats/accounts/1"),
    "crm": ("GET", "services/data/v61.0/query"),
}
REFUSALS = {
    "google": (401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}}),
    "meta": (401, {"error": {"type": "OAuthException", "code": 190}}),
    "tiktok": (200, {"code": 40105, "data": {}}),
    "linkedin": (401, {"status": 401, "code": "INVALID_ACCESS_TOKEN"}),
    "x": (401, {"errors": [{"code": "UNAUTHORIZED_ACCESS"}]}),
    "crm": (401, [{"errorCode": "INVALID_SESSION_ID"}]),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with serving(tmp_path_factory.mktemp("stubs"), leisurely()) as settings:
        yield settings


@pytest.fixture
def settings(service: Settings, request: pytest.FixtureRequest) -> Settings:
    """A namespace of the test's own."""
    return replace(service, namespace="ns_" + re.sub(r"[^a-z0-9]", "_", request.node.name)[:50])


def _report(settings: Settings, platform: str, token: str = "") -> requests.Response:
    """X's report, or that of another platform with all the ways to show a token."""
    method, path = REPORTS[platform]
    shown = {"Authorization": f"Bearer {token}", "Access-Token": token, "developer-token": "d"}
    query = {"access_token": token, "entity": "CAMPAIGN", "updated_since": "1970-01-01T00:00:00Z"}
    url = f"{settings.shop_api_url}/{settings.namespace}/{platform}/{path}"
    headers = shown | {"LinkedIn-Version": "202511"}
    return requests.request(method, url, headers=headers, params=query, timeout=30)


def _token(settings: Settings, scope: str) -> str:
    login = {"client_id": LOGIN[0], "client_secret": LOGIN[1], "grant_type": "client_credentials"}
    url = f"{settings.shop_api_url}/oauth/token"
    answer = requests.post(url, data=login | {"scope": scope}, timeout=30)
    return str(answer.json()["access_token"])


def _without_messages(document: Any) -> Any:
    if isinstance(document, list):
        return [_without_messages(item) for item in document]
    if isinstance(document, dict):
        return {k: _without_messages(v) for k, v in document.items() if k != "message"}
    return document


@pytest.mark.parametrize("platform", REPORTS)
def test_a_platform_refuses_a_missing_and_a_foreign_token_in_its_own_words(
    platform: str, settings: Settings
) -> None:
    foreign = _token(settings, "crm" if platform != "crm" else "x")
    for token in ("", foreign):
        answer = _report(settings, platform, token)
        assert (answer.status_code, _without_messages(answer.json())) == REFUSALS[platform]


def test_a_wrong_login_gets_no_token(settings: Settings) -> None:
    login = {"client_id": LOGIN[0], "client_secret": "guessed", "scope": "x"}
    answer = requests.post(f"{settings.shop_api_url}/oauth/token", data=login, timeout=30)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_more_requests_than_the_limit_are_told_when_to_come_back(tmp_path: Path) -> None:
    clock = FakeClock()
    with serving(tmp_path, clock.monotonic) as settings:
        token = _token(settings, "x")
        states = [_report(settings, "x", token).status_code for _ in range(REQUESTS_PER_SECOND)]
        assert 429 not in states
        refused = _report(settings, "x", token)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        assert _report(replace(settings, namespace="ns_2"), "x", token).status_code == 200
        clock.sleep(1.0)
        assert _report(settings, "x", token).status_code != 429


def test_every_seventh_request_fails_for_no_reason(settings: Settings) -> None:
    token = _token(settings, "x")
    states = [_report(settings, "x", token).status_code for _ in range(2 * HICCUP_EVERY)]
    assert states == 2 * ([200] * (HICCUP_EVERY - 1) + [500])


def test_a_correction_replaces_its_row_and_an_older_version_does_not_come_back(
    settings: Settings,
) -> None:
    [first, *_] = rows("x")
    corrected = first | {"updated_at": "2026-01-06T22:00:00Z", "currency": "EUR"}
    for version in (first, corrected, first):
        stubs.put("x", [version], settings)
        stubs.put("x", [version], settings)
    assert stubs.held("x", settings) == [corrected]


def test_rows_survive_a_restart_and_a_dropped_namespace_does_not(tmp_path: Path) -> None:
    with serving(tmp_path, leisurely()) as settings:
        other = replace(settings, namespace="ns_2")
        for each in (settings, other):
            stubs.put("meta", rows("meta"), each)
    with serving(tmp_path, leisurely()) as settings:
        other = replace(settings, namespace="ns_2")
        assert stubs.held("meta", settings) == rows("meta")
        url = f"{settings.shop_api_url}/_admin/ns_1"
        assert requests.delete(url, auth=LOGIN, timeout=30).status_code == 204
        assert stubs.held("meta", settings) == []
        assert stubs.held("meta", other) == rows("meta")


def test_rows_that_are_not_the_platforms_are_refused_and_none_of_them_is_held(
    settings: Settings,
) -> None:
    with pytest.raises(LakeproofError, match="400 .*KeyError"):
        stubs.put("x", [*rows("x"), {"id": "cmp-x-1"}], settings)
    assert stubs.held("x", settings) == []


def test_a_stranger_hands_over_nothing(settings: Settings) -> None:
    stranger = replace(settings, s3_secret_key="guessed")
    with pytest.raises(LakeproofError, match="401"):
        stubs.put("x", rows("x"), stranger)
    assert stubs.held("x", settings) == []


@pytest.mark.parametrize("name", ["..", "a%2F..%2Fb", "UPPER"])
def test_a_namespace_that_is_no_name_is_refused(name: str, service: Settings) -> None:
    url = f"{service.shop_api_url}/_admin/{name}/x"
    answer = requests.put(url, json=[], auth=LOGIN, timeout=30)
    assert answer.status_code in (400, 404)


def test_days_handed_over_in_any_order_are_served_alike(settings: Settings) -> None:
    days = [date(2026, 1, number) for number in (5, 6, 8)]
    backwards = replace(settings, namespace=f"{settings.namespace}_b")
    for day in days:
        stubs.hand_over(day, 7, settings)
    for day in reversed(days):
        stubs.hand_over(day, 7, backwards)
    for platform in (*ads.CURRENCIES, "crm"):
        assert stubs.held(platform, settings) == stubs.held(platform, backwards)

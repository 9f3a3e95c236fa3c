"""Who may do what in the console."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from console.access import COOKIE
from console.app import application
from jobs.settings import Settings

URL, TOKEN = "http://127.0.0.1:8070", "secret-token"
RUN = "/answers/no-such-answer/run"
REACHED = 404  # let through: there is no such answer


@pytest.fixture
def client(nothing_runs: Settings) -> TestClient:
    settings = replace(nothing_runs, console_url=URL, console_token=TOKEN)
    return TestClient(application(settings), base_url=URL, follow_redirects=False)


def test_reading_needs_no_token_and_is_framed_by_nobody(client: TestClient) -> None:
    answer = client.get("/tour")
    assert answer.status_code == 200
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_an_action_without_the_token_is_refused_and_says_where_it_is(client: TestClient) -> None:
    answer = client.post(RUN)
    assert answer.status_code == 403
    assert "CONSOLE_TOKEN" in answer.text


@pytest.mark.parametrize("token", ["", "secret-toke", "é"])
def test_a_wrong_token_is_refused(client: TestClient, token: str) -> None:
    assert client.post("/unlock", data={"token": token or "x", "back": "/"}).status_code == 403
    bearer = {"Authorization": f"Bearer {token}".encode()}
    assert client.post(RUN, headers=bearer).status_code == 403


def test_the_token_is_kept_where_no_script_and_no_other_site_can_use_it(client: TestClient) -> None:
    answer = client.post("/unlock", data={"token": TOKEN, "back": "/answers/x"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/answers/x")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert client.post(RUN).status_code == REACHED


def test_a_program_may_bring_the_token_in_a_header(client: TestClient) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert client.post(RUN, headers=headers).status_code == REACHED


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_unlocking_leads_to_no_other_site(client: TestClient, back: str) -> None:
    answer = client.post("/unlock", data={"token": TOKEN, "back": back})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_may_ask_for_nothing(client: TestClient, headers: dict[str, str]) -> None:
    client.cookies.set(COOKIE, TOKEN)
    assert client.post(RUN).status_code == REACHED
    assert client.post(RUN, headers=headers).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8070", "127.0.0.1:9999"])
def test_a_name_that_is_not_ours_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/tour", headers={"Host": host}).status_code == 403

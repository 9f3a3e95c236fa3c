import pytest
import requests
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.clickhouse.process import ANALYST, LOADER, Server


@pytest.mark.parametrize(
    "login", [(LOADER[0], "wrong"), (ANALYST[0], LOADER[1]), ("default", ""), (LOADER[0], "")]
)
def test_wrong_password_is_refused(server: Server, login: tuple[str, str]) -> None:
    response = server.post("SELECT 1", login)
    code = response.headers["X-ClickHouse-Exception-Code"]
    assert (response.status_code, code) == (403, "516")
    assert "(AUTHENTICATION_FAILED)" in response.text


def test_the_client_sees_the_refusal(server: Server) -> None:
    with pytest.raises(DatabaseError, match="516"):
        server.client((LOADER[0], "wrong"))


def test_no_login_at_all_is_refused(server: Server) -> None:
    assert requests.post(server.url, data="SELECT 1", timeout=10).status_code == 403


def test_every_way_to_log_in_works(server: Server) -> None:
    user, password = LOADER
    basic = requests.post(server.url, data="SELECT 1", auth=LOADER, timeout=10)
    sent = {"user": user, "password": password}
    parameters = requests.post(server.url, data="SELECT 1", params=sent, timeout=10)
    assert (basic.text, parameters.text, server.post("SELECT 1").text) == ("1\n", "1\n", "1\n")


def test_ping_needs_no_login(server: Server) -> None:
    assert requests.get(f"{server.url}/ping", timeout=10).text == "Ok.\n"

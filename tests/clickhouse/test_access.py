import base64
from pathlib import Path

import pytest

from infra.clickhouse.access import Doorkeeper, Login, Role, login_of
from infra.clickhouse.config import ServerConfig, config_from
from infra.clickhouse.errors import QueryError
from jobs.errors import SettingsError
from tests.clickhouse.process import ANALYST, LOADER, environment


def config() -> ServerConfig:
    return config_from(environment(Path("data"), 8123))


def test_each_user_has_its_role() -> None:
    door = Doorkeeper(config())
    assert door.role_of(Login(*LOADER)) is Role.LOADER
    assert door.role_of(Login(*ANALYST)) is Role.ANALYST


@pytest.mark.parametrize(
    "login",
    [
        Login(LOADER[0], ANALYST[1]),
        Login(LOADER[0], ""),
        Login("", ""),
        Login("default", ""),
        Login("Loader", LOADER[1]),
        Login("lôader", "pässword"),
    ],
)
def test_nobody_else_comes_in(login: Login) -> None:
    with pytest.raises(QueryError) as refused:
        Doorkeeper(config()).role_of(login)
    assert (refused.value.code, refused.value.http_status) == (516, 403)


def test_empty_password_matches_nothing_not_even_itself() -> None:
    assert not Login("ada", "").matches(Login("ada", ""))


def test_headers_come_before_basic_before_parameters() -> None:
    basic = {"authorization": "Basic " + base64.b64encode(b"b:two:parts").decode()}
    own = {"x-clickhouse-user": "a", "x-clickhouse-key": "one"}
    sent = {"user": "c", "password": "three"}
    assert login_of({**own, **basic}, sent) == Login("a", "one")
    assert login_of(basic, sent) == Login("b", "two:parts")
    assert login_of({}, sent) == Login("c", "three")


def test_broken_basic_header_is_refused() -> None:
    with pytest.raises(QueryError) as refused:
        login_of({"authorization": "Basic %%%"}, {})
    assert refused.value.code == 516


def test_passwords_are_not_printed() -> None:
    assert "secret" not in repr(config()) + repr(Login(*LOADER))


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("CLICKHOUSE_PASSWORD", "", "CLICKHOUSE_PASSWORD"),
        ("CLICKHOUSE_PORT", "eight", "CLICKHOUSE_PORT"),
        ("CLICKHOUSE_HOST", "nowhere.example", "CLICKHOUSE_HOST"),
        ("CLICKHOUSE_PATH", "a?readonly=0", "CLICKHOUSE_PATH"),
        ("CLICKHOUSE_ANALYST_USER", LOADER[0], "CLICKHOUSE_ANALYST_USER"),
    ],
)
def test_useless_configuration_is_named(key: str, value: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        config_from({**environment(Path("data"), 8123), key: value})

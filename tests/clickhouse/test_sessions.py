"""What a session keeps, and what ends with a request."""

from clickhouse_connect.driver.client import Client

from tests.clickhouse.process import Server


def test_a_querys_settings_end_with_it(loader: Client) -> None:
    ask = "SELECT toString(getSetting('max_block_size'))"
    before = loader.command(ask)
    assert loader.query(ask, settings={"max_block_size": 7}).result_rows == [("7",)]
    assert loader.command(ask) == before


def test_a_requests_settings_stay_out_of_other_requests(server: Server) -> None:
    ask = "SELECT getSetting('max_block_size')"
    before = server.post(ask).text
    assert server.post(ask, max_block_size="7").text == "7\n"
    assert server.post("SET max_block_size = 8").status_code == 200
    assert server.post(ask).text == before


def test_unknown_setting_is_named(server: Server) -> None:
    response = server.post("SELECT 1", no_such_setting="1")
    assert response.headers["X-ClickHouse-Exception-Code"] == "115"
    assert "no_such_setting" in response.text


def test_session_keeps_temporary_tables(loader: Client) -> None:
    loader.command("CREATE TEMPORARY TABLE basket (item String)")
    loader.insert("basket", [["tea"]], column_names=["item"])
    assert loader.query("SELECT * FROM basket").result_rows == [("tea",)]


def test_session_keeps_the_database_it_uses(server: Server, loader: Client) -> None:
    server.post("USE shop", session_id="user")
    assert server.post("SELECT currentDatabase()", session_id="user").text == "shop\n"
    named = server.post("SELECT currentDatabase()", session_id="user", database="default")
    assert named.text == "default\n"


def test_without_a_session_nothing_is_kept(server: Server) -> None:
    server.post("CREATE TEMPORARY TABLE basket (item String)")
    assert server.post("SELECT * FROM basket").status_code == 404

import pytest

from infra.clickhouse.errors import QueryError
from infra.clickhouse.statement import output_format, split_insert


def parts(sql: bytes) -> tuple[str, str, bytes]:
    insert = split_insert(sql)
    assert insert is not None
    return insert.statement, insert.format, bytes(insert.data)


def test_rows_begin_on_the_line_after_the_format() -> None:
    sql = b"INSERT INTO t (a, b) FORMAT Native\n\n\x01\x00'FORMAT x"
    assert parts(sql) == ("INSERT INTO t ( a , b )", "Native", b"\n\x01\x00'FORMAT x")


def test_rows_may_follow_on_the_same_line() -> None:
    assert parts(b"insert into t format CSV 1,2\r\n3,4")[2] == b"1,2\r\n3,4"


def test_comments_before_and_inside_are_left_out() -> None:
    sql = b"-- FORMAT a\n/* FORMAT b */ INSERT /* c */ INTO t -- d\n FORMAT CSV\n1"
    assert parts(sql) == ("INSERT INTO t", "CSV", b"1")


def test_a_column_called_format_is_no_clause() -> None:
    assert parts(b"INSERT INTO t (format, `a) FORMAT x`) FORMAT CSV\n1")[1:] == ("CSV", b"1")


def test_settings_stay_with_the_statement() -> None:
    sql = b"INSERT INTO t SETTINGS log_comment='a FORMAT b' FORMAT CSV\n1"
    assert parts(sql)[0] == "INSERT INTO t SETTINGS log_comment = 'a FORMAT b'"


@pytest.mark.parametrize(
    "sql",
    [
        b"SELECT 1 FORMAT CSV",
        b"INSERT INTO t VALUES (1) FORMAT",
        b"INSERT INTO t SELECT format FROM s FORMAT CSV\n1",
        b"INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        b"",
    ],
)
def test_other_statements_are_not_split(sql: bytes) -> None:
    assert split_insert(sql) is None


def test_rows_the_engine_would_drop_are_refused() -> None:
    with pytest.raises(QueryError) as refused:
        split_insert(b"INSERT INTO t SELECT a FROM input /* x */ ('a Int8') FORMAT CSV\n1")
    assert refused.value.code == 48


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT 1 FORMAT JSON", "JSON"),
        ("SELECT 1 format JSON ; -- done", "JSON"),
        ("SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "JSON"),
        ("SELECT format FROM t", None),
        ("SELECT 'FORMAT JSON'", None),
        ("SELECT 1 -- FORMAT JSON", None),
        ("SELECT 1", None),
    ],
)
def test_output_format_is_the_closing_clause(sql: str, name: str | None) -> None:
    assert output_format(sql) == name

"""The quarantine tool: what it prints is safe, what it does not know it says."""

import pytest

from jobs.errors import SpecError
from quality.quarantine import MOST_CHARACTERS, main, printable, raw_inputs_of


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (None, "no value"),
        (b'{"name":"caf\xc3\xa9"}', '{"name":"café"}'),
        (b"\xff\xfe", r"\xff\xfe"),
        (b"a\x1b[2Jb\r\nc\x00", r"a\x1b[2Jb\r\nc\x00"),
        ("abc\u202edef".encode(), r"abc\u202edef"),
    ],
)
def test_raw_bytes_are_printed_so_that_no_terminal_obeys_them(
    raw: bytes | None, expected: str
) -> None:
    assert printable(raw) == expected


def test_a_long_record_is_cut_and_says_how_long_it_is() -> None:
    text = printable(b"x" * 3_000_000)
    assert text == "x" * MOST_CHARACTERS + "... (3,000,000 bytes)"


def test_without_a_choice_the_tables_that_read_raw_records_are_meant() -> None:
    tables = raw_inputs_of([])
    assert "silver.orders" in tables
    assert "silver.order_items" not in tables


def test_an_unknown_table_is_answered_with_those_there_are() -> None:
    with pytest.raises(SpecError, match=r"no table 'silver\.ordres'.*silver\.orders"):
        raw_inputs_of(["silver.ordres"])


def test_a_command_needs_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    assert "list" in capsys.readouterr().err

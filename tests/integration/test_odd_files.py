"""Files as suppliers deliver them: each gives its rows or a reason, whatever it is called."""

import gzip

import pytest

from jobs.objects import keys
from jobs.run import run
from jobs.session import spark
from jobs.settings import Settings
from tests.integration.lake import land_file, quarantined

pytestmark = pytest.mark.integration

TABLES = ("bronze.fx_rates", "silver.fx_rates")
NAMES = (
    "plain.csv",
    "_corrections.csv",
    ".late.csv",
    "_sent/2026.csv",
    ".hidden/_and.csv",
    "currency=USD/part.csv",
    "currency=SEK/part.csv",
    "copied.csv._COPYING_",
    "a file with blanks .csv",
    "100%.csv",
    "a+b&c=d.csv",
    "#1.csv",
    "[1]*{a,b}?.csv",
    "K\u00fcche \u00a0.csv",
    "with:colons/2026-01-05T10:00:00.csv",
    "tab\there.csv",
    "%2Fescaped%20.csv",
    "no_ending",
    "UPPER.CSV",
    "plus.txt.csv",
)


def csv(day: int, rate: str = "0.5") -> bytes:
    return f"rate_date,currency,rate_to_eur\n2026-01-{day:02d},USD,{rate}\n".encode()


def rates(settings: Settings) -> dict[int, str]:
    """The stored rates by the day of January."""
    found = spark(settings).read.format("delta").load(settings.table_path("silver.fx_rates"))
    return {row["rate_date"].day: f"{row['rate_to_eur']:f}" for row in found.collect()}


def follow(settings: Settings) -> None:
    for table in TABLES:
        run(table, settings)


def test_a_file_is_read_whatever_it_is_called(namespace_settings: Settings) -> None:
    for day, name in enumerate(NAMES, 1):
        land_file(namespace_settings, f"fx_rates/{name}", csv(day))
    follow(namespace_settings)
    assert rates(namespace_settings) == dict.fromkeys(range(1, len(NAMES) + 1), "0.500000")
    prefix = namespace_settings.object_key("landing/fx_rates/")
    landed = spark(namespace_settings).read.format("delta")
    paths = landed.load(namespace_settings.table_path(TABLES[0])).select("path").collect()
    assert sorted(row["path"] for row in paths) == sorted(prefix + name for name in NAMES)
    assert list(keys(namespace_settings, namespace_settings.object_key("readable/"))) == []
    assert run(TABLES[0], namespace_settings).counts == {"landed": 0}


def test_a_packed_file_is_read_or_refused_and_its_neighbours_are_read(
    namespace_settings: Settings,
) -> None:
    whole = gzip.compress(csv(1), mtime=0)
    two = csv(2) + b"2026-01-03,USD,0.5\n"
    read = {
        "padded.csv.gz": whole + b"\0" * (512 - len(whole) % 512),
        "members.csv.gz": gzip.compress(two[:20]) + gzip.compress(two[20:]),
        "UPPER.GZ": gzip.compress(csv(4)),
        "_hidden.csv.gz": gzip.compress(csv(5)),
        "plain.csv": csv(6),
    }
    refused = {
        "cut.csv.gz": whole[:-9],
        "followed.csv.gz": whole + b"more",
        "text.csv.gz": csv(7),
        "other.csv.bz2": csv(8),
        "OTHER.ZST": csv(9),
    }
    empty = {"empty.csv": b"", "empty.csv.gz": b"", "_empty": b""}
    for name, data in {**read, **refused, **empty}.items():
        land_file(namespace_settings, f"fx_rates/{name}", data)
    follow(namespace_settings)
    assert rates(namespace_settings) == dict.fromkeys(range(1, 7), "0.500000")
    found = sorted(
        (raw or b"", reasons) for raw, reasons in quarantined(namespace_settings, TABLES[1])
    )
    due = [(data, ["unreadable_file"]) for data in refused.values()]
    due += [(b"", ["empty_file"])] * len(empty)
    assert found == sorted(due)


def test_the_newest_delivery_under_a_name_holds_also_if_it_is_what_was_there_once(
    namespace_settings: Settings,
) -> None:
    for rate in ("0.900000", "0.009000", "0.900000"):
        land_file(namespace_settings, "fx_rates/day.csv", csv(5, rate))
        follow(namespace_settings)
        assert rates(namespace_settings) == {5: rate}
    assert run(TABLES[0], namespace_settings).counts == {"landed": 0}


def test_of_two_rates_in_one_file_the_later_line_holds(namespace_settings: Settings) -> None:
    lines = b"".join(f"2026-01-{day:02d},USD,0.{rate}\n".encode() for rate in (9, 5, 7, 6)
                     for day in range(1, 21))  # fmt: skip
    land_file(namespace_settings, "fx_rates/day.csv", b"rate_date,currency,rate_to_eur\n" + lines)
    follow(namespace_settings)
    assert rates(namespace_settings) == dict.fromkeys(range(1, 21), "0.600000")

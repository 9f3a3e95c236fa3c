"""Bad input that is well-formed: time, identity, order, hostile text; and whole files."""

import gzip
from typing import NamedTuple

from tests.integration.lake import order
from tests.integration.poison import DUPLICATE, HOSTILE, Record, payment, review


def _at(number: int, what: str, moment: object, reason: str = "", why: str = "") -> Record:
    name = "o-x" if reason else f"o-{what}"
    return Record(number, what, order(name, ordered_at=moment), reason, why)


TIME = [
    _at(30, "no_such_day", "2026-13-45T99:61:00Z", "wrong_type"),
    _at(30, "american", "01/05/2026 10:00", "wrong_type"),
    _at(30, "year_alone", "2026", "wrong_type"),
    _at(30, "day_alone", "2026-01-05", "wrong_type"),
    _at(30, "time_alone", "10:00:00", "wrong_type"),
    _at(30, "now", "now", "wrong_type"),
    _at(31, "epoch_s", 1767607200, "wrong_type"),
    _at(31, "epoch_ms", 1767607200000, "wrong_type"),
    _at(31, "epoch_us_text", "1767607200000000", "wrong_type"),
    _at(32, "no_zone", "2026-01-05T10:00:00", "no_time_zone"),
    _at(32, "plus_14", "2026-01-05T10:00:00+14:00", "", "an offset says which instant it is"),
    _at(32, "plus_19", "2026-01-05T10:00:00+19:00", "wrong_type"),
    _at(32, "dst_gap", "2025-03-30T02:30:00 Europe/Berlin", "wrong_type"),
    _at(32, "dst_overlap", "2025-10-26T02:30:00[Europe/Berlin]", "wrong_type"),
    _at(33, "leap_day", "2024-02-29T10:00:00Z", "", "2024 had one"),
    _at(33, "no_leap_day", "2025-02-29T10:00:00Z", "wrong_type"),
    _at(33, "leap_second", "2016-12-31T23:59:60Z", "wrong_type"),
    _at(33, "hour_24", "2026-01-04T24:00:00Z", "wrong_type"),
    _at(34, "in_2099", "2099-01-01T00:00:00.000Z", "far_future"),
    _at(34, "in_9999", "9999-12-31T23:59:59Z", "far_future"),
    _at(34, "in_1970", "1970-01-01T00:00:00Z", "far_past"),
    _at(34, "in_year_0", "0000-01-01T00:00:00Z", "far_past"),
    _at(34, "in_10000", "+10000-01-01T00:00:00Z", "wrong_type"),
]
AGAIN = order("o-again")
IDENTITY = [
    Record(35, "first", AGAIN, "", "the first of three"),
    Record(35, "second", AGAIN, DUPLICATE),
    Record(36, "other_content", order("o-again", customer_id="c-2"), "key_conflict"),
    Record(37, "before_its_order", payment("pay-early", order_id="o-after"),
           "", "topics have no common order: joined when both are there", topic="payments"),
    Record(37, "after_its_payment", order("o-after"), "", "see before_its_order"),
    Record(38, "orphan", payment("pay-orphan", order_id="o-never"),
           "", "its order may still come; counted as unmatched until then", topic="payments"),
    Record(40, "no_key", order("o-no-key"), "", "the key places a record, it says nothing",
           key=None),
    Record(40, "other_key", order("o-other-key"), "", "the key places a record, it says nothing",
           key=b"c-99"),
    Record(40, "hostile_key", order("o-hostile-key"), "", "kept as it came",
           key=HOSTILE.encode() + b"\xff\x00"),
]  # fmt: skip
TEXTS = [
    Record(41, "hostile_id", order("o-hostile", customer_id=HOSTILE), "", "kept as it came"),
    Record(41, "hostile_text", review("v-hostile", text=HOSTILE), "", "kept as it came",
           topic="reviews"),
    Record(41, "formula", review("v-formula", text='=HYPERLINK("http://x","y")'),
           "", "kept as it came; an export neutralises it", topic="reviews"),
    Record(42, "e_mail", review("v-mail", text="Write to jo@example.com!"),
           "", "masked: the text has worth without it", topic="reviews"),
    Record(42, "card", review("v-card", text="Paid with 4111 1111 1111 1111."),
           "", "masked: the text has worth without it", topic="reviews"),
]  # fmt: skip


class File(NamedTuple):
    """One delivered file of exchange rates; `refused` holds raw bytes of rows and their reason."""

    number: int
    name: str
    data: bytes
    refused: dict[bytes, str]
    accepted: dict[str, str]


HEADER = b"rate_date,currency,rate_to_eur\n"
NARROW = "missing_column:rate_to_eur"
WHOLE_GZIP = gzip.compress(HEADER + b"2026-01-06,SEK,0.09\n", mtime=0)
RAGGED = HEADER + b"2026-01-07,PLN\n2026-01-07,SEK,0.09\n2026-01-07,GBP,1.1,x\n"
QUOTED = HEADER + b'"2026-01-08","SEK","0.09"\n2026-01-08,"US\nD",0.9\n'
FILES = [
    File(2, "empty.csv", b"", {b"": "empty_file"}, {}),
    File(4, "cut.csv.gz", WHOLE_GZIP[:-12], {WHOLE_GZIP[:-12]: "unreadable_file"}, {}),
    File(4, "whole.csv.gz", WHOLE_GZIP, {}, {"2026-01-06 SEK": "0.090000"}),
    File(8, "bytes.csv", HEADER + b"2026-01-05,\xff\xfe,0.09\n",
         {b"2026-01-05,\xff\xfe,0.09": "invalid_utf8"}, {}),
    File(9, "bom.csv", b"\xef\xbb\xbf" + HEADER + b"2026-01-09,SEK,0.09\n",
         {}, {"2026-01-09 SEK": "0.090000"}),
    File(11, "nul.csv", HEADER + b"2026-01-05,U\x00SD,0.9\n",
         {b"2026-01-05,U\x00SD,0.9": "control_character"}, {}),
    File(14, "doubled.csv", b"rate_date,currency,rate_to_eur,currency\n2026-01-05,USD,0.9,GBP\n",
         {b"2026-01-05,USD,0.9,GBP": "doubled_column"}, {}),
    File(21, "numbers.csv", HEADER + b"2026-01-05,USD,9e-1\n2026-01-05,USD,0.92345678\n"
         b"2026-01-05,USD,NaN\n2026-01-10,USD,0.9234560\n",
         {b"2026-01-05,USD,9e-1": "wrong_type", b"2026-01-05,USD,0.92345678": "wrong_type",
          b"2026-01-05,USD,NaN": "wrong_type"}, {"2026-01-10 USD": "0.923456"}),
    File(26, "narrow.csv", b"rate_date,currency\n2026-01-05,GBP\n",
         {b"2026-01-05,GBP": NARROW}, {}),
    File(26, "header.csv", HEADER, {b"": "empty_file"}, {}),
    File(26, "semicolons.csv", HEADER.replace(b",", b";") + b"2026-01-05;USD;0.9\n",
         {b"2026-01-05;USD;0.9": "missing_column:rate_date,currency,rate_to_eur"}, {}),
    File(27, "wide.csv", HEADER[:-1] + b",source\n2026-01-11,SEK,0.09,ECB\n",
         {}, {"2026-01-11 SEK": "0.090000"}),
    File(6, "ragged.csv", RAGGED,
         {b"2026-01-07,PLN": "malformed_csv", b"2026-01-07,GBP,1.1,x": "malformed_csv"},
         {"2026-01-07 SEK": "0.090000"}),
    File(6, "quoted.csv", QUOTED,
         {b'2026-01-08,"US': "malformed_csv", b'D",0.9': "malformed_csv"},
         {"2026-01-08 SEK": "0.090000"}),
]  # fmt: skip


def as_it_should_be(file: File) -> bytes:
    """The file without the rows that are refused."""
    data = file.data
    for row in file.refused:
        data = data.replace(row + b"\n", b"")
    return data

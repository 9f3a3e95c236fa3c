"""How long an order waited, from two counts looked at over time."""

from infra.bench.streams import between, by_minute


def test_an_order_waits_from_its_acknowledgement_until_as_many_were_readable() -> None:
    acked = [(0.0, 1), (1.0, 2), (2.0, 5)]
    readable = [(0.5, 0), (1.5, 1), (4.0, 5)]
    assert between(acked, readable) == [(0.0, 1.5), (1.0, 3.0), (2.0, 2.0)]


def test_what_falls_behind_shows_from_minute_to_minute() -> None:
    waits = [(100.0, 2.0), (130.0, 1.0), (159.0, 9.0), (160.0, 4.0), (219.9, 6.0), (280.0, 7.0)]
    assert by_minute(waits) == [2.0, 5.0, 7.0]

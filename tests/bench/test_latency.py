"""How long an order waited, from two counts looked at over time."""

from infra.bench.streams import between


def test_an_order_waits_from_its_acknowledgement_until_as_many_were_readable() -> None:
    acked = [(0.0, 1), (1.0, 2), (2.0, 5)]
    readable = [(0.5, 0), (1.5, 1), (4.0, 5)]
    assert between(acked, readable) == [1.5, 2.0, 3.0]

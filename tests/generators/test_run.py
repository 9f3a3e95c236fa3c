"""What makes no run is refused with a sentence."""

from datetime import date
from typing import Any

import pytest

from generators.producer import CONFLUENT, KAFKA_PYTHON, Transport
from generators.run import Defects, Run
from generators.shop import simulate
from jobs.errors import LakeproofError

DAY = date(2026, 1, 5)


@pytest.mark.parametrize(
    ("day", "count", "seed", "message"),
    [
        (DAY, -1, 7, "The count is -1"),
        (DAY, 1, -7, "The seed is -7"),
        (date(1999, 12, 31), 1, 7, "no business day 1999-12-31"),
        (date(2099, 1, 1), 1, 7, "no business day 2099-01-01"),
    ],
)
def test_a_run_that_cannot_be_is_refused_before_the_first_message(
    day: date, count: int, seed: int, message: str
) -> None:
    with pytest.raises(LakeproofError, match=message):
        simulate(day, count, seed)


@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan")])
def test_a_share_outside_0_to_1_is_refused(share: float) -> None:
    with pytest.raises(LakeproofError, match="share of wrong_type"):
        Defects(wrong_type=share)


def test_shares_that_add_up_to_more_than_1_are_refused() -> None:
    with pytest.raises(LakeproofError, match="add up to 1.2"):
        Defects(0.6, 0.6, 0, 0, 0, 0, 0)


def test_the_usual_defects_are_three_percent() -> None:
    assert Defects().total == pytest.approx(0.03)


def test_a_total_scales_every_class_alike() -> None:
    doubled = Defects.totalling(0.06)
    usual = Defects().shares()
    assert doubled.shares() == pytest.approx({name: 2 * share for name, share in usual.items()})
    assert Defects.totalling(0) == Defects(0, 0, 0, 0, 0, 0, 0)


def test_the_run_id_names_day_seed_and_count() -> None:
    assert Run(DAY, 20_000, 7).run_id == "shop-2026-01-05-7-20000"


@pytest.mark.parametrize(
    ("rate", "messages_count", "client"),
    [
        (0, 1_000, KAFKA_PYTHON),
        (0, 1_000_000, CONFLUENT),
        (0, None, CONFLUENT),
        (200, 1_000_000, KAFKA_PYTHON),
        (30_000, 1_000, CONFLUENT),
    ],
)
def test_load_goes_through_the_fast_client(
    rate: float, messages_count: int | None, client: str
) -> None:
    assert Transport(rate).client_for(messages_count) == client


def test_a_chosen_client_is_taken_whatever_the_load() -> None:
    assert Transport(30_000, client=KAFKA_PYTHON).client_for(1_000_000) == KAFKA_PYTHON


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"rate": -1}, "The rate is -1"), ({"client": "carrier pigeon"}, "carrier pigeon")],
)
def test_a_transport_that_cannot_be_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(LakeproofError, match=message):
        Transport(**arguments)

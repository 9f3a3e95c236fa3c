"""Does the count of a trial see what is lost and doubled, and does the verdict say no more?"""

import json
from collections import Counter
from pathlib import Path

import pytest

from infra.chaos.__main__ import kept, report, seeds_of, verdict
from infra.chaos.faults import FAULTS
from infra.chaos.load import Places
from infra.chaos.trial import Outcome, difference
from jobs.errors import LakeproofError

DUE = Places(Counter({"o-1": 2, "o-2": 1, "o-3": 1}), Counter(["o-1", "o-2"]), Counter(["o-3"]))
ALL = ["o-1", "o-1", "o-2", "o-3"]
GOOD, REFUSED = ["o-1", "o-2"], ["o-3"]


@pytest.mark.parametrize(
    ("bronze", "silver", "quarantine", "allowed", "found"),
    [
        (ALL, GOOD, REFUSED, 0, (0, 0)),
        (ALL[1:], GOOD, REFUSED, 0, (1, 0)),
        (ALL, GOOD[:1], REFUSED, 0, (1, 0)),
        (ALL, GOOD, [], 0, (1, 0)),
        ([*ALL, "o-1"], GOOD, REFUSED, 0, (0, 1)),
        (ALL, [*GOOD, "o-1"], REFUSED, 0, (0, 1)),
        (ALL, GOOD, [*REFUSED, "o-3"], 0, (0, 1)),
        (ALL, [*GOOD, "o-3"], REFUSED, 0, (0, 1)),
        (ALL, GOOD[:1], [*REFUSED, "o-2"], 0, (1, 1)),
        (ALL[:2], GOOD[:1], REFUSED, 0, (2, 0)),
        (ALL[:3], GOOD, [], 1, (0, 0)),
        (ALL[:2], GOOD[:1], [], 1, (1, 0)),
    ],
)
def test_what_is_lost_and_doubled_is_counted_and_what_kafka_refused_is_not(
    bronze: list[str],
    silver: list[str],
    quarantine: list[str],
    allowed: int,
    found: tuple[int, int],
) -> None:
    there = Places(Counter(bronze), Counter(silver), Counter(quarantine))
    assert difference(DUE, there, allowed) == found


def test_faults_can_be_asked_for_in_a_list_with_commas() -> None:
    assert not [name for name in FAULTS if "," in name]


def test_no_loss_in_n_trials_is_a_bound_of_three_in_n() -> None:
    outcomes = [Outcome("spark killed", seed, 100, 0, 0, seed) for seed in range(1, 31)]
    said = verdict(outcomes)
    assert "30 trials, 3,000 orders: 0 lost, 0 doubled" in said
    assert "fewer than 10.0%" in said
    assert "30.0 s at most (spark killed, seed 30)" in said


def test_so_few_trials_that_the_bound_would_be_all_of_them_have_none() -> None:
    said = verdict([Outcome("a", seed, 100, 0, 0, 1) for seed in range(3)])
    assert "0 lost" in said
    assert "%" not in said


def test_one_loss_is_not_talked_away() -> None:
    outcomes = [Outcome("a", 1, 100, 0, 0, 1), Outcome("b", 2, 100, 1, 0, 1)]
    assert "1 of 2 trials lost or doubled" in verdict(outcomes)
    assert "confidence" not in verdict(outcomes)


def test_a_run_keeps_what_others_found_and_all_faults_from_the_first_seed_begin_anew(
    tmp_path: Path,
) -> None:
    path = tmp_path / "chaos.json"
    assert kept(path, range(2, 3), "ab") == []
    one, two, other = outcomes = [
        Outcome("a", 1, 100, 0, 0, 1.5),
        Outcome("a", 2, 100, 1, 0, 1),
        Outcome("b", 2, 100, 0, 0, 1),
    ]
    path.write_text(json.dumps(report(outcomes)))
    assert kept(path, range(3, 5), "ab") == outcomes
    assert kept(path, range(2, 5), "ab") == [one]
    assert kept(path, range(2, 3), "b") == [one, two]
    assert kept(path, range(2, 3), "a") == [one, other]
    assert kept(path, range(1, 2), "a") == [two, other]
    assert kept(path, range(1, 2), FAULTS) == []


def test_seeds_are_the_first_so_many_or_from_one_to_another() -> None:
    assert [list(seeds_of(asked)) for asked in ("2", "4-6")] == [[1, 2], [4, 5, 6]]


@pytest.mark.parametrize("asked", ["0", "-1", "6-4", "0-3", "three", "1-2-3"])
def test_seeds_that_are_none_are_refused(asked: str) -> None:
    with pytest.raises(LakeproofError, match=f"SEEDS={asked}"):
        seeds_of(asked)

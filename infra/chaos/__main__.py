"""`make chaos SEEDS=10`: every fault, that many times at other moments, on an instance of its own.

FAULTS="spark killed,kafka frozen" takes some of them. Each trial is written to docs/chaos.json when
it ends. All faults from seed 1 begin the file anew; else what it has of other trials stays in it.
So SEEDS=4-10 goes on after 1 to 3, and FAULTS="..." SEEDS=4-4 with what a broken seed has left.
"""

import json
import os
import re
import sys
from collections.abc import Collection
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from infra.chaos.faults import FAULTS
from infra.chaos.trial import Outcome, trial, warm_up
from infra.machine import machine
from infra.native.down import reset
from infra.native.instance import load
from infra.native.signs import Signs
from infra.native.up import up
from infra.native.watch import healthy
from jobs.errors import LakeproofError
from jobs.settings import ROOT, load_settings
from jobs.stream import control
from jobs.verify import verify

INSTANCE = "chaos"
RESULT = ROOT / "docs" / "chaos.json"
USUAL_SEEDS = "3"
MART = "gold.revenue_per_minute"
HEADER = f"{'fault':<44}{'seed':>5}{'acked':>8}{'lost':>6}{'doubled':>9}{'recovery':>10}"


def main() -> int:
    """0 if no trial lost or doubled an order, and the mart is right to the cent in the end.

    Raises: LakeproofError if the platform does not come back from a fault.
    """
    chosen = [name.strip() for name in os.environ.get("FAULTS", "").split(",") if name.strip()]
    if unknown := set(chosen) - FAULTS.keys():
        raise LakeproofError(
            f"no fault {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}"
        )
    seeds = seeds_of(os.environ.get("SEEDS") or USUAL_SEEDS)
    outcomes = kept(RESULT, seeds, chosen or list(FAULTS))
    reset(INSTANCE)  # orders of an earlier run would count as doubled
    up(INSTANCE)
    settings, instance = load_settings(), load(INSTANCE)
    control.want(settings, "running", work=Signs(instance, "stream", "spark"))
    print("warming up ...", flush=True)
    warm_up(instance, settings)
    print(f"\n{HEADER}", flush=True)
    for seed in seeds:
        for fault in chosen or FAULTS:
            outcomes.append(trial(fault, seed, instance, settings))
            print(line(outcomes[-1]), flush=True)
            RESULT.write_text(json.dumps(report(outcomes), indent=1) + "\n")
            for _ in healthy(instance, settings):  # the next fault strikes a whole platform
                pass
    print(f"\n{verdict(outcomes)}\nwritten to {RESULT.relative_to(ROOT)}")
    [mart] = verify(settings, [MART])
    print(f"computed again from silver by another engine:\n{mart.line()}")
    reset(INSTANCE)
    is_balanced = all(outcome.is_balanced for outcome in outcomes)
    return 0 if is_balanced and not mart.differences else 1


def seeds_of(asked: str) -> range:
    """The seeds from 1 to a number, or from one to another.

    Raises: LakeproofError if it says neither.
    """
    found = re.fullmatch(r"(?:([1-9]\d*)-)?([1-9]\d*)", asked)
    seeds = range(int(found[1] or 1), int(found[2]) + 1) if found else range(0)
    if not seeds:
        raise LakeproofError(f"SEEDS={asked} is no number of seeds, and no range like 4-10")
    return seeds


def kept(path: Path, seeds: range, faults: Collection[str]) -> list[Outcome]:
    """The trials of a report beside which these are made; none if all from seed 1 begin it anew."""
    if (seeds[0] == 1 and set(FAULTS) <= set(faults)) or not path.exists():
        return []
    found = [Outcome(**trial) for trial in json.loads(path.read_text())["trials"]]
    return [done for done in found if done.seed not in seeds or done.fault not in faults]


def line(done: Outcome) -> str:
    """A trial in a line for people."""
    return (
        f"{done.fault:<44}{done.seed:>5}{done.acked:>8,}{done.lost:>6}{done.doubled:>9}"
        f"{done.recovery_seconds:>8.1f} s"
    )


def verdict(outcomes: list[Outcome]) -> str:
    """What so many trials show, and no more: the rule of three bounds what was not seen."""
    bad = [outcome for outcome in outcomes if not outcome.is_balanced]
    slowest = max(outcomes, key=lambda outcome: outcome.recovery_seconds)
    times = f"recovery {median(o.recovery_seconds for o in outcomes):.1f} s in the middle, "
    times += f"{slowest.recovery_seconds:.1f} s at most ({slowest.fault}, seed {slowest.seed})"
    acked = sum(outcome.acked for outcome in outcomes)
    if bad:
        return f"{len(bad)} of {len(outcomes)} trials lost or doubled orders; {times}"
    found = f"{len(outcomes)} trials, {acked:,} orders: 0 lost, 0 doubled; {times}"
    if (bound := 3 / len(outcomes)) >= 1:
        return f"{found}\nso few trials bound nothing"
    return f"{found}\nwith 95 % confidence fewer than {bound:.1%} of such faults lose or double any"


def report(outcomes: list[Outcome]) -> dict[str, object]:
    """The trials as they are kept, with the machine they ran on."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "verdict": verdict(outcomes),
        "trials": [asdict(outcome) for outcome in outcomes],
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LakeproofError as error:
        sys.exit(f"error: {error}")

"""`make test`: style, types and every test, on an instance of its own that is gone afterwards.

KEEP=1 leaves the instance. PROOFS=selected leaves out proofs that nothing new touches, and says
which: for CI alone.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from answers.book import load_answers
from tests.conftest import LEFT_OUT
from tests.selection import left_out, newest_change

PYTHON = [sys.executable, "-m"]
PYTEST = [*PYTHON, "pytest", "--durations=20"]
# A file to a worker, in the order of `tests/conftest.py`: the longest first.
WORKERS = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
INSTANCE = {"INSTANCE": "test"}
FRESH = [[*PYTHON, "infra.native", each] for each in ("reset", "up", "complete")]
LINT = ["make", "--no-print-directory", "lint"]
# These are all run, whatever becomes of the first.
SHARED = [*PYTEST, *WORKERS, "-m", "integration and not alone and not apart"]
ALONE = [*PYTEST, "-m", "integration and alone"]
# One after the other beside the lone ones, which leave a third of the processors idle.
BESIDE = {
    "tests with services of their own": [*PYTEST, "-m", "integration and apart"],
    "tests without services": [*PYTEST, "-m", "not integration"],
}


def main() -> int:
    """The exit code: 0 if all passed. How long each part took is printed."""
    taken: dict[str, float] = {}
    out = _left_out() if os.environ.get("PROOFS") == "selected" else []
    os.environ[LEFT_OUT] = " ".join(out)
    try:
        with _quietly({"style and types": LINT}) as linted:
            passed = _part("a fresh instance", FRESH, taken)
        passed &= linted()
        if passed:
            passed = _part("tests that share the platform", [SHARED], taken)
            passed &= _alone_and_beside(taken)
    finally:
        if not os.environ.get("KEEP"):
            _part("its end", [[*PYTHON, "infra.native", "reset"]], taken)
    for name, seconds in taken.items():
        print(f"{name:<36}{seconds / 60:6.1f} min")
    print(f"{'in all':<36}{sum(taken.values()) / 60:6.1f} min")
    if out:
        print(f"Not run, for nothing new touches them: the proofs of {', '.join(out)}.")
    sys.stdout.flush()
    return 0 if passed else 1


def _left_out() -> list[str]:
    if change := newest_change():
        return left_out(load_answers().values(), change)
    print("Git tells no history here: all proofs run.", flush=True)
    return []


def _alone_and_beside(taken: dict[str, float]) -> bool:
    """Whether both passed."""
    with _quietly(BESIDE) as beside:
        passed = _part("tests that want it for themselves", [ALONE], taken)
    return beside() and passed


@contextmanager
def _quietly(commands: dict[str, list[str]]) -> Iterator[Callable[[], bool]]:
    """A block beside which the commands run, one after the other; afterwards whether all passed.

    What they print is shown when both have ended.
    """
    passed: list[bool] = []

    def run_all() -> None:
        for command in commands.values():
            ended = subprocess.run(
                command, env=os.environ | INSTANCE, stdout=output, stderr=subprocess.STDOUT
            )
            passed.append(ended.returncode == 0)

    with tempfile.TemporaryFile("w+") as output:
        thread = Thread(target=run_all)
        thread.start()
        try:
            yield lambda: len(passed) == len(commands) and all(passed)
        finally:
            thread.join()
            output.seek(0)
            print(f"\n== meanwhile, {' and '.join(commands)}\n{output.read()}", flush=True)


def _part(name: str, commands: list[list[str]], taken: dict[str, float]) -> bool:
    """Whether each command ended well; the first that does not is the last."""
    started = time.monotonic()
    print(f"\n== {name}", flush=True)
    try:
        return all(subprocess.run(c, env=os.environ | INSTANCE).returncode == 0 for c in commands)
    finally:
        taken[name] = time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())

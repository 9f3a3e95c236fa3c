"""`make test`: every test, on an instance of its own that is gone afterwards; KEEP=1 leaves it."""

import os
import subprocess
import sys
import time

PYTHON = [sys.executable, "-m"]
PYTEST = [*PYTHON, "pytest", "--durations=20"]
# A file to a worker, in the order of `tests/conftest.py`: the longest first.
TWO_WORKERS = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
INSTANCE = {"INSTANCE": "test"}
PLATFORM = {
    "a fresh instance": [[*PYTHON, "infra.native", each] for each in ("reset", "up", "complete")],
    "tests without services": [[*PYTEST, "-m", "not integration", "-n", "auto"]],
}
# Both are run, whatever becomes of the first.
INTEGRATION = {
    "tests that share the platform": [[*PYTEST, *TWO_WORKERS, "-m", "integration and not alone"]],
    "tests that want it for themselves": [[*PYTEST, "-m", "integration and alone"]],
}


def main() -> int:
    """The exit code: 0 if all passed. How long each part took is printed."""
    taken: dict[str, float] = {}
    try:
        passed = all(_part(name, PLATFORM[name], taken) for name in PLATFORM)
        if passed:
            passed = False not in [_part(name, INTEGRATION[name], taken) for name in INTEGRATION]
    finally:
        if not os.environ.get("KEEP"):
            _part("its end", [[*PYTHON, "infra.native", "reset"]], taken)
    for name, seconds in taken.items():
        print(f"{name:<36}{seconds / 60:6.1f} min")
    print(f"{'in all':<36}{sum(taken.values()) / 60:6.1f} min", flush=True)
    return 0 if passed else 1


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

"""`python -m infra.audit`: a verdict on each part of the supply chain; `jars` renews the sums."""

import sys
from collections.abc import Callable, Iterator

from infra.audit import jars, leaks, licences, lock, modules, sbom, vulnerabilities
from infra.audit.verdict import Verdict, exit_code, table
from jobs.errors import LakeproofError

CHECKS: tuple[Callable[[], list[Verdict]], ...] = (
    lambda: [lock.verdict()],
    jars.verdicts,
    lambda: [modules.verdict()],
    lambda: [sbom.verdict()],
    vulnerabilities.verdicts,
    leaks.verdicts,
    licences.verdicts,
)


def main(arguments: list[str]) -> int:
    """The exit code: 1 if a check failed, 2 if the command is none, else 0."""
    try:
        if arguments == ["jars"]:
            for path in [*jars.refresh(), modules.refresh()]:
                print(f"written     {path}")
            return 0
        if arguments:
            print(f"There is no command {' '.join(arguments)!r}; there is jars, or none at all.")
            return 2
        return exit_code(list(_said()))
    except LakeproofError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def _said() -> Iterator[Verdict]:
    for check in CHECKS:
        for verdict in check():
            print(table([verdict]), flush=True)
            yield verdict


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m infra.native.launch <service>`: install its part, prepare the service, become it."""

import importlib
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import NoReturn, cast

from infra.native import instance
from infra.native.command import Command
from infra.native.download import InstallFailed, install
from infra.native.install import missing, part_of
from infra.native.instance import Instance
from infra.native.services import NAMES
from jobs.errors import LakeproofError

Launcher = Callable[[Instance], Command]
# The supervisor does not start again what ends so: tried at once, it would fail as it just did.
NOT_INSTALLED = 78
POLL_SECONDS = 1


def main(service: str) -> NoReturn:
    """Become the service of the current instance, or end with what is wrong as the last line."""
    try:
        current = instance.load(instance.current_name())
        become = launcher(service)
        _install_part_of(service)
        command = become(current)
    except InstallFailed as failure:
        print(f"{service}: {failure}", file=sys.stderr)
        sys.exit(NOT_INSTALLED)
    except LakeproofError as error:
        sys.exit(f"{service}: {error}")
    command.run_instead_of_this(current.environment())


def _install_part_of(service: str) -> None:
    """Nothing; what the service needs is there, and how it came is in the service's log.

    Raises: InstallFailed with the last lines of the tool.
    """
    if part := part_of(service):
        if part.late:
            print(f"{service}: first comes what the demo needs ...", flush=True)
            _give_way()
        print(f"{service}: installing {part.what} ...", flush=True)
        install(part, partial(print, flush=True))


def _give_way() -> None:
    """Nothing, once all is there that the demo needs, or has failed.

    To step back is not enough: Linux shares the processors between sessions first, and what `make`
    began with is not of the supervisor's.
    """
    while any(not part.late and not part.failure for part in missing()):
        time.sleep(POLL_SECONDS)


def launcher(service: str) -> Launcher:
    """The function that prepares a service; Airflow's four share a module, and the brokers do.

    Raises: SystemExit if there is no such service.
    """
    if service not in NAMES:
        sys.exit(f"There is no service {service!r}; there are {', '.join(NAMES)}.")
    family, _, component = service.partition("-")
    module = importlib.import_module(f"infra.{family}.native")
    if component:
        return lambda current: cast(Command, module.component(current, component))
    return cast(Launcher, module.command)


if __name__ == "__main__":
    main(sys.argv[1])

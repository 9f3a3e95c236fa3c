"""`python -m infra.native.launch <service>`: prepare the service, then become it."""

import importlib
import sys
from collections.abc import Callable
from typing import NoReturn, cast

from infra.native import instance
from infra.native.command import Command
from infra.native.instance import Instance
from infra.native.services import NAMES
from jobs.errors import LakeproofError

Launcher = Callable[[Instance], Command]


def main(service: str) -> NoReturn:
    """Become the service of the current instance, or end with what is wrong as the last line."""
    try:
        current = instance.load(instance.current_name())
        command = launcher(service)(current)
    except LakeproofError as error:
        sys.exit(f"{service}: {error}")
    command.run_instead_of_this(current.environment())


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

"""`python -m infra.native <command>`: the native runtime, as the Makefile calls it.

RUNTIME=docker hands the command to the containers.
"""

import os
import sys
from collections.abc import Callable, Mapping

from infra.docker import runtime, stack
from infra.native import instance, logs, status
from infra.native.down import down, reset
from infra.native.up import complete, up
from jobs.errors import LakeproofError


def show_status(name: str) -> None:
    """Print what runs."""
    print(status.table(status.rows(instance.load(name))))


def show_logs(name: str) -> None:
    """Print the logs of the service S, or of all; FOLLOW=1 goes on."""
    service, follow = os.environ.get("S", ""), bool(os.environ.get("FOLLOW"))
    logs.show(instance.load(name), service, follow)


COMMANDS: Mapping[str, Callable[[str], None]] = {
    "up": up, "complete": complete, "down": down, "reset": reset,
    "status": show_status, "logs": show_logs,
}  # fmt: skip


def main(command: str) -> int:
    """The exit code: 0 if the command did what it says, 1 with a message if not."""
    try:
        name = instance.current_name()
        wanted = os.environ.get("RUNTIME", "")
        is_docker = runtime.chosen(wanted, runtime.engine_answers) == "docker"
        commands = stack.COMMANDS if is_docker else COMMANDS
        if command not in commands:
            print(f"There is no command {command!r}; there are {', '.join(commands)}.")
            return 2
        commands[command](name)
    except LakeproofError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted: `make up` goes on from here, `make down` stops.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

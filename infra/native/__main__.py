"""`python -m infra.native <command>`: the native runtime, as the Makefile calls it."""

import os
import sys

from infra.native import instance, logs, status
from infra.native.down import down, reset
from infra.native.up import up
from jobs.errors import LakeproofError

COMMANDS = {"up": up, "down": down, "reset": reset}


def main(command: str) -> int:
    """The exit code: 0 if the command did what it says, 1 with a message if not."""
    try:
        name = instance.current_name()
        if command in COMMANDS:
            COMMANDS[command](name)
        elif command == "status":
            print(status.table(status.rows(instance.load(name))))
        elif command == "logs":
            service, follow = os.environ.get("S", ""), bool(os.environ.get("FOLLOW"))
            logs.show(instance.load(name), service, follow)
        else:
            print(f"There is no command {command!r}; there are up, down, reset, status, logs.")
            return 2
    except LakeproofError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted: `make up` goes on from here, `make down` stops.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

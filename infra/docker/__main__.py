"""`python -m infra.docker up|down|status|logs|reset`, or `... run <module> [arguments]`."""

import sys

from infra.docker import runtime, stack
from infra.native import instance
from jobs.errors import LakeproofError


def main(command: str, *arguments: str) -> int:
    """The exit code: 0 if the command did what it says, 1 with a message if not."""
    try:
        runtime.chosen("docker", runtime.engine_answers)
        name = instance.current_name()
        if command == "run" and arguments:
            stack.run(name, *arguments)
        elif command in stack.COMMANDS:
            stack.COMMANDS[command](name)
        else:
            print(f"There is no command {command!r}; there are {', '.join(stack.COMMANDS)}, run.")
            return 2
    except LakeproofError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["status"])))

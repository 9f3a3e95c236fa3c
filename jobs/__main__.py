"""`python -m jobs [<table>...]`: bring tables (all, in order) up to date and serve the marts."""

import sys

from jobs.errors import LakeproofError
from jobs.settings import load_settings
from jobs.specs import load_specs


def main(tables: list[str]) -> None:
    """Nothing; each table is up to date and said so in a line.

    Raises: SystemExit with a sentence when a run failed.
    """
    from jobs.together import bring_up_to_date

    try:
        for done in bring_up_to_date(tables or load_specs(), load_settings()):
            print(done.record.summary(), f"{done.seconds:.1f} s", flush=True)
            if done.served:
                print(done.served.summary(), flush=True)
    except LakeproofError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""`python -m jobs [<table>...]`: bring tables (all, in order) up to date and serve the marts."""

import sys
import time

from jobs.errors import LakeproofError
from jobs.settings import load_settings
from jobs.specs import find_spec, load_specs


def main(tables: list[str]) -> None:
    """Nothing; each table is up to date and said so in a line.

    Raises: SystemExit with a sentence when a run failed.
    """
    from jobs.run import run
    from jobs.serve import serve

    settings = load_settings()
    try:
        for table in tables or load_specs():
            started = time.monotonic()
            print(run(table, settings).summary(), f"{time.monotonic() - started:.1f} s", flush=True)
            if find_spec(table).serve:
                print(serve(table, settings).summary(), flush=True)
    except LakeproofError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""`make backfill FROM=2026-01-05 TO=2026-01-11`: past days computed again, by DAG `backfill`."""

import argparse
import sys
from datetime import UTC, date, datetime

from infra.airflow.client import Airflow
from jobs.errors import LakeproofError
from jobs.settings import load_settings

DAG = "backfill"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-01-05") from None


def main(arguments: list[str]) -> None:
    """The days from the first to the last are computed again; a line for each says how it ended.

    The DAG is left as it was, paused or not.
    Raises: SystemExit with a sentence if it cannot begin, 1 if a day failed.
    """
    parser = argparse.ArgumentParser(prog="make backfill", description=main.__doc__)
    parser.add_argument("first", type=_day, help="FROM=")
    parser.add_argument("last", type=_day, nargs="?", help="TO=; without, that one day")
    asked = parser.parse_args(arguments)
    last = asked.last or asked.first
    if last < asked.first:
        sys.exit(f"error: TO={last} is before FROM={asked.first}")
    try:
        airflow, began = Airflow(load_settings()), datetime.now(UTC)
        with airflow.unpaused(DAG):
            number = airflow.backfill(DAG, asked.first, last, {})
            print(f"backfill {number}: {asked.first} to {last}", flush=True)
            airflow.await_backfill(number)
        states = airflow.backfilled(DAG, began)
    except LakeproofError as error:
        sys.exit(f"error: {error}")
    for day, state in sorted(states.items()):
        print(f"   {day}  {state}")
    failed = [day for day, state in states.items() if state != "success"]
    if failed:
        sys.exit(
            f"{len(failed)} of {len(states)} days failed; Airflow's page of DAG {DAG} says why"
        )
    print("Every mart that changed is served again; `make verify` compares them.")


if __name__ == "__main__":
    main(sys.argv[1:])

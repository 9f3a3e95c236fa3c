"""`python -m quality.quarantine`: what was refused and why, and what is done about it.

list [<table>...]                          refused records by table, reason and state
show <table> [--reason R] [--id N...]      their raw bytes, printed safely
fix <table> --id N --value TEXT            send a corrected record through the source's own door
release <table> [--reason R] [--id N...]   judge them again, because a rule was mended
replay [<table>...]                        judge again all that is open
"""

import argparse
import sys
from collections.abc import Iterator

from pyspark.sql import functions as F

from jobs.errors import LakeproofError
from jobs.session import spark
from jobs.settings import Settings, load_settings
from jobs.specs import find_spec, load_specs
from quality.actions import refused_records
from quality.doors import fix
from quality.release import Picked, Released, pick, release

MOST_CHARACTERS = 2000
OPEN = "open"


def raw_inputs_of(tables: list[str]) -> list[str]:
    """The tables that refuse raw records: all, or the given ones if they do.

    Raises: SpecError for an unknown table.
    """
    specs = [find_spec(table) for table in tables] or list(load_specs().values())
    return [spec.name for spec in specs if spec.raw_inputs or tables]


def listed(settings: Settings, tables: list[str]) -> Iterator[tuple[str, str, str, int]]:
    """(table, reason, state, records), a record counting under each of its reasons."""
    session = spark(settings)
    for table in raw_inputs_of(tables):
        rows = refused_records(session, settings, table).select(
            F.explode("reasons").alias("reason"), F.coalesce("action", F.lit(OPEN)).alias("state")
        )
        for row in rows.groupBy("reason", "state").count().orderBy("reason", "state").collect():
            yield table, row["reason"], row["state"], row["count"]


def shown(settings: Settings, picked: Picked, limit: int) -> Iterator[str]:
    """A paragraph for each picked record: id, place, reasons, state, raw bytes."""
    rows = pick(spark(settings), settings, picked).orderBy("source").limit(limit)
    for row in rows.collect():
        state = " ".join(part for part in (row["action"] or OPEN, row["note"]) if part)
        raw = None if row["raw"] is None else bytes(row["raw"])
        yield f"{row['record_id']}  {row['source']}  {', '.join(row['reasons'])}  ({state})"
        yield f"    {printable(raw)}"


def printable(raw: bytes | None) -> str:
    """Bytes as text that no terminal obeys: what cannot be printed is escaped, length is cut."""
    if raw is None:
        return "no value"
    text = raw.decode("utf-8", "backslashreplace")
    cut = text[:MOST_CHARACTERS]
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return safe if len(text) == len(cut) else f"{safe}... ({len(raw):,} bytes)"


def replay(settings: Settings, tables: list[str]) -> Iterator[Released]:
    """What became of all open records of the tables; doing it again changes nothing."""
    for table in raw_inputs_of(tables):
        done = release(settings, Picked(table))
        if done != Released(table):
            yield done


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m quality.quarantine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("list", "replay"):
        commands.add_parser(name).add_argument("tables", nargs="*")
    for name in ("show", "release"):
        command = commands.add_parser(name)
        command.add_argument("table")
        command.add_argument("--reason", default="")
        command.add_argument("--id", type=int, nargs="*", default=[])
        if name == "show":
            command.add_argument("--limit", type=int, default=10)
    command = commands.add_parser("fix")
    command.add_argument("table")
    command.add_argument("--id", type=int, required=True)
    command.add_argument("--value", required=True)
    return parser.parse_args(words)


def _lines(settings: Settings, given: argparse.Namespace) -> Iterator[str]:
    if given.command == "list":
        for table, reason, state, count in listed(settings, given.tables):
            yield f"{table:<24} {reason:<32} {state:<10} {count:>10,}"
    elif given.command == "show":
        picked = Picked(given.table, given.reason, tuple(given.id))
        yield from shown(settings, picked, given.limit)
    elif given.command == "fix":
        place = fix(settings, given.table, given.id, given.value.encode())
        yield f"sent as {place}; run {', '.join(find_spec(given.table).raw_inputs)} to take it in"
    elif given.command == "release":
        yield release(settings, Picked(given.table, given.reason, tuple(given.id))).summary()
    else:
        yield from (done.summary() for done in replay(settings, given.tables))


def main(words: list[str]) -> None:
    """Nothing; the command was carried out and what it found printed.

    Raises: SystemExit with a sentence when it could not be.
    """
    given = _arguments(words)
    try:
        said = False
        for line in _lines(load_settings(), given):
            print(line, flush=True)
            said = True
        if not said:
            print("nothing in quarantine")
    except LakeproofError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""`python -m quality [<table>...]`: judge the tables as they stand, and print their scores.

  python -m quality                    every table that was run
  python -m quality silver.orders      one of them
  python -m quality docs               write Great Expectations' Data Docs of the last pass

Ends with status 1 if a critical rule failed; a warning is printed and leaves the status at 0.
"""

import argparse
import sys

from jobs.errors import LakeproofError
from jobs.session import spark
from jobs.settings import Settings, load_settings
from jobs.specs import find_spec, load_specs
from quality.passes import CRITICAL, Pass, judge_tables, store_scores
from quality.scores import critical_columns, table_of, uncovered


def main(words: list[str]) -> None:
    """Nothing; the pass was made, or its pages written, and what it found printed.

    Raises: SystemExit with a sentence when it could not be, or when a critical rule failed.
    """
    how = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="quality", description=__doc__, formatter_class=how)
    parser.add_argument("tables", nargs="*", metavar="table", help="or docs; none: every table")
    words = parser.parse_args(words).tables
    settings = load_settings()
    try:
        if words == ["docs"]:
            from quality.docs import build

            print(build(settings))
            return
        tables = [find_spec(word).name for word in words] or list(load_specs())
        judged = judge_tables(settings, tables)
        _report(settings, judged)
    except LakeproofError as error:
        sys.exit(f"error: {error}")
    if any(failure.severity == CRITICAL for failure in judged.failures):
        sys.exit("error: a critical rule failed")


def _report(settings: Settings, judged: Pass) -> None:
    found = store_scores(spark(settings), settings, judged.tables)
    for line in table_of(score for score in found if score.day == judged.at.date()):
        print(line)
    for failure in judged.failures:
        print(f"{failure.severity}: {failure.text}")
    if judged.never_run:
        print(f"never run, so not judged: {', '.join(judged.never_run)}")
    specs = [spec for spec in map(find_spec, judged.tables) if spec.layer != "bronze"]
    critical = sum(len(critical_columns(spec)) for spec in specs)
    open_ = [f"{spec.name}.{column}" for spec in specs for column in uncovered(spec)]
    named = f": {', '.join(open_)}" if open_ else ""
    print(
        f"critical columns guarded by a blocking rule: {critical - len(open_)} of {critical}{named}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])

"""Great Expectations' Data Docs of the last pass: a page per table with every rule's verdict.

Built beside the runs: the expectations judge the numbers that the pass has stored, a row of them
per table, so that no data is read again. The index is ours: Great Expectations' own is empty
without the internet, from where it takes the script that fills it.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jobs.errors import LakeproofError
from jobs.session import spark
from jobs.settings import Settings, state_dir
from jobs.specs import load_specs
from quality.results import DAY_ROWS, Result, read

SITE = "data_docs"
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=True
)


@dataclass(frozen=True)
class Judged:
    """A table of the index: how many rules judged it, how many it broke, and the page about it."""

    name: str
    day: date
    rules: int
    broken: int
    page: Path


def build(settings: Settings) -> Path:
    """The index page of a site that shows the newest result of every rule of every table judged.

    Raises: LakeproofError if no pass was made yet.
    """
    stored = read(spark(settings), settings, load_specs())
    if not stored:
        raise LakeproofError("no quality pass was made yet. Make one: `python -m quality`.")
    return write_site(newest(stored), docs_dir(settings))


def docs_dir(settings: Settings) -> Path:
    """The folder of the site; each namespace has its own."""
    return state_dir(settings.instance) / "data-docs" / (settings.namespace or "default")


def newest(results: Iterable[Result]) -> list[Result]:
    """The last result of each rule, by table; `results` come in the order of their days."""
    last = {(r.table_name, r.kind, r.rule): r for r in results if r.kind != DAY_ROWS}
    return sorted(last.values(), key=lambda result: (result.table_name, result.kind, result.rule))


def write_site(results: Iterable[Result], folder: Path) -> Path:
    """The index page of the site, which holds a suite and its validation for each table.

    `results` come sorted by table. What stood in the folder before is gone.
    """
    shutil.rmtree(folder, ignore_errors=True)
    context = _context(folder)
    source = context.data_sources.add_pandas(name="lake")
    by_table = {
        table: list(own) for table, own in groupby(results, lambda result: result.table_name)
    }
    broken = {table: _validate(context, source, table, own) for table, own in by_table.items()}
    context.build_data_docs(site_names=[SITE])
    judged = [
        Judged(table, _newest_day(own), len(own), broken[table], _page(folder, table))
        for table, own in by_table.items()
    ]
    index = folder / "index.html"
    index.write_text(TEMPLATES.get_template("index.html.jinja").render(tables=judged))
    return index


def _newest_day(results: list[Result]) -> date:
    return max(result.day for result in results)


def _page(folder: Path, table: str) -> Path:
    """The page about the table, as seen from the index."""
    [page] = (folder / "validations").joinpath(*table.split(".")).rglob("*.html")
    return page.relative_to(folder)


def _context(folder: Path) -> Any:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    for name in context.get_site_names():
        context.delete_data_docs_site(name)
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
    index = {"class_name": "DefaultSiteIndexBuilder"}
    site: Any = {"class_name": "SiteBuilder", "store_backend": store, "site_index_builder": index}
    context.add_data_docs_site(site_name=SITE, site_config=site)
    return context


def _validate(context: Any, source: Any, table: str, results: list[Result]) -> int:
    """How many rules are broken; the suite is stored, and what it says of the table's numbers."""
    import great_expectations as gx
    import pandas as pd

    names = {result.rule: result for result in results}
    suite = gx.ExpectationSuite(name=table, expectations=[_expectation(r) for r in names.values()])
    row = pd.DataFrame([{name: result.measured for name, result in names.items()}])
    asset = source.add_dataframe_asset(name=table)
    definition = gx.ValidationDefinition(
        name=table,
        data=asset.add_batch_definition_whole_dataframe("last_pass"),
        suite=context.suites.add(suite),
    )
    day = _newest_day(results).isoformat()
    verdict = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": row}, run_id=gx.RunIdentifier(run_name=day)
    )
    return int(verdict.statistics["unsuccessful_expectations"])


def _expectation(result: Result) -> dict[str, Any]:
    return {
        "type": "expect_column_values_to_be_between",
        "kwargs": {
            "column": result.rule,
            "min_value": result.minimum,
            "max_value": result.maximum,
        },
        "severity": result.severity,
        "meta": {"dimension": result.dimension, "kind": result.kind},
    }

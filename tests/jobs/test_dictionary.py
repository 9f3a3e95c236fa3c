"""The data dictionary says what the specs say."""

from dataclasses import replace

from jobs.dictionary import DICTIONARY, dictionary
from jobs.lineage import stored
from jobs.specs import find_spec, load_specs


def test_the_page_in_docs_is_the_one_the_specs_make() -> None:
    written = DICTIONARY.read_text()
    assert written == dictionary(load_specs()), "docs/dictionary.md is old; `make docs` writes it"


def test_every_column_of_every_table_has_its_line_with_unit_and_meaning() -> None:
    page = dictionary(load_specs())
    for spec in load_specs().values():
        section = page.partition(f"### {spec.name}\n")[2].partition("\n### ")[0]
        for name, column in spec.columns.items():
            line = next(one for one in section.splitlines() if one.startswith(f"| `{name}` |"))
            assert column.about and column.about in line
            assert column.unit in line


def test_a_served_table_leads_to_its_mart_and_a_bronze_table_comes_from_its_source() -> None:
    page = dictionary(load_specs())
    assert "  kafka.orders --> bronze.orders\n" in page
    assert "  gold.daily_revenue --> mart.daily_revenue\n" in page


def test_a_bar_in_a_meaning_does_not_break_the_table() -> None:
    spec = find_spec("silver.orders")
    column = replace(spec.columns["order_id"], about="a|b")
    broken = replace(spec, columns={**spec.columns, "order_id": column})
    assert "| a\\|b |" in dictionary({spec.name: broken})


def _line(table: str, column: str) -> str:
    section = dictionary(load_specs()).partition(f"### {table}\n")[2].partition("\n### ")[0]
    return next(one for one in section.splitlines() if one.startswith(f"| `{column}` |"))


def test_a_column_names_what_it_is_made_of_and_what_it_makes() -> None:
    line = _line("silver.orders", "order_date")
    assert "| bronze.orders.ordered_at | silver.order_items.order_date, " in line
    assert _line("gold.daily_revenue", "units_count").endswith("| mart.daily_revenue.units_count |")


def test_the_lineage_has_every_column_and_names_only_columns_there_are() -> None:
    specs, made_of = load_specs(), stored()
    computed = {spec.name: [*spec.columns] for spec in specs.values() if spec.inputs}
    assert {table: [*columns] for table, columns in made_of.items()} == computed
    known = {f"{spec.name}.{name}" for spec in specs.values() for name in [*spec.columns, "_row"]}
    named = {one for columns in made_of.values() for origins in columns.values() for one in origins}
    assert named <= known

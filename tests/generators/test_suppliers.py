"""The suppliers' price lists: every kind of drift comes, and each as its name says."""

import csv
from datetime import date, timedelta
from io import StringIO

from generators.landing import LandingFile, files
from generators.suppliers import COLUMNS, DRIFT_WEIGHTS, PriceList, price_lists

DAY = date(2026, 1, 5)
DAYS = [DAY + timedelta(days=offset) for offset in range(60)]


def table(found: PriceList, separator: str = ",") -> list[dict[str, str]]:
    text = b"\n".join([found.header, *found.rows]).decode()
    return list(csv.DictReader(StringIO(text), delimiter=separator, strict=True))


def of_drift(drift: str) -> PriceList:
    lists = (found for day in DAYS for found in price_lists(day, 7))
    return next(found for found in lists if found.drift == drift)


def test_every_product_is_on_one_list_of_a_day() -> None:
    usual = [found for day in DAYS for found in price_lists(day, 7) if found.drift == "usual"]
    assert {len(table(found)) for found in usual} == {50}
    products = [row["product_id"] for found in usual[:1] for row in table(found)]
    assert len(set(products)) == 50


def test_every_kind_of_drift_comes_within_two_months() -> None:
    assert {found.drift for day in DAYS for found in price_lists(day, 7)} == set(DRIFT_WEIGHTS)


def test_another_order_and_one_more_column_keep_every_column_of_the_contract() -> None:
    for drift in ("usual", "other_order", "one_more"):
        for row in table(of_drift(drift)):
            assert row["supplier_id"].startswith("sup-")
            assert row["product_id"].startswith("prd-")
            assert int(row["price_cents"]) > 0
            assert (row["currency"], len(row["valid_from"])) == ("EUR", 10)
    assert of_drift("other_order").header != of_drift("usual").header
    assert "pack_units" in table(of_drift("one_more"))[0]


def test_a_renamed_column_is_missing_under_its_old_name() -> None:
    names = set(table(of_drift("renamed"))[0])
    assert set(COLUMNS) - names == {"price_cents"}
    assert names - set(COLUMNS) == {"unit_price"}


def test_a_list_with_semicolons_is_one_column_to_who_expects_commas() -> None:
    found = of_drift("semicolons")
    assert len(table(found)[0]) == 1
    assert set(table(found, ";")[0]) == set(COLUMNS)


def test_a_file_says_whether_it_has_the_columns_of_the_contract() -> None:
    landed: list[LandingFile] = [file for day in DAYS for file in files(day, 7)]
    for file in landed:
        if file.source == "supplier_prices":
            assert file.is_readable == (set(COLUMNS) <= set(file.header.decode().split(",")))
        else:
            assert file.is_readable


def test_lists_depend_on_day_and_seed_only() -> None:
    assert price_lists(DAY, 7) == price_lists(DAY, 7)
    assert price_lists(DAY, 7) != price_lists(DAY, 8)
    assert price_lists(DAY, 7) != price_lists(DAYS[1], 7)

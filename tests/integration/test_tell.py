"""People hear of a row that they wait for when it comes, and not again while it stays."""

from typing import Any

import pytest

from jobs.alert import alerts
from jobs.run import run
from jobs.settings import Settings
from tests.integration.lake import land_lines

pytestmark = pytest.mark.integration

MART = "gold.inventory_position"
AT = "2026-01-05T10:00:00.000Z"


def stocked(product_id: str) -> dict[str, Any]:
    return {
        "operation": "upsert",
        "product_id": product_id,
        "reorder_point_units": 5,
        "lead_time_days": 7,
        "updated_at": AT,
    }


def moved(movement_id: str, product_id: str, units: int) -> dict[str, Any]:
    return {
        "operation": "upsert",
        "movement_id": movement_id,
        "product_id": product_id,
        "kind": "adjustment",
        "units": units,
        "moved_at": AT,
        "updated_at": AT,
    }


def told_after(settings: Settings, file: str, *movements: dict[str, Any]) -> list[tuple[str, str]]:
    """Titles and details of what people heard of the mart's run after these movements."""
    before = max((one["number"] for one in alerts(settings)), default=0)
    land_lines(settings, "bronze.shop_inventory_movements", file, movements)
    run("silver.inventory_movements", settings)
    run(MART, settings)
    heard = [one for one in alerts(settings, before) if one["source"] == MART]
    return [(one["title"], one["detail"]) for one in heard]


def test_a_product_whose_stock_becomes_low_is_told_once(namespace_settings: Settings) -> None:
    settings = namespace_settings
    land_lines(settings, "bronze.shop_inventory", "i", [stocked("p-1"), stocked("p-2")])
    run("silver.inventory", settings)
    assert told_after(settings, "1", moved("m-1", "p-1", 5), moved("m-2", "p-2", 9)) == []
    assert told_after(settings, "2", moved("m-3", "p-1", -1)) == []
    ((title, detail),) = told_after(settings, "3", moved("m-4", "p-2", -9))
    assert title == f"{MART}: 1 new: products that must be ordered again"
    assert "'p-2'" in detail
    assert "'p-1'" not in detail
    assert told_after(settings, "4", moved("m-5", "p-1", 9)) == []
    ((_, detail),) = told_after(settings, "5", moved("m-6", "p-1", -9))
    assert "'p-1'" in detail

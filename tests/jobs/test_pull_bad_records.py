"""One bad record of an API: pulled like its neighbours, and no watermark follows it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from generators import stubs
from jobs.pull.api import pulled
from jobs.settings import Settings
from jobs.specs import find_spec
from tests.stubs.service import leisurely, rows, serving

UNTRUE_TIMES = {
    "no_number": "yesterday",
    "beyond_all_years": "1" + "0" * 20,
    "in_the_year_2061": 2_900_000_000_000,
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with serving(tmp_path_factory.mktemp("stubs"), leisurely()) as settings:
        yield settings


@pytest.fixture
def settings(service: Settings) -> Settings:
    """A namespace of the test's own."""
    return replace(service, namespace=f"ns_{uuid4().hex[:8]}")


@pytest.mark.parametrize("name", UNTRUE_TIMES)
@pytest.mark.parametrize("campaign", ["cmp-linkedin-99", None], ids=["named", "unnamed"])
def test_one_bad_record_moves_no_watermark(
    name: str, campaign: str | None, settings: Settings
) -> None:
    spec = find_spec("bronze.ads_linkedin")
    stubs.put("linkedin", rows("linkedin", days=5)[:4], settings)
    held = stubs.held("linkedin", settings)
    reached = pulled(spec, settings, None).watermark
    poison = {"lastModifiedAt": UNTRUE_TIMES[name], "pivotValues": [campaign]}
    stubs.put("linkedin", [held[0] | poison], settings)
    answer = pulled(spec, settings, None)
    assert [json.loads(each.line) for each in answer.records] == stubs.held("linkedin", settings)
    assert len({answer.identify(each.line) for each in answer.records}) == 5
    assert answer.watermark == reached

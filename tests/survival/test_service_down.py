"""A service that is down: the job fails soon, names it, and succeeds once it is back."""

from datetime import date

import pytest

from infra.native.health import CHECKS
from jobs.settings import Settings
from tests.conftest import Stopped
from tests.integration.lake import publish_day, run_tables, start_job, upstream

pytestmark = [pytest.mark.integration, pytest.mark.alone]

PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def fed(module_settings: Settings) -> Settings:
    """A namespace with a day gone through and a second one waiting to be ingested."""
    publish_day(module_settings, orders=30)
    run_tables(module_settings, [*upstream("gold.daily_revenue"), "gold.daily_revenue"])
    publish_day(module_settings, date(2026, 1, 6), orders=30)
    return module_settings


def _address(settings: Settings, service: str) -> str:
    return {
        "kafka": settings.kafka_bootstrap_servers,
        "minio": settings.s3_endpoint.partition("//")[2],
        "spark": settings.spark_remote.partition("//")[2],
        "clickhouse": f"{settings.clickhouse_host}:{settings.clickhouse_port}",
    }[service]


# In the order of the pipeline, so that each table has something to do.
@pytest.mark.parametrize(
    ("service", "tables", "says"),
    [
        ("kafka", ["bronze.orders"], "landed"),
        ("minio", ["bronze.fx_rates", "bronze.products", "silver.orders"], "accepted"),
        ("spark", ["silver.fx_rates", "silver.order_items"], "accepted"),
        (
            "clickhouse",
            ["gold.fact_order_items", "gold.daily_revenue"],
            "at version 2",
        ),
    ],
)
def test_a_job_names_the_service_that_is_down_and_succeeds_when_it_is_back(
    fed: Settings, stopped: Stopped, service: str, tables: list[str], says: str
) -> None:
    with stopped(service):
        job = start_job(fed, *tables)
        _, errors = job.communicate(timeout=PATIENCE_SECONDS)
        assert job.returncode == 1
        assert f"{service} at {_address(fed, service)} does not answer" in errors
        assert f"make logs S={service}" in errors
    assert service in CHECKS
    retried = start_job(fed, *tables)
    output, errors = retried.communicate()
    assert retried.returncode == 0, errors
    assert says in output

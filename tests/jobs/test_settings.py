"""Settings: one reading of the environment, and what is missing is named."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from jobs.errors import SettingsError
from jobs.settings import Settings, read_env_file, settings_from

ENVIRONMENT = {
    item.name.upper(): "9" if item.type is int else f"{item.name}-value"
    for item in fields(Settings)
    if item.name not in ("instance", "namespace")
}
SETTINGS = settings_from(ENVIRONMENT)


def test_a_missing_variable_is_named() -> None:
    lacking = {key: value for key, value in ENVIRONMENT.items() if key != "SPARK_REMOTE"}
    with pytest.raises(SettingsError, match=r"lacks SPARK_REMOTE\..*\.env\.example"):
        settings_from(lacking)


def test_secrets_are_not_shown() -> None:
    shown = repr(SETTINGS)
    for secret in ("s3_access_key", "s3_secret_key", "clickhouse_password", "airflow_password"):
        assert f"{secret}-value" not in shown
    assert "postgres_dsn-value" not in shown


def test_a_namespace_is_in_every_name() -> None:
    own = replace(SETTINGS, namespace="ns_1", s3_bucket="lake")
    assert own.table_path("silver.orders") == "s3a://lake/ns_1/silver/orders"
    assert own.object_key("landing/products/") == "ns_1/landing/products/"
    assert own.topic("orders") == "ns_1.orders"
    assert own.database("gold") == "ns_1_gold"


def test_without_a_namespace_names_are_plain() -> None:
    assert SETTINGS.topic("orders") == "orders"
    assert SETTINGS.database("gold") == "gold"


def test_a_line_that_is_no_assignment_is_refused_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# a comment\nS3_BUCKET=lake\nnonsense\n")
    with pytest.raises(SettingsError, match=r"\.env:3 is not KEY=value: 'nonsense'"):
        read_env_file(path)


def test_an_env_file_that_is_not_there_says_who_writes_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="`make up` writes it"):
        read_env_file(tmp_path / ".env")

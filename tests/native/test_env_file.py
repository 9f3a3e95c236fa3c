"""The env file: written once, private, complete, and the only source of ports."""

import stat
from dataclasses import fields
from pathlib import Path

import pytest

from infra.native import keys
from infra.native.creation import (
    load_or_create,
    wanted_brokers,
    wanted_workers,
    with_workers,
)
from infra.native.instance import Instance, current_name, load, write_private
from jobs.errors import SettingsError
from jobs.settings import ROOT, Settings, env_file, settings_from

NOT_IN_ENV_FILE = {"instance", "namespace"}


def test_first_start_writes_every_setting(instance: Instance) -> None:
    settings = settings_from(instance.values)
    written = {spec.name for spec in fields(Settings)} - NOT_IN_ENV_FILE
    assert written <= {key.name.lower() for key in keys.KEYS}
    assert settings.postgres_dsn == instance.values["POSTGRES_DSN"]


def test_env_file_is_private_from_its_first_byte(tree: Path) -> None:
    target = tree / ".env"
    target.write_text("old and open to all")
    target.chmod(0o644)
    write_private(target, "SECRET=1\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in tree.iterdir()] == [".env"]


def test_main_instance_is_beside_the_makefile_and_others_in_their_state(tree: Path) -> None:
    load_or_create("main")
    load_or_create("alpha")
    files = {str(path.relative_to(tree)) for path in tree.rglob(".env")}
    assert files == {".env", ".state/alpha/.env"}


def test_second_start_keeps_the_secrets(instance: Instance) -> None:
    assert load_or_create("alpha").values == instance.values


def test_no_secret_is_used_twice_or_guessable(tree: Path) -> None:
    secrets = [
        instance.values[key.name].removeprefix("lake")
        for instance in (load_or_create("alpha"), load_or_create("beta"))
        for key in keys.KEYS
        if key.value in ("{secret}", "{secret}=", "lake{secret}")
    ]
    assert len(set(secrets)) == len(secrets)
    assert all(len(secret) >= 40 for secret in secrets)


def test_every_instance_has_ports_of_its_own(tree: Path) -> None:
    instances = [load_or_create(name) for name in ("main", "alpha", "beta")]
    ports = [port for instance in instances for port in instance.ports().values()]
    assert len(set(ports)) == len(ports)


def test_port_of_an_example_is_found_in_each_way_of_writing_it() -> None:
    ways = ["8123", "127.0.0.1:8123", "sc://h:8123/;token=x:1", "postgresql://u:7@h:8123/shop"]
    assert [keys.port_of(way) for way in ways] == [8123] * 4


def test_comma_in_a_password_is_no_list(instance: Instance) -> None:
    dsn = "postgresql://postgres:one,two@127.0.0.1:6433/shop"
    write_private(env_file("alpha"), keys.render({**instance.values, "POSTGRES_DSN": dsn}))
    assert load("alpha").ports()["POSTGRES_DSN"] == 6433


def test_unknown_key_is_refused_with_its_line(instance: Instance) -> None:
    path = env_file("alpha")
    path.write_text("# a comment\n" + path.read_text() + "S3_ENDPOIN=http://x:1\n")
    line = len(path.read_text().splitlines())
    with pytest.raises(SettingsError, match=rf"\.env:{line} sets S3_ENDPOIN, which nothing reads"):
        load("alpha")


def test_missing_key_is_named(instance: Instance) -> None:
    path = env_file("alpha")
    path.write_text(path.read_text().replace("AIRFLOW_FERNET_KEY=", "# "))
    with pytest.raises(SettingsError, match="lacks AIRFLOW_FERNET_KEY"):
        load("alpha")


def test_what_an_earlier_version_did_not_know_is_added_with_the_ports_of_the_instance(
    instance: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    path = env_file("alpha")
    lacking = {"METRICS_URL", "SPARK_WORKERS"}
    text = keys.render(instance.values).splitlines(keepends=True)
    path.write_text("".join(line for line in text if line.partition("=")[0] not in lacking))
    assert load_or_create("alpha").values == instance.values
    assert "SPARK_WORKERS, METRICS_URL" in capsys.readouterr().out


def test_a_lost_password_is_never_made_up(instance: Instance) -> None:
    path = env_file("alpha")
    path.write_text(path.read_text().replace("CLICKHOUSE_PASSWORD=", "# "))
    with pytest.raises(SettingsError, match="lacks CLICKHOUSE_PASSWORD"):
        load_or_create("alpha")


def test_value_without_a_port_is_refused(instance: Instance) -> None:
    write_private(env_file("alpha"), keys.render({**instance.values, "AIRFLOW_URL": "http://here"}))
    with pytest.raises(SettingsError, match="AIRFLOW_URL holds no port"):
        load("alpha")


def test_lost_env_file_is_not_replaced_while_its_data_is_there(instance: Instance) -> None:
    instance.folder("postgres")
    env_file("alpha").unlink()
    with pytest.raises(SettingsError, match="make reset INSTANCE=alpha"):
        load_or_create("alpha")
    assert not env_file("alpha").exists()


def test_three_brokers_have_ports_of_their_own(tree: Path) -> None:
    one, three = load_or_create("main"), load_or_create("alpha", brokers=3)
    ports = [port for instance in (one, three) for port in instance.ports().values()]
    assert len(set(ports)) == len(ports)
    assert (one.brokers, three.brokers) == (1, 3)
    assert three.values["KAFKA_BOOTSTRAP_SERVERS"].count("127.0.0.1:") == 3
    assert set(three.ports()) - set(one.ports()) == {
        f"{key} ({number})" for key in keys.BROKER_KEYS for number in (2, 3)
    }


def test_number_of_brokers_stays_unless_asked_for_another(tree: Path) -> None:
    made = load_or_create("alpha", brokers=3)
    assert load_or_create("alpha").values == made.values
    assert load_or_create("alpha", brokers=3).values == made.values


def test_number_of_brokers_of_data_cannot_be_changed(instance: Instance) -> None:
    instance.folder("kafka")
    with pytest.raises(SettingsError, match="has data of 1 .*`make reset INSTANCE=alpha"):
        load_or_create("alpha", brokers=3)
    assert load_or_create("alpha").values == instance.values


def test_number_of_brokers_is_free_again_without_data(instance: Instance) -> None:
    three = load_or_create("alpha", brokers=3)
    kept = three.values.keys() - keys.BROKER_KEYS
    assert {key: three.values[key] for key in kept} == {key: instance.values[key] for key in kept}
    assert three.port("KAFKA_BOOTSTRAP_SERVERS") == instance.port("KAFKA_BOOTSTRAP_SERVERS")
    assert load_or_create("alpha", brokers=1).values == instance.values


def test_lists_of_brokers_that_do_not_match_are_refused(instance: Instance) -> None:
    changed = {**instance.values, "KAFKA_BOOTSTRAP_SERVERS": "h:1,h:2,h:3"}
    write_private(env_file("alpha"), keys.render(changed))
    with pytest.raises(SettingsError, match="must both list 1 or 3"):
        load("alpha")


@pytest.mark.parametrize("wanted", ["0", "2", "5", "three"])
def test_number_of_brokers_without_a_majority_is_refused(
    wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKERS", wanted)
    with pytest.raises(SettingsError, match="1 Kafka broker, or 3"):
        wanted_brokers()


def test_workers_come_and_go_with_the_next_start_and_leave_the_rest_as_it_is(
    instance: Instance,
) -> None:
    cluster = with_workers(instance, 2)
    more = {service.name for service in cluster.services} - {s.name for s in instance.services}
    assert more == {"spark-master", "spark-worker-1", "spark-worker-2"}
    assert with_workers(load("alpha"), None) == cluster
    assert with_workers(cluster, 0) == instance


def test_a_number_of_workers_that_nobody_starts_is_refused(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKERS", "1")
    with pytest.raises(SettingsError, match="2 worker processes, or 0"):
        wanted_workers()
    write_private(env_file("alpha"), keys.render({**instance.values, "SPARK_WORKERS": "1"}))
    with pytest.raises(SettingsError, match="SPARK_WORKERS must be 0 or 2"):
        load("alpha")


@pytest.mark.parametrize("name", ["..", "a/b", "../main", "Main", "-rf", "a b"])
def test_instance_name_cannot_lead_elsewhere(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTANCE", name)
    with pytest.raises(SettingsError, match="is no instance name"):
        current_name()


def test_example_documents_exactly_the_keys() -> None:
    assert (ROOT / ".env.example").read_text() == keys.example()


def test_services_see_the_env_file_and_not_the_shell(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("CLICKHOUSE_PASSWORD", "of another server")
    environment = instance.environment()
    assert "AIRFLOW__CORE__EXECUTOR" not in environment
    assert environment["CLICKHOUSE_PASSWORD"] == instance.values["CLICKHOUSE_PASSWORD"]

"""An instance's first start, and what is chosen for it: Kafka brokers and Spark workers."""

import os
from pathlib import Path

from infra.native import keys
from infra.native.doctor import is_free
from infra.native.instance import Instance, load, make_state_folder, write_private
from infra.native.services import BROKERS, WORKERS
from jobs.errors import SettingsError
from jobs.settings import MAIN_INSTANCE, env_file, read_env_file, state_dir

OFFSET_STEP = 1000
OFFSETS = range(OFFSET_STEP, 17 * OFFSET_STEP, OFFSET_STEP)  # beyond lie the ephemeral ports


def wanted_brokers() -> int:
    """The number of Kafka brokers named by BROKERS, 0 if nobody asks for any.

    Raises: SettingsError if there cannot be so many.
    """
    wanted = os.environ.get("BROKERS")
    if wanted and wanted not in map(str, BROKERS):
        raise SettingsError(f"BROKERS={wanted!r}: an instance has 1 Kafka broker, or 3.")
    return int(wanted or 0)


def wanted_workers() -> int | None:
    """The number of Spark's worker processes named by WORKERS, None if nobody asks for any.

    Raises: SettingsError if there cannot be so many.
    """
    wanted = os.environ.get("WORKERS")
    if wanted and wanted not in map(str, WORKERS):
        raise SettingsError(f"WORKERS={wanted!r}: Spark has 2 worker processes, or 0.")
    return int(wanted) if wanted else None


def load_or_create(name: str, brokers: int = 0) -> Instance:
    """The instance; at its first start with fresh secrets and ports nobody uses.

    With 0 brokers asked for, a new instance has one, another those it was made with.
    Raises: SettingsError if data is there but the passwords it was made with are gone, or if it is
    that of another number of brokers.
    """
    path, state = env_file(name), state_dir(name)
    if path.exists():
        make_state_folder(state)
        _complete(path)
        return _with_brokers(load(name), brokers)
    if (state / "postgres").exists():
        raise SettingsError(
            f"{path} is gone, but {state} holds data made with its passwords. Restore the file, "
            f"or throw the data away with `make reset INSTANCE={name}`."
        )
    make_state_folder(state)
    write_private(path, keys.render(_new_values(name, brokers or 1)))
    return load(name)


def _complete(path: Path) -> None:
    """Give the env file of an earlier version what has no secret of the keys it lacks."""
    if added := keys.added_since(read_env_file(path)):
        lines = "".join(f"{key}={value}\n" for key, value in added.items())
        write_private(path, f"{path.read_text().rstrip()}\n{lines}")
        print(f"added to {path}: {', '.join(added)}", flush=True)


def _with_brokers(instance: Instance, brokers: int) -> Instance:
    if brokers in (0, instance.brokers):
        return instance
    if (instance.state / "kafka").exists():
        raise SettingsError(
            f"Instance {instance.name} has data of {instance.brokers} Kafka broker(s), so it "
            f"cannot have {brokers}. Start it without BROKERS, or throw the data away with "
            f"`make reset INSTANCE={instance.name}`."
        )
    path = env_file(instance.name)
    write_private(path, keys.render(keys.with_brokers(instance.values, brokers)))
    return load(instance.name)


def with_workers(instance: Instance, workers: int | None) -> Instance:
    """The instance with so many Spark workers from its next start on; with its own for None."""
    if workers in (None, instance.workers):
        return instance
    values = {**instance.values, "SPARK_WORKERS": str(workers)}
    write_private(env_file(instance.name), keys.render(values))
    return load(instance.name)


def _new_values(name: str, brokers: int) -> dict[str, str]:
    if name == MAIN_INSTANCE:
        return keys.new_values(0, brokers)
    others = state_dir(name).parent.glob("*/.env")
    taken = {keys.port_of(read_env_file(path)["S3_ENDPOINT"]) for path in others}
    for offset in OFFSETS:
        values = keys.new_values(offset, brokers)
        ports = keys.ports(values)
        if ports["S3_ENDPOINT"] not in taken and all(map(is_free, ports.values())):
            return values
    raise SettingsError(
        f"No free ports for instance {name}: every offset up to {OFFSETS[-1]} is taken. "
        f"Remove an instance with `make reset INSTANCE=<name>`; .state lists them."
    )

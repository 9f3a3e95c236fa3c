"""A secret of this machine is found in the history and in every log, and never shown."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from infra.audit import leaks
from infra.native import keys

VALUES = keys.new_values(0)
ENV_FILE = ".state/alpha/.env"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of one commit, with an instance that was started and has written a log."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    logs = tmp_path / ".state" / "alpha" / "logs"
    logs.mkdir(parents=True)
    (tmp_path / ENV_FILE).write_text(keys.render(VALUES))
    (logs / "kafka.log").write_text("started\n")
    (logs / "empty.log").touch()
    (tmp_path / ".gitignore").write_text(".state\n")
    commit(tmp_path, "The beginning")
    return tmp_path


def commit(root: Path, message: str) -> None:
    author = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    subprocess.run(["git", *author, "commit", "-q", "-m", message], cwd=root, check=True)


def secret(name: str) -> str:
    return keys.secrets_in(VALUES)[name]


def test_secret_of_an_address_is_its_password() -> None:
    assert (
        VALUES["POSTGRES_DSN"]
        == f"postgresql://postgres:{secret('POSTGRES_DSN')}@127.0.0.1:5433/shop"
    )
    assert VALUES["S3_ACCESS_KEY"] == f"lake{secret('S3_ACCESS_KEY')}"


def test_every_key_with_a_secret_is_looked_for() -> None:
    assert set(keys.secrets_in(VALUES)) == {k.name for k in keys.KEYS if "{secret}" in k.value}


def test_a_value_somebody_wrote_is_looked_for_whole() -> None:
    assert keys.secrets_in({"POSTGRES_DSN": "host=db password=x"}) == {
        "POSTGRES_DSN": "host=db password=x"
    }


def test_a_history_and_logs_without_secrets_pass(repository: Path) -> None:
    secrets = leaks.of_instances(repository)
    assert leaks.in_history(repository, secrets).outcome == "passed"
    assert leaks.in_logs(repository, secrets).outcome == "passed"


def test_a_secret_in_a_deleted_file_of_the_history_is_found(repository: Path) -> None:
    leak = repository / "notes.md"
    leak.write_text(f"the password is {secret('AIRFLOW_PASSWORD')}.\n")
    commit(repository, "Notes")
    leak.unlink()
    commit(repository, "No notes")
    found = leaks.in_history(repository, leaks.of_instances(repository))
    assert found.outcome == "failed"
    assert len(found.findings) == 1
    assert found.findings[0].startswith(f"AIRFLOW_PASSWORD of {ENV_FILE} is in blob ")
    assert secret("AIRFLOW_PASSWORD") not in str(found)


def test_a_secret_in_a_commit_message_is_found(repository: Path) -> None:
    (repository / "x").touch()
    commit(repository, f"Try with {secret('S3_SECRET_KEY')}")
    found = leaks.in_history(repository, leaks.of_instances(repository))
    assert [line.split()[:6] for line in found.findings] == [
        ["S3_SECRET_KEY", "of", ENV_FILE, "is", "in", "commit"]
    ]


@pytest.mark.parametrize("log", ["logs/spark.log", "airflow/logs/dag_id=x/attempt=1.log"])
def test_a_secret_in_a_log_of_another_instance_is_found(repository: Path, log: str) -> None:
    path = repository / ".state" / "beta" / log
    path.parent.mkdir(parents=True)
    path.write_text("x" * 10_000 + f"connecting with {secret('POSTGRES_DSN')}@127.0.0.1\n")
    found = leaks.in_logs(repository, leaks.of_instances(repository))
    assert found.findings == (f"POSTGRES_DSN of {ENV_FILE} is in .state/beta/{log}",)
    assert secret("POSTGRES_DSN") not in str(found)


def test_without_an_instance_there_is_nothing_to_look_for(tmp_path: Path) -> None:
    assert leaks.of_instances(tmp_path) == {}


def test_a_shallow_clone_is_not_called_checked(repository: Path, tmp_path: Path) -> None:
    (repository / "x").touch()
    commit(repository, "More")
    clone = tmp_path / "clone"
    command = ["git", "clone", "-q", "--depth", "1", f"file://{repository}", str(clone)]
    subprocess.run(command, check=True)
    assert leaks.patterns(clone).outcome == "not checked"


def test_everything_that_is_allowed_has_a_reason() -> None:
    allowed = tomllib.loads(leaks.ALLOWED.read_text())["allowlists"]
    assert [entry for entry in allowed if len(entry.get("description", "")) < 20] == []


def test_a_tree_without_a_history_is_not_called_clean(tmp_path: Path) -> None:
    found = leaks.verdicts(tmp_path)
    assert {each.outcome for each in found} == {"not checked"}
    assert "not a git repository" in found[0].reason

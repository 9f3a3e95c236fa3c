"""Our own images and the workflow that builds them: what linters and the build's own rules say."""

import re
import subprocess
import sys
from pathlib import Path

from infra.native import keys
from jobs.settings import ROOT

FILE = ROOT / "infra" / "docker" / "Dockerfile"
TEXT = FILE.read_text()
COMPOSE = (ROOT / "docker-compose.yml").read_text()


def test_the_linter_finds_nothing() -> None:
    tool = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([tool, "--no-color", FILE], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("", 0)


def test_every_base_image_is_pinned() -> None:
    stages = set(re.findall(r" AS (\w+)", TEXT))
    images = set(re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)) - stages - {"${S3_IMAGE}"}
    assert images
    assert [image for image in images if not re.fullmatch(r"\w+:\d+\.\d+\.\d+-\S+", image)] == []


def test_every_target_of_compose_is_a_stage() -> None:
    targets = set(re.findall(r"target: (\w+)", COMPOSE))
    assert targets == {"spark", "airflow", "app", "s3"}
    assert targets <= set(re.findall(r" AS (\w+)", TEXT))


def test_the_object_store_is_the_same_in_both_files() -> None:
    assert re.findall(r"^ARG S3_IMAGE=(\S+)", TEXT, re.MULTILINE) == re.findall(
        r"S3_IMAGE:-([^}]+)\}", COMPOSE
    )


def test_every_stage_that_runs_ends_as_another_user_than_root() -> None:
    for stage in ("base", "s3"):
        part = re.split(rf" AS {stage}\n", TEXT)[1].split("\nFROM")[0]
        assert re.findall(r"^USER (\S+)", part, re.MULTILINE)[-1] == "10001:10001"


def test_no_layer_is_given_a_secret() -> None:
    assert [key.name for key in keys.KEYS if key.name in TEXT] == []
    assert re.findall(r"^ARG (\w+)", TEXT, re.MULTILINE) == ["S3_IMAGE"]


def test_what_is_copied_is_sent_to_the_build_and_env_files_are_not() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and line[0] != "#"]
    assert rules[0] == "*"
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, re.MULTILINE)
    tops = {source.split("/")[0] for sources in copied for source in sources.split()}
    assert tops
    assert {f"!{top}" for top in tops} <= set(rules)
    assert rules.index("**/.env") > max(rules.index(f"!{top}") for top in tops)
    assert [top for top in tops if not (ROOT / top).exists()] == []


def test_the_workflow_is_one_with_every_action_pinned() -> None:
    file = ROOT / ".github" / "workflows" / "ci.yml"
    tool = [sys.executable, "-m", "check_jsonschema", "--builtin-schema=vendor.github-workflows"]
    done = subprocess.run([*tool, file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    actions = re.findall(r"uses: (\S+)", file.read_text())
    assert actions
    assert [one for one in actions if not re.fullmatch(r"actions/[\w-]+@v\d+\.\d+\.\d+", one)] == []

"""The audit of what is installed and running here, with the real tools."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.audit import leaks, sbom
from jobs.settings import ROOT, Settings

pytestmark = pytest.mark.integration
VULNERABILITIES = "known vulnerabilities of Python packages"
MAY_BE_UNKNOWN = {
    VULNERABILITIES,  # where its source cannot be asked
    "known vulnerabilities of jars and Go modules",
    "licences of the modules in MinIO",
    "checksums of MinIO's modules",  # where a MinIO of the machine's own is used
    leaks.PATTERNS_CHECK,  # in a shallow clone, or where git may not read it
    leaks.HISTORY_CHECK,
}


def test_audit_of_the_running_platform_fails_nothing(stack: Settings) -> None:
    command = [sys.executable, "-m", "infra.audit"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    # What the world has learnt since the lock was written is news for `make audit`.
    bad = {line[12:].partition(":")[0] for line in lines if line.startswith("failed ")}
    assert bad <= {VULNERABILITIES}, done.stdout + done.stderr
    assert done.returncode == bool(bad)
    unknown = {line[12:].partition(":")[0] for line in lines if line.startswith("not checked ")}
    assert unknown <= MAY_BE_UNKNOWN
    assert len(lines) == 14
    assert stack.s3_secret_key not in done.stdout + done.stderr


def test_bill_of_materials_that_breaks_the_schema_is_found(tmp_path: Path) -> None:
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1}
    place = tmp_path / "sbom.json"
    place.write_text(json.dumps({**bill, "components": [{"type": "library", "name": "lz4"}]}))
    assert sbom.schema_fault(place) == ""
    place.write_text(json.dumps({**bill, "components": [{"type": "library"}]}))
    assert "name" in sbom.schema_fault(place)


def test_what_looks_like_a_secret_is_found_in_a_commit_that_was_undone(tmp_path: Path) -> None:
    author = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    token = "ghp_" + "".join(chr(97 + (7 * n * n + n) % 26) for n in range(36))
    for text in (f'token = "{token}"\n', "nothing\n"):
        (tmp_path / "settings.py").write_text(text)
        subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
        subprocess.run(["git", *author, "commit", "-qm", "x"], cwd=tmp_path, check=True)
    found = leaks.patterns(tmp_path)
    assert found.outcome == "failed"
    assert token not in str(found)

"""No secret in the history, and none of this machine's in a log."""

import json
import mmap
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.audit import tools
from infra.audit.verdict import Verdict, failed, not_checked, passed
from infra.native.keys import secrets_in
from jobs.settings import ROOT, read_env_file

PATTERNS_CHECK = "secrets in the history, by their looks"
HISTORY_CHECK = "this machine's secrets in the history"
LOGS_CHECK = "this machine's secrets in its logs"
ALLOWED = Path(__file__).with_name("gitleaks.toml")
LOG_FOLDERS = ("*/logs", "*/airflow/logs")
ROTATE = "change it: `make reset` makes new ones; then find out who wrote it"
NO_INSTANCE = "no instance was started here", "`make up`, then `make audit` again"
Secrets = Mapping[str, bytes]


def verdicts(root: Path = ROOT) -> list[Verdict]:
    """Whether anything in the history looks like a secret, or is one of this machine's."""
    secrets = of_instances(root)
    found = [*of_history(root, secrets)]
    return [*found, in_logs(root, secrets) if secrets else not_checked(LOGS_CHECK, *NO_INSTANCE)]


def of_history(root: Path, secrets: Secrets) -> Iterator[Verdict]:
    """Both verdicts on the history; neither is given where git cannot read one."""
    try:
        git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    except subprocess.CalledProcessError as failure:
        reason = failure.stderr.decode().strip() or "there is no commit"
        for check in (PATTERNS_CHECK, HISTORY_CHECK):
            yield not_checked(check, f"git: {reason}", "make the audit in a clone of your own")
        return
    yield patterns(root)
    yield in_history(root, secrets) if secrets else not_checked(HISTORY_CHECK, *NO_INSTANCE)


def patterns(root: Path) -> Verdict:
    """What gitleaks says of every commit, but for what gitleaks.toml allows with a reason."""
    if git(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
        step = "`git fetch --unshallow`, then `make audit` again"
        return not_checked(PATTERNS_CHECK, "this clone holds only the end of the history", step)
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        options = ("--no-banner", "--redact", "--config", str(ALLOWED), "--log-opts=--all")
        output = ("--exit-code", "0", "--report-format", "json", "--report-path", report.name)
        try:
            tools.run([str(tools.gitleaks()), "git", *options, *output, str(root)])
        except tools.ToolUnavailable as failure:
            step = "`make doctor` says how to install Go; then `make audit` again"
            return not_checked(PATTERNS_CHECK, str(failure), step)
        leaks = json.loads(Path(report.name).read_text())
    if leaks:
        step = f"change that secret; if it is none, allow it in {ALLOWED.name} with the reason"
        lines = [f"{x['Commit'][:10]} {x['File']}:{x['StartLine']} {x['RuleID']}" for x in leaks]
        return failed(PATTERNS_CHECK, f"{len(leaks)} look like secrets", step, lines)
    commits = git(root, "rev-list", "--all", "--count").decode().strip()
    return passed(PATTERNS_CHECK, f"none in {commits} commits")


def of_instances(root: Path) -> dict[str, bytes]:
    """Each secret of the env files, by the name that may be shown of it."""
    files = [path for path in (root / ".env", *root.glob(".state/*/.env")) if path.exists()]
    return {
        f"{key} of {path.relative_to(root)}": secret.encode()
        for path in files
        for key, secret in secrets_in(read_env_file(path)).items()
    }


def in_history(root: Path, secrets: Secrets) -> Verdict:
    """Whether any object of the history, reachable or not, holds one of the secrets."""
    findings, count = [], 0
    for name, content in objects(root):
        count += 1
        findings += [f"{key} is in {name}" for key, secret in secrets.items() if secret in content]
    if findings:
        step = f"`git log --all --find-object=<object>` says where. {ROTATE}"
        return failed(HISTORY_CHECK, f"{len(findings)} found", step, findings)
    return passed(HISTORY_CHECK, f"none of {len(secrets)} secrets in {count} objects")


def objects(root: Path) -> Iterator[tuple[str, bytes]]:
    """Type, id and content of every object git has."""
    stream = git(root, "cat-file", "--batch-all-objects", "--batch", "--buffer")
    start = 0
    while start < len(stream):
        end_of_header = stream.index(b"\n", start)
        name, kind, size = stream[start:end_of_header].decode().split()
        start = end_of_header + 1 + int(size) + 1
        yield f"{kind} {name}", stream[end_of_header + 1 : start - 1]


def in_logs(root: Path, secrets: Secrets) -> Verdict:
    """Whether a log of any instance holds a secret of any."""
    folders = [folder for each in LOG_FOLDERS for folder in root.glob(f".state/{each}")]
    logs = sorted({path for folder in folders for path in folder.rglob("*") if path.is_file()})
    findings = [
        f"{key} is in {path.relative_to(root)}"
        for path in logs
        for key, secret in secrets.items()
        if holds(path, secret)
    ]
    if findings:
        return failed(LOGS_CHECK, f"{len(findings)} found", ROTATE, findings)
    if not logs:
        return not_checked(LOGS_CHECK, "there are no logs", "`make up`, then `make audit` again")
    return passed(LOGS_CHECK, f"none of {len(secrets)} secrets in {len(logs)} files")


def holds(path: Path, secret: bytes) -> bool:
    """Whether the file has the secret in it, without reading it into memory."""
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(secret) >= 0


def git(root: Path, *arguments: str) -> bytes:
    """What git says of the repository."""
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True).stdout

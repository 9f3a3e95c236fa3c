"""Known vulnerabilities of what is installed. An answer counts only of somebody who knows any.

pip-audit says "No known vulnerabilities found", and exits 0, of packages its source never heard of,
so it is first asked for a version that is known to be vulnerable.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from infra.audit import tools
from infra.audit.verdict import Verdict, failed, not_checked, passed
from jobs.errors import LakeproofError

CHECK = "known vulnerabilities of Python packages"
JARS_CHECK = "known vulnerabilities of jars and Go modules"
WAIVERS = Path(__file__).with_name("waivers.yml")
KNOWN_VULNERABLE = "jinja2==2.11.2"
FOUND_SOME = 1


class WaiverError(LakeproofError):
    """A waiver does not say what it waives, why, and until when."""


@dataclass(frozen=True)
class Waiver:
    """One vulnerability that is lived with until a day, for a reason."""

    id: str
    package: str
    reason: str
    expires: date


def verdicts() -> list[Verdict]:
    """What is known of the locked Python packages; of the rest nobody here is asked."""
    step = "give .state/sbom.json to a scanner of CycloneDX files, such as osv-scanner or grype"
    return [python_verdict(), not_checked(JARS_CHECK, "no scanner for them is run here", step)]


def python_verdict() -> Verdict:
    """Whether a locked package has a known vulnerability that nobody waived."""
    waivers = read_waivers(WAIVERS)
    today = datetime.now(UTC).date()
    if findings := [*expired(waivers, today)]:
        return failed(CHECK, "waivers have expired", f"update, or edit {WAIVERS.name}", findings)
    retry = "where PyPI's JSON interface is reached, `make audit` again"
    try:
        if not vulnerable(ask(KNOWN_VULNERABLE)):
            reason = f"pip-audit's source knows nothing even of {KNOWN_VULNERABLE}"
            return not_checked(CHECK, reason, retry)
        export = ("export", "--quiet", "--frozen", "--no-emit-project", "--no-hashes")
        report = ask(tools.run(tools.uv(*export)))
    except tools.ToolUnavailable as failure:
        return not_checked(CHECK, str(failure), retry)
    return judge(report, waivers)


def ask(requirements: str) -> dict[str, Any]:
    """What pip-audit reports of these exact requirements.

    Raises: ToolUnavailable if it cannot be had, or cannot ask.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        options = ("--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off")
        command = tools.python_tool((tools.PIP_AUDIT,), "pip-audit", "-r", file.name, *options)
        words = tools.run(command, may_exit=(0, FOUND_SOME))
    try:
        report: dict[str, Any] = json.loads(words)
    except json.JSONDecodeError as fault:
        raise tools.ToolUnavailable(f"pip-audit wrote no report: {words[-300:]!r}") from fault
    return report


def judge(report: dict[str, Any], waivers: list[Waiver]) -> Verdict:
    """The verdict on a report: a package that was skipped is one that nobody checked."""
    waived = {waiver.id for waiver in waivers}
    findings = [line for ids, line in vulnerable(report) if not waived & ids]
    if findings:
        step = f"update the packages, or waive with reason and date in {WAIVERS.name}"
        return failed(CHECK, f"{len(findings)} known and not waived", step, findings)
    unused = waived - {found for ids, _ in vulnerable(report) for found in ids}
    if unused:
        step = f"remove them from {WAIVERS.name}"
        return failed(CHECK, "waivers waive nothing any more", step, sorted(unused))
    packages = report["dependencies"]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped or not packages:
        reason = f"of {len(packages)} packages {len(skipped)} are unknown: {', '.join(skipped)}"
        return not_checked(CHECK, reason, "look these up by hand, or ask another source")
    return passed(CHECK, f"none of {len(packages)} packages, {len(waived)} waived")


def vulnerable(report: dict[str, Any]) -> list[tuple[set[str], str]]:
    """Of each vulnerability in a report all its names, and a line for people."""
    return [
        (
            {found["id"], *found["aliases"]},
            f"{package['name']} {package['version']}: {found['id']}, "
            f"mended in {', '.join(found['fix_versions']) or 'no version yet'}",
        )
        for package in report["dependencies"]
        for found in package.get("vulns", [])
    ]


def read_waivers(path: Path) -> list[Waiver]:
    """The waivers of a file.

    Raises: WaiverError if one lacks a field, has one too many, or its date is none.
    """
    waivers = []
    for entry in yaml.safe_load(path.read_text()) or []:
        if set(entry) != {"id", "package", "reason", "expires"} or not all(entry.values()):
            raise WaiverError(f"{path}: {entry} must have id, package, reason and expires.")
        if type(entry["expires"]) is not date:
            raise WaiverError(f"{path}: expires of {entry['id']} is no date like 2027-01-31.")
        waivers.append(Waiver(**entry))
    return waivers


def expired(waivers: list[Waiver], today: date) -> Iterator[str]:
    """A sentence for each waiver whose last day is over."""
    for waiver in waivers:
        if waiver.expires < today:
            yield f"{waiver.id} of {waiver.package} was waived until {waiver.expires}"

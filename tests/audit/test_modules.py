"""What Go compiled into MinIO is known by hash, and Go must verify what it downloads."""

import pytest

from infra.audit import modules
from infra.native.install import modules_file

DESCRIPTION = """\
minio: go1.26.8
\tpath\tgithub.com/minio/minio
\tmod\tgithub.com/minio/minio\tv0.1\th1:aaa=
\tdep\taead.dev/mem\tv0.2.0\th1:bbb=
\tdep\tgopkg.in/old\tv1.0.0
\t=>\tgopkg.in/new\tv1.1.0\th1:ccc=
\tbuild\tCGO_ENABLED=0
"""
SETTINGS = {"GOSUMDB": "sum.golang.org", "GONOSUMDB": "", "GOPRIVATE": "", "GOINSECURE": ""}
MODULES = ("github.com/minio/minio v0.1", "aead.dev/mem v0.2.0")


def test_sums_are_those_of_the_binary_and_of_what_replaces_a_module() -> None:
    assert modules.parse(modules.lines(DESCRIPTION)) == {
        "github.com/minio/minio v0.1": "h1:aaa=",
        "aead.dev/mem v0.2.0": "h1:bbb=",
        "gopkg.in/old v1.0.0": "",
        "gopkg.in/new v1.1.0": "h1:ccc=",
    }


def test_sums_of_minio_are_of_the_pinned_version() -> None:
    first = modules.SUMS.read_text().splitlines()[0]
    assert first.startswith(modules_file("minio").read_text().strip().replace("@", " ") + " h1:")


def test_go_that_verifies_has_no_fault() -> None:
    assert list(modules.unverified(MODULES, SETTINGS)) == []


def test_a_checksum_database_that_is_off_is_a_fault() -> None:
    assert list(modules.unverified(MODULES, {**SETTINGS, "GOSUMDB": "off"})) == [
        "GOSUMDB is off: Go verifies no module"
    ]


@pytest.mark.parametrize("name", modules.EXEMPTIONS)
@pytest.mark.parametrize("pattern", ["aead.dev", "aead.dev/*", "github.com/minio/minio", "*"])
def test_an_exemption_of_one_of_its_modules_is_a_fault(name: str, pattern: str) -> None:
    found = list(modules.unverified(MODULES, {**SETTINGS, name: f"own.example,{pattern}"}))
    assert found == [f"{name} exempts {pattern} from being verified"]

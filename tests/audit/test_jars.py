"""A jar that is not the one whose sum was committed is found, and so is a pom without new sums."""

from hashlib import sha256
from pathlib import Path

import pytest

from infra.audit import jars
from infra.audit.verdict import Verdict


@pytest.fixture
def pom(tmp_path: Path) -> Path:
    """A pom with sums of the jars one and two in the folder `jars`."""
    folder = tmp_path / "jars"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.jar").write_text(name)
    (tmp_path / "kafka").mkdir()
    pom = tmp_path / "kafka" / "pom.xml"
    pom.write_text("<project/>")
    jars.write_sums(pom, folder)
    return pom


def judged(pom: Path) -> Verdict:
    return jars.judge(pom, pom.parent.parent / "jars")


def test_jars_of_the_committed_sums_pass(pom: Path) -> None:
    assert judged(pom) == Verdict(
        "checksums of kafka's jars", "passed", "2 files are those of jars.sha256"
    )


def test_a_jar_that_was_changed_is_named_with_both_sums(pom: Path) -> None:
    (pom.parent.parent / "jars" / "one.jar").write_text("oNe")
    found = judged(pom)
    sums = [sha256(text).hexdigest() for text in (b"oNe", b"one")]
    assert found.outcome == "failed"
    assert found.findings == ("one.jar has sha256 {}, not {}".format(*sums),)


def test_a_jar_nobody_expects_and_one_that_is_gone_are_named(pom: Path) -> None:
    folder = pom.parent.parent / "jars"
    (folder / "two.jar").rename(folder / "three.jar")
    assert judged(pom).outcome == "failed"
    assert judged(pom).findings == ("three.jar is there, but has no sum", "two.jar is missing")


def test_a_changed_pom_fails_until_its_sums_are_renewed(pom: Path) -> None:
    pom.write_text("<project>another version</project>")
    assert judged(pom).outcome == "failed"
    assert "changed after jars.sha256 was written" in judged(pom).reason
    assert "python -m infra.audit jars" in judged(pom).next_step
    jars.write_sums(pom, pom.parent.parent / "jars")
    assert judged(pom).outcome == "passed"


def test_a_pom_without_sums_fails(pom: Path) -> None:
    pom.with_name("jars.sha256").unlink()
    assert judged(pom).outcome == "failed"


def test_jars_that_are_not_installed_are_not_called_checked(pom: Path) -> None:
    assert jars.judge(pom, pom.parent / "elsewhere").outcome == "not checked"


def test_every_pom_has_the_sums_of_its_present_text() -> None:
    found = {pom.parent.name: jars.judge(pom, Path("not-installed")).outcome for pom in poms()}
    assert found == dict.fromkeys(("spark", "kafka", "connect", "registry"), "not checked")


def test_every_pom_of_the_platform_is_checked() -> None:
    infra = jars.parts.SPARK_POM.parent.parent
    assert sorted(infra.glob("*/pom.xml")) == sorted(poms())


def poms() -> list[Path]:
    return list(jars.FOLDERS)

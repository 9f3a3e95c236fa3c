"""Each jar and Go module is in the bill of materials under the name a scanner knows it by."""

import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from infra.audit.sbom import coordinates, go_components, jar_components


def jar(folder: Path, name: str, *projects: str) -> Path:
    """A jar of that name with Maven's properties of the projects, written group/artifact."""
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for project in projects:
            archive.writestr(f"META-INF/maven/{project}/pom.properties", "")
    return path


@pytest.mark.parametrize(
    ("name", "projects", "expected"),
    [
        ("lz4-java-1.8.0.jar", ["org.lz4/lz4-java"], ("org.lz4", "lz4-java", "1.8.0")),
        ("org.lz4.lz4-java-1.8.0.jar", ["org.lz4/lz4-java"], ("org.lz4", "lz4-java", "1.8.0")),
        ("delta-spark_4.1_2.13-4.4.0.jar", [], ("", "delta-spark_4.1_2.13", "4.4.0")),
        ("h2-2.3.230.jar", ["org.other/swallowed"], ("", "h2", "2.3.230")),
        ("runner.jar", [], ("", "runner", "")),
    ],
)
def test_a_jar_is_named_as_on_maven_central(
    tmp_path: Path, name: str, projects: list[str], expected: tuple[str, str, str]
) -> None:
    assert coordinates(jar(tmp_path, name, *projects)) == expected


def test_a_jar_has_its_sum_and_its_address(tmp_path: Path) -> None:
    path = jar(tmp_path, "lz4-java-1.8.0.jar", "org.lz4/lz4-java")
    (tmp_path / "LICENSE").write_text("no jar")
    assert list(jar_components("kafka", tmp_path)) == [
        {
            "type": "library",
            "bom-ref": "kafka/lz4-java-1.8.0.jar",
            "group": "org.lz4",
            "name": "lz4-java",
            "version": "1.8.0",
            "purl": "pkg:maven/org.lz4/lz4-java@1.8.0",
            "hashes": [{"alg": "SHA-256", "content": sha256(path.read_bytes()).hexdigest()}],
            "properties": [{"name": "lakeproof:service", "value": "kafka"}],
        }
    ]


def test_a_module_of_minio_has_its_address_and_the_hash_go_knows() -> None:
    (found,) = go_components("aead.dev/mem v0.2.0 h1:bbb=\n")
    assert found["purl"] == "pkg:golang/aead.dev/mem@v0.2.0"
    assert {"name": "lakeproof:go-sum", "value": "h1:bbb="} in found["properties"]

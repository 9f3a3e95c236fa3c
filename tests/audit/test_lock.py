"""A lock file from which an artefact could be swapped is refused."""

import copy
from typing import Any

import pytest

from infra.audit import lock

SOUND: dict[str, Any] = {
    "package": [
        {"name": "lakeproof", "source": {"virtual": "."}},
        {
            "name": "lz4",
            "version": "4.4",
            "source": {"registry": lock.INDEX},
            "sdist": {"url": "https://x/lz4.tar.gz", "hash": "sha256:" + "a" * 64},
            "wheels": [{"url": "https://x/lz4.whl", "hash": "sha256:" + "b" * 64}],
        },
    ]
}
LONG = {"hash": "sha256:" + "a" * 65}


def changed(**fields: object) -> list[str]:
    """The faults of the sound lock, once its only package has these fields."""
    broken = copy.deepcopy(SOUND)
    broken["package"][1] |= fields
    return list(lock.faults(broken))


def test_lock_file_of_this_repository_is_sound() -> None:
    assert lock.verdict().outcome == "passed", lock.verdict().findings


def test_a_sound_lock_has_no_fault() -> None:
    assert changed() == []


@pytest.mark.parametrize("digest", [{}, {"hash": "md5:" + "a" * 32}, {"hash": "sha256:ab"}, LONG])
def test_a_wheel_without_a_sha256_is_named(digest: dict[str, str]) -> None:
    found = changed(wheels=[{"url": "https://x/lz4.whl", **digest}])
    assert found == ["lz4 4.4: https://x/lz4.whl has no sha256"]


def test_a_source_archive_without_a_sha256_is_named() -> None:
    assert changed(sdist={"url": "https://x/lz4.tar.gz"}) == [
        "lz4 4.4: https://x/lz4.tar.gz has no sha256"
    ]


@pytest.mark.parametrize(
    "source",
    [
        {"git": "https://github.com/lz4/lz4?rev=main"},
        {"url": "https://x/lz4.tar.gz"},
        {"editable": "../lz4"},
        {"registry": "https://another.index/simple"},
    ],
)
def test_a_source_that_is_not_the_index_is_named(source: dict[str, str]) -> None:
    assert changed(source=source) == [f"lz4 4.4 comes from {source}, not from {lock.INDEX}"]


def test_a_package_without_artefacts_is_named() -> None:
    assert changed(sdist=None, wheels=[]) == ["lz4 4.4 has no artefact"]

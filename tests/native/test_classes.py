"""Which server's classes are kept: one that runs, and only of the instance that is asked for."""

from pathlib import Path

import pytest

from infra.native import supervise
from infra.native.instance import Instance
from infra.spark import classes


def test_a_server_without_a_process_has_no_classes_to_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classes, "archive", lambda home: tmp_path / "classes.jsa")
    monkeypatch.setattr(classes, "java", lambda: str(tmp_path / "bin" / "java"))  # there is none
    instance = Instance("nobody", tmp_path, {}, ())
    assert not classes.keep_classes(instance, tmp_path)
    monkeypatch.setattr(supervise, "is_running", lambda _: True)
    monkeypatch.setattr(supervise, "pid", lambda *_: 0)
    assert not classes.keep_classes(instance, tmp_path)

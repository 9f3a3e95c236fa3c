"""Which process runs a task: Linux keeps a title only in part where the command was short."""

from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from infra.chaos.writers import WORKER, process_of_task

TASK = "01a22d95-ebc9-76a5-9bca-917cffd28544"
ANOTHER = TASK.replace("a2", "a3")


@pytest.mark.parametrize("kept", [len(TASK), len(TASK) - 2, 20])
def test_a_task_is_found_by_what_is_left_of_its_title(tmp_path: Path, kept: int) -> None:
    (tmp_path / "worker").write_text("read line")
    title = [*WORKER.split(), TASK[:kept]]
    with Popen(title, executable="/bin/sh", cwd=tmp_path, stdin=PIPE) as process:
        found = process_of_task([ANOTHER, TASK])
        assert process_of_task([ANOTHER]) is None
        assert process.stdin
        process.stdin.close()
    assert found and found.pid == process.pid

"""Stop an instance and, if asked, throw its data away."""

import shutil
import time
from pathlib import Path

from infra.native import processes, supervise
from infra.native.instance import lock
from jobs.errors import LakeproofError
from jobs.patience import told_of
from jobs.settings import MAIN_INSTANCE, state_dir

SHUTDOWN_SECONDS = 60
LEFTOVER_SECONDS = 10


def down(name: str) -> None:
    """Stop every process of the instance. Stopping what does not run is harmless."""
    with lock():
        _stop(name)


def _stop(name: str) -> None:
    started = time.monotonic()
    if stopped := end_everything(state_dir(name)):
        print(f"Stopped {stopped} processes in {time.monotonic() - started:.1f} s.")
    else:
        print(f"Instance {name} is not running.")


def reset(name: str) -> None:
    """Stop the instance and delete its state folder; the main instance keeps its .env.

    Raises: LakeproofError if the folder is not one inside .state.
    """
    state, all_states = state_dir(name), state_dir(MAIN_INSTANCE).parent
    if state.is_symlink() or state.resolve().parent != all_states.resolve():
        raise LakeproofError(f"{state} is not a folder inside {all_states}: nothing was deleted.")
    with lock():
        _stop(name)
        if state.exists():
            shutil.rmtree(state)
            print(f"Deleted {state}.")


def end_everything(state: Path) -> int:
    """The number of processes ended; none of the instance with that state folder is left.

    Raises: LakeproofError naming a process that outlived being killed.
    """
    before = processes.of(state)
    pid = supervise.supervisor_pid(state)
    supervisors = [process for process in before if process.pid == pid]
    with told_of(f"the processes of {state.name} to end"):
        processes.end(supervisors, SHUTDOWN_SECONDS)
    leftovers = processes.of(state)
    for process in leftovers:
        print(f"ending what the supervisor left: process {process.pid}", flush=True)
    processes.end(leftovers, LEFTOVER_SECONDS)
    if left := processes.of(state):
        pids = ", ".join(str(process.pid) for process in left)
        raise LakeproofError(f"Processes {pids} do not end. Look at them with `ps -fp {pids}`.")
    return len(before)

"""The proofs of the answers, once a week and whenever asked for.

- **slugs** lists the answers: all, or those that the parameters name.
- **prove** is mapped over them, one at a time, since two would measure each other. Each keeps its
  evidence in the database, where `make prove` and the console find it. A broken proof fails its
  task, which is not tried again: what is red is to be seen.

By hand: `make prove A=<slug>`.
"""

import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from infra.airflow.callbacks import late_after
from infra.airflow.defaults import RETRIES, nightly
from jobs.settings import ROOT

SUNDAY = "0"
PARAMS: dict[str, Param] = {
    "answers": Param(
        [], type="array", items={"type": "string"}, description="only these answers; empty: all"
    ),
}


def list_slugs() -> list[str]:
    """The answers to prove.

    Raises: AnswerError for one there is not.
    """
    from answers.book import find, load_answers

    context: Any = get_current_context()
    return [find(slug).slug for slug in context["params"]["answers"]] or list(load_answers())


def prove_answer(slug: str) -> None:
    """Nothing; the proof held, and what it printed is in the task's log.

    Raises: AirflowFailException if it did not.
    """
    command = [sys.executable, "-m", "answers"]
    environment = os.environ | {"A": slug, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    ) as proof:  # fmt: skip
        for line in proof.stdout or ():
            print(line, end="")
    if proof.returncode:
        raise AirflowFailException(f"the proof of {slug} is broken, see its output above")


@dag(
    schedule=nightly(hour=5, weekday=SUNDAY),
    catchup=False,
    max_active_runs=1,
    default_args={**RETRIES, "execution_timeout": timedelta(minutes=10)},
    deadline=late_after(hours=2),
    params=PARAMS,
    tags=["answers"],
    doc_md=__doc__,
)
def answers() -> None:
    """One task for each answer."""
    task(
        task_id="prove",
        max_active_tis_per_dagrun=1,
        map_index_template="{{ task.op_kwargs['slug'] }}",
    )(prove_answer).expand(slug=task(task_id="slugs")(list_slugs)())


answers()

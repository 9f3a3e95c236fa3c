"""What the platform asks of its object store comes late, not at all, or is done and never answered;
or what it kept there is gone."""

import re
import subprocess
import time

from infra.chaos.load import Target
from infra.chaos.proxy import Proxy, Trouble
from infra.chaos.waiting import await_moment
from infra.minio import native as minio
from infra.native import supervise
from infra.native.command import accepts, free_port
from jobs.errors import LakeproofError
from jobs.objects import delete_objects
from jobs.stream import checkpoint

TROUBLE_SECONDS = 20.0
LATE_AND_RESET = Trouble(delay_seconds=0.2, reset_share=0.05)
COMMIT_UNANSWERED = Trouble(cut=re.compile(rb"PUT /\S*/_delta_log/\d{20}\.json"))


def trouble_store(trouble: Trouble, target: Target) -> None:
    """The object store behind a proxy for a while; before and after it is away for a second.

    Raises: LakeproofError if the trouble met no answer.
    """
    instance = target.instance
    supervise.stop(instance, "minio")
    port = instance.port("S3_ENDPOINT")
    beside = free_port()
    command = minio.command(instance, beside)
    environment = {**instance.environment(), **command.variables}
    with supervise.log_file(instance, "minio").open("a") as log:
        server = subprocess.Popen(command.arguments, env=environment, stdout=log, stderr=log)
    try:
        await_moment(target.settings, lambda: accepts(beside), "MinIO to listen")
        with Proxy(port, beside, trouble) as proxy:
            time.sleep(TROUBLE_SECONDS)  # this is the fault itself
    finally:
        server.terminate()
        server.wait()
        supervise.start_stopped(instance)
    if not (proxy.cut_count or proxy.reset_count):
        raise LakeproofError(f"nothing was asked of the object store in {TROUBLE_SECONDS:.0f} s")


def lose_checkpoint(target: Target) -> None:
    """The stream's checkpoint is deleted under it. (Each start of the stream begins without.)"""
    settings = target.settings
    delete_objects(settings, settings.object_key(f"{checkpoint.FOLDER}/"))

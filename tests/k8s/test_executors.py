"""The real Spark server, with the cluster's settings, asks Kubernetes for executors as intended.

What answers it is tests/k8s/api.py, not a cluster: no executor ever runs.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import certifi
import kubernetes_validate
import pytest

from infra.native.install import spark_jars
from infra.spark.native import CONNECT_VARIABLES, spark_home
from jobs.errors import ServiceDown
from jobs.patience import await_true
from jobs.settings import ROOT
from tests.k8s.api import Api, serving
from tests.k8s.manifests import FOLDER, of_kind, settings
from tests.k8s.test_manifests import KUBERNETES

# It needs Java and the jars.
pytestmark = [pytest.mark.integration, pytest.mark.apart]
PATIENCE_SECONDS = 300


def command(api: Api, folder: Path) -> list[str]:
    """The server with the cluster's settings, but for addresses and paths, which are of here."""
    token = folder / "token"
    token.write_text("none")
    here = {
        "spark.master": f"k8s://{api.address}",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.port": "0",
        "spark.blockManager.port": "0",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": "0",
        "spark.driver.extraClassPath": f"{spark_jars()}/*",
        "spark.driver.extraJavaOptions": "-Xshare:auto",
        "spark.local.dir": str(folder),
        "spark.kubernetes.executor.podTemplateFile": str(FOLDER / "executor-pod.yaml"),
        "spark.kubernetes.authenticate.oauthTokenFile": str(token),
        "spark.kubernetes.authenticate.caCertFile": certifi.where(),
        "spark.kubernetes.driver.pod.name": "spark-0",
        "spark.scheduler.maxRegisteredResourcesWaitingTime": "1s",
    }
    options = [word for key, value in here.items() for word in ("--conf", f"{key}={value}")]
    submit = str(spark_home() / "bin" / "spark-submit")
    properties = ("--properties-file", str(FOLDER / "spark-defaults.conf"))
    return [submit, *properties, *options, str(ROOT / "infra" / "spark" / "server.py")]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """What Spark asked for between its start and its end."""
    folder = tmp_path_factory.mktemp("driver")
    kept = {key: value for key, value in os.environ.items() if key not in CONNECT_VARIABLES}
    python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    log = folder / "spark.log"
    with serving() as api, log.open("w") as output:
        server = subprocess.Popen(
            command(api, folder), env=kept | python, stdout=output, stderr=output, cwd=folder
        )
        try:
            await_true(
                lambda: len(api.pods()) == 2 or server.poll() is not None,
                PATIENCE_SECONDS,
                lambda cause: ServiceDown("spark", api.address, log.read_text()[-2000:]),
            )
            assert server.poll() is None, log.read_text()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(PATIENCE_SECONDS)
        yield api


def test_executors_are_valid_pods_of_the_server(api: Api) -> None:
    for pod in api.pods():
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)
        (owner,) = pod["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("Pod", "spark-0")
    assert len(api.pods()) == int(
        settings("infra/k8s/spark-defaults.conf")["spark.executor.instances"]
    )


def test_executors_are_locked_down_as_the_template_says(api: Api) -> None:
    template = of_kind("Pod")["executor"]["spec"]
    for pod in api.pods():
        spec, (container,) = pod["spec"], pod["spec"]["containers"]
        assert spec["securityContext"] == template["securityContext"]
        assert container["securityContext"] == template["containers"][0]["securityContext"]
        assert spec["serviceAccountName"] == "spark-executor"
        assert spec["automountServiceAccountToken"] is False
        assert pod["metadata"]["labels"]["app"] == "spark-executor"


def test_an_executor_writes_only_into_volumes_with_a_limit(api: Api) -> None:
    for pod in api.pods():
        spec, (container,) = pod["spec"], pod["spec"]["containers"]
        empty = [volume["emptyDir"] for volume in spec["volumes"] if "emptyDir" in volume]
        assert empty and all("sizeLimit" in each for each in empty)
        places = [mount["mountPath"] for mount in container["volumeMounts"]]
        assert sorted(set(places)) == sorted(places)


def test_executors_have_memory_and_cores_and_no_more(api: Api) -> None:
    for pod in api.pods():
        (container,) = pod["spec"]["containers"]
        asked, allowed = container["resources"]["requests"], container["resources"]["limits"]
        assert {key: asked[key] for key in ("cpu", "memory")} == {"cpu": "2", "memory": "4505Mi"}
        assert {key: allowed[key] for key in ("cpu", "memory")} == {"cpu": "2", "memory": "4505Mi"}


def test_server_asks_kubernetes_for_nothing_its_role_does_not_allow(api: Api) -> None:
    (role,) = of_kind("Role").values()
    allowed = {
        (verb, resource)
        for rule in role["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }
    assert ("create", "pods") in api.asked
    assert api.asked - allowed == set()

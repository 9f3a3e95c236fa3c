"""The objects for a cluster are valid, locked down, and agree with each other and the platform.

No cluster has ever seen them here: this is what can be known without one.
"""

import re
from importlib.metadata import version

import kubernetes_validate
import pytest
import yaml

from infra.native.keys import KEYS
from tests.k8s.manifests import (
    FOLDER,
    Object,
    containers,
    objects,
    of_kind,
    pods,
    settings,
    values,
)

KUBERNETES = "1.34"
# Addresses, paths, cores and keys are others there, and nobody serves Spark's own pages.
OTHER_ON_A_CLUSTER = {
    "spark.master", "spark.driver.extraClassPath", "spark.driver.extraJavaOptions",
    "spark.driver.bindAddress", "spark.driver.host", "spark.local.dir", "spark.ui.port",
    "spark.connect.grpc.binding.address", "spark.connect.grpc.binding.port",
    "spark.ui.retainedExecutions", "spark.ui.retainedJobs", "spark.ui.retainedStages",
    "spark.ui.retainedTasks", "spark.sql.shuffle.partitions", "spark.sql.warehouse.dir",
    "spark.hadoop.fs.s3a.endpoint", "spark.hadoop.fs.s3a.aws.credentials.provider",
    "spark.hadoop.fs.s3a.access.key", "spark.hadoop.fs.s3a.secret.key",
}  # fmt: skip


def name(each: Object) -> str:
    return f"{each['kind']} {each['metadata'].get('name', '(template)')}"


@pytest.mark.parametrize("each", objects(), ids=name)
def test_object_is_valid_for_kubernetes(each: Object) -> None:
    kubernetes_validate.validate(each, KUBERNETES, strict=True)


def test_a_misspelt_field_would_be_found() -> None:
    deployment = of_kind("Deployment")["spark"]
    del deployment["spec"]["selector"]
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES, strict=True)
    executor = of_kind("Pod")["executor"]
    executor["spec"]["automountServiceAccountTokn"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(executor, KUBERNETES, strict=True)


@pytest.mark.parametrize("pod", pods())
def test_pod_runs_as_nobody_in_particular(pod: str) -> None:
    context = pods()[pod]["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_only_the_server_may_speak_to_kubernetes() -> None:
    mounting = [
        pod for pod, spec in pods().items() if spec.get("automountServiceAccountToken", True)
    ]
    assert mounting == ["spark"]
    (binding,) = of_kind("RoleBinding").values()
    assert [subject["name"] for subject in binding["subjects"]] == ["spark"]
    (role,) = of_kind("Role").values()
    assert "*" not in str(role["rules"])
    assert "secrets" not in str(role["rules"])


@pytest.mark.parametrize(("pod", "container"), containers(), ids=lambda each: str(each)[:20])
def test_container_can_change_nothing_and_has_limits(pod: str, container: Object) -> None:
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["requests"].keys() == container["resources"]["limits"].keys()
    assert ":" in container["image"] and not container["image"].endswith(":latest")


def test_memory_and_cores_of_an_executor_are_limited_by_sparks_settings() -> None:
    found = settings("infra/k8s/spark-defaults.conf")
    assert found["spark.executor.memory"]  # Spark makes it request and limit of the pod
    assert found["spark.kubernetes.executor.limit.cores"] == found["spark.executor.cores"]


def test_every_mounted_volume_is_there_and_every_writable_one_has_a_limit() -> None:
    for pod, spec in pods().items():
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for container in spec["containers"]:
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == volumes.keys(), pod
        assert all(v["emptyDir"]["sizeLimit"] for v in volumes.values() if "emptyDir" in v)


def test_secrets_are_only_referred_to() -> None:
    assert of_kind("Secret") == {}
    keys = {key.name for key in KEYS}
    for _, container in containers():
        for variable in container["env"]:
            source = variable.get("valueFrom", {}).get("secretKeyRef", {})
            assert source.get("name") != "lakeproof" or source["key"] in keys
    text = "".join(path.read_text() for path in FOLDER.iterdir())
    assert not re.search(r"(?i)(password|secret|key|token):\s*['\"]?[A-Za-z0-9+/_-]{20,}", text)


def test_settings_of_spark_are_those_of_one_machine_but_for_what_a_cluster_changes() -> None:
    native = settings("infra/spark/spark-defaults.conf")
    cluster = settings("infra/k8s/spark-defaults.conf")
    shared = {
        k: v for k, v in native.items() if k not in OTHER_ON_A_CLUSTER and "retained" not in k
    }
    assert {key: cluster.get(key) for key in shared} == shared
    assert not {key for key in cluster if "access.key" in key or "secret.key" in key}


def test_ports_and_paths_of_spark_are_those_of_its_pod() -> None:
    found = settings("infra/k8s/spark-defaults.conf")
    (container,) = pods()["spark"]["containers"]
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    assert ports == {
        "connect": found["spark.connect.grpc.binding.port"],
        "driver": found["spark.driver.port"],
        "blocks": found["spark.blockManager.port"],
    }
    assert found["spark.driver.host"] == "spark-driver.lakeproof.svc"
    served = of_kind("Service")
    assert {p["port"] for p in served["spark"]["spec"]["ports"]} == {int(ports["connect"])}
    assert {p["port"] for p in served["spark-driver"]["spec"]["ports"]} == {7078, 7079}
    for pod in ("spark", "executor"):
        (mounts,) = [each["volumeMounts"] for name, each in containers() if name == pod]
        assert found["spark.local.dir"] in {mount["mountPath"] for mount in mounts}
    images = {each["image"] for name, each in containers() if name in ("spark", "executor")}
    assert images == {found["spark.kubernetes.container.image"]}
    accounts = of_kind("ServiceAccount")
    assert found["spark.kubernetes.authenticate.executor.serviceAccountName"] in accounts


def test_there_is_never_more_than_one_driver() -> None:
    deployment = of_kind("Deployment")["spark"]["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})


def test_services_outside_are_named_and_may_be_reached() -> None:
    services = {k: v["spec"] for k, v in of_kind("Service").items()}
    outside = {name for name, spec in services.items() if spec.get("type") == "ExternalName"}
    assert outside == {"kafka", "s3", "clickhouse", "postgres"}
    ports = {key.name: key.port for key in KEYS}
    store, kafka = ports["S3_ENDPOINT"], ports["KAFKA_BOOTSTRAP_SERVERS"]
    assert settings("infra/k8s/spark-defaults.conf")["spark.hadoop.fs.s3a.endpoint"] == (
        f"http://s3:{store}"
    )
    assert {store, kafka} <= leaving("spark-executor")
    assert {store, kafka} <= leaving("spark")
    assert {store, kafka, ports["CLICKHOUSE_PORT"]} <= leaving("airflow")


def leaving(policy: str) -> set[int]:
    """The ports by which a policy lets its pods out of the cluster."""
    rules = of_kind("NetworkPolicy")[policy]["spec"]["egress"]
    outward = [rule for rule in rules if "ipBlock" in rule["to"][0]]
    return {port["port"] for rule in outward for port in rule["ports"]}


def test_everything_is_forbidden_that_no_policy_allows() -> None:
    assert of_kind("NetworkPolicy")["deny-all"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_only_labelled_clients_reach_spark_and_tasks_are_labelled() -> None:
    (rule,) = [
        rule
        for rule in of_kind("NetworkPolicy")["spark"]["spec"]["ingress"]
        if {"port": 15002} in rule["ports"]
    ]
    (peer,) = rule["from"]
    label = peer["podSelector"]["matchLabels"]
    assert label.items() <= of_kind("Pod")["airflow-worker"]["metadata"]["labels"].items()


def test_every_object_is_in_the_namespace() -> None:
    kinds = [each for each in objects() if each["kind"] not in ("Namespace", "Pod")]
    assert {each["metadata"]["namespace"] for each in kinds} == {"lakeproof"}


def test_kustomization_names_every_file_once() -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    (generated,) = kustomization["configMapGenerator"]
    by_hand = ["airflow-values.yaml", "airflow-worker-pod.yaml", "kustomization.yaml", "README.md"]
    named = [*kustomization["resources"], *generated["files"], *by_hand]
    assert sorted(named) == sorted(path.name for path in FOLDER.iterdir())
    (config_map,) = [v for v in pods()["spark"]["volumes"] if v["name"] == "settings"]
    assert config_map["configMap"]["name"] == generated["name"]


def test_airflow_is_the_locked_version_with_a_pod_for_each_task() -> None:
    found = values()
    assert found["executor"] == "KubernetesExecutor"
    assert found["airflowVersion"] == version("apache-airflow")
    image = f"{found['defaultAirflowRepository']}:{found['defaultAirflowTag']}"
    (task,) = pods()["airflow-worker"]["containers"]
    assert (task["name"], task["image"]) == ("base", image)


def test_airflows_own_pods_are_as_locked_down_as_the_others() -> None:
    found = values()
    (task,) = pods()["airflow-worker"]["containers"]
    assert found["securityContexts"]["containers"] == task["securityContext"]
    assert found["securityContexts"]["pod"] == pods()["airflow-worker"]["securityContext"]
    for component in ("apiServer", "scheduler", "dagProcessor", "triggerer"):
        assert found[component]["resources"].keys() == {"requests", "limits"}


def test_airflow_starts_no_database_of_its_own_and_no_user_with_a_known_password() -> None:
    found = values()
    for component in ("postgresql", "redis", "createUserJob"):
        assert found[component] == {"enabled": False}

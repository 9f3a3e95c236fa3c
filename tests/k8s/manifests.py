"""The objects for a Kubernetes cluster, as they are in the repository."""

from typing import Any

import yaml

from jobs.settings import ROOT

FOLDER = ROOT / "infra" / "k8s"
NOT_OBJECTS = ("kustomization.yaml", "airflow-values.yaml")
Object = dict[str, Any]


def objects() -> list[Object]:
    """Every object of every manifest."""
    paths = [path for path in sorted(FOLDER.glob("*.yaml")) if path.name not in NOT_OBJECTS]
    return [each for path in paths for each in yaml.safe_load_all(path.read_text())]


def of_kind(kind: str) -> dict[str, Object]:
    """The objects of a kind, by name; a template for pods has that of its container."""
    found = [each for each in objects() if each["kind"] == kind]
    return {
        each["metadata"].get("name") or each["spec"]["containers"][0]["name"]: each
        for each in found
    }


def pods() -> dict[str, Object]:
    """The spec of every pod that is made from the manifests."""
    templates = {name: each["spec"]["template"] for name, each in of_kind("Deployment").items()}
    return {name: each["spec"] for name, each in (templates | of_kind("Pod")).items()}


def containers() -> list[tuple[str, Object]]:
    """Every container of every pod, with the name of the pod."""
    return [(name, each) for name, spec in pods().items() for each in spec["containers"]]


def settings(path: str) -> dict[str, str]:
    """The settings in a properties file of Spark."""
    lines = (ROOT / path).read_text().splitlines()
    pairs = [line.partition(" ") for line in lines if line.startswith("spark.")]
    return {key: value.strip() for key, _, value in pairs}


def values() -> Object:
    """The values for Airflow's chart."""
    found: Object = yaml.safe_load((FOLDER / "airflow-values.yaml").read_text())
    return found

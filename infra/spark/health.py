"""One real request to each part of Spark: what it takes to call it healthy."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests

from jobs.errors import ServiceDown
from jobs.session import require
from jobs.settings import Settings

ANSWER_SECONDS = 10


def check_spark(settings: Settings) -> None:
    """A new session answers `select 1`."""
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.session import SparkSession

    require("spark", urlsplit(settings.spark_remote).netloc)
    try:
        session = SparkSession.builder.remote(settings.spark_remote).create()
        session.sql("select 1").collect()
        session.stop()
    except PySparkException as error:
        raise ServiceDown("spark", settings.spark_remote, error) from error


def check_spark_master(settings: Settings) -> None:
    """The page about the workers says that it leads them."""
    if (status := _cluster(settings, "spark-master")["status"]) != "ALIVE":
        raise ServiceDown("spark-master", settings.spark_cluster_url, f"it is {status}")


def check_spark_worker(number: int) -> Callable[[Settings], None]:
    """A check of a worker: its master counts on so many."""

    def check(settings: Settings) -> None:
        service = f"spark-worker-{number}"
        if (alive := _cluster(settings, service)["aliveworkers"]) < number:
            raise ServiceDown(service, settings.spark_cluster_url, f"{alive} workers are there")

    return check


def _cluster(settings: Settings, service: str) -> dict[str, Any]:
    url = f"{settings.spark_cluster_url}/json/"
    try:
        answer = requests.get(url, timeout=ANSWER_SECONDS)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()  # for a moment after its start it is no JSON
    except requests.RequestException as error:
        raise ServiceDown(service, url, error) from error
    return found

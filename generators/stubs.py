"""A day's rows handed to the stub service, which serves them as the platforms would."""

from datetime import date
from typing import Any

import requests

from generators import ads, crm
from jobs.errors import LakeproofError, ServiceDown
from jobs.settings import Settings

CRM = "crm"
ANSWER_SECONDS = 30


def hand_over(day: date, seed: int, settings: Settings) -> None:
    """Nothing; the stubs serve the day's ads, its corrections of earlier days, and its contacts.

    What is handed over twice is served once.
    Raises: ServiceDown if nothing listens, LakeproofError if the service refuses the rows.
    """
    published = {date.fromisoformat(row["segments"]["date"]) for row in held("google", settings)}
    for platform, found in ads.rows(day, seed, published).items():
        put(platform, found, settings)
    put(CRM, crm.contacts(day, seed), settings)


def put(platform: str, found: list[dict[str, Any]], settings: Settings) -> None:
    """Nothing; the platform serves these rows too, each in place of its older version.

    Raises: ServiceDown, LakeproofError.
    """
    _ask("PUT", platform, settings, json=found)


def held(platform: str, settings: Settings) -> list[dict[str, Any]]:
    """All rows that a platform serves in the namespace.

    Raises: ServiceDown, LakeproofError.
    """
    found: list[dict[str, Any]] = _ask("GET", platform, settings).json()
    return found


def misbehave(platform: str, fault: str, times: int, settings: Settings) -> None:
    """Nothing; the platform's next answers have that fault; 0 times ends it.

    Raises: ServiceDown, LakeproofError.
    """
    _ask("PUT", f"{platform}/faults", settings, json={"fault": fault, "times": times})


def _ask(method: str, path: str, settings: Settings, **what: Any) -> requests.Response:
    url = f"{settings.shop_api_url}/_admin/{settings.namespace or 'default'}/{path}".rstrip("/")
    login = (settings.s3_access_key, settings.s3_secret_key)
    try:
        answer = requests.request(method, url, auth=login, timeout=ANSWER_SECONDS, **what)
    except requests.RequestException as error:
        raise ServiceDown("stubs", settings.shop_api_url, type(error).__name__) from error
    if not answer.ok:
        raise LakeproofError(
            f"The stub service refused {method} {url}: {answer.status_code} {answer.text[:200]}. "
            "If it refuses the login, restart it with `make down` and `make up`."
        )
    return answer

"""The schemas of the Kafka topics in the registry, and a producer's leave to write by them.

A topic's subject is called as Confluent's clients call it: the topic's full name and `-value`.
Source: docs/decisions/schema-registry.md
"""

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from jobs.errors import ContractBroken, LakeproofError, ServiceDown
from jobs.message_schema import message_schema
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import topic_specs

ANSWER_SECONDS = 30
MISSING, INCOMPATIBLE, FAULTY = 404, 409, 500
# Subjects of one schema share its text, which the registry deletes with the last of them: somebody
# who registers it meanwhile gets a 500, and the next time it is written anew.
AGAIN = Retry(
    total=5,
    connect=0,
    read=2,
    status_forcelist=(500, 503),
    allowed_methods=None,  # each request may be repeated: it says how things shall be
    backoff_factor=0.1,
    raise_on_status=False,
)
DIFFERENCES = re.compile(r"list of diff types: \[(.*)\]", re.DOTALL)


def subject(settings: Settings, topic: str) -> str:
    """The name under which the registry knows the schemas of a topic's messages."""
    return f"{settings.topic(topic)}-value"


def register_all(settings: Settings) -> None:
    """Nothing; the registry has the schema and the mode of every topic. Again changes nothing.

    Raises: ServiceDown; ContractBroken if a schema may not follow the one that is there.
    """
    for topic, spec in topic_specs().items():
        mode = spec.source.compatibility if spec.source else ""
        set_mode(settings, topic, mode)
        register(settings, topic, spec)


def set_mode(settings: Settings, topic: str, mode: str) -> None:
    """Nothing; from then on a schema of the topic follows another only as the mode allows.

    Raises: ServiceDown.
    """
    # NONE is no mode but the lack of one, which a subject that is yet to come cannot lose.
    path = f"/config/{_path(settings, topic)}"
    _ask(settings, "PUT", path, {"compatibility": mode}, missing_is_fine=True)


def forget(settings: Settings, topics: Iterable[str]) -> None:
    """Nothing; the registry does not know the topics any more.

    Raises: ServiceDown.
    """
    for topic in topics:
        for really in ("", "?permanent=true"):  # the registry keeps what was deleted only once
            path = f"/subjects/{_path(settings, topic)}{really}"
            _ask(settings, "DELETE", path, missing_is_fine=True)


def schema_ids(settings: Settings, topics: Iterable[str]) -> dict[str, int]:
    """The id of the schema that the messages of each topic are written by.

    One the registry does not have yet is registered, if it is compatible. To be asked before
    anything is sent.
    Raises: ServiceDown; ContractBroken saying what differs; LakeproofError if the registry does
    not know the topic, and so not which changes are allowed.
    """
    specs = topic_specs()
    for topic in topics:
        if _latest(settings, topic) is None:
            raise LakeproofError(
                f"The registry at {settings.schema_registry_url} has no subject "
                f"{subject(settings, topic)}. `make up` registers the schemas of the platform; "
                "a namespace registers its own."
            )
    return {topic: register(settings, topic, specs[topic]) for topic in topics}


def register(settings: Settings, topic: str, spec: Spec) -> int:
    """The id of the topic's schema, which is a new version if the registry does not have it yet.

    Check and registration are one request: nobody else's schema comes in between.
    Raises: ServiceDown; ContractBroken if the mode does not allow it to follow the latest one.
    """
    text = json.dumps(message_schema(spec), sort_keys=True)  # the order of columns is no change
    path = f"/subjects/{_path(settings, topic)}/versions"
    answer = _request(settings, "POST", path, {"schema": text, "schemaType": "JSON"})
    if answer.status_code == INCOMPATIBLE:
        raise _refusal(settings, topic, spec, answer.json()["message"])
    return int(_content(answer)["id"])


def _refusal(settings: Settings, topic: str, spec: Spec, message: str) -> ContractBroken:
    latest = _latest(settings, topic) or {}
    mode = _ask(settings, "GET", f"/config/{_path(settings, topic)}")["compatibilityLevel"]
    return ContractBroken(
        f"The registry refuses the schema of jobs/{spec.name.replace('.', '/')}.yml: compared "
        f"with version {latest.get('version')} of {subject(settings, topic)}, whose mode is "
        f"{mode}, it differs by {differences(message)}. Nothing was registered, nothing was sent. "
        "Take the change back; or, if all who read the topic are ready for the break, set "
        "`compatibility: NONE` below `source`, run `make up`, and remove it again."
    )


def differences(message: str) -> str:
    """The part of a refusal that says what differs and where; all of it if there is no such."""
    found = DIFFERENCES.search(message)
    return found[1] if found else message


def _latest(settings: Settings, topic: str) -> dict[str, Any] | None:
    path = f"/subjects/{_path(settings, topic)}/versions/latest"
    found: dict[str, Any] | None = _ask(settings, "GET", path, missing_is_fine=True)
    return found


def _path(settings: Settings, topic: str) -> str:
    return quote(subject(settings, topic), safe="")


def _ask(
    settings: Settings, method: str, path: str, body: Any = None, missing_is_fine: bool = False
) -> Any:
    answer = _request(settings, method, path, body)
    if answer.status_code == MISSING and missing_is_fine:
        return None
    return _content(answer)


def _request(settings: Settings, method: str, path: str, body: Any = None) -> requests.Response:
    url = f"{settings.schema_registry_url}{path}"
    try:
        with requests.Session() as session:
            session.mount(url, HTTPAdapter(max_retries=AGAIN))
            answer = session.request(method, url, json=body, timeout=ANSWER_SECONDS)
    except requests.RequestException as error:
        raise ServiceDown("registry", settings.schema_registry_url, error) from error
    if answer.status_code >= FAULTY:
        cause = f"{answer.status_code} {answer.text[:200]}"
        raise ServiceDown("registry", settings.schema_registry_url, cause)
    return answer


def _content(answer: requests.Response) -> Any:
    if not answer.ok:
        raise LakeproofError(
            f"The registry refused {answer.request.method} {answer.url}: {answer.status_code} "
            f"{answer.text[:500]}. Nothing was changed; `make logs S=registry` shows more."
        )
    return answer.json()

"""How one platform is asked, as its bronze spec says under `pull`."""

import json
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from string import Template
from typing import Any

from jobs.errors import SpecError
from jobs.spec import Spec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_MS = "epoch_ms"


@dataclass(frozen=True)
class Envelope:
    """Where a platform that answers errors with status 200 says so, and which of them pass."""

    code: str
    good: int
    message: str
    passing: tuple[int, ...] = ()


@dataclass(frozen=True)
class ApiPull:
    """One platform's API.

    Texts under headers, query and body may hold `$since`, `$token` and `$client_id`. Places in an
    answer are dotted: `paging.next`, `items.0`. `identity` are those that tell one record from
    another. `time_format` is strptime's, or epoch_ms.
    """

    platform: str
    path: str
    records: str
    total: str
    updated_at: str
    identity: tuple[str, ...]
    paging: dict[str, str]
    requests_per_minute: int
    overlap_days: int
    time_format: str = "%Y-%m-%dT%H:%M:%S.%f%z"
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    envelope: Envelope | None = None

    def moment(self, record: dict[str, Any]) -> datetime:
        """When the platform last changed a record.

        Raises: LookupError, TypeError, ValueError or OverflowError if the record does not say.
        """
        told = at(record, self.updated_at)
        if self.time_format == EPOCH_MS:
            return EPOCH + timedelta(milliseconds=int(told))
        found = datetime.strptime(told, self.time_format)
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def identify(self, record: dict[str, Any]) -> str:
        """What tells the record from others, whatever else changes in it.

        Raises: LookupError, TypeError or ValueError if the record does not say.
        """
        return json.dumps([at(record, place) for place in self.identity])

    def since(self, moment: datetime | None) -> str:
        """An instant as the platform writes it; None is the beginning of time."""
        moment = (moment or EPOCH).astimezone(UTC)
        if self.time_format == EPOCH_MS:
            return str(int(moment.timestamp() * 1000))
        return moment.strftime(self.time_format)


def read_api_pull(spec: Spec) -> ApiPull:
    """The `pull` of a bronze spec.

    Raises: SpecError naming a key that is unknown or missing.
    """
    assert spec.source is not None  # spec_file.py lets no bronze table be without
    told = {key: value for key, value in spec.source.pull.items() if key != "from"}
    where = f"{spec.name}: source.pull"
    known = [item.name for item in fields(ApiPull)]
    if unknown := sorted(set(told).difference(known)):
        raise SpecError(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(known)}")
    try:
        envelope = told.pop("envelope", None)
        return ApiPull(**told, envelope=Envelope(**envelope) if envelope else None)
    except TypeError as error:
        raise SpecError(f"{where}: {error}") from None


def at(document: Any, place: str) -> Any:
    """The value at a dotted place.

    Raises: LookupError, TypeError or ValueError if it is not there.
    """
    for name in place.split("."):
        document = document[int(name) if isinstance(document, list) else name]
    return document


def filled(template: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """The template with its `$names` replaced; what is no text stays.

    Raises: SpecError naming a `$name` nobody gives.
    """
    try:
        return {
            key: Template(value).substitute(values) if isinstance(value, str) else value
            for key, value in template.items()
        }
    except KeyError as error:
        raise SpecError(
            f"source.pull asks for ${error.args[0]}; known: {', '.join(values)}"
        ) from None

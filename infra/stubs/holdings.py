"""The rows the platforms serve, per namespace, kept in files that survive a restart."""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from infra.stubs.platform import Platform, Row
from infra.stubs.platforms import PLATFORMS


class Holdings:
    """Rows by namespace and platform; of a row's versions the newest is held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[tuple[str, str], dict[str, Row]] = {}

    def put(self, namespace: str, platform: Platform, rows: list[Row]) -> int:
        """How many rows are held from now on, after these were added on the disk too.

        Raises: LookupError or TypeError if a row is not the platform's; then none is.
        """
        held = dict(self._rows(namespace, platform))
        for row in rows:
            key = platform.key(row)
            if key not in held or _changed_at(platform, held[key]) <= _changed_at(platform, row):
                held[key] = row
        self._write(namespace, platform, held)
        self._held[namespace, platform.name] = held
        return len(held)

    def since(self, namespace: str, platform: Platform, moment: datetime | None) -> list[Row]:
        """The rows changed at or after a moment, oldest change first; all of them for None."""
        found = [
            (_changed_at(platform, row), key, row)
            for key, row in self._rows(namespace, platform).items()
        ]
        return [
            row
            for updated_at, _, row in sorted(found, key=lambda entry: entry[:2])
            if moment is None or updated_at >= moment
        ]

    def drop(self, namespace: str) -> None:
        """Nothing; nothing is held in the namespace."""
        for name in PLATFORMS:
            self._held.pop((namespace, name), None)
        shutil.rmtree(self._folder / namespace, ignore_errors=True)

    def _rows(self, namespace: str, platform: Platform) -> dict[str, Row]:
        """The held rows by key, from the disk where they were not asked for yet."""
        place = (namespace, platform.name)
        if place not in self._held:
            path = self._path(namespace, platform)
            self._held[place] = json.loads(path.read_text()) if path.exists() else {}
        return self._held[place]

    def _write(self, namespace: str, platform: Platform, held: dict[str, Row]) -> None:
        path = self._path(namespace, platform)
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(".draft")
        with draft.open("w") as file:
            json.dump(held, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def _path(self, namespace: str, platform: Platform) -> Path:
        return self._folder / namespace / f"{platform.name}.json"


def _changed_at(platform: Platform, row: Row) -> datetime:
    """When a row was changed; one whose time nobody can read is served to whoever asks."""
    try:
        return platform.updated_at(row)
    except (OverflowError, ValueError):
        return datetime.max.replace(tzinfo=UTC)

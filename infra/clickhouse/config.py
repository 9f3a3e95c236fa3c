"""Where the server listens, keeps its data, and whom it lets in."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jobs.errors import SettingsError

_KEYS = (
    "CLICKHOUSE_HOST",
    "CLICKHOUSE_PORT",
    "CLICKHOUSE_PATH",
    "CLICKHOUSE_USER",
    "CLICKHOUSE_PASSWORD",
    "CLICKHOUSE_ANALYST_USER",
    "CLICKHOUSE_ANALYST_PASSWORD",
)


@dataclass(frozen=True)
class ServerConfig:
    """All the server is told from outside. Nothing has a default: no open port, no default user."""

    host: str
    port: int
    path: Path
    user: str
    password: str = field(repr=False)
    analyst_user: str
    analyst_password: str = field(repr=False)


def config_from(environ: Mapping[str, str]) -> ServerConfig:
    """The server's configuration out of CLICKHOUSE_* variables.

    Raises: SettingsError naming what is missing, empty or no use.
    """
    missing = [key for key in _KEYS if not environ.get(key)]
    if missing:
        raise SettingsError(
            f"The environment lacks {', '.join(missing)}. `make up` writes them to .env."
        )
    host, port, path, user, password, analyst_user, analyst_password = map(
        environ.__getitem__, _KEYS
    )
    if user == analyst_user:
        raise SettingsError(
            f"CLICKHOUSE_USER and CLICKHOUSE_ANALYST_USER are both {user!r}. Name them apart."
        )
    if not (port.isdecimal() and int(port) < 65536):
        raise SettingsError(f"CLICKHOUSE_PORT is no port: {port!r}. Write a number below 65536.")
    if "?" in path:
        raise SettingsError(f"CLICKHOUSE_PATH may hold no '?': {path!r}. Choose another folder.")
    return ServerConfig(
        host=_address(host),
        port=int(port),
        path=Path(path).resolve(),
        user=user,
        password=password,
        analyst_user=analyst_user,
        analyst_password=analyst_password,
    )


def _address(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host))
    except ValueError as error:
        raise SettingsError(
            f"CLICKHOUSE_HOST is no address: {host!r}. Write one such as 127.0.0.1."
        ) from error

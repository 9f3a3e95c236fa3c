"""Who is asking: two users, each with one role."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from infra.clickhouse.config import ServerConfig
from infra.clickhouse.errors import AUTHENTICATION_FAILED, refusal


class Role(Enum):
    """What a user may do: the loader everything, the analyst read tables."""

    LOADER = "loader"
    ANALYST = "analyst"


@dataclass(frozen=True)
class Login:
    """A name and a password, as configured or as sent."""

    user: str
    password: str = field(repr=False)

    def matches(self, other: "Login") -> bool:
        """Whether both name the same user with the same, not empty, password."""
        same_user = hmac.compare_digest(self.user.encode(), other.user.encode())
        same_password = hmac.compare_digest(self.password.encode(), other.password.encode())
        return same_user & same_password & bool(self.password)


class Doorkeeper:
    """Lets the configured users in."""

    def __init__(self, config: ServerConfig) -> None:
        self._logins = {
            Role.LOADER: Login(config.user, config.password),
            Role.ANALYST: Login(config.analyst_user, config.analyst_password),
        }

    def role_of(self, login: Login) -> Role:
        """The role of whoever logs in.

        Raises: QueryError 516 for a wrong name or password, without telling which.
        """
        # Every user is compared, so that the time taken does not tell which names exist.
        roles = [role for role, known in self._logins.items() if known.matches(login)]
        if not roles:
            raise refusal(
                AUTHENTICATION_FAILED,
                f"{login.user}: Authentication failed: password is incorrect, "
                "or there is no user with such name.",
            )
        return roles[0]


def login_of(headers: Mapping[str, str], parameters: Mapping[str, str]) -> Login:
    """The login a request carries: ClickHouse's headers, else HTTP Basic, else parameters."""
    if "x-clickhouse-user" in headers:
        return Login(headers["x-clickhouse-user"], headers.get("x-clickhouse-key", ""))
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return _basic(credentials)
    return Login(parameters.get("user", ""), parameters.get("password", ""))


def _basic(credentials: str) -> Login:
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise refusal(
            AUTHENTICATION_FAILED, "The Authorization header is no base64 of user:password."
        ) from error
    return Login(user, password)

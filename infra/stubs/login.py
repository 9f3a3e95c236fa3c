"""Who may ask: tokens issued to the platform's own machine account.

The client is the object store's key pair. It is the only id and secret of random values that every
process of the instance already holds, and this service stands in for others on the same machine,
so the pair is shown to nobody new. Real platforms each get credentials of their own. A token is a
digest of the secret and the platform's name: it is worth nothing to another platform, and it holds
after a restart without being stored.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Account:
    """The one client that may log in."""

    client_id: str
    client_secret: str = field(repr=False)

    def is_login(self, client_id: str, client_secret: str) -> bool:
        """Whether id and secret are right."""
        said = f"{client_id}\0{client_secret}".encode()
        return hmac.compare_digest(said, f"{self.client_id}\0{self.client_secret}".encode())

    def is_basic(self, header: str) -> bool:
        """Whether an Authorization header holds the login in the Basic scheme."""
        scheme, _, encoded = header.partition(" ")
        try:
            client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return scheme.lower() == "basic" and self.is_login(client_id, secret)

    def token(self, platform: str) -> str:
        """The token with which a platform is asked."""
        return hmac.digest(self.client_secret.encode(), platform.encode(), "sha256").hex()

    def is_token(self, platform: str, token: str) -> bool:
        """Whether the token is good for that platform."""
        return hmac.compare_digest(token.encode(), self.token(platform).encode())

"""The mailbox of the stack: what is sent to it by SMTP is kept, and goes nowhere."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from infra.alerts.store import LIMITS, Store

MAX_MAIL_BYTES = 1_000_000


class Mailbox:
    """Keeps mails in a store of alerts: subject, sender and receivers, and the text."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # The name is aiosmtpd's.
    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        """The answer to the sender: the mail is on disk."""
        content: Any = envelope.content
        mail = message_from_bytes(content, policy=default)
        sender, receivers = envelope.mail_from, ", ".join(envelope.rcpt_tos)
        subject = str(mail["subject"] or "").strip()
        texts = {
            "title": subject[: LIMITS["title"]] or "without a subject",
            "severity": "info",
            "source": f"{sender} to {receivers}"[: LIMITS["source"]],
            "detail": _text(mail)[: LIMITS["detail"]],
        }
        self._store.add(texts, datetime.now(UTC).isoformat(timespec="milliseconds"))
        return "250 kept"


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain", "html"))
    return str(body.get_content()) if body else ""


def listening(port: int, folder: Path) -> tuple[Controller, Store]:
    """The SMTP server on loopback, not started yet, and where it keeps its mails."""
    folder.mkdir(mode=0o700, exist_ok=True)
    store = Store(folder)
    controller = Controller(
        Mailbox(store), hostname="127.0.0.1", port=port, data_size_limit=MAX_MAIL_BYTES
    )
    return controller, store

"""An alert as an e-mail: plain text, in the sender's name, and marked as sent by a machine."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from usher.clock import iso_from_ms
from usher.domain.alert_message import Happened, Message


def mail_of(message: Message, *, sender: str, to: Sequence[str]) -> bytes:
    """
    Return *message* as the bytes that go to a mail server; the same for each try.

    Args:
        sender, to: bare addresses that were checked when they were saved.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = message.headline
    mail["Date"] = format_datetime(datetime.fromtimestamp(message.at_ms / 1000, UTC))
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text_of(message), cte="quoted-printable")
    return mail.as_bytes()


def text_of(message: Message) -> str:
    """Return the text of the mail."""
    moment = f"Since {_said(message.began_ms)}."
    if message.happened is Happened.ENDED:
        moment = f"Began {_said(message.began_ms)}, over {_said(message.at_ms)}."
    parts = [message.title, "" if message.happened is Happened.ENDED else message.text, moment, message.url]
    return "\n\n".join(part for part in parts if part) + "\n"


def _said(at_ms: int) -> str:
    return f"{iso_from_ms(at_ms)[:16].replace('T', ' ')} UTC"

"""One message through one channel, whatever kind it is; every connection is guarded as those to vendors are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from usher.alerts.mail import mail_of
from usher.alerts.posting import post_slack, post_webhook
from usher.alerts.smtp import MailServer, Post
from usher.domain.alert_message import Message, Taken
from usher.errors import RemoteUnreachable
from usher.http import Http

SEND_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Address:
    """
    Where a channel leads, opened for one send.

    Args:
        type: "email", "slack" or "webhook".
        config: what may be shown, as it was checked when it was saved.
        secrets: by name: "password", "url" of Slack's, "secret" of a webhook's and "old_secret" while it is rotated.
    """

    type: str
    config: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)


class SendsAlerts(Protocol):
    """Sends a message to where a channel leads."""

    async def send(self, to: Address, message: Message, *, now_ms: int) -> Taken:
        """
        Send *message* once, within SEND_SECONDS.

        Raises:
            RemoteError: it was not taken, or nobody knows; send it again, as the same message.
        """


class NoSender:
    """Sends nothing: for a desk that nobody gave a way out."""

    async def send(self, to: Address, message: Message, *, now_ms: int) -> Taken:
        raise RemoteUnreachable("Nothing was sent: this process has no way out.")


class AlertSender:
    """The real one; holds no state of its own."""

    def __init__(self, http: Http, *, allow_private: bool, ca_file: Path | None) -> None:
        self._http = http
        self._post = Post(allow_private=allow_private, ca_file=ca_file)

    async def send(self, to: Address, message: Message, *, now_ms: int) -> Taken:
        if to.type == "email":
            return await self._mail(to, message)
        if to.type == "slack":
            return await post_slack(self._http, to.secrets["url"], message, timeout_seconds=SEND_SECONDS)
        return await post_webhook(
            self._http,
            to.config["url"],
            message,
            secrets=_signing(to.secrets),
            now_ms=now_ms,
            timeout_seconds=SEND_SECONDS,
        )

    async def _mail(self, to: Address, message: Message) -> Taken:
        config = to.config
        server = MailServer(
            host=config["host"],
            port=config["port"],
            security=config["security"],
            user=config.get("user") or "",
            password=to.secrets.get("password", ""),
        )
        mail = mail_of(message, sender=config["from"], to=config["to"])
        return await self._post.send(server, mail, sender=config["from"], to=config["to"], timeout_seconds=SEND_SECONDS)


def _signing(secrets: Mapping[str, str]) -> Sequence[str]:
    return [secrets[name] for name in ("secret", "old_secret") if secrets.get(name)]

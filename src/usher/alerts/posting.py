"""Alerts over HTTP: what a webhook and Slack are sent, and what their answers mean. No word of an answer is kept."""

from collections.abc import Mapping, Sequence

import msgspec

from usher.alerts.signing import signed_headers
from usher.clock import iso_from_ms
from usher.domain.alert_message import Happened, Message, Taken
from usher.errors import RemoteMissing, RemoteRefused, RemoteRejected, RemoteUnreachable
from usher.http import Http, Reply

JSON = {"Content-Type": "application/json"}
MOST_ANSWER_BYTES = 1_024  # nobody reads it
LONGEST_WAIT_SECONDS = 3_600.0
REFUSED, GONE = {401, 403}, {404, 410}
ASK_AGAIN = {408, 425, 429}


async def post_webhook(
    http: Http, url: str, message: Message, *, secrets: Sequence[str], now_ms: int, timeout_seconds: float
) -> Taken:
    """
    Send *message* as a Standard Webhook.

    Raises:
        RemoteError: it was not taken; its class says what to do.
    """
    body = webhook_body(message)
    headers = signed_headers(message.id, timestamp=now_ms // 1000, body=body, secrets=secrets)
    return await _post(http, url, body, headers=headers, timeout_seconds=timeout_seconds)


async def post_slack(http: Http, url: str, message: Message, *, timeout_seconds: float) -> Taken:
    """Send *message* to an incoming webhook of Slack's; returns and raises as *post_webhook*."""
    body = msgspec.json.encode({"text": slack_text(message), "mrkdwn": False})
    return await _post(http, url, body, headers={}, timeout_seconds=timeout_seconds)


def webhook_body(message: Message) -> bytes:
    """Return the body of a webhook: the same bytes for the same message."""
    is_over = message.happened is Happened.ENDED
    return msgspec.json.encode(
        {
            "type": f"alert.{message.happened}",
            "timestamp": iso_from_ms(message.at_ms),
            "data": {
                "kind": message.kind,
                "level": message.level,
                "title": message.title,
                "text": message.text,
                "url": message.url or None,
                "began": iso_from_ms(message.began_ms),
                "ended": iso_from_ms(message.at_ms) if is_over else None,
            },
        }
    )


def slack_text(message: Message) -> str:
    """Return what Slack shows. Escaped as Slack asks, so that a job's name can call nobody and link nowhere."""
    parts = [message.headline, "" if message.happened is Happened.ENDED else message.text, message.url]
    text = "\n".join(part for part in parts if part)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


async def _post(http: Http, url: str, body: bytes, *, headers: Mapping[str, str], timeout_seconds: float) -> Taken:
    reply = await http.request(
        "POST",
        url,
        headers={**JSON, **headers},
        body=body,
        timeout_seconds=timeout_seconds,
        most_bytes=MOST_ANSWER_BYTES,
    )
    _raise_unless_taken(reply)
    return Taken(reply.status)


def _raise_unless_taken(reply: Reply) -> None:
    status = reply.status
    if 200 <= status < 300:
        return
    if status in REFUSED:
        raise RemoteRefused(f"The receiver answered {status}: it does not accept the address or secret.", status=status)
    if status in GONE:
        raise RemoteMissing(f"The receiver answered {status}: nothing is at that address.", status=status)
    if 300 <= status < 400:
        raise RemoteRejected(f"The receiver answered {status}: Usher follows no redirects.", status=status)
    if 400 <= status < 500 and status not in ASK_AGAIN:
        raise RemoteRejected(f"The receiver answered {status}: it does not take the message.", status=status)
    raise RemoteUnreachable(
        f"The receiver answered {status}: it cannot take messages now.",
        status=status,
        retry_after_seconds=_asked_seconds(reply),
    )


def _asked_seconds(reply: Reply) -> float | None:
    asked = reply.headers.get("retry-after", "").strip()
    return min(float(asked), LONGEST_WAIT_SECONDS) if asked.isascii() and asked.isdigit() and len(asked) < 9 else None

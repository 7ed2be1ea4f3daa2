"""
How Lytics' answers are told apart: what it said, or what went wrong and what to do about it.

Two generations of its API live side by side. Both wrap what they say in {"data": …}; they differ in errors:

    V2  {"status": 404, "request_id": "7c1e…", "errors": [{"code": "JOB-…", "message": "no such job"}]}
    V2  {"status": 404, "request_id": "7c1e…", "message": "no such job"}
    V1  {"data": null, "message": "Not authorized", "status": 401}

Source: facts/lytics.md A1 (confirmed; its sources disagree on the two V2 shapes, so both are read).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from usher.errors import (
    RemoteError,
    RemoteMissing,
    RemoteRefused,
    RemoteRejected,
    RemoteUnreachable,
)
from usher.http import Reply
from usher.lytics import tolerant

SYSTEM = "Lytics"
THROTTLE_SECONDS = 10  # Lytics' 429 says nothing about how long (facts/lytics.md A1)
LONGEST_WAIT_SECONDS = 3600
LONGEST_MESSAGE = 300  # characters of Lytics' own words

TRY_LATER = frozenset({408, 423, 425, 429})


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What Lytics said when all went well.

    Args:
        envelope: the whole body, {} where it was empty; it may name people, so never log it.
    """

    envelope: Mapping[str, Any] = field(repr=False)

    @property
    def data(self) -> Any:
        return self.envelope.get("data")


def read_answer(reply: Reply, *, operation: str, secrets: tuple[str, ...] = (), may_be_empty: bool = False) -> Answer:
    """
    Return what *reply* says.

    Args:
        reply: as it came, whatever its status.
        operation: what was asked for, as it stands in error messages ("list audiences").
        secrets: what must not come back in an error message, should Lytics repeat it.
        may_be_empty: an empty body is a full answer too.

    Raises:
        RemoteRefused: the token is not accepted, or may not do this; change the authorization.
        RemoteMissing: Lytics itself says that it is not there.
        RemoteUnreachable: it asks for patience, or something other than its API answered; ask again later.
        RemoteRejected: asking again would get the same answer.
    """
    envelope = _envelope(reply, may_be_empty=may_be_empty)
    if envelope is None and reply.status < 300 and reply.is_cut:
        raise RemoteRejected(
            f"Lytics' answer to '{operation}' is too long to be read.", system=SYSTEM, status=reply.status
        )
    status = _status(reply.status, envelope or {})
    if envelope is not None and status < 300:
        return Answer(envelope)
    raise _error(status, reply=reply, envelope=envelope, operation=operation, secrets=secrets)


def _envelope(reply: Reply, *, may_be_empty: bool) -> Mapping[str, Any] | None:
    """The body as an object: {} where a blank one will do, None where it is none of Lytics' making."""
    if not reply.body.strip():
        return {} if reply.status >= 400 or may_be_empty else None
    try:
        body = tolerant.decode(reply.body)
    except tolerant.NotJsonError:
        return None
    return body if isinstance(body, dict) else None


def _status(http_status: int, envelope: Mapping[str, Any]) -> int:
    """The body's status counts where it is worse; V1 writes it as a string in places (facts/lytics.md A1)."""
    claimed = str(envelope.get("status", ""))
    if http_status < 300 and len(claimed) == 3 and claimed.isascii() and claimed.isdigit():
        return max(http_status, int(claimed))
    return http_status


def _error(
    status: int,
    *,
    reply: Reply,
    envelope: Mapping[str, Any] | None,
    operation: str,
    secrets: tuple[str, ...],
) -> RemoteError:
    """The one place where Lytics' statuses become errors; also the words that a person will read."""
    kind, mend = _kind_and_mend(status, is_lytics=envelope is not None)
    said = _said(envelope or {}, secrets=secrets)
    request_id = _request_id(reply, envelope or {})
    message = f"Lytics answered {status} to '{operation}'"
    message += f": {said}." if said else "."
    message += f" {mend}"
    message += f" (Lytics' request {request_id})" if request_id else ""
    return kind(message, system=SYSTEM, status=status, retry_after_seconds=_retry_after(status, reply))


def _kind_and_mend(status: int, *, is_lytics: bool) -> tuple[type[RemoteError], str]:
    if status == 401 or (status == 403 and is_lytics):
        return RemoteRefused, "Check the token of the Lytics authorization, and its roles."
    if status >= 500 or status in TRY_LATER:
        return RemoteUnreachable, "Usher asks again later."
    # A proxy's page must never be read as "there is no such audience".
    if not is_lytics and not 300 <= status < 400:
        return (
            RemoteUnreachable,
            "That was no answer of Lytics' API: check the API URL and what stands between.",
        )
    if status == 404:
        return RemoteMissing, "Check that it still exists in Lytics."
    if status < 400:
        return RemoteRejected, "It points elsewhere, and Usher does not follow: check the API URL."
    return RemoteRejected, "Asking again would not help."


def _said(envelope: Mapping[str, Any], *, secrets: tuple[str, ...]) -> str:
    errors = envelope.get("errors")
    entries = errors if isinstance(errors, list) else []
    messages = [entry.get("message") for entry in entries if isinstance(entry, dict)]
    words = "; ".join(message for message in messages if isinstance(message, str) and message)
    flat = envelope.get("message")
    words = words or (flat if isinstance(flat, str) else "")
    for secret in filter(None, secrets):
        words = words.replace(secret, "***")
    plain = "".join(char if char.isprintable() else " " for char in words[:LONGEST_MESSAGE])
    return plain.strip().rstrip(".")


def _request_id(reply: Reply, envelope: Mapping[str, Any]) -> str:
    found = envelope.get("request_id") or reply.headers.get("request-id") or ""
    return found if isinstance(found, str) and len(found) <= 64 and found.isprintable() else ""


def _retry_after(status: int, reply: Reply) -> float | None:
    asked = reply.headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return min(float(asked), LONGEST_WAIT_SECONDS)
    return THROTTLE_SECONDS if status == 429 else None

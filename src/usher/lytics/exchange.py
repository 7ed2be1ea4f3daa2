"""How Lytics is asked: whose account, with which token, one request at a time, never a second try."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from usher.errors import RemoteUnknown, RemoteUnreachable
from usher.http import Http, Reply
from usher.lytics.wire import SYSTEM, Answer, read_answer

ANSWER_BYTES = 8 * 1024 * 1024  # all of an account's at most 500 audiences, or of its fields, come in one answer


@dataclass(frozen=True, slots=True)
class Account:
    """
    One Lytics account, as an authorization describes it.

    Args:
        token: goes out as it is, without "Bearer" (facts/lytics.md A1, confirmed). It needs the views of
            audiences, profiles, schema and personal data, and for webhooks the management of jobs.
        api_url: up to but not including "/v2" or "/api".
    """

    token: str = field(repr=False)
    api_url: str = "https://api.lytics.io"


class Exchange:
    """Asks one account's API. It keeps no state, so any number of requests may run at once."""

    def __init__(self, account: Account, *, http: Http, timeout_seconds: float) -> None:
        self._account = account
        self._base = account.api_url.rstrip("/")
        self._http = http
        self._timeout_seconds = timeout_seconds

    async def get(
        self,
        path: str,
        *,
        operation: str,
        query: Mapping[str, str] | None = None,
        most_bytes: int = ANSWER_BYTES,
    ) -> Answer:
        """
        Read something; safe to repeat.

        Raises:
            RemoteError: as *read_answer* says; a lost answer is RemoteUnreachable: nothing was changed.
        """
        return await self._repeatable("GET", path, operation=operation, query=query, most_bytes=most_bytes)

    async def end(self, method: str, path: str, *, operation: str) -> Answer:
        """Stop or remove something; as *get*, because what has ended may be ended again."""
        return await self._repeatable(method, path, operation=operation, may_be_empty=True)

    async def create(
        self, path: str, *, operation: str, body: Mapping[str, Any], secrets: tuple[str, ...] = ()
    ) -> Answer:
        """
        Make something; not safe to repeat: Lytics has no idempotency keys (facts/lytics.md A1, confirmed).

        Raises:
            RemoteUnknown: it may exist now; look for it before asking again.
            RemoteError: otherwise as *read_answer* says.
        """
        content = json.dumps(body).encode()
        reply = await self._send("POST", path, query=None, body=content, most_bytes=ANSWER_BYTES)
        try:
            return self._read(reply, operation=operation, secrets=secrets)
        except RemoteUnreachable as error:
            if reply.status < 300 or reply.status >= 500:
                raise RemoteUnknown(error.message, system=SYSTEM, status=error.status) from error
            raise

    async def any_reply(self, path: str) -> Reply:
        """Return whatever comes back, errors too."""
        return await self._send("GET", path, query=None, body=b"", most_bytes=ANSWER_BYTES)

    async def _repeatable(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        query: Mapping[str, str] | None = None,
        most_bytes: int = ANSWER_BYTES,
        may_be_empty: bool = False,
    ) -> Answer:
        try:
            reply = await self._send(method, path, query=query, body=b"", most_bytes=most_bytes)
        except RemoteUnknown as error:
            raise RemoteUnreachable(error.message, system=SYSTEM) from error
        return self._read(reply, operation=operation, may_be_empty=may_be_empty)

    async def _send(
        self, method: str, path: str, *, query: Mapping[str, str] | None, body: bytes, most_bytes: int
    ) -> Reply:
        headers = {"Authorization": self._account.token, "Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/json"
        url = f"{self._base}{path}"
        return await self._http.request(
            method,
            f"{url}?{urlencode(query)}" if query else url,
            headers=headers,
            body=body,
            timeout_seconds=self._timeout_seconds,
            most_bytes=most_bytes,
        )

    def _read(
        self, reply: Reply, *, operation: str, secrets: tuple[str, ...] = (), may_be_empty: bool = False
    ) -> Answer:
        return read_answer(
            reply,
            operation=operation,
            secrets=(self._account.token, *secrets),
            may_be_empty=may_be_empty,
        )


def segment_of_path(name: str) -> str:
    """Escape *name* so that it stays one part of a path, whatever a person typed."""
    return quote(name, safe="")

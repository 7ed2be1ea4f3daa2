"""
Asking Mapp something that changes nothing: which answers count, and which error each other one is.

A lost answer to such a question is no mystery, as it is to an event: nothing came of it, so ask again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from usher.clock import Clock
from usher.errors import (
    RemoteError,
    RemoteMissing,
    RemoteRefused,
    RemoteRejected,
    RemoteUnknown,
    RemoteUnreachable,
)
from usher.http import Http, Reply
from usher.mapp.answers import ADDRESS, CREDENTIALS, LATER, clocks_in_words
from usher.mapp.headers import retry_after_seconds
from usher.mapp.reason import answer_in_words, content_of

_MOST_BYTES = 4 * 1024 * 1024  # tens of thousands of groups


@dataclass(frozen=True, slots=True)
class Reader:
    """
    Asks, and turns what is no answer into an error.

    Args:
        mend: what to look at when Mapp refuses, such as "the integration ID and the secret".
        place: what to look at when nothing is there, such as "the API URL".
    """

    http: Http
    clock: Clock
    timeout_seconds: float
    mend: str
    place: str

    async def ask(self, url: str, *, headers: Mapping[str, str]) -> Reply:
        """
        Return the answer, whatever its status.

        Raises:
            RemoteUnreachable: no whole answer came; ask again later.
        """
        try:
            return await self.http.request(
                "GET", url, headers=headers, timeout_seconds=self.timeout_seconds, most_bytes=_MOST_BYTES
            )
        except RemoteUnknown as error:
            raise RemoteUnreachable(error.message, system="Mapp") from error

    def content(self, reply: Reply, *, member: str = "") -> Any:
        """
        Return what a successful answer holds (None where it is empty).

        Raises:
            RemoteRefused: 401, 403, 417.
            RemoteMissing: 404, 405, 410.
            RemoteUnreachable: 408, 423, 425, 429, 5xx.
            RemoteRejected: any other refusal, or an answer that is not JSON.
        """
        if not 200 <= reply.status < 300:
            raise self._error(reply, member=member)
        content = content_of(reply.body)
        if reply.is_cut or (content is None and reply.body.strip() not in {b"", b"null"}):
            raise self.not_mapp(reply)
        return content

    def not_mapp(self, reply: Reply) -> RemoteRejected:
        """Return the error for an answer that succeeds but makes no sense."""
        return RemoteRejected(
            f"Something answered {reply.status}, but not as Mapp does. Check {self.place}.",
            system="Mapp",
            status=reply.status,
        )

    def _error(self, reply: Reply, *, member: str) -> RemoteError:
        said = answer_in_words(reply, member=member)
        status, now_ms = reply.status, self.clock.now_ms()
        if status in CREDENTIALS:
            clocks = clocks_in_words(reply, now_ms=now_ms)
            return RemoteRefused(f"{said} Check {self.mend}.{clocks}", system="Mapp", status=status)
        if status in ADDRESS:
            return RemoteMissing(f"{said} Check {self.place}.", system="Mapp", status=status)
        if status in LATER or status >= 500:
            return RemoteUnreachable(
                f"{said} Ask again later.",
                system="Mapp",
                status=status,
                retry_after_seconds=retry_after_seconds(reply.headers, now_ms=now_ms),
            )
        return RemoteRejected(f"{said} Check {self.place}.", system="Mapp", status=status)

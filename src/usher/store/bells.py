"""
A word between processes that share a PostgreSQL: more is owed, or something was changed by a person.

It only makes others look sooner than they would by themselves; a word that is lost costs seconds and nothing else.
"""

import contextlib
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from sqlalchemy.engine import URL

from usher.store.postgres import CHANGED, CHANNEL, LINK, OWED, engine_url

HEAR_SECONDS = 1.0  # at most so long until a stop is noticed
CONNECTED = "connected"  # said by this process to itself
AGAIN_SECONDS = 1.0  # between two tries to connect
CLOSE_SECONDS = 2.0

logger = structlog.get_logger("usher.store")


class Bells:
    """
    Listens in a thread of its own until closed, and connects again by itself.

    Args:
        loop: where *owed* and *changed* are called.
        owed: more is owed than before.
        changed: jobs, authorizations or anything else that people change.
        connected: the server is there, for the first time or again; what was said in between was not heard.
    """

    def __init__(
        self,
        database_url: str,
        *,
        loop: AbstractEventLoop,
        owed: Callable[[], None],
        changed: Callable[[], None],
        connected: Callable[[], None],
    ) -> None:
        self._url = engine_url(database_url)
        self._loop = loop
        self._calls = {OWED: owed, CHANGED: changed, CONNECTED: connected}
        self._closing = threading.Event()
        self._is_away = False
        self._thread = threading.Thread(target=self._listen_until_closed, name="usher-bells", daemon=True)
        self._thread.start()

    def close(self, *, within_seconds: float = CLOSE_SECONDS) -> None:
        """Stop listening; takes up to a second, or *within_seconds* where the server hangs, so call it in a thread."""
        self._closing.set()
        self._thread.join(within_seconds)

    def _listen_until_closed(self) -> None:
        while not self._closing.is_set():
            try:
                with psycopg.connect(**_parameters(self._url)) as conn:
                    conn.execute(f"LISTEN {CHANNEL}")
                    self._note_back()
                    self._tell(CONNECTED)
                    self._hear(conn)
            except psycopg.Error as error:
                self._note_away(error)
                self._closing.wait(AGAIN_SECONDS)
            except Exception as error:  # noqa: BLE001 - a thread's top: whatever it was, the next try may hear again
                logger.warning("bells_silent", error=type(error).__name__)
                self._closing.wait(AGAIN_SECONDS)

    def _note_away(self, error: psycopg.Error) -> None:
        if not self._is_away:
            logger.warning("database_away", reason=_reason(error, self._url))
        self._is_away = True

    def _note_back(self) -> None:
        if self._is_away:
            logger.warning("database_back")
        self._is_away = False

    def _hear(self, conn: psycopg.Connection[Any]) -> None:
        while not self._closing.is_set():
            heard = conn.notifies(timeout=HEAR_SECONDS, stop_after=1)  # all that came together, each word once
            for word in dict.fromkeys(notice.payload for notice in heard):
                self._tell(word)

    def _tell(self, word: str) -> None:
        if (call := self._calls.get(word)) is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(call)


def _parameters(url: URL) -> dict[str, Any]:
    _, named = url.get_dialect()().create_connect_args(url)
    return {**LINK, **named, "autocommit": True, "application_name": "usher bells"}


def _reason(error: psycopg.Error, url: URL) -> str:
    """Return on one line what libpq says, without the password, which it quotes where an address is misread."""
    said = " ".join(str(error).split())
    for secret in (url.password, *url.normalized_query.get("password", ())):
        said = said.replace(secret, "***") if secret else said
    return said

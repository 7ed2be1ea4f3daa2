"""
Where a process can be killed: before and after every commit, request and settle.

A place is (kind of work, before or after, n-th). The product knows nothing of this: its parts are wrapped from outside.
"""

import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from sqlalchemy.engine import RootTransaction

from usher.engine.ingest import Ingest
from usher.http import GuardedHttp
from usher.store import database
from usher.store.delivery import SqlDelivery
from usher.store.joint import Joint
from usher.store.turns import Placed

NAMELESS = {"/event": "send", "/scan/": "scan", "/job": "webhook", "/segment": "audience"}
INNER = {Placed: "work", Joint: "doing", partial: "func"}
IDENTIFIER = re.compile(r"[0-9a-f-]{16,}")


class Place(NamedTuple):
    """One moment of a process's life."""

    kind: str
    when: str
    nth: int

    def __str__(self) -> str:
        return f"{self.kind} {self.when} {self.nth}"


@dataclass
class Places:
    """
    Counts the places that this process comes by; writes each down, or ends at one.

    Args:
        path: where places are written down, a line each.
        fatal: the only place to write down, and where something ends; blank: nowhere.
        end: what ends there, by default this process, as a power cut would end it.
    """

    path: Path
    fatal: str = ""
    end: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGKILL)
    _seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def passed(self, kind: str, when: str) -> None:
        with self._lock:
            self._seen[kind, when] += 1
            place = str(Place(kind, when, self._seen[kind, when]))
            if self.fatal and place != self.fatal:
                return
            with self.path.open("a") as file:
                file.write(f"{place}\n")
            if self.fatal:
                self.end()


def end_backends(url: str) -> None:
    """End every connection to the database at *url* on its server's side, in the midst of whatever it does."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def watch(places: Places) -> None:
    """Wrap what this process commits, asks of vendors, settles and takes in."""
    _watch_commits(places)
    _watch_calls(places, GuardedHttp, "request", lambda _, __, url, **___: _kind_of_request(url))
    _watch_calls(places, SqlDelivery, "settle", lambda *_, **__: "settle")
    _watch_calls(places, Ingest, "receive", lambda *_, **__: "trigger")


def _watch_calls(places: Places, owner: type, name: str, kind_of: Callable[..., str]) -> None:
    whole = getattr(owner, name)

    async def watched(*args: Any, **kwargs: Any) -> Any:
        kind = kind_of(*args, **kwargs)
        places.passed(kind, "before")
        result = await whole(*args, **kwargs)
        places.passed(kind, "after")
        return result

    setattr(owner, name, watched)


def _kind_of_request(url: str) -> str:
    path = url.partition("://")[2].partition("?")[0]
    return next((kind for part, kind in NAMELESS.items() if part in path), IDENTIFIER.sub("*", path.partition("/")[2]))


def _watch_commits(places: Places) -> None:
    whole, commit, at = database._in_one_transaction, RootTransaction.commit, threading.local()

    def in_one_transaction(engine: Any, terms: Any, works: Sequence[Any]) -> Any:
        at.kinds = sorted({f"commit:{_name_of(work)}" for work in works})  # works that share a commit share its fate
        return whole(engine, terms, works)

    def watched_commit(self: RootTransaction) -> None:
        kinds, at.kinds = getattr(at, "kinds", []), []
        for kind in kinds:
            places.passed(kind, "before")
        commit(self)
        for kind in kinds:
            places.passed(kind, "after")

    database._in_one_transaction = in_one_transaction
    setattr(RootTransaction, "commit", watched_commit)  # noqa: B010 - of this process only, and mypy forbids the other


def _name_of(work: Any) -> str:
    while not hasattr(work, "__qualname__"):
        work = getattr(work, INNER[type(work)])
    return str(work.__qualname__).replace(".<locals>", "").removesuffix(".work").removesuffix(".<lambda>")

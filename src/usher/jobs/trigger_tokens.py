"""
Trigger tokens' hashes, remembered for moments: thousands of triggers a second ask the database once.

A token that is not remembered may be one that another process has just made, and Lytics drops for good what is
refused. So the database is asked again, but seldom enough that a flood of wrong tokens costs next to nothing.
"""

import asyncio
import hmac
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

AGAIN_SECONDS = 1.0  # between two times that the database is asked again for one authorization
LIFE_SECONDS = 5.0  # how long an ended token may still be taken by another process
MOST_KEPT = 1_000  # authorizations; unknown ids are remembered too, so that they cost no more than known ones

Tokens = Sequence[tuple[str, int | None]]


@dataclass(frozen=True, slots=True)
class Remembered:
    """
    Hash and end (ms; None: never) of each token of one authorization, good until a monotonic second.

    Args:
        asked_again: when the database was last asked before its answer had grown old; monotonic.
    """

    tokens: tuple[tuple[str, int | None], ...]
    until: float
    asked_again: float = -math.inf

    def admits(self, presented: str, *, now_ms: int) -> bool:
        """Return whether *presented* is one of them; how long it takes tells nothing about them."""
        hashed = hash_of(presented)
        alike = [hmac.compare_digest(hashed, token_hash) for token_hash, _ in self.tokens]
        valid = [expires_ms is None or now_ms < expires_ms for _, expires_ms in self.tokens]
        return any(is_alike and is_valid for is_alike, is_valid in zip(alike, valid, strict=True))


@dataclass(slots=True)
class TokenCache:
    """Bounded; the oldest entry makes room."""

    _kept: dict[str, Remembered] = field(default_factory=dict)
    _asking: dict[str, asyncio.Task[Remembered]] = field(default_factory=dict)

    def get(self, auth_id: str, *, now: float) -> Remembered | None:
        kept = self._kept.get(auth_id)
        return kept if kept is not None and now < kept.until else None

    def put(self, auth_id: str, tokens: Tokens, *, now: float) -> Remembered:
        former = self._kept.pop(auth_id, None)
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        is_again = former is not None and now < former.until
        self._kept[auth_id] = Remembered(tuple(tokens), now + LIFE_SECONDS, now if is_again else -math.inf)
        return self._kept[auth_id]

    def may_ask_again(self, auth_id: str, *, now: float) -> bool:
        """Whether the database may be asked for a token that is not remembered."""
        kept = self._kept.get(auth_id)
        return kept is None or now - kept.asked_again >= AGAIN_SECONDS

    async def ask(self, auth_id: str, read: Callable[[], Awaitable[Tokens]], *, now: float) -> Remembered:
        """Remember and return what *read* finds; whoever asks meanwhile shares its answer, or its failure."""
        asking = self._asking.get(auth_id)
        if asking is None:
            asking = self._asking[auth_id] = asyncio.create_task(self._ask(auth_id, read, now))
            asking.add_done_callback(lambda _: self._asking.pop(auth_id, None))
        return await asyncio.shield(asking)

    async def _ask(self, auth_id: str, read: Callable[[], Awaitable[Tokens]], now: float) -> Remembered:
        return self.put(auth_id, await read(), now=now)

    def forget(self, auth_id: str) -> None:
        self._kept.pop(auth_id, None)


def hash_of(token: str) -> str:
    return sha256(token.encode(errors="replace")).hexdigest()

"""Trigger tokens' hashes, remembered for moments: thousands of triggers a second ask the database once."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

LIFE_SECONDS = 5.0  # how long an ended token may still be taken by another process
MOST_KEPT = 1_000  # authorizations; unknown ids are remembered too, so that they cost no more than known ones


@dataclass(frozen=True, slots=True)
class Remembered:
    """Hash and end (ms; None: never) of each token of one authorization, good until a monotonic second."""

    tokens: tuple[tuple[str, int | None], ...]
    until: float

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

    def get(self, auth_id: str, *, now: float) -> Remembered | None:
        kept = self._kept.get(auth_id)
        return kept if kept is not None and now < kept.until else None

    def put(self, auth_id: str, tokens: Sequence[tuple[str, int | None]], *, now: float) -> Remembered:
        self._kept.pop(auth_id, None)
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[auth_id] = Remembered(tuple(tokens), now + LIFE_SECONDS)
        return self._kept[auth_id]

    def forget(self, auth_id: str) -> None:
        self._kept.pop(auth_id, None)


def hash_of(token: str) -> str:
    return sha256(token.encode(errors="replace")).hexdigest()

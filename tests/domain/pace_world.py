"""A busy client with a pace, and a server that lets so many a second through, in virtual time."""

import heapq
from dataclasses import dataclass, field
from random import Random

from usher.domain.pace import Pace

LATEST_TIMER_SECONDS = 0.001


@dataclass
class TokenBucket:
    """Takes *per_second*, and at most *depth* at once after a rest."""

    per_second: float
    depth: float
    tokens: float = 0.0
    at: float = float("-inf")

    def takes(self, now: float) -> bool:
        self.tokens = min(self.depth, self.tokens + (now - self.at) * self.per_second)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass
class PaceWorld:
    """
    Sends without end, as fast as *pace* lets it.

    Args:
        retry_after_seconds: what the server says when it throttles; None: nothing.
        sent, taken, throttled: when each of these happened, in seconds since the start.
    """

    pace: Pace
    server: TokenBucket
    rng: Random
    latency_seconds: float = 0.02
    retry_after_seconds: float | None = None
    sent: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)
    _answers: list[tuple[float, bool]] = field(default_factory=list)

    def run(self, until: float, *, since: float = 0.0) -> None:
        """Run from second *since* to second *until*."""
        now = since
        while now < until:
            wake_at = self._send_what_may_go(now)
            now = min([wake_at, *(at for at, _ in self._answers[:1])])
            while self._answers and self._answers[0][0] <= now:
                self._hear(*heapq.heappop(self._answers))

    def _send_what_may_go(self, now: float) -> float:
        while len(self._answers) < self.pace.max_in_flight:
            if (wait := self.pace.wait_seconds(now)) > 0:
                return now + wait + self.rng.uniform(0, LATEST_TIMER_SECONDS)
            self.pace.sent(now)
            self.sent.append(now)
            heapq.heappush(self._answers, (now + self.latency_seconds, self.server.takes(now)))
        return float("inf")

    def _hear(self, now: float, is_taken: bool) -> None:
        if is_taken:
            self.taken.append(now)
            self.pace.answered(now)
        else:
            self.throttled.append(now)
            self.pace.throttled(now, retry_after_seconds=self.retry_after_seconds)

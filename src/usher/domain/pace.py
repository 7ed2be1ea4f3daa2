"""
How fast one Mapp account may be spoken to.

Two limits hold at once: the configured requests per second, never passed in any second and spread evenly over it,
and a rate found by trying, which falls when Mapp throttles and rises again while it does not:
gently at first, then ever faster, so that a rate far too low is not kept for long. Where it fell by more than half at
once, an outage or a pause may have been in the way rather than the rate: half of what it was is then tried soon, once.
Where a throttle costs a silence that Mapp asks for, the rate that brought it is tried again only after many times as
long, or most of the time would be spent in silence.
It answers how long to wait; the caller waits.
"""

from collections import deque
from dataclasses import dataclass

SLOW_DOWN = 0.95  # times the rate that got through, when throttled
SPEED_UP = 0.005  # of the rate, each second, for each second since the last throttle
MOST_SPEED_UP = 1.0  # of the rate, at once
TOLERATED_SHARE = 0.02  # throttled, of all answers lately: chance, not a rate that is too high
SHARE_SECONDS = 10
FEW_ANSWERS = 10  # too few for a first throttle to be chance
LEAST_PER_SECOND = 0.2
SETTLE_SECONDS = 1.0  # answers to what was already in flight say nothing about a new rate
FORGET_SECONDS = 120.0  # without a throttle for this long, the found rate is dropped
CATCH_UP_SECONDS = 0.02  # timers wake late; this much may be made good at once
MEASURE_SECONDS = 2.0
FEW_BELOW = 3  # throttles in a row at rates lower than the one that brought the first: the rate is not their cause
TOLERANT_SECONDS = 300.0  # for which throttles are then taken for chance, whatever they cost
HOLD_TIMES = 30  # as long as the silence that a throttle cost, before the rate that brought it is tried again
WINDOW_SPARE_SECONDS = 0.05  # by so much requests may crowd on their way, and still not pass the limit at Mapp


@dataclass(frozen=True, slots=True)
class Limits:
    """What a person allows for one authorization, or one worker's share of it; a rate of 0 allows nothing."""

    per_second: float | None
    in_flight: int

    @property
    def allow_some(self) -> bool:
        return self.in_flight > 0 and self.per_second != 0


class Pace:
    """
    The pace of one authorization; times are monotonic seconds.

    Args:
        requests_per_second: a ceiling set by a person, above 0, or None for none but what Mapp allows.
            A broken number counts as the whole one below it; below 1, one request in each 1 / ceiling seconds.
        max_in_flight: how many requests may be alive at once.
    """

    def __init__(self, *, requests_per_second: float | None, max_in_flight: int) -> None:
        self.max_in_flight = max_in_flight
        self._limit = requests_per_second
        self._sent: deque[float] = deque()
        self._found: float | None = None
        self._next_at = 0.0
        self._limit_next_at = 0.0
        self._changed_at = 0.0
        self._regain = 0.0  # up to this rate it doubles until the next throttle
        self._throttled_at = float("-inf")
        self._silent_until = float("-inf")
        self._silence = 0.0  # that the last throttle asked for
        self._ceiling: float | None = None  # the rate that brought it
        self._below = 0  # throttles that came at rates well below it, where the rate can hardly be their cause
        self._tried = 0.0  # the rate that brought the first of them
        self._tolerant_until = float("-inf")
        self._answered: deque[float] = deque()
        self._seconds: deque[list[int]] = deque(maxlen=SHARE_SECONDS)  # [second, answered, throttled]

    def limit_to(self, limits: Limits) -> None:
        """Keep to other limits from now on; what was sent lately counts against them."""
        self._limit, self.max_in_flight = limits.per_second, limits.in_flight

    def scale(self, factor: float) -> None:
        """Take another part of the rate that was found, because more or fewer workers share it."""
        if self._found is not None:
            self._found = max(LEAST_PER_SECOND, self._found * factor)
            self._regain *= factor
        if self._ceiling is not None:
            self._ceiling *= factor

    def learn(self, *, found: float | None, silent_until: float | None, now: float) -> None:
        """Take over what other workers were told: a rate, where none was found here, and until when to be silent."""
        if self._found is None and found is not None:
            self._found, self._changed_at = found, now
            self._next_at = max(self._next_at, now)
        self._silent_until = max(self._silent_until, silent_until or self._silent_until)

    def found(self, now: float) -> float | None:
        """Return the rate that was found, if that is not long ago."""
        return self._found if now - self._changed_at <= FORGET_SECONDS else None

    def silent_until(self, now: float) -> float | None:
        """Return until when Mapp asked to be left alone, or None where that is over."""
        return self._silent_until if self._silent_until > now else None

    @property
    def per_second(self) -> float | None:
        """The rate in force, or None where nothing limits it."""
        rates = [rate for rate in (self._limit, self._found) if rate is not None]
        return min(rates) if rates else None

    @property
    def answered_per_second(self) -> float:
        """How many requests got an answer that was not a throttle, a second, lately."""
        return len(self._answered) / MEASURE_SECONDS

    def _is_chance(self, now: float) -> bool:
        """Whether throttles are so rare that the rate cannot be their cause."""
        lately = [counts for counts in self._seconds if counts[0] > now - SHARE_SECONDS]
        answered, throttled = (sum(counts[which] for counts in lately) for which in (1, 2))
        if throttled * self._silence > TOLERATED_SHARE * SHARE_SECONDS and now > self._tolerant_until:
            return False
        if throttled == 1 and self._found is None:
            return answered >= FEW_ANSWERS
        return throttled <= TOLERATED_SHARE * (answered + throttled)

    def _count(self, now: float, which: int) -> None:
        if not self._seconds or self._seconds[-1][0] != int(now):
            self._seconds.append([int(now), 0, 0])
        self._seconds[-1][which] += 1

    def room_for(self, seconds: float) -> int:
        """Return how many requests can be sent within *seconds* at the rate in force (at least one)."""
        rate = self.per_second
        return 1_000_000 if rate is None else max(1, int(rate * seconds))

    def wait_seconds(self, now: float) -> float:
        """Return how long to wait before the next request; 0 means now."""
        spacings = (self._spacing_wait(now), self._limit_next_at - now)
        return max(0.0, self._silent_until - now, self._window_wait(now), *spacings)

    def sent(self, now: float) -> None:
        """Count one request as sent."""
        if self._limit:
            self._sent.append(now)
            self._limit_next_at = max(self._limit_next_at, now - CATCH_UP_SECONDS) + 1 / self._limit
        if self._found is not None:
            self._next_at = max(self._next_at, now - CATCH_UP_SECONDS) + 1 / self._found

    def answered(self, now: float) -> None:
        """Count one answer that was not a throttle."""
        self._answered.append(now)
        self._count(now, 1)
        self._drop_before(self._answered, now - MEASURE_SECONDS)
        self._speed_up(now)

    def throttled(self, now: float, *, retry_after_seconds: float | None = None) -> None:
        """Slow down because Mapp said so."""
        since = max(now - MEASURE_SECONDS, self._silent_until)
        if retry_after_seconds is not None:
            self._silent_until = max(self._silent_until, now + retry_after_seconds)
        if now - self._throttled_at <= SETTLE_SECONDS:
            return
        self._count(now, 2)
        self._mind_the_ceiling(now)
        self._silence = retry_after_seconds or 0.0
        if not self._is_chance(now):
            self._slow_down(now, since=since)

    def _mind_the_ceiling(self, now: float) -> None:
        """Where throttles come at whatever rate, to be slow would only cost time: let the ceiling go for a while."""
        if self._found is None:
            return
        if self._ceiling is None or self._found > SLOW_DOWN * self._ceiling:
            self._below, self._tried = 0, self._found
            return
        self._below += 1
        if self._below >= FEW_BELOW:
            self._found, self._ceiling = self._tried, None
            self._below, self._tolerant_until = 0, now + TOLERANT_SECONDS

    def _slow_down(self, now: float, *, since: float) -> None:
        before = max(counts[1] for counts in self._seconds) if self._found is None else self._found
        self._seconds.clear()
        seconds = max(SETTLE_SECONDS, now - since)
        got_through = sum(at > since for at in self._answered) / seconds
        base = got_through if self._found is None else min(self._found, got_through or self._found)
        was_regaining = self._found is not None and self._found < self._regain
        self._ceiling = self._found
        self._found = max(LEAST_PER_SECOND, SLOW_DOWN * base)
        self._regain = 0.0 if was_regaining else before / 2
        self._next_at = now + 1 / self._found
        self._throttled_at = self._changed_at = now

    def _speed_up(self, now: float) -> None:
        if self._found is None:
            return
        calm = now - max(self._throttled_at, self._silent_until)
        unchanged = now - self._changed_at
        hold = HOLD_TIMES * self._silence if self._ceiling is not None else 0.0
        if calm > FORGET_SECONDS + hold:
            self._found = self._ceiling = None
        elif calm > 0 and unchanged >= SETTLE_SECONDS:
            gently = 1 + min(MOST_SPEED_UP, SPEED_UP * (calm if calm <= hold else calm - hold) * unchanged)
            faster = self._found * (2.0 if self._found < self._regain else gently)
            self._found = max(self._found, min(faster, self._held_at(calm, hold=hold)))
            self._changed_at = now

    def _held_at(self, calm: float, *, hold: float) -> float:
        """Return what may not be passed yet, because the last rate that was too high cost a silence."""
        return float("inf") if self._ceiling is None or calm > hold else SLOW_DOWN * self._ceiling

    def _window_wait(self, now: float) -> float:
        if self._limit is None:
            return 0.0
        if self._limit == 0:
            return 1.0
        window = max(1.0, 1 / self._limit) + WINDOW_SPARE_SECONDS
        self._drop_before(self._sent, now - window)
        most = max(1, int(self._limit))
        return 0.0 if len(self._sent) < most else self._sent[-most] + window - now

    def _spacing_wait(self, now: float) -> float:
        return 0.0 if self._found is None else self._next_at - now

    @staticmethod
    def _drop_before(times: deque[float], moment: float) -> None:
        while times and times[0] <= moment:
            times.popleft()

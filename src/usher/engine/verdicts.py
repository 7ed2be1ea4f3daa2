"""What each outcome does to the pace, the breaker and the job, and how its row is settled."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from usher.domain.breaker import Breaker, probe_wait_seconds
from usher.domain.claim import Claim, Settlement
from usher.domain.outcome import Accepted, Late, Outcome, Rejected, RetryLater, StopJob, Unknown
from usher.domain.pace import Pace
from usher.domain.retry import backoff_seconds, throttle_seconds
from usher.domain.row_faults import RowFaults

LONGEST_ASKED_SECONDS = 300.0  # of waiting that Mapp may ask for one row; a live change waits as long


@dataclass(slots=True)
class Trial:
    """
    A job that stopped because so many rows were rejected, and when one row is tried again.

    Args:
        has_nothing_to_try: nobody is owed who could show whether Mapp takes people again.
        is_known: the job has been stopped for it; a job that runs all the same was restarted by a person.
        since_ms: whoever was set aside from then on is owed again once a trial succeeds; None: nobody.
    """

    next_at: float
    tries: int = 0
    since_ms: int | None = None
    is_running: bool = False
    is_over: bool = False
    is_known: bool = False
    has_nothing_to_try: bool = False


class Verdicts:
    """The state of one Mapp authorization that outcomes change. Times are monotonic seconds."""

    def __init__(self, pace: Pace, *, rng: Random) -> None:
        self.pace = pace
        self.breaker = Breaker()
        self.stopped: StopJob | None = None
        self.is_stop_known = False
        self.trials: dict[int, Trial] = {}
        self._rng = rng
        self._row_faults: dict[int, RowFaults] = {}

    def keep_only(self, jobs: Iterable[int]) -> None:
        """Forget jobs that are no longer served."""
        alive = set(jobs)
        for per_job in (self.trials, self._row_faults):
            for key in set(per_job) - alive:
                del per_job[key]

    def settle(
        self, claim: Claim, outcome: Outcome, *, now: float, now_ms: int, sent_at: float | None = None
    ) -> Settlement:
        """Take note of *outcome*, of a request *sent_at* some moment, and return how its row is to be settled."""
        trial = self.trials.get(claim.job)
        if trial is not None and trial.is_running:
            self._judge_trial(trial, is_over=isinstance(outcome, Accepted), now=now)
        match outcome:
            case Accepted() | Rejected():
                self.breaker = self.breaker.succeeded()
                self.pace.answered(now)
                if trial is None:
                    self._mind_row_faults(claim.job, isinstance(outcome, Rejected), now=now, now_ms=now_ms)
            case RetryLater(is_throttle=True, retry_after_seconds=after):
                self.pace.throttled(now, retry_after_seconds=after)
                return Settlement(claim, outcome, delay_ms=_ms(throttle_seconds(rng=self._rng)))
            case RetryLater(retry_after_seconds=after):
                self.breaker = self.breaker.failed(now, rng=self._rng, retry_after_seconds=after, sent_at=sent_at)
                delay = max(
                    backoff_seconds(claim.attempts + 1, rng=self._rng), min(after or 0.0, LONGEST_ASKED_SECONDS)
                )
                return Settlement(claim, outcome, delay_ms=_ms(delay), is_failure=True)
            case Unknown():
                self.breaker = self.breaker.failed(now, rng=self._rng, sent_at=sent_at)
            case StopJob():
                self.stopped = outcome
            case Late():
                pass
        return Settlement(claim, outcome)

    def start_trials(self, job: int, *, now: float, since_ms: int | None) -> None:
        """Stop sending for *job* but for one row now and then."""
        self.trials[job] = Trial(next_at=now + probe_wait_seconds(0, rng=self._rng), since_ms=since_ms)

    def end_trials(self, job: int) -> Trial | None:
        """Go on with *job*; its past answers no longer count."""
        self._row_faults.pop(job, None)
        return self.trials.pop(job, None)

    def _mind_row_faults(self, job: int, is_rejected: bool, *, now: float, now_ms: int) -> None:
        faults = self._row_faults.setdefault(job, RowFaults())
        if faults.note(is_rejected=is_rejected, now_ms=now_ms):
            self.start_trials(job, now=now, since_ms=faults.since_ms)

    def _judge_trial(self, trial: Trial, *, is_over: bool, now: float) -> None:
        trial.is_running = False
        trial.is_over = is_over
        trial.tries += 1
        trial.next_at = now + probe_wait_seconds(trial.tries, rng=self._rng)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

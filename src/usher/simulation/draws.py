"""What one seed draws: the world, which faults it has, and how often each of them happens."""

from dataclasses import dataclass, field
from random import Random

from usher.domain.job import JobConfig
from usher.settings import Timing

AUDIENCE = "0b9d6c1f2e7a4f6c8d1e3a5b7c9d0e1f"
SHARE_ON = 0.45  # of the faults that a seed has at all

# Highest chance, each time it could happen.
CHANCES = {
    "trigger late": 0.6,
    "trigger doubled": 0.4,
    "trigger lost": 0.3,
    "trigger without time": 0.2,
    "trigger from the future": 0.2,
    "answer to Lytics lost": 0.3,
    "Lytics away": 0.3,
    "cursor expires": 0.15,
    "scan short": 0.3,
    "scan without end": 0.3,
    "scan empty": 0.2,
    "redefined while scanned": 0.7,
    "Mapp unreachable": 0.2,
    "answer lost": 0.35,
    "connection reset": 0.25,
    "gateway gives up": 0.25,
    "Mapp busy": 0.3,
    "Mapp throttles": 0.3,
    "Mapp fails": 0.2,
    "odd answer": 0.15,
    "bell lost": 0.8,
    "ledger away": 0.05,
    "commit in doubt": 0.08,
    "stopped before sending": 0.2,
    "stopped at the ledger": 0.12,
}
TIMELESS = frozenset({"trigger without time", "trigger from the future"})
# Most times in one run.
TIMES = {
    "killed": 5,
    "stopped": 5,
    "ended": 2,
    "clock jumps": 3,
    "Lytics out": 2,
    "Mapp out": 2,
    "Mapp refuses": 1,
    "Lytics refuses": 1,
    "redefined": 3,
    "audience gone": 1,
    "many leave": 1,
    "paused by a person": 1,
    "told again by a person": 2,
    "retried by a person": 3,
    "compared by a person": 5,
    "attribute renamed": 2,
}


@dataclass(frozen=True, slots=True)
class Draw:
    """
    One world; times in seconds, rates 0..1.

    Args:
        seconds: for how long faults go on.
        is_alone: one worker owns the ledger, as with SQLite; otherwise workers share it, as with PostgreSQL.
        lag_seconds: how far at most a page of a scan lags behind the truth.
        lytics_ahead, mapp_ahead: by how much their clocks are wrong.
        unknown: whom Mapp does not take, by their number.
        limit_per_second, in_flight: what a person allows for the authorization.
    """

    people: int
    seconds: float
    workers: int
    is_alone: bool
    timing: Timing
    guard_seconds: float
    lag_seconds: float
    lytics_ahead: float
    mapp_ahead: float
    latency: float
    travel: float
    page_size: int
    pause_between_changes: float
    unknown: tuple[int, ...]
    limit_per_second: float | None
    in_flight: int
    config: JobConfig
    chances: dict[str, float] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Describe it for people."""
        crew = "one worker, alone" if self.is_alone else f"{self.workers} workers"
        faults = [f"{name} {chance:.0%}" for name, chance in self.chances.items()]
        faults += [f"{name} {times}x" for name, times in self.times.items()]
        t, c = self.timing, self.config
        begins = "everybody inside is told" if c.withbackfill else "a silent baseline"
        return [
            f"{self.people} people, {self.seconds:.0f} s of faults, {crew}, {begins}",
            (
                f"claims hold {t.send_room_seconds:g} + {t.request_timeout_seconds:g} + {t.quarantine_seconds:g}"
                f" + {t.clock_margin_seconds:g} s; G {self.guard_seconds:.1f} s, lag up to {self.lag_seconds:.1f} s"
            ),
            (
                f"clocks ahead: Lytics {self.lytics_ahead:+.2f} s, Mapp {self.mapp_ahead:+.2f} s;"
                f" limits: {self.limit_per_second or 'no'} a second, {self.in_flight} in flight"
            ),
            f"reconcile every {c.reconcile_hours * 3600:.0f} s, brake at {c.exit_brake_people} people",
            f"faults: {', '.join(faults) or 'none'}",
        ]


def draw_world(rng: Random) -> Draw:
    """Draw a world; the same *rng* draws the same."""
    people, guard = rng.randint(3, 14), rng.uniform(2, 15)
    margin = rng.uniform(0.2, 3)
    chances = {name: rng.random() ** 2 * most for name, most in CHANCES.items() if rng.random() < SHARE_ON}
    times = {name: rng.randint(1, most) for name, most in TIMES.items() if rng.random() < SHARE_ON / 2}
    # What has no time of its own gets our clock's, so only where that is Lytics' too can it be put in order.
    ahead = 0.0 if TIMELESS & chances.keys() else rng.uniform(-0.3, 0.3) * guard
    is_alone = rng.random() < 0.35
    if is_alone:
        chances.pop("commit in doubt", None)
    latency = rng.choice([0.02, 0.1, 0.5])
    return Draw(
        people=people,
        seconds=rng.uniform(8, 40),
        workers=1 if is_alone else rng.randint(1, 3),
        is_alone=is_alone,
        timing=Timing(
            send_room_seconds=rng.choice([2.0, 3.0, 5.0]),
            request_timeout_seconds=rng.uniform(2, 5),
            quarantine_seconds=rng.uniform(1, 7),
            clock_margin_seconds=margin,
        ),
        guard_seconds=guard,
        lag_seconds=rng.uniform(0, 0.95) * (guard - abs(ahead)),
        lytics_ahead=ahead,
        mapp_ahead=rng.uniform(-0.95 * margin, 0.3),
        latency=latency,
        travel=rng.choice([0.002, 0.01, 0.1]),
        page_size=rng.randint(1, 6),
        pause_between_changes=rng.choice([0.2, 0.5, 2.0]),
        unknown=tuple(number for number in range(people) if rng.random() < 0.1) if rng.random() < 0.2 else (),
        limit_per_second=rng.choice([None, None, None, 0.5, 2.0, 5.0]),
        in_flight=rng.choice([1, 2, 4, 64]),
        config=_config(rng, is_lossy="trigger lost" in chances),
        chances=chances,
        times=times,
    )


def _config(rng: Random, *, is_lossy: bool) -> JobConfig:
    hours = rng.uniform(10, 40) / 3600
    return JobConfig(
        segment_id=AUDIENCE,
        uid_field="email",
        group_id="1",
        withbackfill=rng.random() < 0.85,
        reconcile_hours=hours if is_lossy or rng.random() < 0.4 else 0.0,
        exit_brake_people=rng.choice([2, 3, 500]),
        exit_brake_percent=20.0,
    )

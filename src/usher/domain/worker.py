"""What one worker tells the others of itself: which stay it is on, whom it knows, and how Mapp treats it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SCAN = "scan "


@dataclass(frozen=True, slots=True, order=True)
class Stay:
    """
    One stay of a worker in the crew, and its place in the order: who came first stands first.

    A worker that was taken for dead comes back on another stay, so nobody knows it by the one before.
    """

    started_ms: int
    id: str


@dataclass(frozen=True, slots=True)
class Standing:
    """
    How one Mapp authorization treats one worker.

    Args:
        found_per_second: the rate found by trying; None where nothing but the setting limits it.
        in_flight: requests that are alive.
        silent_until_ms: until when Mapp asked to be left alone, by the ledger's clock; None where it did not.
        down_until_ms: until when nothing is sent because Mapp does not answer, by the same clock; None where it does.
    """

    found_per_second: float | None = None
    in_flight: int = 0
    silent_until_ms: int | None = None
    down_until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Worker:
    """
    A worker as the store keeps it.

    Args:
        kind: "serve" or "worker".
        lives_ms: how long after its last beat it may still send, and so is taken for alive.
        seen_ms: when it last beat, by the ledger's clock.
        knows: the stays whose shares it has taken into account, its own among them.
        standing: by Mapp authorization.
    """

    stay: Stay
    kind: str
    host: str
    pid: int
    lives_ms: int
    seen_ms: int = 0
    knows: frozenset[Stay] = frozenset()
    standing: Mapping[str, Standing] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.stay.id

    def is_alive(self, now_ms: int) -> bool:
        """Whether it may still send, *now_ms* by the ledger's clock."""
        return now_ms - self.seen_ms < self.lives_ms


def silent_until(workers: Iterable[Worker], auth_id: str) -> int | None:
    """Return until when (ms, ledger's clock) a Mapp authorization is left alone: the latest that anybody was told."""
    told = [worker.standing[auth_id].silent_until_ms for worker in workers if auth_id in worker.standing]
    return max((moment for moment in told if moment is not None), default=None)


def down_until(workers: Iterable[Worker], auth_id: str) -> int | None:
    """Return until when (ms, ledger's clock) Mapp is taken for down by any worker; None where all were answered."""
    told = [worker.standing[auth_id].down_until_ms for worker in workers if auth_id in worker.standing]
    return max((moment for moment in told if moment is not None), default=None)


def found_by(workers: Iterable[Worker], auth_id: str) -> float | None:
    """Return what one share is on average, of those that *workers* found, or None where none was found."""
    told = [worker.standing[auth_id].found_per_second for worker in workers if auth_id in worker.standing]
    found = [rate for rate in told if rate is not None]
    return sum(found) / len(found) if found else None


def scan_lease(job: int) -> str:
    """Return the name of the lease on scanning a job."""
    return f"{SCAN}{job}"


def job_of_lease(name: str) -> int | None:
    """Return the key of the job whose scan a lease is on; None where it is on something else."""
    number = name.removeprefix(SCAN)
    return int(number) if name.startswith(SCAN) and number.isdecimal() else None

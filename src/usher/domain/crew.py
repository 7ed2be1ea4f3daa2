"""
How workers share one pace without asking one another: who has which part of it, and since when.

Each worker beats: in one transaction it says whom it knows, and reads who is there. From that it works out its share
alone. The shares of all that send never pass the limit, not within any window of it, because of these sentences:

1. Beats are taken one after the other.
2. A worker sends only while each worker that came before it says that it knows it.
3. A worker says that it knows others only once it has taken them into account, so in a later beat.
4. It claims only while its last beat began less than LEASE_SLACK_SECONDS ago, and sends only within the room.
5. It is taken for dead only when it was not seen for room + LEASE_SLACK_SECONDS; then it can send nothing any more.
6. Whoever was taken for dead comes back on a new stay, which nobody knows yet.
7. All keep one order, in which a new stay is the last.
8. A smaller share counts at once; a larger one only when a window has passed, and on a new stay any share is larger.

Take any two workers that send at one moment. The one that came later saw the other in every beat of its stay: it was
there already, and not dead (1, 4, 5). The one that came first had said that it knows the later one (2), so it has
taken it into account (3), and has not dropped it since: it would be on another stay (5, 6). So each that sends has
all that send in its view. In that one order (7), a share in a view is never larger than the share among those alone
that send, and these add up to the limit.
A worker that joins waits to be known; one that leaves or dies leaves its share unused until it can send nothing;
one that was stopped and goes on finds its last beat too old to claim. With (8) the moment may be a whole window:
what counts at its end counted at its beginning too. Answers that are late or lost only delay, for a view may be old.

The ledger's clock may be wrong, but it must not leap. A request that a stopped worker had begun to write when it was
stopped is written late; its expiry has Mapp refuse it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from usher.domain.pace import WINDOW_SPARE_SECONDS
from usher.domain.worker import Stay, Worker

BEAT_SECONDS = 1.0
LEASE_SLACK_SECONDS = 5.0
LONGEST_WINDOW_SECONDS = 600.0  # of a very low rate; bounds what is remembered


def lives_ms(*, send_room_seconds: float) -> int:
    """Return how long (ms) a worker is taken for alive after a beat."""
    return round((send_room_seconds + LEASE_SLACK_SECONDS) * 1000)


def share_of(limit: int, *, rank: int, of: int) -> int:
    """Return how many of *limit* tokens are for the one at *rank* (0 first) when they are dealt round to *of*."""
    return max(0, -((rank - limit) // of))


def rate_share(per_second: float | None, *, rank: int, of: int) -> float | None:
    """
    Return the share of a rate; None stays None (no limit), 0 means that this worker may not send.

    A rate counts as its whole number and is dealt round; one below 1 cannot be, so the first worker has it.
    """
    if per_second is None:
        return None
    if per_second < 1:
        return per_second if rank == 0 else 0.0
    return float(share_of(int(per_second), rank=rank, of=of))


@dataclass(frozen=True, slots=True)
class Crew:
    """
    Those that are alive, as one worker saw them.

    Args:
        me: the one who saw; None before its first beat.
        stays: of all, in order.
        strangers: those that came before me and do not know me yet.
    """

    me: Stay | None = None
    stays: tuple[Stay, ...] = ()
    strangers: frozenset[Stay] = frozenset()

    @property
    def size(self) -> int:
        return len(self.stays)

    @property
    def rank(self) -> int:
        """Where I stand, 0 first; only in a crew that I am in."""
        assert self.me is not None
        return self.stays.index(self.me)

    @property
    def may_send(self) -> bool:
        """Whether nobody uses a share that was worked out without me."""
        return self.me in self.stays and not self.strangers

    def share_of(self, limit: int) -> int:
        """Return my share of *limit* requests in flight."""
        return share_of(limit, rank=self.rank, of=self.size) if self.may_send else 0

    def rate_share(self, per_second: float | None) -> float | None:
        """Return my share of a rate, as the function of that name does; 0 where I may not send."""
        return rate_share(per_second, rank=self.rank, of=self.size) if self.may_send else 0.0


def crew_of(workers: Iterable[Worker], me: str) -> Crew:
    """Return the crew that *workers* are, as the one with the id *me* sees them; it is among them."""
    known = {worker.stay: worker.knows for worker in workers}
    mine = next(stay for stay in known if stay.id == me)
    strangers = {stay for stay, knows in known.items() if stay < mine and mine not in knows}
    return Crew(mine, tuple(sorted(known)), frozenset(strangers))


def window_seconds(per_second: float) -> float:
    """Return the span in which a rate is counted: a second, or as long as one request takes where that is longer."""
    return min(LONGEST_WINDOW_SECONDS, max(1.0, 1 / per_second)) + WINDOW_SPARE_SECONDS


@dataclass(frozen=True, slots=True)
class Seat:
    """
    One worker's side of it; times are its own monotonic seconds.

    Args:
        is_alone: nobody else can work on this data, so that there is nobody to wait for.
        shown: crews that were seen, each with the moment since which it counts, the newest last.
        adopted: the stays that were taken into account; what the next beat says to know.
        begun: when the last beat that was answered began.
    """

    id: str
    is_alone: bool = False
    shown: tuple[tuple[float, Crew], ...] = ()
    adopted: frozenset[Stay] = frozenset()
    begun: float = float("-inf")

    @property
    def crew(self) -> Crew:
        return self.shown[-1][1] if self.shown else Crew()

    def show(self, workers: Iterable[Worker], *, begun: float, now: float) -> "Seat":
        """Take in the answer to a beat that began at *begun*."""
        crew = crew_of(workers, self.id)
        kept = self._since(now - LONGEST_WINDOW_SECONDS - 1) if crew.me == self.crew.me else ()
        return replace(self, shown=kept if crew == self.crew else (*kept, (now, crew)), begun=begun)

    def adopt(self, crew: Crew) -> "Seat":
        """Let the next beat say that *crew* is known: nothing uses more than the shares in it any more."""
        return replace(self, adopted=frozenset(crew.stays))

    def may_claim(self, now: float) -> bool:
        return self.crew.may_send and now - self.begun < LEASE_SLACK_SECONDS

    def rate_share(self, per_second: float | None, now: float) -> float | None:
        """Return the share of a rate that may be used now: the least that was mine within the window that ends now."""
        if per_second is None or self.is_alone or not self.shown:
            return self.crew.rate_share(per_second)
        since = now - window_seconds(per_second)
        shares = [crew.rate_share(per_second) or 0.0 for _, crew in self._since(since)]
        return min(shares) if self.shown[0][0] <= since else 0.0

    def _since(self, moment: float) -> tuple[tuple[float, Crew], ...]:
        """Return the crews that counted at *moment* or later."""
        ends = [at for at, _ in self.shown[1:]] + [float("inf")]
        return tuple(one for one, end in zip(self.shown, ends, strict=False) if end > moment)

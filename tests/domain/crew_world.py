"""
Workers that beat, claim, stop, go on, leave and die, in a table and a time of the test's own.

Each moves through the real rules (usher.domain.crew). What a test leaves out of the protocol is one field of *Rules*.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from usher.domain.crew import WINDOW_SPARE_SECONDS, Seat, lives_ms
from usher.domain.worker import Stay, Worker

ROOM_SECONDS = 2.0
WINDOW_SECONDS = 1.0 + WINDOW_SPARE_SECONDS
LIVES_MS = lives_ms(send_room_seconds=ROOM_SECONDS)
RATE = 5.0
STEP_SECONDS = 0.25


@dataclass(frozen=True)
class Rules:
    """The protocol. Each field is a sentence of it; False leaves that sentence out."""

    beats_take_turns: bool = True
    waits_to_be_known: bool = True
    adopts_before_it_knows: bool = True
    claims_only_when_fresh: bool = True
    fresh_since_the_beat_began: bool = True
    sends_only_within_room: bool = True
    dies_only_when_room_is_over: bool = True
    comes_back_as_another: bool = True
    new_ones_are_last: bool = True
    grows_a_window_later: bool = True
    grows_from_nothing_on_a_new_stay: bool = True
    leases_are_looked_at: bool = True


@dataclass
class Table:
    """What SqlWorkers keeps; *beat* does what usher.store.workers.beat does. Times are ms."""

    rows: dict[str, Worker] = field(default_factory=dict)
    holder: str | None = None

    def beat(self, worker: Worker, *, now_ms: int, rules: Rules = Rules()) -> list[Worker]:
        kept = self.in_order()
        for one in kept:
            if one.id != worker.id and self._is_dead(one, now_ms, rules):
                self.drop(one.id)
        former = next((one.stay for one in kept if one.id == worker.id), None)
        stay = former or self._new_stay(worker, kept, now_ms, rules)
        self.rows[worker.id] = replace(worker, stay=stay, seen_ms=now_ms)
        return self.in_order()

    def in_order(self) -> list[Worker]:
        return sorted(self.rows.values(), key=lambda one: one.stay)

    def drop(self, worker: str) -> None:
        self.rows.pop(worker, None)
        if self.holder == worker:
            self.holder = None

    def take(self, worker: str) -> bool:
        if self.holder is None and worker in self.rows:
            self.holder = worker
        return self.holder == worker

    @staticmethod
    def _is_dead(one: Worker, now_ms: int, rules: Rules) -> bool:
        early_ms = 0 if rules.dies_only_when_room_is_over else ROOM_SECONDS * 1000
        return not one.is_alive(now_ms + round(early_ms))

    @staticmethod
    def _new_stay(worker: Worker, kept: list[Worker], now_ms: int, rules: Rules) -> Stay:
        if worker.stay.started_ms and not rules.comes_back_as_another:
            return worker.stay
        last = max([now_ms, worker.stay.started_ms + 1, *(one.stay.started_ms + 1 for one in kept)])
        return Stay(last if rules.new_ones_are_last else -last, worker.id)


@dataclass
class Beat:
    """A beat under way: what it says, when it began, and the answer once it was taken."""

    said: Worker
    began: float
    snapshot: list[Worker]
    answer: list[Worker] | None = None


class Hand:
    """One worker."""

    def __init__(self, name: str) -> None:
        self.said = Worker(Stay(0, name), kind="worker", host="h", pid=1, lives_ms=LIVES_MS)
        self.seat = Seat(name)
        self.beat: Beat | None = None
        self.claimed = -math.inf
        self.believes_in_lease = False
        self.stopped_until = 0.0
        self.share = 0.0

    @property
    def name(self) -> str:
        return self.said.id

    def may_send(self, now: float, rules: Rules) -> bool:
        return now < self.claimed + ROOM_SECONDS or (not rules.sends_only_within_room and self.claimed >= 0)


class World:
    """A few workers on one table; *step* lets one of them do one thing, and then looks whether all is well."""

    def __init__(self, rules: Rules, *, seed: int, hands: int = 3, rate: float = RATE) -> None:
        self.rules = rules
        self.rng = Random(seed)
        self.rate = rate
        self.now = 1.0
        self.table = Table()
        self.hands = [Hand(f"w{number}") for number in range(hands)]
        self.born = hands
        self.used: list[tuple[float, str, float]] = []
        self.most = 0.0
        self.pages_by_two = 0
        self.recorded_by: str | None = None

    @property
    def now_ms(self) -> int:
        return round(self.now * 1000)

    def step(self) -> None:
        able = [hand for hand in self.hands if hand.stopped_until <= self.now]
        doings: list[tuple[int, Callable[[Hand], None]]] = [
            (30, self._begin), (30, self._take), (30, self._answer), (25, self._adopt), (20, self._claim),
            (6, self._record), (1, self._lose_answer), (1, self._stop), (1, self._die), (1, self._leave),
        ]  # fmt: skip
        if able and self.rng.random() < 0.75:
            weights = [weight for weight, _ in doings]
            self.rng.choices([do for _, do in doings], weights)[0](self.rng.choice(able))
        else:
            self.now += STEP_SECONDS
        self._count()

    def _begin(self, hand: Hand) -> None:
        if hand.beat is None:
            said = replace(hand.said, knows=hand.seat.adopted)
            hand.beat = Beat(said, self.now, list(self.table.rows.values()))

    def _take(self, hand: Hand) -> None:
        """The store takes the beat; nobody's answer has come yet."""
        beat = hand.beat
        if beat is None or beat.answer is not None:
            return
        if not self.rules.adopts_before_it_knows:
            there = {one.stay for one in self.table.rows.values() if one.is_alive(self.now_ms)}
            beat.said = replace(beat.said, knows=frozenset(there))
        answer = self.table.beat(beat.said, now_ms=self.now_ms, rules=self.rules)
        if not self.rules.beats_take_turns:
            mine = self.table.rows[hand.name]
            answer = [one for one in beat.snapshot if one.id != hand.name] + [mine]
        beat.answer = answer

    def _answer(self, hand: Hand) -> None:
        beat = hand.beat
        if beat is None or beat.answer is None:
            return
        began = beat.began if self.rules.fresh_since_the_beat_began else self.now
        hand.said = replace(hand.said, stay=next(one.stay for one in beat.answer if one.id == hand.name))
        former = () if self.rules.grows_from_nothing_on_a_new_stay else hand.seat.shown
        hand.seat = hand.seat.show(beat.answer, begun=began, now=self.now)
        if former and hand.seat.shown[0] not in former:
            hand.seat = replace(hand.seat, shown=(*former, *hand.seat.shown))
        hand.beat = None

    def _lose_answer(self, hand: Hand) -> None:
        hand.beat = None

    def _adopt(self, hand: Hand) -> None:
        hand.seat = hand.seat.adopt(hand.seat.crew)

    def _claim(self, hand: Hand) -> None:
        is_fresh = hand.seat.may_claim(self.now)
        if is_fresh or (not self.rules.claims_only_when_fresh and hand.seat.shown):
            hand.claimed = self.now

    def _stop(self, hand: Hand) -> None:
        hand.stopped_until = self.now + self.rng.choice([1.0, 4.0, 6.0, 8.0, 12.0])

    def _die(self, hand: Hand) -> None:
        """It is gone without a word; another process starts."""
        self.born += 1
        self.hands[self.hands.index(hand)] = Hand(f"w{self.born}")

    def _leave(self, hand: Hand) -> None:
        self.table.drop(hand.name)
        self._die(hand)

    def _record(self, hand: Hand) -> None:
        """Record a page of a scan under the lease, which its holder may have lost meanwhile without knowing."""
        if not hand.believes_in_lease:
            hand.believes_in_lease = self.table.take(hand.name)
            self.recorded_by = hand.name if hand.believes_in_lease else self.recorded_by
        elif self.table.holder == hand.name or not self.rules.leases_are_looked_at:
            self.pages_by_two += hand.name != self.recorded_by
        else:
            hand.believes_in_lease = False

    def share_now(self, hand: Hand) -> float:
        """What *hand* may send at now, as it works it out itself."""
        if not hand.may_send(self.now, self.rules):
            return 0.0
        seat = hand.seat
        if not self.rules.waits_to_be_known:
            known = tuple((at, replace(crew, strangers=frozenset())) for at, crew in seat.shown)
            seat = replace(seat, shown=known)
        if not self.rules.grows_a_window_later:
            return seat.crew.rate_share(self.rate) or 0.0
        return seat.rate_share(self.rate, self.now) or 0.0

    def _count(self) -> None:
        self.used += [(self.now, hand.name, share) for hand in self.hands if (share := self.share_now(hand))]
        self.used = [one for one in self.used if one[0] > self.now - WINDOW_SECONDS]
        most: dict[str, float] = {}
        for _, name, share in self.used:
            most[name] = max(share, most.get(name, 0.0))
        self.most = max(self.most, sum(most.values()))

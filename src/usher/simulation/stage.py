"""What everybody in a run stands on: time, chance, the trace, and the one word that ends it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

from usher.simulation.draws import CHANCES, Draw
from usher.simulation.loop import VirtualLoop
from usher.simulation.trace import Trace

EPOCH_MS = 1_790_000_000_000


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that did not hold: its name, and what was seen."""

    promise: str
    seen: str


class Stage:
    """
    The ground of one run.

    *is_calm*: no fault happens any more.
    """

    def __init__(self, draw: Draw, rng: Random, trace: Trace) -> None:
        self.draw = draw
        self.rng = rng
        self.trace = trace
        self.is_calm = False
        self.broken: Broken | None = None
        self.loop = VirtualLoop(rng, failed=self._failed)  # type: ignore[abstract] # no sockets, signals or threads

    def now_ms(self) -> int:
        """Return the true time, which is the database's."""
        return EPOCH_MS + round(self.loop.time() * 1000)

    def happens(self, fault: str) -> bool:
        """Draw whether *fault*, one of *CHANCES*, happens now."""
        assert fault in CHANCES, fault
        chance = self.draw.chances.get(fault)
        return chance is not None and not self.is_calm and self.rng.random() < chance

    def note(self, who: str, what: str) -> None:
        self.trace.note(self.loop.time(), who, what)

    def breaks(self, promise: str, seen: str) -> None:
        """Say that *promise* does not hold, and end the run; the first word counts."""
        if self.broken is None:
            self.broken = Broken(promise, seen)
            self.note("BROKEN", f"{promise}: {seen}")
            self.loop.stop()

    def later(self, seconds: float, callback: Callable[..., object], *args: Any) -> None:
        """Do something outside of all processes."""
        self.loop.call_later(seconds, callback, *args, context=self.loop.outside.context)

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run *work* outside of all processes."""
        self.loop.outside.run(work)

    def _failed(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.breaks("nothing fails unheard", f"{context.get('message')} {error!r}")

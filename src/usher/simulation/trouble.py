"""What happens to machines and vendors for a while: each trouble begins at a drawn moment, and ends."""

from collections.abc import Callable
from typing import Protocol

from usher.simulation.accounts import Credentials
from usher.simulation.lytics import SimulatedLytics
from usher.simulation.mapp import SimulatedMapp
from usher.simulation.network import stop_for_a_while
from usher.simulation.stage import Stage
from usher.simulation.worker import SimulatedWorker

MOST_STEPS_AHEAD = 200  # to the step at which a process is killed or stopped
HOUR_MS = 3_600_000


class Crew(Protocol):
    """The workers of a run."""

    def present(self) -> list[SimulatedWorker]:
        """Return those that are neither dead nor stopped."""

    def join(self) -> None:
        """Let one more begin."""


class Trouble:
    """Does, by name, what a draw's *times* name."""

    def __init__(
        self,
        stage: Stage,
        crew: Crew,
        *,
        mapp: SimulatedMapp,
        lytics: SimulatedLytics,
        credentials: Credentials,
    ) -> None:
        self._stage = stage
        self._crew = crew
        self._mapp = mapp
        self._lytics = lytics
        self._credentials = credentials
        self.kinds: dict[str, Callable[[], None]] = {
            "killed": self._kill,
            "stopped": self._stop,
            "ended": self._end,
            "clock jumps": self._jump,
            "Lytics out": self._lytics_out,
            "Mapp out": self._mapp_out,
            "Mapp refuses": self._mapp_refuses,
            "Lytics refuses": self._lytics_refuses,
            "redefined": self._lytics.redefine,
            "audience gone": self._lose_audience,
        }

    def _one(self) -> SimulatedWorker | None:
        there = self._crew.present()
        return there[int(self._stage.rng.random() * len(there))] if there else None

    def _at_some_step(self, worker: SimulatedWorker, what: Callable[[], None]) -> None:
        """Have it happen between any two steps, soon."""
        worker.process.trap = what
        worker.process.trap_at = worker.process.steps + self._stage.rng.randrange(MOST_STEPS_AHEAD)

    def _kill(self) -> None:
        if (worker := self._one()) is not None:
            self._at_some_step(worker, lambda: self._dies(worker))

    def _dies(self, worker: SimulatedWorker) -> None:
        worker.kill()
        if not worker.is_leaving:  # another was going to follow it already
            self._stage.later(self._stage.rng.choice([0.0, 1.0, 10.0]), self._crew.join)

    def _stop(self) -> None:
        if (worker := self._one()) is not None:
            self._at_some_step(worker, lambda: stop_for_a_while(self._stage, worker.stop, worker.go_on))

    def _end(self) -> None:
        if (worker := self._one()) is not None and not worker.is_leaving:
            worker.end()
            self._stage.later(self._stage.rng.uniform(7, 10), self._crew.join)

    def _jump(self) -> None:
        if (worker := self._one()) is not None and not self._stage.draw.is_alone:
            worker.own.wall_ahead_ms += self._stage.rng.choice([-24, -1, 1, 24]) * HOUR_MS
            self._stage.note(worker.name, "finds its clock set")

    def _for_a_while(self, who: str, what: str, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._stage.note(who, what)
        begin()
        self._stage.later(self._stage.rng.uniform(1, 12), self._over, who, end)

    def _over(self, who: str, end: Callable[[], None]) -> None:
        self._stage.note(who, "is back")
        end()

    def _lytics_out(self) -> None:
        lytics = self._lytics
        self._for_a_while("Lytics", "goes down", lambda: _set(lytics, "is_out", True), lambda: _set(lytics, "is_out"))

    def _lytics_refuses(self) -> None:
        lytics, name = self._lytics, "is_refusing"
        self._for_a_while("Lytics", "refuses the token", lambda: _set(lytics, name, True), lambda: _set(lytics, name))

    def _lose_audience(self) -> None:
        lytics, name = self._lytics, "is_gone"
        self._for_a_while("Lytics", "loses the audience", lambda: _set(lytics, name, True), lambda: _set(lytics, name))

    def _mapp_out(self) -> None:
        mapp = self._mapp
        self._for_a_while("Mapp", "goes down", lambda: _set(mapp, "is_out", True), lambda: _set(mapp, "is_out"))

    def _mapp_refuses(self) -> None:
        """Refuse everybody until it passes, or take a new secret only, which a person enters later."""
        if self._stage.rng.random() < 0.5:
            mapp, name = self._mapp, "is_refusing"
            self._for_a_while("Mapp", "refuses", lambda: _set(mapp, name, True), lambda: _set(mapp, name))
        else:
            self._stage.note("Mapp", "takes a new secret only")
            self._mapp.secret = f"s{self._credentials.revision + 1}"
            self._stage.later(self._stage.rng.uniform(1, 12), self._enter_secret)

    def _enter_secret(self) -> None:
        self._stage.note("person", "enters the new secret")
        self._credentials.secret = self._mapp.secret
        self._credentials.revision += 1


def _set(vendor: SimulatedMapp | SimulatedLytics, name: str, value: bool = False) -> None:
    setattr(vendor, name, value)

"""
A pretend Lytics: pages that lag behind the truth, cursors that expire, scans that are short, empty or disturbed.

What it says of who is inside was so at some moment within the lag, unless it says itself that it may be wrong.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from usher.domain.observation import NS_PER_MS
from usher.errors import RemoteError, RemoteUnknown
from usher.http import Reply
from usher.simulation.draws import AUDIENCE
from usher.simulation.network import Answer, Request
from usher.simulation.people import People
from usher.simulation.stage import Stage

SLUG = "vip"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a scan goes on: after whom, and under which definition it began."""

    after: str
    definition: int


class SimulatedLytics:
    """
    One account with one audience.

    *is_out*, *is_refusing*, *is_gone*: it answers nobody, believes nobody, or has no audience for now.
    """

    def __init__(self, stage: Stage, people: People) -> None:
        self.is_out = False
        self.is_refusing = False
        self.is_gone = False
        self.definition = 1
        self._stage = stage
        self._people = people

    def now_ms(self) -> int:
        """Return the time by Lytics' clock."""
        return self._stage.now_ms() + round(self._stage.draw.lytics_ahead * 1000)

    def redefine(self) -> None:
        """Change what the audience means; a scan that goes on reads something that is neither the old nor the new."""
        self._stage.note("Lytics", "is told another definition of the audience")
        self.definition += 1

    def receive(self, request: Request, answer: Answer) -> None:
        """See *Server*."""
        took = self._stage.rng.uniform(0.1, 1) * self._stage.draw.latency
        if self.is_out or self._stage.happens("Lytics away"):
            self._fail(answer, took)
        elif self.is_refusing:
            answer(took, _reply(401, message="Not authorized"))
        else:
            answer(took, self._found(request))

    def _fail(self, answer: Answer, took: float) -> None:
        html = Reply(502, {}, b"<html>Bad gateway</html>")
        reset = RemoteUnknown("The connection was reset.")
        failures: list[Reply | RemoteError] = [_reply(503, message="later"), html, reset]
        answer(took, self._stage.rng.choice(failures))

    def _found(self, request: Request) -> Reply:
        parts = urlsplit(request.url)
        if parts.path.endswith("/field"):
            return _reply(200, data=[{"id": "email", "type": "string", "is_identifier": True}])
        if self.is_gone:
            return _reply(404, message="no such segment")
        if parts.path.endswith("/scan"):
            return self._page(parse_qs(parts.query).get("start", [""])[0], request.worker)
        return self._audience()

    def _audience(self) -> Reply:
        described: dict[str, Any] = {
            "id": AUDIENCE,
            "slug_name": SLUG,
            "name": "VIP",
            "segment_ql": f"FILTER {self.definition}",
            "size": len(self._inside()),
        }
        return _reply(200, data=described)

    def _inside(self) -> list[str]:
        """Return who was inside at some moment within the lag, each at another."""
        now_ms, lag, rng = self.now_ms(), self._stage.draw.lag_seconds * 1000, self._stage.rng
        at = {name: round(now_ms - rng.random() * lag) * NS_PER_MS for name in self._people.names}
        return [name for name in self._people.names if self._people.was_in(name, at[name])]

    def _page(self, cursor: str, worker: str) -> Reply:
        place = _Place(**json.loads(cursor)) if cursor else _Place("", self.definition)
        happens = self._stage.happens
        if cursor and happens("cursor expires"):
            return _reply(400, message="the cursor is too old")
        if not cursor and happens("scan empty"):
            return _reply(200, data=[], total=0, _next="")
        if cursor and happens("redefined while scanned"):
            self.redefine()
        inside = self._inside()
        if place.definition != self.definition:
            inside = inside[::2]  # one that began under another definition is all wrong; only the definition tells
        rest = [name for name in inside if name > place.after]
        page = rest[: self._stage.draw.page_size]
        is_last = len(rest) <= len(page)
        self._stage.note("Lytics", f"shows {worker} {', '.join(name.partition('@')[0] for name in page) or 'nobody'}")
        profiles = [{"email": name} for name in page]
        if not is_last and happens("scan without end"):
            return _reply(200, data=profiles, total=len(page))
        if not is_last and happens("scan short"):
            return _reply(200, data=profiles, total=len(self._people.names), _next="")
        follows = "" if is_last else json.dumps({"after": page[-1], "definition": place.definition})
        return _reply(200, data=profiles, total=len(inside), _next=follows)


def _reply(status: int, **envelope: Any) -> Reply:
    return Reply(status, {}, json.dumps({"status": status, **envelope}).encode())

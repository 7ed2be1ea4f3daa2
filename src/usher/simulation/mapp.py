"""
A pretend Mapp: checks who asks, applies values after a while, loses answers, refuses, throttles and breaks down.

It reads requests by its own few lines, so that it cannot agree with mistakes of those that wrote them.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from urllib.parse import urlsplit

from usher.errors import RemoteUnknown
from usher.http import Reply
from usher.simulation.network import Answer, Request
from usher.simulation.stage import EPOCH_MS, Stage

OURS = frozenset({"email", "group", "updateonly", "skipUnsubscribers"})
Place = tuple[str, str, str]  # group, attribute, member

HTML = Reply(502, {"content-type": "text/html"}, b"<html><body>Bad gateway</body></html>")


@dataclass(eq=False, slots=True)
class Living:
    """One request that Mapp let in: it may still be applied."""

    number: int
    worker: str
    place: Place
    is_in: bool


class SimulatedMapp:
    """
    One account. *held*: what it holds; *alive*: the requests that may still change that.

    *is_out*, *is_refusing*: it answers nobody, or believes nobody, for now. *secret*: what it takes.
    """

    def __init__(self, stage: Stage) -> None:
        self.held: dict[Place, bool] = {}
        self.alive: dict[Place, list[Living]] = {}
        self.requests = 0
        self.secret = "s1"  # noqa: S105 - a pretend vendor's
        self.is_out = False
        self.is_refusing = False
        self._stage = stage
        self._unknown = {f"p{number:02}@example.com" for number in stage.draw.unknown}

    def receive(self, request: Request, answer: Answer) -> None:
        """See *Server*."""
        took = self._stage.rng.uniform(0.1, 1) * self._stage.draw.latency
        if self.is_out:
            answer(took, Reply(503, {}, b""))
        elif (refusal := self._refusal(request)) is not None:
            self._stage.note("Mapp", f"refuses {request.worker}: {refusal}")
            answer(took, _said(401, refusal))
        elif not request.body:
            answer(took, Reply(200, {}, b'{"pong": true}'))
        else:
            self._take(request, answer, took)

    def _refusal(self, request: Request) -> str | None:
        """Return why this is nobody who may ask, or None."""
        parts = urlsplit(request.url)
        named = [part for part in (parts.path.encode(), request.body, parts.query.encode()) if part]
        head, claims, signature = request.headers["auth-token"].split(".")
        signed = hmac.new(self.secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
        told = json.loads(_unpadded(claims))
        if self.is_refusing or not hmac.compare_digest(signed, _unpadded(signature)):
            return "bad signature"
        if told["request-hash"] != hashlib.sha1(b"|".join(named)).hexdigest():  # noqa: S324 - Mapp's choice
            return "another request was signed"
        now = EPOCH_MS / 1000 + self._stage.loop.time() + self._stage.draw.mapp_ahead
        return "expired" if now >= told["exp"] else None

    def _take(self, request: Request, answer: Answer, took: float) -> None:
        event: dict[str, str] = json.loads(request.body)
        attribute = next(key for key in event if key not in OURS)
        self.requests += 1
        is_in = {"true": True, "false": False}[event[attribute]]
        place = (event["group"], attribute, event["email"])
        living = Living(self.requests, request.worker, place, is_in)
        if others := self.alive.get(place):
            seen = f"{request.worker} sends {_named(living)} while {_named(others[0])} of {others[0].worker} may land"
            self._stage.breaks("one living request for each person", seen)
        self.alive.setdefault(place, []).append(living)
        self._stage.note("Mapp", f"gets {_named(living)} from {request.worker}")
        if event["email"] in self._unknown:
            self._refuse(living, answer, took, _said(400, "INVALID_PARAMETER: no such contact"))
        else:
            self._act(living, request, answer, took)

    def _act(self, living: Living, request: Request, answer: Answer, took: float) -> None:
        happens = self._stage.happens
        if happens("answer lost"):
            self._drift(living, request)
        elif happens("connection reset"):
            self._drift(living, request)
            answer(took, RemoteUnknown("The connection was reset."))
        elif happens("gateway gives up"):
            self._drift(living, request)
            answer(took, self._stage.rng.choice([HTML, Reply(504, {}, b""), Reply(502, {}, b'{"mess')]))
        elif happens("Mapp busy"):
            self._refuse(living, answer, took, Reply(503, {"retry-after": "2"}, b""))
        elif happens("Mapp throttles"):
            body = b"Database Access Limit Exceeded"
            self._refuse(living, answer, took, self._stage.rng.choice([Reply(429, {}, b""), Reply(500, {}, body)]))
        elif happens("Mapp fails"):
            self._refuse(living, answer, took, Reply(500, {}, b"oops"))
        else:
            body = b"<html>half a p" if happens("odd answer") else b'{"ok": true}'
            self._stage.later(took, self._land, living)
            self._stage.later(took, answer, 0.0, Reply(200, {}, body))

    def _drift(self, living: Living, request: Request) -> None:
        """Apply a request whose answer is lost at any moment that it has left, or never."""
        left = request.until - self._stage.loop.time()
        seconds = self._stage.rng.choice([0.1, 0.5, 0.999]) * left
        self._stage.later(seconds, self._land if self._stage.rng.random() < 0.6 else self._end, living)

    def _refuse(self, living: Living, answer: Answer, took: float, reply: Reply) -> None:
        self._stage.later(took, self._end, living)
        self._stage.later(took, answer, 0.0, reply)

    def _land(self, living: Living) -> None:
        self._stage.note("Mapp", f"applies {_named(living)}")
        self.held[living.place] = living.is_in
        self._end(living)

    def _end(self, living: Living) -> None:
        self.alive[living.place].remove(living)


def _named(living: Living) -> str:
    _, attribute, member = living.place
    return f"#{living.number} {member.partition('@')[0]}.{attribute}={'true' if living.is_in else 'false'}"


def _said(status: int, words: str) -> Reply:
    return Reply(status, {}, json.dumps({"message": words}).encode())


def _unpadded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))

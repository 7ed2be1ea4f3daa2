"""
What goes wrong, where and how often: rules set over HTTP while the sandbox runs.

The first rule that hits a call decides it. Rules are data; playing them is one function per kind.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import msgspec

from usher.clock import Clock
from usher.sandbox.exchange import Answer, Call, Handler, Pause, Play, json_answer

Kind = Literal[
    "status",  # answer with status, headers and body; nothing is applied
    "slow",  # wait, then go on as usual, even if the caller has hung up meanwhile
    "reset_before",  # close the connection; nothing is applied
    "reset_after",  # apply, then close the connection without an answer
    "timeout_after",  # apply, then answer only after so many seconds
    "lands_late",  # close the connection without an answer; apply so many seconds later
    "hang",  # neither apply nor answer for so many seconds, then close
    "throttle_500",  # Mapp's own throttle
    "throttle_429",
    "rate_limit",  # take per_second calls, refuse the others with status 429 or 500
    "reject",  # 400 with an error body as Engage writes it
]
IDENTIFIERS = ("userID", "email", "mobileNumber", "externalID")


class Rule(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """
    One fault.

    Args:
        where: a place ("mapp.event", "lytics.scan", ...) or a whole side ("mapp.any", "lytics.any").
        share: how many of the calls it hits, 0..1.
        members: only calls whose body names one of these people; None means any call.
        times: how many calls it hits at most; None means no end.
        seconds: how long slow, timeout_after, lands_late and hang take.
        per_second: for rate_limit; *burst* calls may come at once.
    """

    where: str
    kind: Kind
    share: float = 1.0
    status: int = 0
    body: Any = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    seconds: float = 1.0
    members: frozenset[str] | None = None
    times: int | None = None
    per_second: float = 10.0
    burst: int = 1

    def covers(self, place: str) -> bool:
        return self.where == place or self.where == place.partition(".")[0] + ".any"


@dataclass(slots=True)
class _Armed:
    rule: Rule
    hits: int = 0
    tokens: float = 0.0
    refilled_at: float = 0.0


@dataclass(slots=True)
class Faults:
    """The rules in force, with their hit counts. Lives as long as the sandbox; one event loop only."""

    clock: Clock
    rng: random.Random
    _armed: list[_Armed] = field(default_factory=list)

    def add(self, rules: Sequence[Rule]) -> None:
        now = self.clock.monotonic()
        self._armed += [_Armed(rule, tokens=float(rule.burst), refilled_at=now) for rule in rules]

    def clear(self) -> None:
        self._armed.clear()

    def in_force(self) -> list[dict[str, Any]]:
        """Every rule as it was given, with `hits`."""
        return [{**msgspec.to_builtins(armed.rule), "hits": armed.hits} for armed in self._armed]

    def choose(self, place: str, body: bytes) -> Play | None:
        for armed in self._armed:
            if armed.rule.covers(place) and self._hits(armed, body):
                armed.hits += 1
                return partial(_play, armed.rule, self.clock)
        return None

    def _hits(self, armed: _Armed, body: bytes) -> bool:
        rule = armed.rule
        if rule.times is not None and armed.hits >= rule.times:
            return False
        if rule.members is not None and rule.members.isdisjoint(_people_in(body)):
            return False
        if rule.kind == "rate_limit":
            return not self._has_token(armed)
        return rule.share >= 1 or self.rng.random() < rule.share

    def _has_token(self, armed: _Armed) -> bool:
        now, rule = self.clock.monotonic(), armed.rule
        gained = (now - armed.refilled_at) * rule.per_second
        armed.tokens, armed.refilled_at = min(float(max(rule.burst, 1)), armed.tokens + gained), now
        if armed.tokens < 1:
            return False
        armed.tokens -= 1
        return True


def _people_in(body: bytes) -> set[str]:
    try:
        event = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return set()
    return {str(event[name]) for name in IDENTIFIERS if name in event} if isinstance(event, dict) else set()


async def _play(rule: Rule, clock: Clock, call: Call, handle: Handler, *, pause: Pause) -> Answer | None:
    refusal = REFUSALS.get(rule.kind)
    if refusal is not None:
        return _dressed(refusal(rule, call), rule)
    if rule.kind == "slow":
        await clock.sleep(rule.seconds)
        return await handle(call)
    return await _lose(rule, call, handle, pause=pause)


async def _lose(rule: Rule, call: Call, handle: Handler, *, pause: Pause) -> Answer | None:
    """The kinds after which the caller cannot know whether it was applied."""
    if rule.kind == "hang":
        await pause(rule.seconds)
    if rule.kind in {"hang", "reset_before"}:
        return None
    if rule.kind == "lands_late":
        call.land_after_seconds = rule.seconds
    answer = await handle(call)
    if rule.kind == "timeout_after":
        await pause(rule.seconds)
        return answer
    return None


def _dressed(answer: Answer, rule: Rule) -> Answer:
    """Headers, and a body given as text or JSON, as the rule wishes."""
    extra = tuple((name.lower().encode(), value.encode()) for name, value in rule.headers.items())
    if rule.body is None:
        body, kind = answer.body, answer.content_type
    elif isinstance(rule.body, str):
        body, kind = rule.body.encode(), b"text/plain; charset=utf-8"
    else:
        body, kind = msgspec.json.encode(rule.body), answer.content_type
    return Answer(answer.status, body, kind, (*answer.headers, *extra))


def _plain(rule: Rule, call: Call) -> Answer:
    return Answer(rule.status or 500)


def _throttle_500(rule: Rule, call: Call) -> Answer:
    """
    Mapp Engage's throttle, borrowed for Connect.

    Source: Mapp Engage API, error handling (confirmed there; that Connect answers the same is inferred).
    """
    return json_answer({"errorActor": "SERVER", "message": "Database Access Limit Exceeded"}, 500)


def _throttle_429(rule: Rule, call: Call) -> Answer:
    return json_answer({"status": 429, "message": "Too many requests"}, 429)


def _over_rate(rule: Rule, call: Call) -> Answer:
    if rule.status == 500:
        return _throttle_500(rule, call)
    answer = _throttle_429(rule, call)
    return answer if rule.headers else Answer(429, answer.body, headers=((b"retry-after", b"1"),))


def _reject(rule: Rule, call: Call) -> Answer:
    """One bad row, in the words of Engage (confirmed there, inferred for Connect); they name the person."""
    member = next(iter(sorted(_people_in(call.body))), "")
    error = {
        "errorActor": "CLIENT",
        "errorCode": "INVALID_PARAMETER",
        "message": f"Value {member} is not valid.",
        "propertyName": "email",
        "propertyValue": member,
    }
    return json_answer(error, rule.status or 400)


REFUSALS: dict[str, Callable[[Rule, Call], Answer]] = {
    "status": _plain,
    "throttle_500": _throttle_500,
    "throttle_429": _throttle_429,
    "rate_limit": _over_rate,
    "reject": _reject,
}

"""Which questions show whether jobs can work with some credentials; each is timed, and none changes anything."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from usher.clock import Clock
from usher.errors import InvalidInput, RemoteError, RemoteUnknown, RemoteUnreachable
from usher.jobs.asking_lytics import MEND_REDACTED, sample_of
from usher.jobs.desk import Desk
from usher.lytics.audiences import Audience, Field
from usher.lytics.client import LyticsClient
from usher.mapp.client import MappClient

UNREACHABLE = (RemoteUnreachable, RemoteUnknown)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Check:
    """
    One question to a vendor.

    Args:
        asked: what it was about, in a word or two.
        is_passed: None where the answer says neither.
        took_ms: until the answer came, or none did.
    """

    asked: str
    is_passed: bool | None
    said: str
    took_ms: int


@dataclass(slots=True)
class TestReport:
    """
    What a test found.

    Args:
        is_healthy: the vendor answered and accepts the credentials.
        is_reached: it answered at all; where it did not, nothing is known of the credentials.
        findings: sentences, each with the next step where there is one; what keeps jobs from working comes first.
        checks: the same sentences, in the order in which the vendor was asked.
        groups: Mapp's groups, id to name; None where it showed none.
        audiences, fields: how many Lytics showed; None where it showed none.
        are_values_redacted: Lytics hides identifier values from this token; None where none could be looked at.
    """

    __test__ = False  # pytest takes every Test… for a test

    is_healthy: bool = False
    is_reached: bool = True
    findings: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    groups: dict[str, str] | None = None
    audiences: int | None = None
    fields: int | None = None
    are_values_redacted: bool | None = None

    @property
    def is_usable(self) -> bool:
        """Whether jobs can work with them: credentials may be accepted, and yet hide every identifier."""
        return self.is_healthy and not self.are_values_redacted

    def add(self, check: Check) -> None:
        self.checks.append(check)
        self.findings.append(check.said)


@dataclass(frozen=True, slots=True)
class _Verdict:
    said: str
    is_passed: bool | None = True


@dataclass(frozen=True, slots=True)
class _Questions:
    """Puts questions one after another, and notes what each showed and how long it took."""

    clock: Clock
    report: TestReport

    async def ask(self, asked: str, answer: Awaitable[T], judged: Callable[[T], _Verdict], *, refused: str = "") -> T:
        """Return the answer. Raises what the vendor refused (which means *refused*) or could not say, once noted."""
        began = self.clock.monotonic()
        try:
            found = await answer
        except UNREACHABLE as error:
            self._add(asked, _Verdict(error.message, is_passed=None), began)
            raise
        except (RemoteError, InvalidInput) as error:
            said = f"{refused}: {error.message}" if refused else error.message
            self._add(asked, _Verdict(said, is_passed=False), began)
            raise
        self._add(asked, judged(found), began)
        return found

    async def ask_mildly(
        self, asked: str, answer: Awaitable[T], judged: Callable[[T], _Verdict], *, refused: str
    ) -> T | None:
        """As *ask*, but None where the vendor refused: the test goes on."""
        try:
            return await self.ask(asked, answer, judged, refused=refused)
        except UNREACHABLE:
            raise
        except RemoteError:
            return None

    def _add(self, asked: str, verdict: _Verdict, began: float) -> None:
        took_ms = round((self.clock.monotonic() - began) * 1000)
        self.report.add(Check(asked, verdict.is_passed, verdict.said, took_ms))


async def ask_mapp(desk: Desk, connecting: Awaitable[MappClient], report: TestReport, *, has_rest: bool) -> None:
    """Ask everything of Mapp that shows whether jobs can work; adds to *report*, and raises what ends the test."""
    questions = _Questions(desk.clock, report)
    client = await questions.ask("credentials", _pinged(connecting), lambda _: _Verdict(MAPP_WORKS))
    report.groups = await questions.ask_mildly("groups", client.groups(), _groups, refused=NO_GROUPS)
    if has_rest:
        await questions.ask("REST API", client.check_rest(), lambda _: _Verdict(REST_WORKS))


async def ask_lytics(desk: Desk, connecting: Awaitable[LyticsClient], report: TestReport) -> None:
    """Ask everything of Lytics that shows whether jobs can work; adds to *report*, and raises what ends the test."""
    questions = _Questions(desk.clock, report)
    client, fields = await questions.ask("credentials", _with_fields(connecting), lambda found: _fields(found[1]))
    report.fields = len(fields)
    audiences = await questions.ask("audiences", client.audiences(), _audiences)
    report.audiences = len(audiences)
    best = sorted((one for one in fields if one.is_identifier), key=lambda one: (not one.is_pii, one.name != "email"))
    peopled = [audience for audience in audiences if audience.is_valid and audience.size]
    if best and peopled:
        await _look_at_values(questions, client, peopled[0], field=best[0].name)
    else:
        report.add(Check("people", None, NOBODY, 0))


MAPP_WORKS = "Mapp answers and accepts the Integration ID and the secret."
NO_GROUPS = "Mapp lists no groups, so Group IDs cannot be checked"
REST_WORKS = "Mapp's REST API accepts the user and the password."
NO_PEOPLE = "This token may not read people, so Existing Users cannot work"
NOBODY = "There is no audience with people in it to look at identifier values."


async def _pinged(connecting: Awaitable[MappClient]) -> MappClient:
    client = await connecting
    await client.ping()
    return client


async def _with_fields(connecting: Awaitable[LyticsClient]) -> tuple[LyticsClient, list[Field]]:
    client = await connecting
    return client, await client.fields()


def _groups(found: dict[str, str]) -> _Verdict:
    return _Verdict(f"Mapp lists {len(found):,} groups.")


def _fields(found: list[Field]) -> _Verdict:
    identity = sum(one.is_identifier for one in found)
    return _Verdict(f"Lytics answers and shows {len(found):,} fields, {identity:,} of them identity fields.")


def _audiences(found: list[Audience]) -> _Verdict:
    return _Verdict(f"Lytics shows {len(found):,} audiences.")


async def _look_at_values(questions: _Questions, client: LyticsClient, audience: Audience, *, field: str) -> None:
    """Look whether personal values come in the clear: an identity field of people in some audience will show it."""
    report = questions.report

    def judged(values: list[Any]) -> _Verdict:
        sample = sample_of(values, page_seconds=0.0)
        if not sample.members:
            return _Verdict(f"Nobody looked at has a value in {field!r}.", is_passed=None)
        report.are_values_redacted = sample.is_redacted
        if sample.is_redacted:
            said = f"The values of {field!r} look redacted, so nobody would be found in Mapp. {MEND_REDACTED}"
            return _Verdict(said, is_passed=False)
        return _Verdict(f"The values of {field!r} come in the clear.")

    await questions.ask_mildly("people", client.identifier_sample(audience.id, field=field), judged, refused=NO_PEOPLE)
    if report.are_values_redacted:
        report.findings.insert(0, report.findings.pop())

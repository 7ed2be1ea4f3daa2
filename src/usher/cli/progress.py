"""How far a job is: one view of it, and a moving one with the rate and the time left."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from usher.cli.api import Api, part
from usher.cli.connecting import is_worked_on
from usher.cli.output import console, duration, print_facts, print_json_line, say
from usher.errors import Conflict

LOOK_SECONDS = 0.5
LINE_SECONDS = 5.0  # between plain lines, where no terminal can show a moving bar
RATE_SECONDS = 5.0
ENDED = frozenset({"completed", "failed", "killed", "deleted"})
WAITING = frozenset({"paused", "fault"})


@dataclass
class Rate:
    """People settled per second, over the last RATE_SECONDS."""

    seen: list[tuple[float, int]] = field(default_factory=list)

    def note(self, now: float, done: int) -> float | None:
        """Count *done* at *now*; return the rate, or None while it is too early to say."""
        self.seen = [(at, was) for at, was in self.seen if now - at <= RATE_SECONDS] + [(now, done)]
        began, was = self.seen[0]
        return (done - was) / (now - began) if now > began else None


def people(progress: dict[str, Any]) -> tuple[int, int]:
    """Return how many people are settled, and of how many; the latter grows while a scan still reads."""
    members, scan = progress["members"], progress.get("scan") or {}
    is_reading = scan.get("state") == "running"
    total = max(members["total"], (scan.get("expected") or 0) if is_reading else 0)
    return members["total"] - members["due"], total


def is_over(progress: dict[str, Any]) -> bool:
    """Whether there is nothing more to wait for but a person."""
    if progress["status"] in ENDED | WAITING:
        return True
    scan = progress.get("scan") or {}
    return scan.get("state") not in {None, "running"} and progress["members"]["due"] == progress["members"]["held"]


async def watch(
    api: Api, job_id: str, *, until: Callable[[dict[str, Any]], bool] = is_over, as_json: bool = False
) -> dict[str, Any]:
    """
    Show one job's progress until *until* says that it is over; return the last of it.

    Args:
        as_json: each look that is shown is the API's answer, as one line of JSON.

    Raises:
        Conflict: it would never be over, because nobody works on this data; start a service.
    """
    if not until(await _look(api, job_id)):
        await _refuse_to_wait_for_nothing(api)
    if sys.stdout.isatty() and not as_json:
        return await _watch_bar(api, job_id, until)
    return await _watch_lines(api, job_id, until, as_json=as_json)


async def _refuse_to_wait_for_nothing(api: Api) -> None:
    if not await is_worked_on(api):
        raise Conflict("No service runs on this data, so nothing moves. Start `usher serve`, then watch.")


async def _look(api: Api, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await api.get(f"/v2/job/{part(job_id)}/progress")
    return found


async def _watch_bar(api: Api, job_id: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn  # noqa: PLC0415 - for `usher --help`

    rate, loop = Rate(), asyncio.get_running_loop()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=console()) as bar:
        task = bar.add_task("starting", total=None, said="")
        while True:
            progress = await _look(api, job_id)
            done, total = people(progress)
            said = _said(progress, rate.note(loop.time(), done))
            bar.update(task, completed=done, total=total or None, description=progress["status"], said=said)
            if until(progress):
                return progress
            await asyncio.sleep(LOOK_SECONDS)


async def _watch_lines(
    api: Api, job_id: str, until: Callable[[dict[str, Any]], bool], *, as_json: bool
) -> dict[str, Any]:
    rate, loop, next_line = Rate(), asyncio.get_running_loop(), 0.0
    while True:
        progress = await _look(api, job_id)
        per_second = rate.note(loop.time(), people(progress)[0])
        is_last = until(progress)
        if is_last or loop.time() >= next_line:
            next_line = loop.time() + LINE_SECONDS
            print_json_line(progress) if as_json else say(f"{progress['status']}: {_said(progress, per_second)}")
        if is_last:
            return progress
        await asyncio.sleep(LOOK_SECONDS)


def _said(progress: dict[str, Any], per_second: float | None) -> str:
    done, total = people(progress)
    if not total:
        return "nobody yet"
    text = f"{done:,} of {total:,} people"
    if per_second:
        text += f", {per_second:,.0f}/s"
        if total > done:
            text += f", {duration((total - done) / per_second)} left"
    aside, held = progress["members"]["set_aside"], progress["members"]["held"]
    return text + (f", {aside:,} set aside" if aside else "") + (f", {held:,} held" if held else "")


def print_progress(progress: dict[str, Any]) -> None:
    """Print one view of how far a job is."""
    scan, pace = progress["scan"], progress["pace"]
    print_facts(
        [
            ("status", progress["status"]),
            ("now", progress["sentence"]),
            ("reason", progress["reason"]),
            ("scan", _scan_said(scan) if scan else None),
            ("people", _counts(progress["members"], ("total", "in", "out", "due", "set_aside", "held"))),
            ("sent", _counts(progress["sent"], ("accepted", "retried", "rejected", "unknown"))),
            ("triggers", _triggers_said(progress["triggers"])),
            ("pace", f"{_rate_said(pace['per_second'])}, {pace['in_flight']} in flight"),
        ]
    )


def _counts(counted: dict[str, int], names: tuple[str, ...]) -> str:
    return ", ".join(f"{counted[name]:,} {name.replace('_', ' ')}" for name in names)


def _triggers_said(triggers: dict[str, Any]) -> str:
    ignored = sum(triggers["ignored"].values())
    return _counts({**triggers, "ignored": ignored}, ("received", "applied", "ignored", "unreadable"))


def _rate_said(per_second: float | None) -> str:
    return "as fast as Mapp takes it" if per_second is None else f"{per_second:,.1f} a second"


def _scan_said(scan: dict[str, Any]) -> str:
    text = f"{scan['kind']} {scan['state']}: {scan['seen']:,} seen"
    if scan.get("expected") is not None:
        text += f" of {scan['expected']:,}"
    left = scan.get("eta_seconds")
    return text + (f", {duration(left)} left" if left else "")

"""
The soak: a million people, 200 triggers a second, and a Mapp that fails by turns, against the service as it is run.

SOAK_MINUTES (60), SOAK_MEMBERS (1000000), SOAK_PER_SECOND (200), SOAK_POSTGRES (unset: SQLite; 1: a PostgreSQL of its
own), SOAK_KEEP (a folder that keeps every note). A table for people, one JSON line for programs; ends with 1 where a
limit is broken.
"""

import asyncio
import json
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from benchmarks import soak_judge as judge
from benchmarks.soak_arrivals import Totals
from benchmarks.soak_judge import Finding, Window
from benchmarks.soak_processes import running
from benchmarks.soak_stage import Asked, Stage, staged
from benchmarks.soak_watch import Watch
from tools.measuring import keep
from usher.cli.demo_sandbox import AUDIENCE

QUIET_SECONDS, LOOK_SECONDS = 1_800.0, 1.0
MOOD_SHARES = (("faults", 0.4), ("settling", 0.3), ("healthy", 0.3))
WARM_UP_SHARE, LONGEST_WARM_UP_SECONDS = 0.1, 300.0
SHARE_AFTER_BACKFILL = 0.25  # of the minutes asked for: so long at least the load goes on once the backfill is over
FAULTS: list[dict[str, Any]] = [
    {"where": "mapp.event", **fault}
    for fault in (
        {"kind": "status", "status": 503, "share": 0.01},
        {"kind": "reset_before", "share": 0.003},
        {"kind": "reset_after", "share": 0.003},
        {"kind": "lands_late", "seconds": 15.0, "share": 0.002},
        {"kind": "timeout_after", "seconds": 12.0, "share": 0.001},
        {"kind": "throttle_500", "share": 0.002},
        {"kind": "throttle_429", "headers": {"Retry-After": "1"}, "share": 0.0002},
        {"kind": "slow", "seconds": 2.0, "share": 0.003},
    )
]

KEPT = {
    "resident memory, most": "soak.resident_mb",
    "growth after warm-up": "soak.growth_percent_an_hour",
    "trigger answered, after it: p99": "soak.answered_p99_ms",
    "trigger answered, while the backfill runs: p99": "soak.answered_backfill_p99_ms",
    "trigger to acceptance, Mapp healthy, after it: p99": "soak.accepted_p99_ms",
    "trigger requests": "soak.triggers",
}  # findings that docs/trust.md tells


def main() -> None:
    asked = Asked(
        minutes=float(os.environ.get("SOAK_MINUTES", "60")),
        members=int(os.environ.get("SOAK_MEMBERS", "1000000")),
        per_second=float(os.environ.get("SOAK_PER_SECOND", "200")),
        is_postgres=bool(os.environ.get("SOAK_POSTGRES")),
    )
    sys.exit(0 if uvloop.run(soak(asked)) else 1)


async def soak(asked: Asked) -> bool:
    """Run it all; return whether every limit was kept."""
    say(f"Soak: {asked.members:,} people, {asked.per_second:g} triggers a second, {asked.minutes:g} minutes.")
    with tempfile.TemporaryDirectory(prefix="usher-soak-") as name:
        folder = Path(name)
        try:
            async with staged(asked, folder) as stage:
                findings = await _run(stage)
        finally:
            if kept := os.environ.get("SOAK_KEEP"):
                shutil.copytree(folder, kept, dirs_exist_ok=True, ignore=shutil.ignore_patterns("data", "*.sock"))
    _show(asked, findings)
    return all(finding.is_kept for finding in findings)


def say(text: str) -> None:
    print(text, flush=True)


async def _run(stage: Stage) -> list[Finding]:
    """Load, then calm, then compare everybody."""
    plan_file, accepted = stage.folder / "plan.json", stage.folder / "accepted.tsv"
    plan_file.write_bytes(msgspec.json.encode(stage.plan))
    command = ("benchmarks.soak_arrivals", str(plan_file))
    async with running("arrivals", *command, folder=stage.folder) as arrivals:
        watch = Watch(
            api=stage.api,
            http=stage.http,
            sandbox=stage.sandbox.url,
            job_id=stage.job["id"],
            served=stage.service,
            others=(stage.vendors, arrivals),
            storage=stage.storage,
            accepted=accepted,
            say=say,
        )
        watching = asyncio.create_task(watch.run())
        windows = await _load(stage, watch, watching)
        watch.end_samples()
        await arrivals.stop()
        is_quiet = await _until_quiet(stage, watch)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await watch.collect()
    say("Comparing every person in Mapp with Lytics' audience …")
    return [
        *_of_load(stage, watch, windows),
        *await _of_the_end(stage, watch, is_quiet=is_quiet),
    ]


async def _load(stage: Stage, watch: Watch, watching: asyncio.Task[None]) -> list[Window]:
    """Let Mapp's moods take turns until the time is over, and the backfill has been for a while."""
    began, windows = time.time(), []
    while not _is_over(stage.asked, watch, began):
        for mood, share in MOOD_SHARES:
            if mood == "faults":
                await stage.ask("POST", "/control/faults", FAULTS)
            windows.append(await _window(mood, share * stage.asked.cycle_seconds, watching))
            if mood == "faults":
                await stage.ask("DELETE", "/control/faults")
    return windows


def _is_over(asked: Asked, watch: Watch, began: float) -> bool:
    over_at = began + asked.minutes * 60
    if watch.backfilled_at is not None:
        over_at = max(over_at, watch.backfilled_at + SHARE_AFTER_BACKFILL * asked.minutes * 60)
    is_backfilling = watch.backfilled_at is None and time.time() < began + 3 * asked.minutes * 60
    return not is_backfilling and time.time() >= over_at


async def _window(mood: str, seconds: float, watching: asyncio.Task[None]) -> Window:
    began = time.time()
    await asyncio.wait([watching], timeout=seconds)
    if watching.done():
        watching.result()
    return Window(mood, began, time.time())


async def _until_quiet(stage: Stage, watch: Watch) -> bool:
    """Wait until nobody is owed anything and nothing is on its way; return whether that came."""
    give_up_at = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < give_up_at:
        progress = await watch.progress()
        if progress["members"]["due"] == 0 and await stage.sandbox.is_quiet():
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False


def _of_load(stage: Stage, watch: Watch, windows: Sequence[Window]) -> list[Finding]:
    with Path(stage.plan.out).open(encoding="utf-8") as lines:
        sent = list(judge.sent_from(lines))
    with watch.accepted.open(encoding="utf-8") as lines:
        found = judge.ways(sent, lines)
    backfilled_at = math.inf if watch.backfilled_at is None else watch.backfilled_at
    samples = watch.samples
    warm_up = min(LONGEST_WARM_UP_SECONDS, WARM_UP_SHARE * stage.asked.minutes * 60)
    seconds = samples[-1].at - samples[0].at
    return [
        Finding("load", seconds / 60, "minutes"),
        Finding("backfill took", (backfilled_at - samples[0].at) / 60, "minutes"),
        *judge.of_answers(sent, backfilled_at=backfilled_at),
        *judge.of_ways(found, windows, backfilled_at=backfilled_at),
        *judge.of_memory([s.at for s in samples], [s.resident for s in samples], warm_at=backfilled_at + warm_up),
        Finding("WAL, most", max(s.wal for s in samples) / judge.MB, "MB"),
        Finding("database, at the end", samples[-1].database / judge.MB, "MB"),
        *(
            Finding(f"CPU of {name}", 100 * (used - samples[0].cpu[name]) / seconds, "% of a processor")
            for name, used in samples[-1].cpu.items()
        ),
    ]


async def _of_the_end(stage: Stage, watch: Watch, *, is_quiet: bool) -> list[Finding]:
    """What must be so once all is calm: nobody differs, and every trigger is accounted for."""
    totals = _totals(stage)
    triggers = (progress := await watch.progress())["triggers"]
    fates = triggers["applied"] + sum(triggers["ignored"].values()) + triggers["unreadable"]
    verdict = await stage.sandbox.verdict(group=stage.job["config"]["group_id"], attribute=AUDIENCE)
    mapp = await stage.ask("GET", "/control/mapp/ledger")
    say(f"Sent: {progress['sent']}. Triggers: {triggers}.")
    return [
        Finding("people who moved", totals.moves, ""),
        Finding("trigger requests", totals.posts, ""),
        Finding("trigger requests not answered with 200", totals.refused, "", 0),
        Finding("began later than they should: p99", judge.quantile(totals.late_starts, 0.99) * 1000, "ms"),
        Finding("calm did not come", float(not is_quiet), "", 0),
        Finding("people compared", verdict.inside + verdict.outside, ""),
        Finding("people who differ", verdict.differ, "", 0),
        Finding("people set aside", progress["members"]["set_aside"], "", 0),
        Finding("triggers taken that were not received", abs(totals.taken - triggers["received"]), "", 0),
        Finding("triggers received without a fate", abs(triggers["received"] - fates), "", 0),
        Finding("requests alive at once for one person, beyond one", mapp["unsettled_overlaps"], "", 0),
        Finding("requests applied out of order", mapp["order_violations"], "", 0),
    ]


def _totals(stage: Stage) -> Totals:
    return msgspec.json.decode(Path(stage.plan.said).read_bytes(), type=Totals)


def _show(asked: Asked, findings: Sequence[Finding]) -> None:
    say(f"\nExit brake: {'on' if asked.brake_is_on else 'off, since so many leave so small an audience'}.")
    for finding in findings:
        limit = "" if finding.limit is None else f"at most {finding.limit:g}: {'kept' if finding.is_kept else 'BROKEN'}"
        say(f"{finding.name:66}{finding.value:>14,.2f} {finding.unit:<18}{limit}")
    figures = {finding.name: None if math.isnan(finding.value) else finding.value for finding in findings}
    for name, figure in KEPT.items():
        if (value := figures.get(name)) is not None:
            keep(figure, value)
    broken = [finding.name for finding in findings if not finding.is_kept]
    print(json.dumps({"name": "soak", "asked": msgspec.to_builtins(asked), "figures": figures, "broken": broken}))


if __name__ == "__main__":
    asyncio.set_event_loop(None)
    main()

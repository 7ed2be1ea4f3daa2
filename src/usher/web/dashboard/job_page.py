"""One job: what it does now, how fast, who is left out and why; and its log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response

from usher.access.roles import Role
from usher.domain.notes import LogCode, LogEntry
from usher.jobs import looking
from usher.jobs.activity import activity_of
from usher.jobs.aside import SetAside, set_aside
from usher.jobs.offers import offers
from usher.jobs.saying import plain, say, say_gap, say_held
from usher.jobs.standing import standing_of
from usher.jobs.webhooks import is_webhook_wanted, paste_help
from usher.mapp.wire import attribute_key
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.job_figures import SPANS, aside_rows, charts_of, configuration_of, delivery_of, title_of
from usher.web.dashboard.job_steps import steps_of
from usher.web.dashboard.live import LivePage
from usher.web.dashboard.visit import Visit

LEVELS = {"": (), "warn": ("warn", "error"), "error": ("error",)}
LEVEL_WORDS = {"": "All", "warn": "Warnings", "error": "Errors"}
TAIL, FEED, LOG_PAGE = 20, 9, 200
NOBODY = SetAside(0, 0, 0, [])
PARTS = (
    "status",
    "actions",
    "tabs",
    "now",
    "stats",
    "span_title",
    "charts_live",
    "delivery",
    "aside",
    "feed",
    "config",
    "log",
)


async def context(visit: Visit) -> Mapping[str, Any]:
    """Return what the page shows; everything of it may change while somebody looks."""
    desk, job_id = visit.desk, visit.path("job_id")
    now = await standing_of(desk, job_id)
    job, fitting = now.job, offers(now)
    span, level = _one_of(visit.query("span"), SPANS, "hour"), _one_of(visit.query("level"), LEVELS, "")
    seen = now.hour if span == "hour" else await activity_of(desk, job_id, span=span)
    found = await set_aside(desk, job_id) if now.progress.members["set_aside"] else NOBODY
    log, older = await looking.job_logs(desk, job_id, levels=LEVELS[level], size=TAIL)
    return {
        "base": f"/jobs/{job_id}",
        "job": job,
        "now": now,
        "progress": now.progress,
        "members": now.progress.members,
        "offers": fitting,
        "steps": steps_of(job.id, job.status, job.cause, fitting, mapp=job.mapp_auth, lytics=job.lytics_auth),
        "saying": say(now),
        "held": say_held(now),
        "gap": say_gap(now),
        "backfill": now.backfill,
        "key": attribute_key(now.job.target),
        "span": span,
        "span_title": title_of(seen),
        "seconds": seen.seconds,
        "charts": charts_of(seen),
        "delivery": delivery_of(now.progress),
        "set_aside": found,
        "aside": aside_rows(found, may_see=visit.may_see_people),
        "feed": [feed_line(entry) for entry in now.log[:FEED]],
        "configuration": configuration_of(now.job),
        "is_webhook_wanted": is_webhook_wanted(now.job),
        "paste": paste_help(desk, now.job),
        "log": _plainly(log),
        "level": level,
        "levels": LEVEL_WORDS,
        "has_older": older is not None,
    }


def _plainly(log: Sequence[LogEntry]) -> list[LogEntry]:
    return [replace(entry, message=plain(entry.message)) for entry in log]


def _one_of(asked: str, known: Mapping[str, object], otherwise: str) -> str:
    return asked if asked in known else otherwise


@dataclass(frozen=True, slots=True)
class FeedLine:
    """One thing that happened: its first sentence, the others, and the icon with its style."""

    title: str
    rest: str
    icon: str
    style: str
    at_ms: int


def feed_line(entry: LogEntry) -> FeedLine:
    """Return a line of the log as something that happened."""
    first, _, rest = plain(entry.message).partition(". ")
    icon, style = LEVEL_ICONS.get(entry.level) or FEED_ICONS.get(entry.code, NEUTRAL)
    return FeedLine(first.rstrip("."), rest, icon, style, entry.at_ms)


NEUTRAL = ("info", "")
LEVEL_ICONS = {"warn": ("triangle-alert", "warn-c"), "error": ("octagon-alert", "bad-c")}
GOOD = ("circle-check", "ok-c")
FEED_ICONS: Mapping[str, tuple[str, str]] = {
    LogCode.CREATED: ("plus", ""),
    LogCode.PAUSED: ("pause", ""),
    LogCode.RESUMED: ("play", ""),
    LogCode.RESTARTED: ("rotate-cw", ""),
    LogCode.KILLED: ("circle-x", ""),
    LogCode.DELETED: ("trash-2", ""),
    LogCode.RETRIED: ("rotate-cw", ""),
    LogCode.RESENT: ("send", ""),
    LogCode.SOME_RESENT: ("send", ""),
    LogCode.SCAN_BEGUN: ("search", ""),
    LogCode.SCAN_DONE: GOOD,
    LogCode.COMPLETED: GOOD,
    LogCode.MENDED: GOOD,
    LogCode.AWAKE: GOOD,
    LogCode.WEBHOOK: ("webhook", ""),
}

LIVE = LivePage("job.html", PARTS, context, known=("span", "level"))


async def job_page(visit: Visit) -> Response:
    return await visit.page("job.html", **await context(visit))


async def log_page(visit: Visit) -> Response:
    """Show a whole log, page by page."""
    job_id, level = visit.path("job_id"), _one_of(visit.query("level"), LEVELS, "")
    view = await looking.show_job(visit.desk, job_id)
    log, following = await looking.job_logs(
        visit.desk, job_id, visit.query("cursor") or None, levels=LEVELS[level], size=LOG_PAGE
    )
    return await visit.page(
        "job-log.html", job=view.job, base=f"/jobs/{job_id}", log=_plainly(log), following=following, level=level,
        levels=LEVEL_WORDS,
    )  # fmt: skip


PAGES = (
    PageRoute("GET", "/jobs/{job_id}", Role.VIEWER, job_page),
    PageRoute("GET", "/jobs/{job_id}/log", Role.VIEWER, log_page),
    PageRoute("GET", "/live/jobs/{job_id}", Role.VIEWER, LIVE.stream),
)

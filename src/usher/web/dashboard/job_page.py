"""One job: what it does now, how fast, who is left out and why; and its log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from usher.access.roles import Role
from usher.domain.notes import LogEntry
from usher.jobs import looking
from usher.jobs.activity import activity_of
from usher.jobs.aside import SetAside, set_aside
from usher.jobs.offers import offers
from usher.jobs.saying import plain, say, say_held
from usher.jobs.standing import standing_of
from usher.jobs.webhooks import heard, is_webhook_wanted, paste_help
from usher.mapp.wire import attribute_key
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.job_figures import SPANS, aside_rows, charts_of, configuration_of, delivery_of, sum_of
from usher.web.dashboard.live import LivePage
from usher.web.dashboard.visit import Visit

LEVELS = {"": (), "warn": ("warn", "error"), "error": ("error",)}
LEVEL_WORDS = {"": "All", "warn": "Warnings", "error": "Errors"}
TAIL, FEED, LOG_PAGE = 20, 9, 200
NOBODY = SetAside(0, 0, 0, [])
PARTS = ("status", "actions", "tabs", "now", "stats", "charts_live", "delivery", "aside", "feed", "config", "log")


async def context(visit: Visit) -> Mapping[str, Any]:
    """Return what the page shows; everything of it may change while somebody looks."""
    desk, job_id = visit.desk, visit.path("job_id")
    now = await standing_of(desk, job_id)
    span, level = _one_of(visit.query("span"), SPANS, "hour"), _one_of(visit.query("level"), LEVELS, "")
    seen = now.hour if span == "hour" else await activity_of(desk, job_id, span=span)
    found = await set_aside(desk, job_id) if now.progress.members["set_aside"] else NOBODY
    log, older = await looking.job_logs(desk, job_id, levels=LEVELS[level], size=TAIL)
    return {
        "base": f"/jobs/{job_id}",
        "job": now.job,
        "now": now,
        "progress": now.progress,
        "members": now.progress.members,
        "offers": offers(now),
        "saying": say(now),
        "held": say_held(now),
        "backfill": now.backfill,
        "key": attribute_key(now.job.target),
        "span": span,
        "spans": SPANS,
        "seconds": seen.seconds,
        "charts": charts_of(seen),
        "delivery": delivery_of(now.progress),
        "adds_up": sum_of(now.progress),
        "set_aside": found,
        "aside": aside_rows(found, may_see=visit.may_see_people),
        "feed": [feed_line(entry) for entry in now.log[:FEED]],
        "configuration": configuration_of(now.job),
        "is_webhook_wanted": is_webhook_wanted(now.job),
        "paste": paste_help(desk, now.job),
        "heard": heard(now.job),
        "log": log,
        "level": level,
        "levels": LEVEL_WORDS,
        "has_older": older is not None,
    }


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
    icon, style = next(
        (found for beginning, found in FEED_ICONS.items() if entry.message.startswith(beginning)),
        LEVEL_ICONS.get(entry.level, LEVEL_ICONS["info"]),
    )
    return FeedLine(first.rstrip("."), rest, icon, style, entry.at_ms)


LEVEL_ICONS = {"info": ("info", ""), "warn": ("triangle-alert", "warn-c"), "error": ("octagon-alert", "bad-c")}
FEED_ICONS = {
    "Created": ("plus", ""),
    "Started a": ("search", ""),
    "Paused": ("pause", ""),
    "Resumed": ("play", ""),
    "Restarted": ("rotate-cw", ""),
    "Killed": ("circle-x", ""),
    "The reconcile": ("circle-check", "ok-c"),
    "The backfill": ("circle-check", "ok-c"),
    "Everybody who was": ("circle-check", "ok-c"),
    "Mapp takes": ("circle-check", "ok-c"),
    "Mapp answers again": ("circle-check", "ok-c"),
    "Lytics answers again": ("circle-check", "ok-c"),
    "Lytics sends": ("webhook", ""),
}

LIVE = LivePage("job.html", PARTS, context)


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
        "job-log.html", job=view.job, base=f"/jobs/{job_id}", log=log, following=following, level=level,
        levels=LEVEL_WORDS,
    )  # fmt: skip


PAGES = (
    PageRoute("GET", "/jobs/{job_id}", Role.VIEWER, job_page),
    PageRoute("GET", "/jobs/{job_id}/log", Role.VIEWER, log_page),
    PageRoute("GET", "/live/jobs/{job_id}", Role.VIEWER, LIVE.stream),
)

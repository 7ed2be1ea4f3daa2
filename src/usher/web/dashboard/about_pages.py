"""Settings, health and retention; and the messages that made no sense, kept for a person to look at."""

from starlette.responses import Response

from usher.access.roles import Role
from usher.engine.ingest import MOST_KEPT_BYTES
from usher.jobs.authorizations import list_authorizations
from usher.jobs.health import service_health
from usher.jobs.records import page_of_unreadable, show_unreadable
from usher.jobs.retention import retention
from usher.jobs.workers import list_workers
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.visit import Visit

PATH = "/settings/about"
UNREADABLE = f"{PATH}/unreadable"
WHY = {
    "not_json": "It is not JSON.",
    "not_an_event": "It is not an event.",
    "no_segment_events": "It tells of no audience.",
    "no_audience": "It does not say which audience.",
    "unknown_kind": "It does not say whether somebody entered or exited.",
    "bad_time": "Its time cannot be read.",
    "too_many": "It holds more than is read of one message.",
}


async def about_page(visit: Visit) -> Response:
    health = await service_health(visit.desk)
    timing = visit.desk.timing
    return await visit.page(
        "settings-about.html",
        health=health,
        holdings=health.holdings,
        timing=timing,
        retention=retention(visit.desk.retention),
        workers=await list_workers(visit.desk),
    )


async def unreadable_page(visit: Visit) -> Response:
    found, following = await page_of_unreadable(visit.desk, visit.actor, visit.query("cursor") or None)
    return await visit.page(
        "settings-unreadable.html",
        messages=found,
        following=following,
        is_first=not visit.query("cursor"),
        labels=await _labels(visit),
        why=WHY,
    )


async def message_page(visit: Visit) -> Response:
    message = await show_unreadable(visit.desk, visit.actor, visit.path("entry_id"))
    return await visit.page(
        "settings-message.html", message=message, most_kept=MOST_KEPT_BYTES, labels=await _labels(visit), why=WHY
    )


async def _labels(visit: Visit) -> dict[str, str]:
    return {auth.id: auth.label for auth in await list_authorizations(visit.desk)}


PAGES = (
    PageRoute("GET", PATH, Role.VIEWER, about_page),
    PageRoute("GET", UNREADABLE, Role.ADMIN, unreadable_page),
    PageRoute("GET", f"{UNREADABLE}/{{entry_id}}", Role.ADMIN, message_page),
)

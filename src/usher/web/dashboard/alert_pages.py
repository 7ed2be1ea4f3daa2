"""Settings, alerts: what is wrong now, who is told, and whether it reaches them."""

from typing import Any

from starlette.responses import Response

from usher.access.roles import Role
from usher.domain.alert import Level
from usher.errors import Conflict, InvalidInput, NotFound
from usher.jobs import alert_channels
from usher.jobs.alert_channels import ChannelView
from usher.jobs.alert_drafts import SECRETS, SETTINGS
from usher.jobs.alert_post import Tried
from usher.web.dashboard.alert_forms import (
    SUBJECTS,
    TYPE_WORDS,
    Values,
    draft_from,
    kept_values,
    new_values,
    typed_values,
)
from usher.web.dashboard.entry import PageRoute
from usher.web.dashboard.problems import Problems, by_field, taken
from usher.web.dashboard.visit import Visit

PATH = "/settings/alerts"
NEW = PATH + "/new/{type}"
ONE = PATH + "/{channel_id}"


async def alerts_page(visit: Visit) -> Response:
    return await _list(visit)


async def new_page(visit: Visit) -> Response:
    kind = _type(visit)
    return await _form(visit, kind, new_values(kind))


async def add(visit: Visit) -> Response:
    kind = _type(visit)
    values = typed_values(visit.form, kind)
    try:
        made = await alert_channels.create_channel(visit.desk, visit.actor, draft_from(values, kind))
    except InvalidInput as error:
        problems = _problems(error)
    except Conflict as error:
        problems = taken(error, "name")
    else:
        return await _saved(visit, made)
    return await _form(visit, kind, values, status=400, problems=problems)


async def edit_page(visit: Visit) -> Response:
    view = await _view(visit)
    return await _form(visit, view.channel.type, kept_values(view.channel), view=view)


async def change(visit: Visit) -> Response:
    view = await _view(visit)
    kind = view.channel.type
    values = typed_values(visit.form, kind)
    try:
        changed = await alert_channels.change_channel(
            visit.desk,
            visit.actor,
            view.channel.id,
            draft_from(values, kind),
            wants_secret=visit.form.has("new_secret"),
        )
    except InvalidInput as error:
        problems = _problems(error)
    except Conflict as error:
        problems = taken(error, "name")
    else:
        return await _saved(visit, changed)
    return await _form(visit, kind, values, status=400, problems=problems, view=view)


async def check(visit: Visit) -> Response:
    """Send a test, and show how it went: class, code and time, never a word of the receiver's."""
    view = await _view(visit)
    tried = await alert_channels.test_channel(visit.desk, visit.actor, view.channel.id)
    return await _list(visit, tried=tried, tried_name=view.channel.name)


async def delete_page(visit: Visit) -> Response:
    return await visit.page("settings-alert-delete.html", view=await _view(visit), type_words=TYPE_WORDS)


async def delete(visit: Visit) -> Response:
    view = await _view(visit)
    await alert_channels.delete_channel(visit.desk, visit.actor, view.channel.id)
    return visit.go(PATH, said=f"{view.channel.name} is deleted. Nobody is told there any more.")


async def _saved(visit: Visit, view: ChannelView) -> Response:
    """Answer with a secret that was just made: it must not pass through a cookie or an address."""
    if view.made_secret:
        return await _list(visit, made=view)
    return visit.go(PATH, said=f"{view.channel.name} is saved. Press Test to see whether a message arrives.")


def _type(visit: Visit) -> str:
    kind = visit.path("type")
    if kind not in SETTINGS:
        raise NotFound("There is no such type of channel. Choose one on the page of alerts.")
    return kind


async def _view(visit: Visit) -> ChannelView:
    return await alert_channels.show_channel(visit.desk, visit.path("channel_id"))


def _problems(error: InvalidInput) -> Problems:
    found = by_field(error, SUBJECTS)
    return {name.removeprefix("config."): problem for name, problem in found.items()}


async def _list(
    visit: Visit, *, made: ChannelView | None = None, tried: Tried | None = None, tried_name: str = ""
) -> Response:
    may_change = visit.may(Role.ADMIN)
    return await visit.page(
        "settings-alerts.html",
        standing=await alert_channels.alert_standing(visit.desk),
        channels=await alert_channels.list_channels(visit.desk) if may_change else [],
        type_words=TYPE_WORDS,
        made=made,
        tried=tried,
        tried_name=tried_name,
    )


async def _form(visit: Visit, kind: str, values: Values, *, status: int = 200, **found: Any) -> Response:
    shown = {"problems": {}, "view": None, **found}
    return await visit.page(
        "settings-alert-form.html",
        status=status,
        type=kind,
        type_words=TYPE_WORDS,
        values=values,
        levels=[(level.value, level.capitalize()) for level in Level],
        secret=SECRETS[kind],
        **shown,
    )


PAGES = (
    PageRoute("GET", PATH, Role.VIEWER, alerts_page),
    PageRoute("GET", NEW, Role.ADMIN, new_page),
    PageRoute("POST", NEW, Role.ADMIN, add),
    PageRoute("GET", ONE, Role.ADMIN, edit_page),
    PageRoute("POST", ONE, Role.ADMIN, change),
    PageRoute("POST", ONE + "/test", Role.ADMIN, check),
    PageRoute("GET", ONE + "/delete", Role.ADMIN, delete_page),
    PageRoute("POST", ONE + "/delete", Role.ADMIN, delete),
)

"""Alerts and their channels over REST; ours, since Lytics sends its own elsewhere."""

from typing import Any

from starlette.requests import Request

from usher.errors import InvalidInput, Problem
from usher.jobs import alert_channels
from usher.jobs.alert_drafts import read_draft
from usher.web.alert_shape import AlertsBody, ChannelBody, ChannelTestBody, alerts_body, channel_body, tried_body
from usher.web.body import JsonObject
from usher.web.callers import Caller
from usher.web.deps import deps_of
from usher.web.envelope import Ok, ok

NEW_SECRET = "new_secret"  # noqa: S105 - the name of a switch


async def list_alerts(request: Request) -> Ok[AlertsBody]:
    """Show what is wrong now, and what lately was."""
    return ok(request, alerts_body(await alert_channels.alert_standing(deps_of(request).desk)))


async def list_channels(request: Request) -> Ok[list[ChannelBody]]:
    """List the alert channels, oldest first, without their secrets."""
    return ok(request, [channel_body(view) for view in await alert_channels.list_channels(deps_of(request).desk)])


async def create_channel(request: Request, caller: Caller, body: JsonObject) -> Ok[ChannelBody]:
    """Save a channel; a webhook's secret that was made for it is in this answer and never again."""
    made = await alert_channels.create_channel(deps_of(request).desk, caller, read_draft(body))
    return ok(request, channel_body(made), status=201)


async def show_channel(request: Request, channel_id: str) -> Ok[ChannelBody]:
    """Show one alert channel."""
    return ok(request, channel_body(await alert_channels.show_channel(deps_of(request).desk, channel_id)))


async def change_channel(request: Request, caller: Caller, channel_id: str, body: JsonObject) -> Ok[ChannelBody]:
    """Change a channel; what is left out stays."""
    wants_secret, rest = _wants_secret(body)
    changed = await alert_channels.change_channel(
        deps_of(request).desk, caller, channel_id, read_draft(rest), wants_secret=wants_secret
    )
    return ok(request, channel_body(changed))


async def delete_channel(request: Request, caller: Caller, channel_id: str) -> Ok[dict[str, str]]:
    """Forget a channel, and what waits for it."""
    await alert_channels.delete_channel(deps_of(request).desk, caller, channel_id)
    return ok(request, {})


async def check_channel(request: Request, caller: Caller, channel_id: str) -> Ok[ChannelTestBody]:
    """Send a test message now, and say how it went."""
    return ok(request, tried_body(await alert_channels.test_channel(deps_of(request).desk, caller, channel_id)))


def _wants_secret(body: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    rest = {key: value for key, value in body.items() if key != NEW_SECRET}
    wanted = body.get(NEW_SECRET, False)
    if not isinstance(wanted, bool):
        raise InvalidInput(Problem(NEW_SECRET, "must be true or false.", "Leave it out to keep the secret."))
    return wanted, rest

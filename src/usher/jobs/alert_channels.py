"""Where alerts go: channels made, changed, tested and deleted. What is secret goes in and, but for one, never out."""

from dataclasses import dataclass, field, replace
from hashlib import sha256

from usher.access.roles import Actor
from usher.alerts.signing import new_secret
from usher.domain.alert_message import test_message
from usher.errors import Conflict
from usher.jobs.alert_drafts import SECRETS, ChannelDraft, Held, Read, check_draft
from usher.jobs.alert_post import Tried, try_channel
from usher.jobs.alert_secrets import opened, rotated, sealed
from usher.jobs.desk import Desk
from usher.store import alert_channels as kept
from usher.store import alerts, notes
from usher.store.alert_channels import Channel
from usher.store.alerts import Alert
from usher.store.database import Txn
from usher.vault import VaultLocked

MOST_CHANNELS = 50
RECENT = 50
LOST_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class ChannelView:
    """
    A channel as people see it.

    Args:
        channel: without its secrets.
        waiting: messages that wait to be sent; *lost*: those given up within the last 7 days.
        made_secret: a webhook's secret, where it was made just now: it cannot be shown again.
    """

    channel: Channel
    waiting: int = 0
    lost: int = 0
    made_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """The alerts that are open, and the newest of those that are over; each newest first."""

    open: list[Alert]
    ended: list[Alert]


async def alert_standing(desk: Desk) -> Standing:
    """Return what is wrong now, and what was lately. Safe to repeat."""
    return await desk.database.read(
        lambda txn: Standing(alerts.open_alerts(txn), alerts.ended_alerts(txn, limit=RECENT))
    )


async def list_channels(desk: Desk) -> list[ChannelView]:
    """Return every channel, oldest first."""

    def work(txn: Txn) -> list[ChannelView]:
        waiting, lost = alerts.waiting_by_channel(txn), alerts.given_up_since(txn, txn.now_ms - LOST_MS)
        return [ChannelView(_shown(one), waiting.get(one.id, 0), lost.get(one.id, 0)) for one in kept.all_channels(txn)]

    return await desk.database.read(work)


async def show_channel(desk: Desk, channel_id: str) -> ChannelView:
    """Return one channel. Raises NotFound: there is none by that id."""
    await desk.database.read(lambda txn: kept.channel_by_id(txn, channel_id))
    return next(view for view in await list_channels(desk) if view.channel.id == channel_id)


async def create_channel(desk: Desk, actor: Actor, draft: ChannelDraft) -> ChannelView:
    """
    Save a channel; nothing is sent. A webhook without a secret gets one, which is in this answer and never again.

    Raises:
        InvalidInput: every problem. Conflict: another channel has that name, or there are too many.
    """
    read = _checked(desk, draft, None)
    channel_id, made = desk.new_id(), _made(desk, read)
    secrets = _secrets(read, made, before={}, now_ms=desk.clock.now_ms())
    channel = Channel(
        id=channel_id,
        name=read.name,
        type=read.type,
        level=read.level,
        config=read.config,
        secrets=sealed(desk.vault, secrets, channel_id=channel_id),
        created_by=actor.name,
    )

    def work(txn: Txn) -> Channel:
        if len(kept.all_channels(txn)) >= MOST_CHANNELS:
            raise Conflict(f"There are {MOST_CHANNELS} alert channels. Delete one that is not needed.")
        added = kept.add_channel(txn, channel)
        _audit(txn, actor, "alert_channel.create", channel_id, f"{read.name} ({read.type}, {read.level})")
        return added

    return ChannelView(_shown(await desk.database.write(work)), made_secret=made)


async def change_channel(
    desk: Desk, actor: Actor, channel_id: str, draft: ChannelDraft, *, wants_secret: bool = False
) -> ChannelView:
    """
    Change what *draft* names; the rest stays. What waits for the channel is tried again at once.

    A webhook's secret that is replaced goes on signing for a day, beside the new one.

    Args:
        wants_secret: have one made for a webhook; it is in this answer and never again.

    Raises:
        NotFound: there is none by that id. InvalidInput: every problem; nothing was changed.
        Conflict: another channel has that name, or somebody else changed this one at the same time.
    """
    before = await desk.database.read(lambda txn: kept.channel_by_id(txn, channel_id))
    read = _checked(desk, draft, before)
    made = _made(desk, read) if wants_secret else ""
    changes = {"name": read.name, "level": read.level, "config": read.config, **_resealed(desk, read, made, before)}

    def work(txn: Txn) -> Channel:
        now = kept.channel_by_id(txn, channel_id)
        if (now.secrets, now.updated_ms) != (before.secrets, before.updated_ms):
            raise Conflict("Somebody else changed this channel at the same time. Look again, then repeat your change.")
        changed = kept.change_channel(txn, channel_id, **changes)
        _audit(txn, actor, "alert_channel.change", channel_id, f"{read.name} ({read.type}, {read.level})")
        return changed

    return ChannelView(_shown(await desk.database.write(work)), made_secret=made)


async def delete_channel(desk: Desk, actor: Actor, channel_id: str) -> None:
    """Forget a channel, and what waits for it. Raises NotFound: there is none by that id."""

    def work(txn: Txn) -> None:
        channel = kept.channel_by_id(txn, channel_id)
        kept.remove_channel(txn, channel_id)
        _audit(txn, actor, "alert_channel.delete", channel_id, channel.name)

    await desk.database.write(work)


async def test_channel(desk: Desk, actor: Actor, channel_id: str) -> Tried:
    """
    Send a test message at once, whatever waits, and say how it went. Repeating sends another.

    Raises:
        NotFound: there is none by that id.
    """
    channel = await desk.database.read(lambda txn: kept.channel_by_id(txn, channel_id))
    message = test_message(
        channel.name, id_=f"msg_{desk.new_id()}", people_url=desk.people_url, at_ms=desk.clock.now_ms()
    )
    tried = await try_channel(desk, channel, message)

    def work(txn: Txn) -> None:
        kept.note_result(txn, channel_id, is_ok=tried.is_taken, note=tried.said)
        if tried.is_taken:
            kept.note_next_try(txn, channel_id, attempts=0, due_ms=0)
        _audit(txn, actor, "alert_channel.test", channel_id, f"{channel.name}: {tried.said}")

    await desk.database.write(work)
    return tried


test_channel.__test__ = False  # type: ignore[attr-defined] # pytest would take it for a test


def _checked(desk: Desk, draft: ChannelDraft, before: Channel | None) -> Read:
    held = None if before is None else Held(before.name, before.type, before.level, before.config)
    return check_draft(draft, held=held, allow_http=desk.allow_http, allow_private=desk.allow_private)


def _made(desk: Desk, read: Read) -> str:
    if read.type != "webhook" or read.secret is not None:
        return ""
    return new_secret(sha256(desk.new_token().encode()).digest())


def _secrets(read: Read, made: str, *, before: dict[str, str], now_ms: int) -> dict[str, str]:
    given = read.secret or made
    if read.type == "webhook":
        return rotated(before, given, now_ms=now_ms)
    return {SECRETS[read.type]: given} if given else {}


def _resealed(desk: Desk, read: Read, made: str, before: Channel) -> dict[str, str]:
    """Return the new sealed secrets, or nothing where those that are kept stay as they are, locked or not."""
    if not (read.secret or made):
        return {}
    now_ms = desk.clock.now_ms()
    try:
        held = opened(desk.vault, before, now_ms=now_ms)
    except VaultLocked:
        held = {}
    secrets = _secrets(read, made, before=held, now_ms=now_ms)
    return {"secrets": sealed(desk.vault, secrets, channel_id=before.id)}


def _shown(channel: Channel) -> Channel:
    return replace(channel, secrets="")


def _audit(txn: Txn, actor: Actor, action: str, what: str, note: str) -> None:
    notes.add_audit(txn, actor=actor.name, action=action, what=what, note=note)

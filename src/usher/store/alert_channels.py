"""Where alerts go, as it is kept: what is secret arrives sealed and leaves sealed."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Row, delete, insert, select, update

from usher.domain.alert import Level
from usher.errors import Conflict, NotFound
from usher.store.database import Txn
from usher.store.tables import alert_channels, alert_messages

NOTE_KEEP = 300  # characters


@dataclass(frozen=True, slots=True)
class Channel:
    """
    One channel.

    Args:
        type: "email", "slack" or "webhook".
        level: alerts below it do not go there.
        config: what is not secret, under the names of the API.
        secrets: the sealed rest.
        last_ms, last_is_ok, last_note: when it was last sent to, and how that went; None where it never was.
        attempts: failures in a row of the message that waits first; *due_ms* is when it is tried next.
    """

    id: str
    name: str
    type: str
    level: Level
    config: dict[str, Any]
    secrets: str = field(repr=False)
    created_ms: int = 0
    updated_ms: int = 0
    created_by: str = ""
    last_ms: int | None = None
    last_is_ok: bool | None = None
    last_note: str = ""
    attempts: int = 0
    due_ms: int = 0


def _channel(row: Row[Any]) -> Channel:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    del values["key"]
    values["config"] = msgspec.json.decode(row.config)
    values["level"] = Level(row.level)
    return Channel(**values)


def add_channel(txn: Txn, channel: Channel) -> Channel:
    """Store a new channel. Raises Conflict: another has its name; choose one that is free."""
    _refuse_taken(txn, channel.name, but=channel.id)
    txn.conn.execute(
        insert(alert_channels).values(
            id=channel.id,
            name=channel.name,
            type=channel.type,
            level=channel.level,
            config=msgspec.json.encode(channel.config).decode(),
            secrets=channel.secrets,
            created_ms=txn.now_ms,
            updated_ms=txn.now_ms,
            created_by=channel.created_by,
        )
    )
    return channel_by_id(txn, channel.id)


def change_channel(txn: Txn, channel_id: str, **changes: Any) -> Channel:
    """
    Overwrite the named columns; what waits for the channel is tried again at once.

    Raises:
        Conflict: another channel has that name. NotFound: there is none by that id.
    """
    if "name" in changes:
        _refuse_taken(txn, changes["name"], but=channel_id)
    if "config" in changes:
        changes["config"] = msgspec.json.encode(changes["config"]).decode()
    values = {"updated_ms": txn.now_ms, "attempts": 0, "due_ms": 0, **changes}
    txn.conn.execute(update(alert_channels).where(alert_channels.c.id == channel_id).values(**values))
    return channel_by_id(txn, channel_id)


def note_result(txn: Txn, channel_id: str, *, is_ok: bool, note: str) -> None:
    """Remember how the last send to a channel went; one that is gone is passed over."""
    values = {"last_ms": txn.now_ms, "last_is_ok": is_ok, "last_note": note[:NOTE_KEEP]}
    txn.conn.execute(update(alert_channels).where(alert_channels.c.id == channel_id).values(**values))


def note_next_try(txn: Txn, channel_id: str, *, attempts: int, due_ms: int) -> None:
    """Remember when what waits for a channel is tried next."""
    values = {"attempts": attempts, "due_ms": due_ms}
    txn.conn.execute(update(alert_channels).where(alert_channels.c.id == channel_id).values(**values))


def channel_by_id(txn: Txn, channel_id: str) -> Channel:
    """
    Return one channel.

    Raises:
        NotFound: there is none by that id.
    """
    row = txn.conn.execute(select(alert_channels).where(alert_channels.c.id == channel_id)).first()
    if row is None:
        raise NotFound(f"There is no alert channel {channel_id[:64]!r}. List them with `usher alert channels`.")
    return _channel(row)


def all_channels(txn: Txn) -> list[Channel]:
    """Return every channel, oldest first."""
    return [_channel(row) for row in txn.conn.execute(select(alert_channels).order_by(alert_channels.c.key))]


def remove_channel(txn: Txn, channel_id: str) -> None:
    """Forget a channel, and whatever waits for it."""
    txn.conn.execute(delete(alert_messages).where(alert_messages.c.channel == channel_id))
    txn.conn.execute(delete(alert_channels).where(alert_channels.c.id == channel_id))


def _refuse_taken(txn: Txn, name: str, *, but: str) -> None:
    named = select(alert_channels.c.id).where(alert_channels.c.name == name, alert_channels.c.id != but)
    if txn.conn.execute(named).first() is not None:
        raise Conflict(f"Another alert channel is called {name!r}. Choose another name.")

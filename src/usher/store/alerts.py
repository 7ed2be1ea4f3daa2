"""
Which conditions hold, and the messages about them that wait to be sent: changed together, so that neither is lost.

At most one alert has a slot at a time, by a unique column, so that two processes that look at once tell once.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, insert, select, text, update

from usher.domain.alert import HISTORY_KEEP, Condition, Kind, Level
from usher.domain.alert_delivery import WAITING_KEEP
from usher.domain.alert_message import Message
from usher.domain.alert_turns import Track
from usher.store.database import Txn
from usher.store.tables import alert_messages, alerts

WAITING, SENT, GIVEN_UP = "waiting", "sent", "given_up"
PIECE = 200


@dataclass(frozen=True, slots=True)
class Alert:
    """
    One condition from its beginning on.

    Args:
        told_ms: when it became an alert; None while it has not held for long enough.
        gone_ms: since when it has been gone; None while it holds. *ended_ms*: when that counted as its end.
    """

    id: int
    slot: str | None
    kind: Kind
    subject: str
    level: Level
    title: str
    text: str
    path: str
    began_ms: int
    told_ms: int | None
    gone_ms: int | None
    ended_ms: int | None

    @property
    def track(self) -> Track:
        return Track(self.began_ms, self.told_ms, self.gone_ms)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits to be sent; *key* is its place in the queue of its channel."""

    key: int
    channel: str
    created_ms: int
    message: Message


def _alert(row: Row[Any]) -> Alert:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Alert(**values | {"kind": Kind(row.kind), "level": Level(row.level)})


def tracked(txn: Txn) -> dict[str, Alert]:
    """Return what holds, or held at the last look, by slot; told or not."""
    found = txn.conn.execute(select(alerts).where(alerts.c.slot.is_not(None)))
    return {row.slot: _alert(row) for row in found}


def note_condition(txn: Txn, condition: Condition, *, is_told: bool) -> int | None:
    """Keep a condition that is there for the first time; return its number, or None where it is kept already."""
    values = {
        "slot": condition.slot,
        **_said(condition),
        "began_ms": txn.now_ms,
        "told_ms": txn.now_ms if is_told else None,
    }
    found: int | None = txn.conn.execute(NOTE, values).scalar()
    return found


NOTE = text(
    "INSERT INTO alerts (slot, kind, subject, level, title, text, path, began_ms, told_ms)"
    " VALUES (:slot, :kind, :subject, :level, :title, :text, :path, :began_ms, :told_ms)"
    " ON CONFLICT (slot) DO NOTHING RETURNING id"
)


def tell_condition(txn: Txn, alert: int, condition: Condition) -> bool:
    """Make an alert of a condition in its newest words; return whether nobody else has."""
    untold = (alerts.c.id == alert, alerts.c.told_ms.is_(None))
    changes = {**_said(condition), "told_ms": txn.now_ms}
    return txn.conn.execute(update(alerts).where(*untold).values(**changes)).rowcount == 1


def forget_condition(txn: Txn, alert: int) -> None:
    """Drop a condition that nobody was told of."""
    txn.conn.execute(delete(alerts).where(alerts.c.id == alert, alerts.c.told_ms.is_(None)))


def note_gone(txn: Txn, alert: int, *, is_gone: bool) -> None:
    """Remember that the condition is gone since now, or that it is back."""
    values = {"gone_ms": txn.now_ms if is_gone else None}
    txn.conn.execute(update(alerts).where(alerts.c.id == alert, alerts.c.ended_ms.is_(None)).values(**values))


def end_alert(txn: Txn, alert: int) -> bool:
    """End an alert, so that its slot is free; return whether nobody else has."""
    still = (alerts.c.id == alert, alerts.c.ended_ms.is_(None))
    return txn.conn.execute(update(alerts).where(*still).values(ended_ms=txn.now_ms, slot=None)).rowcount == 1


def open_alerts(txn: Txn) -> list[Alert]:
    """Return what was told and is not over, newest first."""
    is_open = (alerts.c.told_ms.is_not(None), alerts.c.ended_ms.is_(None))
    return [_alert(row) for row in txn.conn.execute(select(alerts).where(*is_open).order_by(alerts.c.id.desc()))]


def count_open(txn: Txn) -> int:
    is_open = (alerts.c.told_ms.is_not(None), alerts.c.ended_ms.is_(None))
    return int(txn.conn.execute(select(func.count()).select_from(alerts).where(*is_open)).scalar_one())


def ended_alerts(txn: Txn, *, limit: int) -> list[Alert]:
    """Return the newest of those that are over, newest first."""
    over = select(alerts).where(alerts.c.ended_ms.is_not(None))
    return [_alert(row) for row in txn.conn.execute(over.order_by(alerts.c.ended_ms.desc(), alerts.c.id).limit(limit))]


def queue_message(txn: Txn, *, channel: str, alert: int, message: Message) -> None:
    """Let *message* wait for a channel; where too many wait, the oldest are given up."""
    txn.conn.execute(
        insert(alert_messages).values(
            id=message.id,
            channel=channel,
            alert=alert,
            body=msgspec.json.encode(message).decode(),
            created_ms=txn.now_ms,
        )
    )
    waiting = _waiting_for(channel)
    oldest_kept = select(alert_messages.c.key).where(*waiting).order_by(alert_messages.c.key.desc())
    limit: int | None = txn.conn.execute(oldest_kept.offset(WAITING_KEEP - 1).limit(1)).scalar()
    if limit is not None:
        gone = update(alert_messages).where(*waiting, alert_messages.c.key < limit)
        txn.conn.execute(gone.values(state=GIVEN_UP, done_ms=txn.now_ms))


def channels_that_heard(txn: Txn, alert: int) -> set[str]:
    """Return the channels that were or will be told of the beginning of an alert: they hear of its end too."""
    found = select(alert_messages.c.channel).where(alert_messages.c.alert == alert)
    return set(txn.conn.execute(found.distinct()).scalars())


def first_waiting(txn: Txn, channel: str) -> Waiting | None:
    """Return the message that a channel is sent next, or None where none waits."""
    chosen = select(alert_messages).where(*_waiting_for(channel)).order_by(alert_messages.c.key).limit(1)
    row = txn.conn.execute(chosen).first()
    if row is None:
        return None
    return Waiting(row.key, row.channel, row.created_ms, msgspec.json.decode(row.body, type=Message))


def waiting_by_channel(txn: Txn) -> dict[str, int]:
    """Return how many messages wait, for each channel that has any."""
    counted = select(alert_messages.c.channel, func.count().label("waiting")).where(alert_messages.c.state == WAITING)
    return {row.channel: row.waiting for row in txn.conn.execute(counted.group_by(alert_messages.c.channel))}


def given_up_since(txn: Txn, since_ms: int) -> dict[str, int]:
    """Return how many messages were given up since a moment, for each channel that has any."""
    is_lost = (alert_messages.c.state == GIVEN_UP, alert_messages.c.done_ms >= since_ms)
    counted = select(alert_messages.c.channel, func.count().label("lost")).where(*is_lost)
    return {row.channel: row.lost for row in txn.conn.execute(counted.group_by(alert_messages.c.channel))}


def end_message(txn: Txn, waiting: Waiting, *, is_sent: bool) -> None:
    """Take a message out of the queue: it was taken, or it is given up. Safe to repeat."""
    values = {"state": SENT if is_sent else GIVEN_UP, "done_ms": txn.now_ms}
    one = (alert_messages.c.key == waiting.key, alert_messages.c.id == waiting.message.id)
    txn.conn.execute(update(alert_messages).where(*one, alert_messages.c.state == WAITING).values(**values))


def prune_alerts(txn: Txn) -> None:
    """Drop a bounded piece of the oldest alerts that are over, and of messages that are done and of no open alert."""
    is_open = select(alerts.c.id).where(alerts.c.id == alert_messages.c.alert, alerts.c.ended_ms.is_(None)).exists()
    pruned = (
        (alerts, alerts.c.ended_ms.is_not(None)),
        (alert_messages, (alert_messages.c.state != WAITING) & ~is_open),
    )
    for table, is_over in pruned:
        key = table.c.id if table is alerts else table.c.key
        newest = select(key).where(is_over).order_by(key.desc()).offset(HISTORY_KEEP).limit(1)
        last: int | None = txn.conn.execute(newest).scalar()
        if last is not None:
            old = select(key).where(is_over, key <= last).order_by(key).limit(PIECE)
            txn.conn.execute(delete(table).where(key.in_(old)))


def _waiting_for(channel: str) -> Collection[Any]:
    return (alert_messages.c.channel == channel, alert_messages.c.state == WAITING)


def _said(condition: Condition) -> dict[str, str]:
    return {
        "kind": condition.kind,
        "subject": condition.subject,
        "level": condition.level,
        "title": condition.title,
        "text": condition.text,
        "path": condition.path,
    }

"""
Looks which conditions hold, and writes down what begins and what is over together with whom it is told.

Of several processes that could look, one does; were two to look at once, the store lets one of them tell.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from usher.domain.alert import PATIENCE, Condition, takes
from usher.domain.alert_message import Happened, Message, beginning
from usher.domain.alert_rules import conditions
from usher.domain.alert_turns import Step, step
from usher.errors import UsherError
from usher.jobs.alert_post import AlertPost
from usher.jobs.desk import Desk
from usher.store import alerts
from usher.store.alert_channels import all_channels
from usher.store.alert_facts import alert_facts
from usher.store.alerts import Alert
from usher.store.database import Txn

LEASE = "alerts"
LOOK_SECONDS = 5.0

logger = structlog.get_logger("usher.jobs")


async def _always() -> bool:
    return True


async def watch_alerts(desk: Desk, *, rng: random.Random, may_watch: Callable[[], Awaitable[bool]] = _always) -> None:
    """
    Look and send every LOOK_SECONDS, until cancelled. What fails is looked at again.

    Args:
        may_watch: asked before each look; takes the lease LEASE where several processes could look.
    """
    post = AlertPost(desk, rng=rng)
    try:
        while True:
            try:
                if await may_watch():
                    await look(desk)
                    await post.send_what_is_due()
            except UsherError as error:
                logger.warning("alerts_not_looked_at", reason=error.message)
            except Exception:
                logger.exception("alerts_not_looked_at")
            await desk.clock.sleep(LOOK_SECONDS)
    finally:
        await post.close()


async def look(desk: Desk) -> None:
    """Take in what holds now; where nothing changed, nothing is written. Safe to repeat."""
    if await desk.database.read(lambda txn: _changes(desk, txn)):
        await desk.database.write(lambda txn: _take_in(desk, txn))


@dataclass(frozen=True, slots=True)
class _Change:
    """One step that a look found; *known* is what was kept of the slot, *condition* what holds there now."""

    step: Step
    known: Alert | None
    condition: Condition | None


def _changes(desk: Desk, txn: Txn) -> list[_Change]:
    known = alerts.tracked(txn)
    facts = alert_facts(txn, thresholds=desk.thresholds)
    there = {condition.slot: condition for condition in conditions(facts, are_open=known.keys())}
    found = []
    for slot in sorted(known.keys() | there.keys()):
        kept, condition = known.get(slot), there.get(slot)
        kind = condition.kind if condition is not None else known[slot].kind
        track = None if kept is None else kept.track
        taken = step(track, is_there=condition is not None, now_ms=txn.now_ms, patience=PATIENCE[kind])
        if taken is not Step.NOTHING:
            found.append(_Change(taken, kept, condition))
    return found


def _take_in(desk: Desk, txn: Txn) -> None:
    for change in _changes(desk, txn):
        _apply(desk, txn, change)
    alerts.prune_alerts(txn)


def _apply(desk: Desk, txn: Txn, change: _Change) -> None:
    known, condition = change.known, change.condition
    match change.step:
        case Step.NOTE if condition is not None:
            alerts.note_condition(txn, condition, is_told=False)
        case Step.TELL if condition is not None:
            _tell(desk, txn, known, condition)
        case Step.FORGET if known is not None:
            alerts.forget_condition(txn, known.id)
        case Step.NOTE_GONE | Step.NOTE_BACK if known is not None:
            alerts.note_gone(txn, known.id, is_gone=change.step is Step.NOTE_GONE)
        case Step.END if known is not None:
            _end(desk, txn, known)


def _tell(desk: Desk, txn: Txn, known: Alert | None, condition: Condition) -> None:
    if known is None:
        alert = alerts.note_condition(txn, condition, is_told=True)
    else:
        alert = known.id if alerts.tell_condition(txn, known.id, condition) else None
    if alert is None:
        return
    began_ms = txn.now_ms if known is None else known.began_ms
    message = beginning(
        condition, id_=_message_id(desk), people_url=desk.people_url, at_ms=txn.now_ms, began_ms=began_ms
    )
    for channel in all_channels(txn):
        if takes(channel.level, condition.level):
            alerts.queue_message(txn, channel=channel.id, alert=alert, message=message)


def _end(desk: Desk, txn: Txn, alert: Alert) -> None:
    """An end goes to whoever heard of the beginning: to nobody else it would mean anything."""
    if not alerts.end_alert(txn, alert.id):
        return
    message = Message(
        id=_message_id(desk),
        happened=Happened.ENDED,
        kind=alert.kind,
        level=alert.level,
        title=alert.title,
        text=alert.text,
        url=f"{desk.people_url}{alert.path}" if desk.people_url else "",
        at_ms=alert.gone_ms or txn.now_ms,
        began_ms=alert.began_ms,
    )
    there = {channel.id for channel in all_channels(txn)}
    for channel in sorted(alerts.channels_that_heard(txn, alert.id) & there):
        alerts.queue_message(txn, channel=channel, alert=alert.id, message=message)


def _message_id(desk: Desk) -> str:
    return f"msg_{desk.new_id()}"

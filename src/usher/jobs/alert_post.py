"""
Sends what waits for each channel, in order, until it is taken or has been tried for a day.

Each channel is sent to by a task of its own, so that one that hangs keeps no other waiting. A message goes out at least
once: a crash between the send and its commit sends it again, under the same id.
"""

import asyncio
import random
from dataclasses import dataclass

import structlog

from usher.alerts.sending import Address
from usher.domain.alert_delivery import delay_seconds, is_due, is_given_up
from usher.domain.alert_message import Message
from usher.errors import RemoteError, UsherError
from usher.jobs.alert_secrets import opened
from usher.jobs.desk import Desk
from usher.store import alerts
from usher.store.alert_channels import Channel, all_channels, note_next_try, note_result
from usher.store.alerts import Waiting
from usher.store.database import Txn

logger = structlog.get_logger("usher.jobs")


@dataclass(frozen=True, slots=True)
class Tried:
    """
    How one send went.

    Args:
        said: in a sentence of ours; never a word of the receiver's.
        status: its code, or None where none came.
    """

    is_taken: bool
    said: str
    status: int | None
    took_ms: int
    asked_seconds: float | None = None


async def try_channel(desk: Desk, channel: Channel, message: Message) -> Tried:
    """Send *message* to *channel* once, whatever comes of it. Repeating sends it again."""
    began = desk.clock.monotonic()
    now_ms = desk.clock.now_ms()
    try:
        address = Address(channel.type, channel.config, opened(desk.vault, channel, now_ms=now_ms))
        taken = await desk.alert_sender.send(address, message, now_ms=now_ms)
    except RemoteError as error:
        return Tried(False, error.message, error.status, _since(desk, began), error.retry_after_seconds)
    except UsherError as error:
        return Tried(False, error.message, None, _since(desk, began))
    except Exception as error:
        logger.exception("alert_not_sendable", channel=channel.id)
        return Tried(False, f"Usher could not send it ({type(error).__name__}).", None, _since(desk, began))
    took_ms = _since(desk, began)
    said = f"Taken ({taken.status}) in {took_ms:,} ms. {taken.note}".strip()
    return Tried(True, said, taken.status, took_ms)


def _since(desk: Desk, began: float) -> int:
    return round((desk.clock.monotonic() - began) * 1000)


class AlertPost:
    """
    Sends what waits.

    Concurrency: belongs to one task of one event loop, and runs a task for each channel that has something waiting.
    """

    def __init__(self, desk: Desk, *, rng: random.Random) -> None:
        self._desk = desk
        self._rng = rng
        self._busy: dict[str, asyncio.Task[None]] = {}

    async def send_what_is_due(self) -> None:
        """Begin to send to every channel whose turn it is; returns before anything is sent."""
        self._busy = {channel_id: task for channel_id, task in self._busy.items() if not task.done()}
        for channel in await self._desk.database.read(_due):
            if channel.id not in self._busy:
                self._busy[channel.id] = asyncio.create_task(self._guarded(channel.id))

    async def settle(self) -> None:
        """Wait until every send that has begun is over."""
        await asyncio.gather(*self._busy.values())

    async def close(self) -> None:
        """Cut off what is being sent; it is sent again."""
        for task in self._busy.values():
            task.cancel()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _guarded(self, channel_id: str) -> None:
        try:
            while await self._send_first(channel_id):
                pass
        except UsherError as error:
            logger.warning("alert_not_sent", channel=channel_id, reason=error.message)
        except Exception:
            logger.exception("alert_not_sent", channel=channel_id)

    async def _send_first(self, channel_id: str) -> bool:
        """Send the first message that waits for a channel; return whether the next may go at once."""
        found = await self._desk.database.read(lambda txn: _first(txn, channel_id))
        if found is None:
            return False
        channel, waiting = found
        tried = await try_channel(self._desk, channel, waiting.message)
        if not tried.is_taken:
            logger.info("alert_not_taken", channel=channel_id, status=tried.status, attempts=channel.attempts + 1)
        return await self._desk.database.write(lambda txn: self._note(txn, channel, waiting, tried))

    def _note(self, txn: Txn, channel: Channel, waiting: Waiting, tried: Tried) -> bool:
        note_result(txn, channel.id, is_ok=tried.is_taken, note=tried.said)
        if tried.is_taken:
            alerts.end_message(txn, waiting, is_sent=True)
            note_next_try(txn, channel.id, attempts=0, due_ms=0)
            return True
        if is_given_up(waiting.created_ms, now_ms=txn.now_ms):
            alerts.end_message(txn, waiting, is_sent=False)
        attempts = channel.attempts + 1
        delay = delay_seconds(attempts, rng=self._rng, asked_seconds=tried.asked_seconds)
        note_next_try(txn, channel.id, attempts=attempts, due_ms=txn.now_ms + round(delay * 1000))
        return False


def _due(txn: Txn) -> list[Channel]:
    waiting = alerts.waiting_by_channel(txn)
    every = [channel for channel in all_channels(txn) if channel.id in waiting]
    return [channel for channel in every if is_due(channel.due_ms, now_ms=txn.now_ms)]


def _first(txn: Txn, channel_id: str) -> tuple[Channel, Waiting] | None:
    channel = next((one for one in _due(txn) if one.id == channel_id), None)
    waiting = alerts.first_waiting(txn, channel_id)
    return None if channel is None or waiting is None else (channel, waiting)

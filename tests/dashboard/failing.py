"""Somebody who failed to sign in before, without the time that trying takes."""

from tests.dashboard.visiting import House
from usher.access.names import name_key
from usher.access.throttle import _hashed
from usher.store.sessions import Failures, set_failures


async def has_failed(house: House, name: str, *, times: int) -> None:
    """Write down that *name* failed just now, so many times."""
    await house.running.deps.desk.database.write(
        lambda txn: set_failures(txn, _hashed("name", name_key(name)), Failures(times, txn.now_ms))
    )

"""
How guessing is slowed down: every further failure doubles the wait, for the name and for the address.

An attempt counts as failed from its beginning until it succeeds, so that guesses sent at once do not all go through.
"""

from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, ip_address

from usher.access.names import name_key
from usher.errors import TooSoon
from usher.store import sessions
from usher.store.database import Txn
from usher.store.sessions import Failures

FREE_FOR_NAME, FREE_FOR_ADDRESS = 5, 20  # failures before the first wait
FIRST_WAIT_MS, LONGEST_WAIT_MS = 1_000, 900_000
FORGOTTEN_AFTER_MS = 86_400_000
TOLD_AGAIN_MS = 60_000
NETWORK_BITS = 64  # of an IPv6 address: its owner has all that begin so


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to sign in that is under way; *address* is "" where only the name counts."""

    name: str
    address: str
    address_before: Failures | None


def wait_ms(failures: int, *, free: int) -> int:
    """Return how long to wait after the last of so many failures: none while they are fewer than *free*."""
    if failures < free:
        return 0
    return min(FIRST_WAIT_MS << min(failures - free, 20), LONGEST_WAIT_MS)


def begin_attempt(txn: Txn, *, name: str, address: str = "") -> Attempt:
    """
    Count an attempt as failed until it is forgiven.

    Raises:
        TooSoon: nothing was counted; wait, even with the right password.
    """
    sessions.prune_failures(txn, before_ms=txn.now_ms - FORGOTTEN_AFTER_MS)
    by_name = _hashed("name", name_key(name))
    by_address = _hashed("address", _network(address)) if address else ""
    limits = {by_name: FREE_FOR_NAME} | ({by_address: FREE_FOR_ADDRESS} if by_address else {})
    before = {who: sessions.failures_of(txn, who) for who in limits}
    left = max(_left_ms(before[who], free=free, now_ms=txn.now_ms) for who, free in limits.items())
    if left:
        raise TooSoon(retry_after_seconds=-(-left // 1000))
    for who, failures in before.items():
        sessions.set_failures(txn, who, Failures(failures.count + 1 if failures else 1, txn.now_ms))
    return Attempt(by_name, by_address, before.get(by_address))


def forgive(txn: Txn, attempt: Attempt) -> None:
    """Forget the name's failures, and this attempt of the address'."""
    sessions.set_failures(txn, attempt.name, None)
    now = sessions.failures_of(txn, attempt.address) if attempt.address else None
    if now is None:
        return
    before = attempt.address_before
    is_last = before is not None and now.count == before.count + 1
    left = before if is_last else Failures(now.count - 1, now.last_ms)
    sessions.set_failures(txn, attempt.address, left if left and left.count else None)


def is_news(txn: Txn, *, name: str) -> bool:
    """Return whether a failure of *name* should be written down: once a minute."""
    who = _hashed("told", name_key(name))
    told = sessions.failures_of(txn, who)
    if told is not None and 0 <= txn.now_ms - told.last_ms < TOLD_AGAIN_MS:
        return False
    sessions.set_failures(txn, who, Failures(0, txn.now_ms))
    return True


def _left_ms(failures: Failures | None, *, free: int, now_ms: int) -> int:
    if failures is None:
        return 0
    wait = wait_ms(failures.count, free=free)
    return max(0, min(wait, failures.last_ms + wait - now_ms))


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(int(parsed) >> (parsed.max_prefixlen - NETWORK_BITS))


def _hashed(kind: str, whom: str) -> str:
    return sha256(f"{kind}:{whom}".encode(errors="replace")).hexdigest()

"""
How guessing is slowed down: every further failure doubles the wait, and no stranger's failures keep the owner out.

The long waits are for one name from one network, and for one network. A name alone waits shortly, which slows down
those who guess from many networks; a network from which its owner came in lately does not wait for it at all.
An attempt counts as failed from its beginning until it succeeds, so that guesses sent at once do not all go through.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, ip_address

from usher.access.names import name_key
from usher.errors import TooSoon
from usher.store import sessions
from usher.store.database import Txn
from usher.store.sessions import Failures

FIRST_WAIT_MS = 1_000
FORGOTTEN_AFTER_MS = 86_400_000
KNOWN_FOR_MS = 30 * 86_400_000
TOLD_AGAIN_MS = 60_000
NETWORK_BITS = 64  # of an IPv6 address: its owner has all that begin so


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures there are before the first wait, and the longest wait."""

    free: int
    longest_ms: int


ONE_GUESSER = Limit(free=5, longest_ms=900_000)  # one name from one network, or one session
ONE_NAME = Limit(free=5, longest_ms=30_000)  # from wherever
ONE_NETWORK = Limit(free=20, longest_ms=900_000)  # whatever the name


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    An attempt that is under way.

    Args:
        forgotten: whose failures a success forgets.
        network: of whom a success takes back this attempt alone; "" where only a session counts.
        known: what a success notes; "" for nothing.
    """

    forgotten: tuple[str, ...]
    network: str = ""
    network_before: Failures | None = None
    known: str = ""


def wait_ms(failures: int, limit: Limit) -> int:
    """Return how long to wait after the last of so many failures: none while they are fewer than are free."""
    if failures < limit.free:
        return 0
    return min(FIRST_WAIT_MS << min(failures - limit.free, 20), limit.longest_ms)


def begin_sign_in(txn: Txn, *, name: str, address: str) -> Attempt:
    """
    Count an attempt to sign in as failed until it is forgiven.

    Raises:
        TooSoon: nothing was counted; wait, even with the right password.
    """
    key, where = name_key(name), _network(address)
    by_name, by_network = _hashed("name", key), _hashed("address", where)
    here, known = _hashed("here", f"{where} {key}"), _hashed("known", f"{where} {key}")
    limits = {here: ONE_GUESSER, by_network: ONE_NETWORK}
    _forget_old(txn)
    if sessions.failures_of(txn, known) is None:
        limits[by_name] = ONE_NAME
    before = _counted(txn, limits)
    return Attempt((here, by_name), by_network, before[by_network], known)


def begin_change(txn: Txn, *, session_id: str) -> Attempt:
    """
    Count an attempt to change a password in a session as failed until it is forgiven; signing in is another matter.

    Raises:
        TooSoon: nothing was counted; wait, even with the right password.
    """
    by_session = _hashed("session", session_id)
    _forget_old(txn)
    _counted(txn, {by_session: ONE_GUESSER})
    return Attempt((by_session,))


def forgive(txn: Txn, attempt: Attempt) -> None:
    """Forget the failures of who succeeded, and this attempt of the network's; the network is known from now on."""
    for who in attempt.forgotten:
        sessions.set_failures(txn, who, None)
    if attempt.known:
        sessions.set_failures(txn, attempt.known, Failures(0, txn.now_ms))
    now = sessions.failures_of(txn, attempt.network) if attempt.network else None
    if now is None:
        return
    before = attempt.network_before
    is_last = before is not None and now.count == before.count + 1
    left = before if is_last else Failures(now.count - 1, now.last_ms)
    sessions.set_failures(txn, attempt.network, left if left and left.count else None)


def is_news(txn: Txn, *, name: str) -> bool:
    """Return whether a failure of *name* should be written down: once a minute."""
    who = _hashed("told", name_key(name))
    told = sessions.failures_of(txn, who)
    if told is not None and 0 <= txn.now_ms - told.last_ms < TOLD_AGAIN_MS:
        return False
    sessions.set_failures(txn, who, Failures(0, txn.now_ms))
    return True


def _counted(txn: Txn, limits: Mapping[str, Limit]) -> dict[str, Failures | None]:
    """Count one failure more of each, and return how they stood before."""
    before = {who: sessions.failures_of(txn, who) for who in limits}
    left = max(_left_ms(before[who], limit, now_ms=txn.now_ms) for who, limit in limits.items())
    if left:
        raise TooSoon(retry_after_seconds=-(-left // 1000))
    for who, failures in before.items():
        sessions.set_failures(txn, who, Failures(failures.count + 1 if failures else 1, txn.now_ms))
    return before


def _forget_old(txn: Txn) -> None:
    failed, known = txn.now_ms - FORGOTTEN_AFTER_MS, txn.now_ms - KNOWN_FOR_MS
    sessions.prune_failures(txn, before_ms=failed, known_before_ms=known)


def _left_ms(failures: Failures | None, limit: Limit, *, now_ms: int) -> int:
    if failures is None:
        return 0
    wait = wait_ms(failures.count, limit)
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

"""
A ledger's clock that was set, forward or back, while requests may be alive.

Set forward, it would let a row fall due whose request may still land; set back, it would leave rows owed far in the
future. So nobody claims until every earlier claim would have ended, and then every row may be claimed again.
"""

from dataclasses import dataclass

import structlog
from sqlalchemy import text

from usher.store.after_restore import BE_QUIET, QUIET
from usher.store.database import Txn

SET_SECONDS = 2.0  # more than a clock that is only being corrected gains or loses between two claims
DRIFT = 0.001  # of the time between them: twice what NTP corrects at most, for those far apart
LONGEST_HONEST_MS = 310_000  # how far ahead a row may be due: the longest wait that Mapp may ask for, and some spare

OVERDUE_IN_FUTURE = text(
    "SELECT 1 FROM jobs WHERE EXISTS ("
    "SELECT 1 FROM ledger WHERE ledger.job = jobs.key AND ledger.lane IN (0, 1, 2) AND ledger.due_at > :until) LIMIT 1"
)
BRING_BACK = text(
    "UPDATE ledger SET due_at = :until"
    " WHERE job IN (SELECT key FROM jobs) AND lane IN (0, 1, 2) AND due_at IS NOT NULL AND due_at > :until"
)

logger = structlog.get_logger("usher.store")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the ledger's clock (ms) and this machine's steady one (seconds) showed at one moment."""

    now_ms: int
    steady: float


def reading_of(txn: Txn) -> Reading:
    return Reading(txn.now_ms, txn.steady)


def was_set(txn: Txn, last: Reading | None, *, hold_ms: int) -> bool:
    """
    Return whether the ledger's clock was set since *last*; without one, whether rows are owed too far in the future.

    A step that came while no process ran, and that moved the clock forward, cannot be known.
    """
    if last is None:
        until = txn.now_ms + max(LONGEST_HONEST_MS, 2 * hold_ms)
        return txn.conn.execute(OVERDUE_IN_FUTURE, {"until": until}).first() is not None
    passed = txn.steady - last.steady
    return abs((txn.now_ms - last.now_ms) / 1000 - passed) > SET_SECONDS + DRIFT * passed


def hold_back(txn: Txn, *, hold_ms: int) -> None:
    """
    Let nobody claim for the time that a claim holds, by the clock as it shows now, and everything that is owed after.

    A request that is under way keeps its answer to itself: its row is sent once more. Idempotent: yes.
    """
    until = txn.now_ms + hold_ms
    txn.conn.execute(text(BE_QUIET), {"quiet": QUIET, "until": str(until)})
    rows = txn.conn.execute(BRING_BACK, {"until": until}).rowcount
    logger.warning("clock_was_set", rows=rows, claims_wait_seconds=hold_ms / 1000)

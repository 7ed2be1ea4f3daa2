"""A trigger message that was refused for its size is lost for good, and is written down so that people are told."""

import structlog

from usher.errors import Unavailable
from usher.jobs.desk import Desk
from usher.store import too_large
from usher.store.database import Txn

AT_MOST_EVERY_MS = 60_000  # so that many refusals cost one write a minute

logger = structlog.get_logger("usher.jobs")


async def note_too_large(desk: Desk, auth_id: str) -> None:
    """Write the refusal down. Never raises for a database that is away: the log and the metric tell of it then."""

    def is_noted(txn: Txn) -> bool:
        return auth_id in too_large.too_large_since(txn, txn.now_ms - AT_MOST_EVERY_MS)

    try:
        if not await desk.database.read(is_noted):
            await desk.database.write(lambda txn: too_large.note_too_large(txn, auth_id))
    except Unavailable as error:
        logger.warning("too_large_not_noted", authorization=auth_id, reason=error.message)

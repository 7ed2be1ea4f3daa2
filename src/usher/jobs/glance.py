"""What every page shows beside itself: how many jobs need a person, and whether the vendors' credentials hold."""

from dataclasses import dataclass

from usher.jobs.desk import Desk
from usher.store.alerts import count_open
from usher.store.authorizations import all_authorizations
from usher.store.database import Txn
from usher.store.jobs import count_needing_attention


@dataclass(frozen=True, slots=True)
class Glance:
    """
    The state of things in one look.

    Args:
        attention: jobs that wait for a person.
        authorizations: how many are saved.
        troubled: labels of those that last tested badly.
        is_tested: all of them were tested since their credentials changed.
        alerts: those that are open.
    """

    attention: int
    authorizations: int
    troubled: tuple[str, ...]
    is_tested: bool
    alerts: int = 0


async def glance(desk: Desk) -> Glance:
    """Return the state of things; a few rows, however large the ledger is."""

    def work(txn: Txn) -> Glance:
        auths = all_authorizations(txn)
        troubled = tuple(auth.label for auth in auths if auth.status == "unhealthy")
        is_tested = all(auth.status != "unknown" for auth in auths)
        return Glance(count_needing_attention(txn), len(auths), troubled, is_tested, count_open(txn))

    return await desk.database.read(work)

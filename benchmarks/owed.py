"""A job, and people owed to Mapp for it: what measurements of a ledger have in common."""

from usher.domain.attribute import Target
from usher.domain.job import Cause, Job, JobConfig, Status, Webhook
from usher.domain.observation import Observation, Source
from usher.store import ledger
from usher.store.opening import OpenStore

IN_FLIGHT = 64  # what an authorization allows where nobody says otherwise
INTEGRATION, SECRET = "5a4d7b0e", "secret"
TARGET = Target("2324000001", "vip", None, "email", create_users=False)
CONFIG = JobConfig(segment_id="a" * 32, uid_field="email", group_id="2324000001", mapp_attribute_name="vip")


def a_job() -> Job:
    return Job(
        key=1, id="1" * 32, name="job", description="", mapp_auth="mapp", lytics_auth="lytics", config=CONFIG,
        audience_slug="vip", audience_name="VIP", status=Status.RUNNABLE, cause=Cause.NONE, reason="",
        sleep_until_ms=None, is_baselined=True, scan_wanted="", next_reconcile_ms=None, exits_held=False,
        webhook=Webhook(), first_trigger_ms=None, last_trigger_ms=None, created_ms=0, updated_ms=0,
    )  # fmt: skip


def email_of(number: int) -> str:
    return f"person{number:07d}@example.com"


async def owe(store: OpenStore, people: int) -> None:
    """Let the first job owe so many people, a commit for every 1,000."""
    for start in range(0, people, 1_000):
        names = map(email_of, range(start, min(people, start + 1_000)))
        seen = [Observation(name, is_in=True, version=1, source=Source.BACKFILL) for name in names]
        await store.database.write(
            lambda txn, seen=seen: ledger.observe(txn, store.statements, 1, seen, source=Source.BACKFILL)
        )

"""A desk over a real database and pretend vendors, and the few words in which tests speak of it."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from sqlalchemy import text

from tests.clocks import ManualClock
from tests.jobs.fake_vendors import GROUP, LYTICS_HOST, MAPP_HOST, VIP, FakeVendors
from usher.access.roles import Actor, Role
from usher.domain.claim import Claim, Settlement
from usher.domain.job import Job
from usher.domain.observation import NS_PER_MS, Observation, Source
from usher.domain.outcome import Outcome
from usher.jobs.authorizations import create_authorization
from usher.jobs.creating import create_job
from usher.jobs.desk import Desk
from usher.jobs.drafts import JobDraft, read_auth_draft, read_job_draft
from usher.jobs.vendors import Vendors
from usher.store import delivery, ledger
from usher.store.database import Txn, Work
from usher.store.jobs import change_job, job_by_id
from usher.store.opening import OpenStore
from usher.store.scans import Sweep, open_sweeps
from usher.store.supervision import SqlJobs
from usher.vault import Key, KeyRing, Vault

ANNA = Actor("anna", Role.ADMIN)
SECRET, TOKEN, PASSWORD = "mapp-secret-44", "lytics-token-1", "rest-password-7"
CONFIG = {"segment_id": VIP, "uid_field": "email", "group_id": GROUP}


def key_of(number: int) -> Key:
    return Key(hashlib.sha256(bytes([number])).digest())


@dataclass
class Office:
    """A desk, and what stands behind it."""

    desk: Desk
    vendors: FakeVendors
    clock: ManualClock
    store: OpenStore
    refreshed: list[int] = field(default_factory=list)
    mapp: str = ""
    lytics: str = ""

    async def write(self, work: Work[Any]) -> Any:
        return await self.desk.database.write(work)

    async def add_mapp(self, *, integration: str = "int-1", **config: Any) -> str:
        whole = {"api_url": f"https://{MAPP_HOST}/charon", "integration_id": integration, "secret": SECRET} | config
        kind = "userpass-secret" if "rest_api_url" in whole else "integration-secret"
        body = {"type": kind, "label": "Our Mapp", "config": whole}
        return (await create_authorization(self.desk, ANNA, read_auth_draft(body))).id

    async def add_lytics(self) -> str:
        body = {
            "type": "lytics-token",
            "label": "Our Lytics",
            "config": {"api_url": f"https://{LYTICS_HOST}", "token": TOKEN},
        }
        return (await create_authorization(self.desk, ANNA, read_auth_draft(body))).id

    def draft(self, name: str = "VIPs", auth_ids: Iterable[str] | None = None, **config: Any) -> JobDraft:
        ids = list(auth_ids) if auth_ids is not None else [self.mapp, self.lytics]
        return read_job_draft({"name": name, "auth_ids": ids, "config": CONFIG | config})

    async def make_job(self, name: str = "VIPs", **config: Any) -> Job:
        return (await create_job(self.desk, ANNA, self.draft(name, **config))).job

    async def job(self, job_id: str) -> Job:
        return await self.desk.database.read(lambda txn: job_by_id(txn, job_id))

    async def put(self, job: Job, **columns: Any) -> Job:
        await self.write(lambda txn: change_job(txn, job.key, **columns))
        return await self.job(job.id)

    async def sweeps(self) -> list[str]:
        found: list[Sweep] = await self.desk.database.read(open_sweeps)
        return [sweep.kind for sweep in found]

    async def sweep(self) -> None:
        while await SqlJobs(self.desk.database, self.desk.statements).sweep_some(begun_before_ms=2**62):
            pass

    async def see(self, job: Job, *members: str, is_in: bool = True, source: Source = Source.TRIGGER) -> None:
        """Observe members as of now."""
        version = self.clock.now_ms() * NS_PER_MS
        seen = [Observation(member, is_in, version, source) for member in members]
        await self.write(
            lambda txn: ledger.observe(
                txn, self.desk.statements, job.key, seen, source=source, are_exits_held=job.exits_held
            )
        )
        self.clock.pass_ms(1)

    async def claim(self, job: Job) -> list[Claim]:
        def work(txn: Txn) -> list[Claim]:
            return [
                claim
                for lane in (0, 1)
                for claim in ledger.claim(txn, self.desk.statements, job.key, lane=lane, limit=100, hold_ms=60_000)
            ]

        return await self.write(work)

    async def send(self, job: Job, outcome: Outcome, **settled: Any) -> int:
        """Settle whatever is due with *outcome*; return how many were."""
        claims = await self.claim(job)
        settlements = [Settlement(claim, outcome, **settled) for claim in claims]
        await self.write(lambda txn: delivery.settle(txn, self.desk.statements, settlements))
        return len(claims)

    async def audit(self) -> list[tuple[str, str, str]]:
        rows = await self.desk.database.read(
            lambda txn: txn.conn.execute(text("SELECT actor, action, object FROM audit ORDER BY id")).all()
        )
        return [tuple(row) for row in rows]

    async def actions(self) -> list[str]:
        return [action for _, action, _ in await self.audit()]

    async def everything_kept(self) -> str:
        """Everything in the database, as text, to look for what must not be in it."""
        tables = ("authorizations", "trigger_tokens", "api_tokens", "jobs", "job_logs", "audit", "history")
        return await self.desk.database.read(
            lambda txn: "\n".join(repr(row) for t in tables for row in txn.conn.execute(text(f"SELECT * FROM {t}")))
        )

    def with_desk(self, **changes: Any) -> "Office":
        return replace(self, desk=replace(self.desk, **changes))


def office_on(store: OpenStore, clock: ManualClock) -> Office:
    vendors, vault, numbers = FakeVendors(), Vault(KeyRing((key_of(1),))), count(1)
    refreshed: list[int] = []
    desk = Desk(
        database=store.pages,
        statements=store.statements,
        vendors=Vendors(store.database, vault=vault, http=vendors, clock=clock, timeout_seconds=10),
        vault=vault,
        clock=clock,
        new_id=lambda: f"{next(numbers):032x}",
        new_token=lambda: base64.urlsafe_b64encode(hashlib.sha256(b"%d" % next(numbers)).digest()).decode().rstrip("="),
        refresh=lambda: refreshed.append(1),
        pace_of=lambda auth_id: (None, 0),
        base_url="https://usher.example.net",
        allow_http=False,
        allow_private=False,
    )
    return Office(desk, vendors, clock, store, refreshed)

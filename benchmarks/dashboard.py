"""
The dashboard with 50 jobs and 1,000,000 members: how long each page takes, and how much it sends.

Yardstick: /healthz of the same service in the same run, which asks the database nothing.
"""

import gzip
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
from sqlalchemy import insert, text

from benchmarks.figures import Figure, against
from benchmarks.owed import CONFIG
from benchmarks.size import Size
from usher.access.entering import use_link
from usher.access.links import first_link
from usher.cli.serving import network_socket, served
from usher.domain.job import Cause, Job, Status, Webhook
from usher.domain.notes import HistoryEntry, LogCode, LogEntry
from usher.jobs.sealing import seal_secrets
from usher.settings import settings_from
from usher.store import authorizations, jobs, notes, tables
from usher.store.authorizations import Authorization
from usher.store.database import Txn
from usher.web.dashboard.assets import FOLDER
from usher.web.dashboard.cookies import SESSION
from usher.web.logging import configure_logging
from usher.wiring import Service, build

VISITS, YARDSTICK = 20, "/healthz"
JOBS, MAPP, LYTICS = 50, "a" * 32, "b" * 32
MS_PER_DAY = 86_400_000
PASSWORD = "a long enough password"
MEMBER = "person0000077@example.com"


@dataclass(frozen=True, slots=True)
class Timed:
    """One page: milliseconds of every answer, and its bytes as they travel."""

    name: str
    took_ms: list[float]
    sent_bytes: int

    @property
    def median(self) -> float:
        return statistics.median(self.took_ms)

    @property
    def p95(self) -> float:
        return sorted(self.took_ms)[int(0.95 * (len(self.took_ms) - 1))]


async def measure(size: Size) -> AsyncIterator[Figure]:
    """Visit every page VISITS times in each turn, in turns, so that the machine's mood hits all alike."""
    configure_logging(is_quiet=True)
    with tempfile.TemporaryDirectory(prefix="usher-") as folder:
        async with _served(Path(folder), size.pick(1_000_000, 10_000)) as (url, service):
            token = await first_link(service.desk)
            assert token is not None
            session = await use_link(service.desk, token, name="owner", password=PASSWORD, browser="")
            async with aiohttp.ClientSession(headers={"Cookie": f"{SESSION}={session}"}) as http:
                turns = [await _visited(http, url, size.pick(VISITS, 2)) for _ in range(size.runs)]
    for figure in figures(turns):
        yield figure


def figures(turns: Sequence[Sequence[Timed]]) -> Iterator[Figure]:
    """Yield for each page its time and what it sends; a turn's value is the median of its visits."""
    beside = first_visit_bytes()
    yardstick = [turn[0].median for turn in turns]
    for visits in zip(*turns, strict=True):
        name, medians = visits[0].name, tuple(page.median for page in visits)
        if name == YARDSTICK:
            yield Figure("dashboard", name, "ms", medians)
            continue
        yield Figure("dashboard", name, "ms", medians, YARDSTICK, against(medians, yardstick))
        yield Figure("dashboard", f"{name}, 95th percentile", "ms", tuple(page.p95 for page in visits))
        yield Figure("dashboard", f"{name}, sent", "kB", tuple(page.sent_bytes / 1000 for page in visits))
    yield Figure("dashboard", "beside the first page: style, scripts, fonts", "kB", (beside / 1000,))


async def _visited(http: aiohttp.ClientSession, url: str, visits: int) -> list[Timed]:
    job = f"/jobs/{0:032x}"
    paths = {
        YARDSTICK: "/healthz",
        "jobs": "/jobs",
        "job": job,
        "job, a week": f"{job}?span=week",
        "people set aside": f"{job}/people?state=set_aside",
        "edit": f"{job}/edit",
        "find a member": f"/members?q={MEMBER}",
        "member": f"{job}/member?m={MEMBER}",
        "removals": f"{job}/removals",
        "new job": "/jobs/new",
        "authorizations": "/authorizations",
        "authorization": f"/authorizations/{LYTICS}",
        "people": "/settings/people",
        "tokens": "/settings/tokens",
        "audit": "/settings/audit",
        "about": "/settings/about",
    }
    took: dict[str, list[float]] = {name: [] for name in paths}
    size: dict[str, int] = {}
    for _ in range(visits):
        for name, path in paths.items():
            began = time.perf_counter()
            async with http.get(url + path, headers={"Accept": "text/html"}, allow_redirects=False) as reply:
                body = await reply.read()
                took[name].append((time.perf_counter() - began) * 1000)
                assert reply.status in {200, 303}, (name, reply.status)
                size[name] = len(gzip.compress(body, 5))
    return [Timed(name, took[name], size[name]) for name in paths]


def first_visit_bytes() -> int:
    """Return what a first page loads beside itself, as it travels: style, scripts, fonts; the chart library aside."""
    files = [
        path for path in FOLDER.rglob("*") if path.suffix in {".css", ".js", ".woff2"} and "uplot" not in str(path)
    ]
    return sum(
        len(path.read_bytes()) if path.suffix == ".woff2" else len(gzip.compress(path.read_bytes(), 9))
        for path in files
    ) + len(gzip.compress((FOLDER / "mark.svg").read_bytes(), 9))


@asynccontextmanager
async def _served(folder: Path, members: int) -> AsyncIterator[tuple[str, Service]]:
    service = build(settings_from({"USHER_DATA_DIR": str(folder), "USHER_ALLOW_HTTP": "1", "USHER_ALLOW_PRIVATE": "1"}))
    try:
        await service.desk.database.write(lambda txn: _fill(txn, service, members))
        listening = network_socket("127.0.0.1", 0)
        async with served(service.app, [listening]):
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", service
    finally:
        await service.http.close()
        await service.store.close()


def _fill(txn: Txn, service: Service, members: int) -> None:
    nowhere = {"api_url": "http://127.0.0.1:9"}
    for auth_id, provider, kind, config, secret in (
        (MAPP, "mapp", "integration-secret", nowhere | {"integration_id": "5a4d7b0e"}, "secret"),
        (LYTICS, "lytics", "lytics-token", nowhere, "token"),
    ):
        secrets = seal_secrets(service.desk.vault, {secret: "secret"}, auth_id=auth_id)
        auth = Authorization(id=auth_id, provider=provider, type=kind, label=provider, config=config, secrets=secrets)
        authorizations.add_authorization(txn, auth)
    for number in range(JOBS):
        job = jobs.add_job(txn, _job(number, txn.now_ms))
        _fill_job(txn, job.key, members // 2 if number == 0 else members // (2 * (JOBS - 1)))


def _job(number: int, now_ms: int) -> Job:
    return Job(
        key=0, id=f"{number:032x}", name=f"Job {number}", description="", mapp_auth=MAPP, lytics_auth=LYTICS,
        config=replace(CONFIG, mapp_attribute_name=f"attribute_{number}", reconcile_hours=6), audience_slug="vip",
        audience_name="VIP shoppers", status=Status.RUNNABLE, cause=Cause.NONE, reason="", sleep_until_ms=None,
        is_baselined=True, scan_wanted="", next_reconcile_ms=None, exits_held=False, webhook=Webhook("made"),
        first_trigger_ms=now_ms, last_trigger_ms=now_ms, created_ms=now_ms, updated_ms=now_ms,
    )  # fmt: skip


def _fill_job(txn: Txn, key: int, members: int) -> None:
    """Nine of ten accepted, 5 % waiting, 5 % set aside; a day of activity, a log, one person's history."""
    txn.conn.execute(FILL, {"job": key, "members": members, "now": txn.now_ms})
    aside = members // 20
    for name, count in (("total", members), ("in", members), ("due", aside), ("aside", aside)):
        txn.tally[key, f"members.{name}"] = count
    txn.tally[key, "sent.accepted"] = members
    now_s = txn.now_ms // 1000
    rows = [
        {"job": key, "step": step, "at": now_s // step * step - back * step, "name": name, "value": 7}
        for step, most in ((60, 1_500), (3_600, 168))
        for back in range(most)
        for name in ("entered", "exited", "live", "d12", "d14")
    ]
    txn.conn.execute(insert(tables.activity), rows)
    for _ in range(200):
        notes.add_log(txn, LogEntry(key, "info", "The audience was read: 100 people.", LogCode.SCAN_DONE))
    notes.add_history(txn, [HistoryEntry(key, MEMBER, "enter", is_in=True, version=1) for _ in range(20)])


FILL = text(
    "INSERT INTO ledger (job, member, is_in, version, seq, due_at, lane, attempts, accepted, accepted_at, aside,"
    " aside_at, was) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :members)"
    " SELECT :job, printf('person%07d@example.com', i), 1, (:now - i) * 1000000, 1,"
    " CASE WHEN i % 20 = 1 THEN :now + 86400000 + i END, 1, 0, CASE WHEN i % 20 <> 2 THEN 1 END,"
    " CASE WHEN i % 20 <> 2 THEN :now - i END, CASE WHEN i % 20 = 2 THEN 'Mapp rejected it: reason ' || (i % 3) END,"
    " CASE WHEN i % 20 = 2 THEN :now - i END, 1 FROM n"
)

"""Who works on the ledger, as people are shown it."""

from dataclasses import replace

from tests.clocks import NOON_MS
from tests.jobs.office import Office
from usher.domain.worker import Standing, Stay, Worker, scan_lease
from usher.engine.sharing import HOUSE
from usher.jobs.sources import LEASE as SOURCES
from usher.jobs.workers import WorkerPace, list_workers
from usher.store import workers
from usher.store.jobs import job_by_id

LIVES_MS = 20_000
PLAIN = {"housekeeping", "webhooks in Lytics", "newer"}


def a_worker(name: str, **standing: Standing) -> Worker:
    return Worker(Stay(0, name), "worker", f"host of {name}", 42, lives_ms=LIVES_MS, standing=standing)


async def beat(office: Office, worker: Worker) -> list[Worker]:
    found: list[Worker] = await office.write(lambda txn: workers.beat(txn, worker))
    return found


async def test_a_worker_is_listed_with_its_place_and_how_fast_it_speaks_to_whom(office: Office) -> None:
    standing = {
        office.mapp: Standing(2.5, 3, silent_until_ms=NOON_MS + 500),
        "gone": Standing(silent_until_ms=NOON_MS),
    }
    await beat(office, a_worker("a", **standing))
    (row,) = (await list_workers(office.desk)).rows
    assert (row.id, row.kind, row.host, row.pid) == ("a", "worker", "host of a", 42)
    assert (row.started_ms, row.seen_ms, row.is_alive, row.is_joining, row.holds) == (NOON_MS, NOON_MS, True, False, ())
    assert set(row.pace) == {
        WorkerPace(office.mapp, "Our Mapp", 2.5, 3, NOON_MS + 500),
        WorkerPace("gone", "gone", None, 0, None),
    }


async def test_one_that_joined_is_shown_as_joining_until_those_before_it_know_it(office: Office) -> None:
    (first,) = await beat(office, a_worker("a"))
    _, second = await beat(office, a_worker("b"))
    assert [row.is_joining for row in (await list_workers(office.desk)).rows] == [False, True]
    await beat(office, replace(first, knows=frozenset({first.stay, second.stay})))
    assert [row.is_joining for row in (await list_workers(office.desk)).rows] == [False, False]


async def test_one_that_died_is_listed_as_gone_until_another_beats(office: Office) -> None:
    await beat(office, a_worker("a"))
    office.clock.pass_ms(LIVES_MS)
    assert [row.is_alive for row in (await list_workers(office.desk)).rows] == [False]
    await beat(office, a_worker("b"))
    assert [row.id for row in (await list_workers(office.desk)).rows] == ["b"]


async def test_what_a_worker_does_alone_is_named_by_the_job(office: Office) -> None:
    job = await office.make_job()
    await beat(office, a_worker("a"))

    def take(txn) -> None:
        key = job_by_id(txn, job.id).key
        for name in (scan_lease(key), scan_lease(key + 1), HOUSE, SOURCES, "newer"):
            workers.take_lease(txn, name, "a")

    await office.write(take)
    (row,) = (await list_workers(office.desk)).rows
    assert set(row.holds) == {f"scan of {job.name}", "scan of a job that is gone", *PLAIN}


async def test_an_embedded_database_is_not_shared(office: Office) -> None:
    found = await list_workers(office.desk)
    assert (found.rows, found.is_shared) == ([], False)

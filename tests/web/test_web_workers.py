"""Who works on the ledger, over REST."""

from tests.web.service import Running
from usher.access.roles import Role
from usher.clock import iso_from_ms
from usher.domain.worker import Standing, Stay, Worker
from usher.store import workers


async def test_viewers_see_who_works_on_the_ledger(usher: Running) -> None:
    auth = usher.made["mapp"]
    said = Worker(Stay(0, "ab12"), "serve", "<b>host</b>", 42, lives_ms=60_000, standing={auth: Standing(1.5, 2)})
    (kept,) = await usher.deps.desk.database.write(lambda txn: workers.beat(txn, said))
    await usher.deps.desk.database.write(lambda txn: workers.take_lease(txn, "scan 99", "ab12"))
    found = (await usher.ask("GET", "/v2/worker", role=Role.VIEWER)).data
    assert found == [
        {
            "id": "ab12",
            "kind": "serve",
            "host": "<b>host</b>",
            "pid": 42,
            "started": iso_from_ms(kept.stay.started_ms),
            "seen": iso_from_ms(kept.seen_ms),
            "is_alive": True,
            "is_joining": False,
            "holds": ["scan of a job that is gone"],
            "pace": [{"auth_id": auth, "label": "mapp", "found_per_second": 1.5, "in_flight": 2, "silent_until": None}],
        }
    ]

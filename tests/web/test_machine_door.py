"""What a worker shows to whoever watches it, and that it shows nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.web.service import Running, running_service
from usher.access.roles import Role
from usher.web.machine_door import MachineDoor

MISSING = (404, "Not found\n")
SHUT = [
    "GET /", "GET /sign-in", "GET /static/1/usher.css", "GET /openapi.json", "GET /v2/job", "POST /v2/job",
    "GET /v2/worker", "POST /triggers/a", "POST /feedback/a", "POST /metrics", "PUT /readyz", "DELETE /healthz",
    "OPTIONS /metrics", "GET /metrics/", "GET //metrics", "GET /Metrics", "GET /v2/../metrics", "GET /healthz/x",
]  # fmt: skip


@pytest.fixture
async def worker() -> AsyncIterator[Running]:
    """A service, seen through the door."""
    with TemporaryDirectory(prefix="usher-") as folder:
        async with running_service(Path(folder), wrap=MachineDoor) as running:
            yield running


async def test_a_worker_says_that_it_is_alive_and_ready_and_shows_its_figures_to_those_who_may_see(
    worker: Running,
) -> None:
    for path, said in (("/healthz", "alive"), ("/readyz", '"ready":true')):
        answer = await worker.ask("GET", path, role=None)
        assert (answer.status, said in answer.text) == (200, True)
        assert (await worker.ask("HEAD", path, role=None)).status == 200
    for headers in ({}, {"Authorization": "wrong"}):
        assert (await worker.ask("GET", "/metrics", role=None, headers=headers)).status == 401
    assert "usher_build_info{" in (await worker.ask("GET", "/metrics", role=Role.VIEWER)).text


async def test_nothing_else_can_be_asked_of_a_worker_even_by_an_admin(worker: Running) -> None:
    for request in SHUT:
        method, path = request.split()
        answer = await worker.ask(method, path, headers={"Accept": "text/html"})
        assert (answer.status, answer.text) == MISSING, request

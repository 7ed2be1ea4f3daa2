"""Two sandboxes, two services and several workers on one PostgreSQL, each in a process of its own."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.stack import SHORT, Stack, free_port, until
from tests.postgres import PostgresServer


class Side(Stack):
    """One sandbox, and the job that keeps its Mapp in step with its Lytics; the services are the fleet's."""

    job: dict[str, Any]

    async def export(self, **mapp: Any) -> None:
        self.job = await self.add_job(await self.add_authorizations(**mapp))

    async def is_done(self) -> bool:
        return await self.has_settled(self.job)

    async def most(self) -> dict[str, Any]:
        """What the pretend Mapp counted: most alive for one person, most in any one second."""
        found: dict[str, Any] = await self.control("GET", "/mapp/ledger")
        return found


class Fleet:
    """Everything that runs; *sides* are two. The first's service gets all triggers, and people ask the second's."""

    def __init__(self, folder: Path, http: aiohttp.ClientSession, server: PostgresServer) -> None:
        self.folder = folder
        self.http = http
        self.server = server
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports: dict[str, int] = {}
        self.sides = [self._side(name) for name in ("left", "right")]

    def _side(self, name: str) -> Side:
        folder = self.folder / name
        folder.mkdir()
        return Side(folder, self.http, timing=SHORT)

    async def start(self, *, workers: int, **sandbox: Any) -> None:
        first, second = self.sides
        shared = {
            "USHER_DATABASE_URL": self.server.empty_database(),
            "USHER_SECRET_KEY": base64.b64encode(os.urandom(32)).decode(),
            "USHER_BASE_URL": first.url,
        }
        for side in self.sides:
            side.env |= shared
        await asyncio.gather(*(side.start_sandbox(**sandbox) for side in self.sides), first.start_service())
        second.token = first.token
        named = (f"worker{number}" for number in range(workers))
        await asyncio.gather(second.start_service(), *(self.start_worker(name) for name in named))
        first.url = second.url

    async def start_worker(self, name: str) -> None:
        port = self.ports.setdefault(name, free_port())
        self._spawn(name, [sys.executable, "-m", "usher.cli.main", "worker", "--port", str(port)])
        await until(lambda: self.sides[0]._answers(f"http://127.0.0.1:{port}/healthz"))

    def _spawn(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            env = self.sides[0].env | {"USHER_DATA_DIR": str(self.folder / name)}
            self.processes[name] = subprocess.Popen(command, env=env, stdout=log, stderr=log)

    def signal(self, name: str, number: int) -> None:
        os.kill(self.processes[name].pid, number)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def end(self, name: str) -> int:
        """Stop a worker as an operator would; return its exit code."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(timeout=30)

    async def watched(self, name: str, *, token: str) -> tuple[int, str]:
        """Ask a worker for its figures, as Prometheus does; return the status and the text."""
        url, headers = f"http://127.0.0.1:{self.ports[name]}/metrics", {"Authorization": f"Bearer {token}"}
        async with self.http.get(url, headers=headers) as answer:
            return answer.status, await answer.text()

    async def alive_as_told_by(self, name: str) -> dict[str, float]:
        """How many processes a worker says are alive, by kind."""
        status, text = await self.watched(name, token=self.sides[0].token)
        assert status == 200, text
        families = {family.name: family for family in text_string_to_metric_families(text)}
        return {sample.labels["kind"]: sample.value for sample in families["usher_workers"].samples}

    def close(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        for side in self.sides:
            side.stop()


@asynccontextmanager
async def fleet_on(server: PostgresServer, folder: Path, *, workers: int, **sandbox: Any) -> AsyncIterator[Fleet]:
    """Start all of them; whatever happens, they are gone afterwards."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        fleet = Fleet(folder, http, server)
        try:
            await fleet.start(workers=workers, **sandbox)
            yield fleet
        finally:
            fleet.close()

"""A real sandbox and a real service, each in a process of its own, and what a test asks of them."""

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

GROUP, ATTRIBUTE = "2324000001", "vip_shoppers"
INTEGRATION, SECRET, LYTICS_TOKEN = "5a4d7b0e-1f7c-4b6d-9d0e-2c8f3a61b7e4", "sandbox-secret", "sandbox-lytics-token"
SHORT = {  # a lost answer is waited out in seconds, so that a test need not take minutes
    "USHER_SEND_ROOM_SECONDS": "3",
    "USHER_REQUEST_TIMEOUT_SECONDS": "1.5",
    "USHER_QUARANTINE_SECONDS": "1.5",
    "USHER_CLOCK_MARGIN_SECONDS": "0.5",
    "USHER_SCAN_GUARD_SECONDS": "2",
}
SANDBOX_PROGRAM = """
import asyncio, json, random, sys
from usher.cli.serving import network_socket, served, told_to_stop
from usher.clock import SystemClock
from usher.sandbox.app import create_app
from usher.sandbox.options import SandboxOptions

async def main(port, options):
    app = create_app(SandboxOptions(**options), clock=SystemClock(), rng=random.Random(1))
    async with served(app, [network_socket("127.0.0.1", port)], lifespan=True):
        await told_to_stop()

asyncio.run(main(int(sys.argv[1]), json.loads(sys.argv[2])))
"""


def free_port() -> int:
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        port: int = asking.getsockname()[1]
        return port


async def until(is_so: Callable[[], Awaitable[Any]], *, seconds: float = 60, every: float = 0.1) -> Any:
    """Return what *is_so* gives once it is true; the test fails when it never is."""
    async with asyncio.timeout(seconds):
        while not (found := await is_so()):  # noqa: ASYNC110 - another process cannot set our event
            await asyncio.sleep(every)
        return found


class Stack:
    """One sandbox, one service, and their data in *folder*."""

    def __init__(self, folder: Path, http: aiohttp.ClientSession, *, timing: dict[str, str]) -> None:
        self.folder = folder
        self.http = http
        self.sandbox = f"http://127.0.0.1:{free_port()}"
        self.url = f"http://127.0.0.1:{free_port()}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.token = ""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("USHER_")}
        self.env = (
            inherited
            | timing
            | {
                "USHER_DATA_DIR": str(folder / "data"),
                "USHER_ALLOW_HTTP": "1",
                "USHER_ALLOW_PRIVATE": "1",
                "USHER_BASE_URL": self.url,
            }
        )

    async def start_sandbox(self, **options: Any) -> None:
        port = self.sandbox.rpartition(":")[2]
        self._start("sandbox", [sys.executable, "-c", SANDBOX_PROGRAM, port, msgspec.json.encode(options).decode()])
        await until(lambda: self._answers(f"{self.sandbox}/control/faults"))

    async def start_service(self) -> None:
        port = self.url.rpartition(":")[2]
        self._start("service", [sys.executable, "-m", "usher.cli.main", "serve", "--port", port])
        await until(lambda: self._answers(f"{self.url}/healthz"))
        if not self.token:
            self.token = self.usher("token", "create", "--name", "test", "--role", "admin").strip()

    def kill_service(self) -> None:
        process = self._processes.pop("service")
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop_service(self) -> int:
        """End it as an operator would; return its exit code."""
        process = self._processes.pop("service")
        process.terminate()
        return process.wait(timeout=30)

    def let_the_next_comparison_be_due(self, job: dict[str, Any]) -> None:
        """Change the data of a service that does not run, as if the hours until the next reconcile had passed."""
        with contextlib.closing(sqlite3.connect(self.folder / "data" / "usher.db")) as data, data:
            due = "UPDATE jobs SET next_reconcile_ms = 1 WHERE id = ?"
            assert data.execute(due, [job["id"]]).rowcount == 1

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def usher(self, *arguments: str, exit_code: int = 0) -> str:
        """Run one command and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "usher.cli.main", *arguments],
            env=self.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == exit_code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if exit_code == 0 else done.stdout + done.stderr

    def log(self) -> str:
        return (self.folder / "service.log").read_text()

    async def api(self, method: str, path: str, body: Any = None, *, status: int | None = None) -> Any:
        """Ask the REST API; return `data`, or the whole body where *status* is not a success."""
        headers = {"Authorization": self.token}
        async with self.http.request(method, self.url + path, json=body, headers=headers) as answer:
            told = await answer.json()
            assert answer.status == status if status else answer.status < 400, (answer.status, told)
            return told["data"] if answer.status < 400 else told

    async def control(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        async with self.http.request(method, f"{self.sandbox}/control{path}", json=body, params=query) as answer:
            assert answer.status < 400, await answer.text()
            return await answer.json()

    async def add_authorizations(self, **mapp: Any) -> tuple[str, str]:
        config = {"api_url": f"{self.sandbox}/mapp", "integration_id": INTEGRATION, "secret": SECRET} | mapp
        made = await self.api("POST", "/v2/auth/integration-secret", {"label": "Mapp", "config": config})
        lytics = {"api_url": f"{self.sandbox}/lytics", "token": LYTICS_TOKEN}
        other = await self.api("POST", "/v2/auth/lytics-token", {"label": "Lytics", "config": lytics})
        return made["id"], other["id"]

    async def add_job(self, auths: tuple[str, str], *, name: str = "VIP", **config: Any) -> dict[str, Any]:
        settings = {"segment_id": ATTRIBUTE, "uid_field": "email", "group_id": GROUP, "withbackfill": True} | config
        body = {"name": name, "auth_ids": list(auths), "config": settings}
        job: dict[str, Any] = await self.api("POST", "/v2/job/mapp-trigger-export", body)
        return job

    async def progress(self, job: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = await self.api("GET", f"/v2/job/{job['id']}/progress")
        return found

    async def has_settled(self, job: dict[str, Any]) -> bool:
        """Whether nothing is on its way anywhere, and nothing is owed."""
        if not await self._is_quiet():
            return False
        told = await self.progress(job)
        scan = told.get("scan") or {}
        is_done = told["members"]["due"] == 0 and scan.get("state", "completed") == "completed"
        return is_done and await self._is_quiet()  # what was sent meanwhile may be accepted and not yet applied

    async def _is_quiet(self) -> bool:
        state = await self.control("GET", "/state")
        return not (state["churn"]["is_running"] or state["lytics"]["pending"] or state["mapp"]["pending"])

    async def agrees(self) -> bool:
        """Whether Mapp holds for everybody what Lytics says."""
        return not await self.disagreements()

    async def disagreements(self, *, attribute: str = ATTRIBUTE, group: str = GROUP) -> dict[str, str | None]:
        """Everybody whom Mapp holds otherwise than Lytics, with what Mapp holds."""
        inside = set((await self.control("GET", f"/audiences/{ATTRIBUTE}/members", field="email"))["members"])
        held = await self.control("GET", "/mapp/attributes", group=group, attribute=attribute)
        wrong = {member: held.get(member) for member in inside if held.get(member) != "true"}
        return wrong | {m: value for m, value in held.items() if m not in inside and value != "false"}

    async def acknowledged_events(self) -> int:
        """How many audience events Lytics sent and was told 200 for."""
        jobs = (await self.control("GET", "/state"))["lytics"]["jobs"]
        return sum(job["delivered"] for job in jobs)

    async def _answers(self, url: str) -> bool:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self.http.get(url, timeout=aiohttp.ClientTimeout(total=2)) as answer:
                return answer.status == 200
        return False

    def _start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)


@asynccontextmanager
async def running(folder: Path, *, timing: dict[str, str] | None = None, **sandbox: Any) -> AsyncIterator[Stack]:
    """Start both; whatever happens, both are gone afterwards."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        stack = Stack(folder, http, timing=SHORT if timing is None else timing)
        try:
            await stack.start_sandbox(**sandbox)
            await stack.start_service()
            yield stack
        finally:
            stack.stop()

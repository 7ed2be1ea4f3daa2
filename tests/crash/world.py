"""One sandbox that survives, one service that may die at any moment, and a person who starts it again and goes on."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.acceptance.stack import ATTRIBUTE, GROUP, INTEGRATION, LYTICS_TOKEN, SECRET, Stack, until
from tests.crash.places import Place
from usher.store.sqlite import CHECKPOINT_PAGES

PEOPLE = 20
QUICK = {  # a claim that nobody settles is due again after four seconds
    "USHER_SEND_ROOM_SECONDS": "2",
    "USHER_REQUEST_TIMEOUT_SECONDS": "2",
    "USHER_QUARANTINE_SECONDS": "0.2",
    "USHER_CLOCK_MARGIN_SECONDS": "0",
    "USHER_SCAN_GUARD_SECONDS": "0.2",
}
LOOK_SECONDS = 0.3
PATIENCE_SECONDS = 60


class Zygote:
    """Forks services and sandboxes; all of them end with it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def fork(self, **order: Any) -> int:
        """Start a process; return its id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=30)


@contextlib.contextmanager
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    try:
        yield made
    finally:
        made.close()


class DiedError(Exception):
    """The service went away while it was asked something."""


class AwayError(Exception):
    """The service answered 503: it cannot keep anything right now."""


class World(Stack):
    """Both processes are forks of *zygote*; the service is asked through its local socket, so it needs no token."""

    job: dict[str, Any]

    def __init__(self, folder: Path, http: aiohttp.ClientSession, zygote: Zygote, *, database_url: str = "") -> None:
        folder.mkdir()
        super().__init__(folder, http, timing=QUICK)
        self.zygote = zygote
        self.service_pid: int | None = None
        self.sandbox_pid: int | None = None
        self.starts = 0
        self._own = {name: value for name, value in self.env.items() if name.startswith("USHER_")}
        self._own["USHER_DATABASE_URL"] = database_url
        socket = aiohttp.UnixConnector(str(folder / "data" / "usher.sock"), force_close=True)
        self.local = aiohttp.ClientSession(connector=socket, timeout=aiohttp.ClientTimeout(total=10))

    async def start_sandbox(self, **options: Any) -> None:
        self.sandbox_pid = self._fork("sandbox", self.sandbox, options=options)
        await until(lambda: self._answers(f"{self.sandbox}/control/faults"), every=0.02)

    async def start_service(
        self, *, fatal: str = "", ends_backends: bool = False, checkpoint_pages: int = CHECKPOINT_PAGES
    ) -> None:
        """
        Start it, to die at the place *fatal*, if at any; it may be dead already when this returns.

        Args:
            ends_backends: it does not die itself, but all of its connections to PostgreSQL do.
            checkpoint_pages: after how many pages of its log SQLite writes them into the database itself.
        """
        self.starts += 1
        self._places.touch()
        self.service_pid = self._fork(
            "service",
            self.url,
            env=self._own,
            places=str(self._places),
            fatal=fatal,
            ends_backends=ends_backends,
            checkpoint_pages=checkpoint_pages,
        )
        await until(self._listens_or_is_dead, every=0.02)

    @property
    def _places(self) -> Path:
        return self.folder / f"places{self.starts}"

    def _fork(self, kind: str, url: str, **order: Any) -> int:
        port = int(url.rpartition(":")[2])
        return self.zygote.fork(kind=kind, port=port, log=str(self.folder / f"{kind}.log"), **order)

    async def _listens_or_is_dead(self) -> bool:
        return not self.is_alive or await self._answers(f"{self.url}/healthz")

    @property
    def is_alive(self) -> bool:
        return self.service_pid is not None and _signal(self.service_pid, 0)

    async def kill(self) -> None:
        """Kill the service, if it still lives, and wait until it is gone."""
        while self.is_alive:
            assert self.service_pid is not None
            _signal(self.service_pid, signal.SIGKILL)
            await asyncio.sleep(0.01)

    async def aclose(self) -> None:
        await self.kill()
        if self.sandbox_pid is not None:
            _signal(self.sandbox_pid, signal.SIGKILL)
        await self.local.close()

    async def api(
        self, method: str, path: str, body: Any = None, *, status: int | None = None, may_conflict: bool = False
    ) -> Any:
        try:
            async with self.local.request(method, f"http://usher{path}", json=body) as answer:
                told = await answer.json()
        except aiohttp.ClientError as error:
            raise DiedError from error
        if answer.status == 503:
            raise AwayError
        assert answer.status < 400 or (may_conflict and answer.status == 409), (answer.status, told)
        return told.get("data")

    async def survive(self, step: Callable[[], Awaitable[Any]]) -> Any:
        """Do *step*, again and again where the service dies of it."""
        while True:
            if not self.is_alive:
                await self.start_service()
            try:
                return await step()
            except DiedError:
                await self.kill()  # it may be a moment from its end, and may listen no more
            except AwayError:
                await asyncio.sleep(LOOK_SECONDS)

    async def ensure_export(self) -> None:
        """Make both authorizations and the job, unless they are there."""
        saved = {auth["label"]: auth["id"] for auth in await self.api("GET", "/v2/auth")}
        mapp = {"api_url": f"{self.sandbox}/mapp", "integration_id": INTEGRATION, "secret": SECRET}
        if "Mapp" not in saved:
            body = {"label": "Mapp", "config": mapp}
            saved["Mapp"] = (await self.api("POST", "/v2/auth/integration-secret", body))["id"]
        if "Lytics" not in saved:
            body = {"label": "Lytics", "config": {"api_url": f"{self.sandbox}/lytics", "token": LYTICS_TOKEN}}
            saved["Lytics"] = (await self.api("POST", "/v2/auth/lytics-token", body))["id"]
        made = await self.api("GET", "/v2/job")
        self.job = made[0] if made else await self.add_job((saved["Mapp"], saved["Lytics"]))
        await until(self._is_heard, seconds=PATIENCE_SECONDS, every=LOOK_SECONDS)

    async def _is_heard(self) -> bool:
        """Whether Lytics tells the service who enters and leaves; before that, nobody would."""
        if not self.is_alive:
            raise DiedError
        return bool((await self.control("GET", "/state"))["lytics"]["jobs"])

    async def come_to_rest(self, attribute: str = ATTRIBUTE) -> None:
        """Wait until Mapp holds what Lytics says and nothing is owed, starting the service where it died."""

        async def is_so() -> bool:
            return await self.has_settled(self.job) and not await self.disagreements(attribute=attribute)

        await until(lambda: self.survive(is_so), seconds=PATIENCE_SECONDS, every=LOOK_SECONDS)

    async def move(self, act: str, count: int, *, silent: bool = False) -> None:
        await self.control("POST", f"/audiences/{ATTRIBUTE}/{act}", {"count": count, "silent": silent})

    async def ask(self, what: str) -> None:
        """Press a button of the job; a second time, where the answer was lost and it had worked, changes nothing."""
        await self.survive(lambda: self.api("POST", f"/v2/job/{self.job['id']}/{what}", may_conflict=True))

    async def rename_attribute(self, name: str) -> None:
        """Edit the job: everybody is owed again, under another name, which Mapp knows."""
        await self.control("POST", "/mapp/mapping", {"mapping": {name: f"{GROUP}:{name}"}})
        config = {"segment_id": ATTRIBUTE, "uid_field": "email", "group_id": GROUP, "withbackfill": True}
        body = {"name": "VIP", "auth_ids": self.job["auth_ids"], "config": config | {"mapp_attribute_name": name}}
        path = f"/v2/job/mapp-trigger-export/{self.job['id']}"
        await self.survive(lambda: self.api("PUT", path, body))

    def places_passed(self) -> list[Place]:
        """Where the first of the services came by, in order; where it was to die, only that, once it was reached."""
        lines = (self.folder / "places1").read_text().splitlines()
        return [Place(kind, when, int(nth)) for kind, when, nth in (line.rsplit(" ", 2) for line in lines)]


@asynccontextmanager
async def world(folder: Path, zygote: Zygote, *, database_url: str = "", **sandbox: Any) -> AsyncIterator[World]:
    """Start a sandbox with a few people; whatever happens, it and the service are gone afterwards."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        made = World(folder, http, zygote, database_url=database_url)
        try:
            await made.start_sandbox(members=PEOPLE, time_scale=0.2, **sandbox)
            yield made
        finally:
            await made.aclose()


def _signal(pid: int, number: int) -> bool:
    """Send a signal (0: none); return whether there was anybody to get it."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True

"""A whole service on loopback, with a sandbox to speak to, and callers of every role."""

import asyncio
import io
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from yarl import URL

from tests.web.made_once import routes_made_once
from usher.access.roles import Actor, Role
from usher.access.tokens import create_token
from usher.cli.local_socket import SOCKET_NAME
from usher.cli.serving import local_socket, network_socket, served
from usher.clock import SystemClock
from usher.sandbox import app as sandbox_app
from usher.sandbox.options import SandboxOptions
from usher.sandbox.world import World
from usher.settings import settings_from
from usher.store.opening import FILE_NAME, open_sqlite
from usher.wiring import Service, build

OWNER = Actor("owner", Role.ADMIN)
EXPORT = "/v2/job/mapp-trigger-export"
SANDBOX = SandboxOptions()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def data(self) -> Any:
        assert self.status < 300, self.text
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        return [error["code"] for error in self.body["errors"]]

    @property
    def fields(self) -> list[str]:
        return [error.get("field", "") for error in self.body["errors"]]


@dataclass
class Running:
    """One running service, and how to ask it."""

    url: str
    sandbox_url: str
    world: World
    service: Service
    http: aiohttp.ClientSession
    tokens: dict[Role, str]
    socket: Path
    made: dict[str, str] = field(default_factory=dict)

    @property
    def deps(self) -> Any:
        return self.service.app.state.deps  # type: ignore[attr-defined]

    async def ask(
        self, method: str, path: str, body: Any = None, *, role: Role | None = Role.ADMIN, **more: Any
    ) -> Answer:
        """Ask as *role* (None: without a token); *path* goes out as it is."""
        headers = dict(more.pop("headers", {}))
        if role is not None:
            headers.setdefault("Authorization", self.tokens[role])
        if body is not None:
            more["data"] = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        url = URL(self.url + path, encoded=True)
        async with self.http.request(method, url, headers=headers, **more) as reply:
            return Answer(reply.status, reply.headers, await reply.text())

    async def authorize(self) -> None:
        """Save one authorization of each provider, both of the sandbox's."""
        mapp = {
            "api_url": f"{self.sandbox_url}/mapp",
            "integration_id": SANDBOX.integration_id,
            "secret": SANDBOX.secret,
        }
        lytics = {"api_url": f"{self.sandbox_url}/lytics", "token": SANDBOX.lytics_token}
        for name, kind, config in (("mapp", "integration-secret", mapp), ("lytics", "lytics-token", lytics)):
            made = await self.ask("POST", f"/v2/auth/{kind}", {"label": name, "config": config})
            self.made[name] = made.data["id"]

    def job(self, **config: Any) -> dict[str, Any]:
        """Return the body that asks for a job of the sandbox's audience."""
        base = {"segment_id": "vip_shoppers", "uid_field": "email", "group_id": SANDBOX.home_group}
        return {"name": "VIP", "auth_ids": [self.made["mapp"], self.made["lytics"]], "config": base | config}

    async def create_job(self, **config: Any) -> dict[str, Any]:
        found: dict[str, Any] = (await self.ask("POST", EXPORT, self.job(**config))).data
        return found

    async def trigger_token(self) -> str:
        found = await self.ask("GET", f"/v2/auth/{self.made['lytics']}/trigger-endpoint")
        return str(found.data["header"]).removeprefix("Authorization: Bearer ")

    async def trigger(self, body: Any, *, token: str | None = None, auth_id: str | None = None, **more: Any) -> Answer:
        """Send one trigger message as Lytics would."""
        presented = token if token is not None else await self.trigger_token()
        headers = {"Authorization": f"Bearer {presented}"}
        path = f"/triggers/{auth_id or self.made['lytics']}"
        return await self.ask("POST", path, body, role=None, headers=headers, **more)

    def event(self, email: str, *, is_in: bool = True) -> dict[str, Any]:
        """Return a message that says that somebody entered or left."""
        audience = self.world.audiences.by_slug["vip_shoppers"]
        act = "enter" if is_in else "exit"
        moment = {"id": audience.id, "slug": audience.slug, "event": act, act: "2026-11-20T10:15:02.1Z"}
        return {"id": "1", "data": {"email": email, "segment_events": [moment]}, "meta": {"object": "user"}}


@asynccontextmanager
async def running_service(
    folder: Path,
    *,
    members: int = 20,
    wrap: Callable[[Any], Any] = lambda app: app,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Running]:
    """Run a service on *folder* without its engine, and a sandbox beside it."""
    clock, rng = SystemClock(), random.Random(1)
    pretend = sandbox_app.create_app(SandboxOptions(members=members), clock=clock, rng=rng)
    beside, here = network_socket("127.0.0.1", 0), network_socket("127.0.0.1", 0)
    sandbox_url, url = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in (beside, here))
    settings = settings_from(
        {"USHER_DATA_DIR": str(folder), "USHER_ALLOW_HTTP": "1", "USHER_ALLOW_PRIVATE": "1", **(environment or {})}
    )
    (folder / FILE_NAME).write_bytes(await blank_database())
    with routes_made_once():
        service = build(settings)
    try:
        with local_socket(folder / SOCKET_NAME) as local:
            async with (
                at_once(served(pretend, [beside], lifespan=True), served(wrap(service.app), [here, local])),
                aiohttp.ClientSession() as http,
            ):
                tokens = await _tokens(service)
                yield Running(url, sandbox_url, pretend.state.world, service, http, tokens, folder / SOCKET_NAME)
    finally:
        await service.http.close()
        await service.store.close()


@asynccontextmanager
async def at_once(*servers: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
    """Start servers side by side, and end them so: each takes a tenth of a second to close its connections."""
    await asyncio.gather(*(one.__aenter__() for one in servers))
    try:
        yield
    finally:
        await asyncio.gather(*(one.__aexit__(None, None, None) for one in servers))


_blank: list[bytes] = []


async def blank_database() -> bytes:
    """Return a database of the newest shape that holds nothing; it is made once, and each house gets a copy."""
    if not _blank:
        with TemporaryDirectory(prefix="usher-") as folder:
            store = open_sqlite(Path(folder), clock=SystemClock())
            await store.close()
            _blank.append(_bytes_of(store.place))
    return _blank[0]


def _bytes_of(place: str) -> bytes:
    return Path(place).read_bytes()


async def _tokens(service: Service) -> dict[Role, str]:
    desk = service.app.state.deps.desk  # type: ignore[attr-defined]
    return {role: (await create_token(desk, OWNER, name=role, role=role))[1] for role in Role}


async def until(is_so: Callable[[], bool], *, seconds: float = 10) -> None:
    """Return once *is_so*; the test fails when it never is."""
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 - what is waited for has no event to give
            await asyncio.sleep(0.005)

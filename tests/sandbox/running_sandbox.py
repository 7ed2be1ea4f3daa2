"""A sandbox on real loopback HTTP, and callers that sign with a library the sandbox does not know."""

import asyncio
import hashlib
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
import uvicorn

from usher.clock import SystemClock
from usher.sandbox.app import create_app
from usher.sandbox.options import SandboxOptions
from usher.sandbox.world import World

CLOCK = SystemClock()
TOKEN = SandboxOptions().lytics_token
GROUP = SandboxOptions().home_group


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serve *app* on a free port of loopback; yields its base URL."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    # Without uvicorn's main loop, whose tick of a tenth of a second would be spent in every test.
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.shutdown()


async def until(is_so: Callable[[], Any], *, seconds: float = 10) -> None:
    """Return once *is_so* gives something true; the test fails when it never does."""
    async with asyncio.timeout(seconds):
        while True:
            found = is_so()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.005)


@dataclass
class Sandbox:
    """A caller of one running sandbox."""

    url: str
    world: World
    http: aiohttp.ClientSession

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self.http.request(method, self.url + path, **more) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def get(self, path: str, **params: Any) -> Any:
        status, body = await self.call("GET", path, params=params)
        assert status == 200, body
        return body

    async def post(self, path: str, body: Any = None) -> Any:
        status, answer = await self.call("POST", path, json=body if body is not None else {})
        assert status in {200, 201}, answer
        return answer

    async def lytics(self, method: str, path: str, *, token: str = TOKEN, **more: Any) -> tuple[int, Any]:
        return await self.call(method, "/lytics" + path, headers={"Authorization": token}, **more)

    def signed(self, path: str, body: bytes = b"", query: str = "", **claims: Any) -> dict[str, str]:
        parts = [part for part in (path.encode(), body, query.encode()) if part]
        digest = hashlib.sha1(b"|".join(parts)).hexdigest()
        whole = {"request-hash": digest, "exp": CLOCK.now_ms() // 1000 + 60} | claims
        return {"auth-token": jwt.encode(whole, "sandbox-secret-for-tests-of-32-bytes", "HS256")}

    async def event(self, body: dict[str, Any], **claims: Any) -> int:
        """Send one user event; 0 where no answer came."""
        raw = json.dumps(body).encode()
        path = f"/api/v1/integration/{self.world.mapp.integration_id}/event"
        headers = self.signed(path, raw, "subtype=user", **claims)
        try:
            async with self.http.post(f"{self.url}/mapp{path}?subtype=user", data=raw, headers=headers) as answer:
                return answer.status
        except aiohttp.ClientConnectionError:
            return 0

    async def attributes(self, attribute: str, group: str = GROUP) -> dict[str, str]:
        held: dict[str, str] = await self.get("/control/mapp/attributes", group=group, attribute=attribute)
        return held

    async def applied(self) -> None:
        await until(lambda: not len(self.world.applier))

    def some_email(self) -> str:
        return next(p.email for p in self.world.audiences.people if p.email and len(p.emails) == 1)


@asynccontextmanager
async def sandbox_of(**options: Any) -> AsyncIterator[Sandbox]:
    # PyJWT warns of short keys; the sandbox itself takes a key of any length.
    options = {"members": 50, "secret": "sandbox-secret-for-tests-of-32-bytes", "time_scale": 0.001} | options
    app = create_app(SandboxOptions(**options), clock=CLOCK, rng=random.Random(7))
    async with served(app) as url, aiohttp.ClientSession() as http:
        yield Sandbox(url, app.state.world, http)

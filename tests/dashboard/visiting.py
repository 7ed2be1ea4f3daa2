"""A running service with people of every role who visit its pages, as a browser without script would."""

import asyncio
import contextlib
import html
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from tests.access.house import CHEAP
from tests.web.service import OWNER, Running, running_service
from usher.access.entering import use_link
from usher.access.people import create_person
from usher.access.roles import Role
from usher.web.dashboard.cookies import SESSION

PASSWORD = "a long enough password"
TAG = re.compile(r"<[^>]*>")
SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Page:
    """What came back: *text* is the HTML, *words* what a person reads of it."""

    status: int
    headers: Any
    text: str

    @property
    def words(self) -> str:
        shown = re.sub(r"<(script|style|svg|datalist)\b.*?</\1>", " ", self.text, flags=re.DOTALL)
        return SPACE.sub(" ", html.unescape(TAG.sub(" ", shown))).strip()

    @property
    def leads_to(self) -> str:
        return str(self.headers.get("Location", ""))

    @property
    def said(self) -> str:
        """What the next page will say once, raw as the cookie carries it; "" for nothing."""
        return next((c for c in self.headers.getall("Set-Cookie", []) if c.startswith("usher-said=")), "")


@dataclass
class Visitor:
    """One browser without script: keeps cookies, follows nothing by itself."""

    url: str
    http: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> Page:
        return await self._ask("GET", path, None, {"Accept": "text/html"} | headers)

    async def post(self, path: str, fields: Mapping[str, Any] | None = None, **headers: str) -> Page:
        """Send a form from a page of this site; a list sends its field several times."""
        body = urlencode(dict(fields or {}), doseq=True).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
        return await self._ask("POST", path, body, kind | {"Sec-Fetch-Site": "same-origin"} | headers)

    async def act(self, path: str, fields: Mapping[str, Any] | None = None) -> Page:
        """Send a form and open the page it leads to."""
        sent = await self.post(path, fields)
        assert sent.status == 303, sent.words
        return await self.get(sent.leads_to)

    async def live(self, path: str, *parts: str, seconds: float = 10) -> dict[str, str]:
        """Return the first text of each named part of a live stream (of all that come first, where none is named)."""
        found: dict[str, str] = {}
        cookie = {"Cookie": self._cookie()}
        async with asyncio.timeout(seconds), self.http.get(URL(self.url + path, encoded=True), headers=cookie) as reply:
            assert reply.status == 200, await reply.text()
            async for name, text in _messages(reply):
                found.setdefault(name, text)
                if parts and set(parts) <= set(found):
                    break
        return found

    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    async def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Page:
        if self.cookies:
            headers["Cookie"] = self._cookie()
        url = URL(self.url + path, encoded=True)
        async with self.http.request(method, url, data=body, headers=headers, allow_redirects=False) as reply:
            for name, morsel in reply.cookies.items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
            return Page(reply.status, reply.headers, await reply.text())


async def _messages(reply: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, str]]:
    name, lines = "", []
    async for raw in reply.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            lines.append(line[6:])
        elif not line and name:
            yield name, "\n".join(lines)
            name, lines = "", []


@dataclass
class House:
    """The running service, and who visits it."""

    running: Running
    visitors: dict[Role, Visitor] = field(default_factory=dict)

    async def visitor(self, role: Role = Role.ADMIN) -> Visitor:
        """Return somebody of *role* who is signed in; the same one each time."""
        if role not in self.visitors:
            desk = self.running.deps.desk
            _, token = await create_person(desk, OWNER, name=f"{role}@example.org", role=role)
            session = await use_link(desk, token, name="", password=PASSWORD, browser="a test")
            self.visitors[role] = Visitor(self.running.url, self.running.http, {SESSION: session})
        return self.visitors[role]

    def stranger(self) -> Visitor:
        """Return somebody who is not signed in."""
        return Visitor(self.running.url, self.running.http)


@asynccontextmanager
async def visiting(
    folder: Path, *, members: int = 20, with_engine: bool = False, **environment: str
) -> AsyncIterator[House]:
    """Run a service and a sandbox; *with_engine* also runs the jobs."""
    async with running_service(folder, members=members, environment=environment) as running:
        running.deps.desk.passwords._hasher = CHEAP
        engine = running.service.engine
        task = asyncio.create_task(engine.run()) if with_engine else None
        try:
            yield House(running)
        finally:
            running.deps.closing.set()
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                await engine.stop()

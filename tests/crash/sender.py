"""Lytics, sending triggers of newcomers one after the other by one connection, and remembering what it was told."""

import contextlib
from collections import Counter
from datetime import UTC, datetime
from itertools import count
from typing import Any

import aiohttp
import msgspec

from tests.acceptance.stack import ATTRIBUTE
from tests.crash.world import World


class Sender:
    """Every answer but 200, and 503 with Retry-After, fails the test; none at all is 0."""

    def __init__(self, one: World, endpoint: dict[str, Any]) -> None:
        self._one = one
        self._url = endpoint["url"]
        name, _, token = endpoint["header"].partition(": ")
        self._headers = {name: token}
        self._numbers = count(1)
        self.statuses: Counter[int] = Counter()
        self.acknowledged: set[str] = set()

    async def send(self) -> int:
        """Tell that somebody entered; return the status of the answer."""
        member = f"newcomer{next(self._numbers)}@example.com"
        status = 0
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            status = await self._post(member)
        self.statuses[status] += 1
        if status == 200:
            self.acknowledged.add(member)
        return status

    async def is_taken(self) -> bool:
        return await self.send() == 200

    async def is_refused(self) -> bool:
        return await self.send() == 503

    async def _post(self, member: str) -> int:
        body = entered(member, self._one.job["config"]["segment_id"])
        async with self._one.http.post(self._url, data=body, headers=self._headers) as answer:
            await answer.read()
            assert answer.status in {200, 503}, (answer.status, await answer.text())
            assert answer.status == 200 or int(answer.headers["Retry-After"]) > 0
            return answer.status

    async def unknown_to_mapp(self) -> set[str]:
        """Who was acknowledged and has not been told to Mapp."""
        told = await self._one.control("GET", "/mapp/deliveries", key=ATTRIBUTE)
        return {member for member in self.acknowledged if told.get(member, {}).get("value") != "true"}


def entered(member: str, audience_id: str) -> bytes:
    """A message of Lytics': somebody entered the audience just now."""
    event = {"id": audience_id, "event": "enter", "enter": datetime.now(UTC).isoformat()}
    return msgspec.json.encode({"id": member, "data": {"email": member, "segment_events": [event]}})

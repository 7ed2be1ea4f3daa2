"""The sandbox as the demo speaks to it: through its controls, which know the truth about both sides."""

from dataclasses import dataclass
from typing import Any

import aiohttp

AUDIENCE = "vip_shoppers"
IDENTIFIER = "email"


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What a comparison of every single person found.

    Args:
        wrong: a few of those who differ; made-up people, so they may be named.
    """

    inside: int
    outside: int
    differ: int
    wrong: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return self.differ == 0


def compare(inside: set[str], held: dict[str, str]) -> Verdict:
    """
    Compare an audience with what Mapp holds.

    Args:
        inside: who is in the audience now.
        held: identifier -> value, for everybody whom Mapp holds a value for.
    """
    missing = {member for member in inside if held.get(member) != "true"}
    stale = {member for member, value in held.items() if member not in inside and value != "false"}
    differ = sorted(missing | stale)
    return Verdict(len(inside), len(held.keys() - inside), len(differ), tuple(differ[:5]))


@dataclass(frozen=True, slots=True)
class SandboxControls:
    """One running sandbox."""

    http: aiohttp.ClientSession
    url: str

    async def is_up(self) -> bool:
        try:
            async with self.http.get(f"{self.url}/control/faults") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def churn(self, *, per_second: float, seconds: float) -> None:
        await self._post("/control/churn", {"audience": AUDIENCE, "per_second": per_second, "seconds": seconds})

    async def churned(self) -> tuple[bool, int]:
        """Return whether people still come and go, and how many have."""
        churn = (await self.state())["churn"]
        return churn["is_running"], churn["made"]

    async def state(self) -> dict[str, Any]:
        found: dict[str, Any] = await self._get("/control/state")
        return found

    async def is_quiet(self) -> bool:
        """Whether nothing is on its way on either side."""
        state = await self.state()
        return not (state["churn"]["is_running"] or state["lytics"]["pending"] or state["mapp"]["pending"])

    async def verdict(self, *, group: str, attribute: str) -> Verdict:
        audience = await self._get(f"/control/audiences/{AUDIENCE}/members", field=IDENTIFIER)
        held = await self._get("/control/mapp/attributes", group=group, attribute=attribute)
        return compare(set(audience["members"]), held)

    async def _get(self, path: str, **query: str) -> Any:
        async with self.http.get(self.url + path, params=query) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        async with self.http.post(self.url + path, json=body) as answer:
            answer.raise_for_status()
            return await answer.json()

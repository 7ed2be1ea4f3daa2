"""Makes what happens at once cross, where it would else be done one after the other."""

import asyncio
from dataclasses import dataclass
from typing import Any

from usher.store.database import Database, Work


@dataclass
class TurnByTurn:
    """A database that lets others go first, so that what happens at once crosses."""

    inner: Database

    async def read(self, work: Work[Any]) -> Any:
        await asyncio.sleep(0)
        return await self.inner.read(work)

    async def write(self, work: Work[Any]) -> Any:
        await asyncio.sleep(0)
        return await self.inner.write(work)

    async def close(self) -> None:
        await self.inner.close()

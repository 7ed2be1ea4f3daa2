"""Clients for the two pretend vendors, as the engine's Vendors: the real ones, over one worker's wire."""

from dataclasses import dataclass, field

from usher.clock import Clock
from usher.lytics.client import LyticsClient
from usher.lytics.exchange import Account as LyticsAccount
from usher.mapp.client import Account as MappAccount
from usher.mapp.client import MappClient
from usher.simulation.draws import Draw
from usher.simulation.network import LYTICS_URL, MAPP_URL, Wire

FIRST_SECRET = "s1"  # noqa: S105 - a pretend vendor's
LYTICS_SECONDS = 3.0


@dataclass
class Credentials:
    """What all workers find in the database."""

    secret: str = FIRST_SECRET
    revision: int = 1


@dataclass
class SimulatedVendors:
    """Implements the engine's Vendors."""

    draw: Draw
    wire: Wire
    clock: Clock
    credentials: Credentials
    _clients: dict[int, MappClient] = field(default_factory=dict)

    async def mapp(self, auth_id: str) -> MappClient:
        revision = self.credentials.revision
        if revision not in self._clients:
            account = MappAccount(MAPP_URL, "7", self.credentials.secret)
            seconds = self.draw.timing.request_timeout_seconds
            self._clients[revision] = MappClient(account, http=self.wire, clock=self.clock, timeout_seconds=seconds)
        return self._clients[revision]

    async def lytics(self, auth_id: str) -> LyticsClient:
        return LyticsClient(LyticsAccount("t", LYTICS_URL), http=self.wire, timeout_seconds=LYTICS_SECONDS)

    async def limits(self, auth_id: str) -> tuple[float | None, int]:
        return self.draw.limit_per_second, self.draw.in_flight

    async def revision(self, auth_id: str) -> int:
        return self.credentials.revision

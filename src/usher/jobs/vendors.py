"""
Clients for authorizations, always with their newest credentials.

A client is kept as long as its authorization stays as it is; what a change makes stale is its revision.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from usher.clock import Clock
from usher.errors import NotFound, RemoteRefused
from usher.http import Http
from usher.jobs.sealing import open_secrets
from usher.lytics.client import LyticsClient
from usher.lytics.exchange import Account as LyticsAccount
from usher.mapp.client import Account as MappAccount
from usher.mapp.client import MappClient
from usher.store.authorizations import Authorization, authorization_by_id
from usher.store.database import Database
from usher.vault import Vault, VaultLocked

MAPP, LYTICS = "mapp", "lytics"
SYSTEMS = {MAPP: "Mapp", LYTICS: "Lytics"}
MOST_IN_FLIGHT = 64  # requests to one Mapp account at once, where nobody said otherwise

C = TypeVar("C", MappClient, LyticsClient)


class Vendors:
    """
    Implements the engine's Vendors over one HTTP client, which it borrows.

    Args:
        timeout_seconds: how long a request to Mapp may take.
    """

    def __init__(self, database: Database, *, vault: Vault, http: Http, clock: Clock, timeout_seconds: float) -> None:
        self._database = database
        self._vault = vault
        self._http = http
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._mapp: dict[str, tuple[int, MappClient]] = {}
        self._lytics: dict[str, tuple[int, LyticsClient]] = {}

    async def mapp(self, auth_id: str) -> MappClient:
        """
        Return a client for a Mapp authorization.

        Raises:
            NotFound: there is no Mapp authorization by that id.
            RemoteRefused: its secrets cannot be opened; enter them again.
            InvalidInput: its address makes no sense; change it.
        """
        auth = await self._authorization(auth_id, provider=MAPP)
        if (kept := _kept(self._mapp, auth)) is not None:
            return kept
        client = self.new_mapp(auth.config, self._secrets(auth))
        self._mapp[auth_id] = (auth.revision, client)
        return client

    async def lytics(self, auth_id: str) -> LyticsClient:
        """Return a client for a Lytics authorization. Raises as *mapp* does."""
        auth = await self._authorization(auth_id, provider=LYTICS)
        if (kept := _kept(self._lytics, auth)) is not None:
            return kept
        client = self.new_lytics(auth.config, self._secrets(auth))
        self._lytics[auth_id] = (auth.revision, client)
        return client

    def new_mapp(self, config: Mapping[str, Any], secrets: Mapping[str, str]) -> MappClient:
        """Return a client for credentials that need not be saved. Raises InvalidInput as *mapp* does."""
        account = MappAccount(**_settings(config, "api_url", "integration_id", "rest_api_url"), **secrets)
        return MappClient(account, http=self._http, clock=self._clock, timeout_seconds=self._timeout_seconds)

    def new_lytics(self, config: Mapping[str, Any], secrets: Mapping[str, str]) -> LyticsClient:
        """Return a client for credentials that need not be saved."""
        return LyticsClient(LyticsAccount(**_settings(config, "api_url"), **secrets), http=self._http)

    async def limits(self, auth_id: str) -> tuple[float | None, int]:
        """Return requests per second (None: no limit but Mapp's own) and requests in flight. NotFound as *mapp*."""
        auth = await self._authorization(auth_id, provider=MAPP)
        return auth.config.get("requests_per_second"), auth.config.get("max_in_flight") or MOST_IN_FLIGHT

    async def revision(self, auth_id: str) -> int:
        """
        Return a number that grows whenever credentials or limits change.

        Raises:
            NotFound: there is no authorization by that id.
        """
        return (await self._database.read(lambda txn: authorization_by_id(txn, auth_id))).revision

    async def _authorization(self, auth_id: str, *, provider: str) -> Authorization:
        auth = await self._database.read(lambda txn: authorization_by_id(txn, auth_id))
        if auth.provider != provider:
            raise NotFound(f"The authorization {auth_id!r} is not one of {SYSTEMS[provider]}'s.")
        return auth

    def _secrets(self, auth: Authorization) -> dict[str, str]:
        try:
            return open_secrets(self._vault, auth)
        except VaultLocked as error:
            # To its jobs this is a fault of the credentials: one lost key must not hold up everybody else's.
            raise RemoteRefused(error.message, system=SYSTEMS[auth.provider]) from error


def _kept(clients: dict[str, tuple[int, C]], auth: Authorization) -> C | None:
    revision, client = clients.get(auth.id, (0, None))
    return client if revision == auth.revision else None


def _settings(config: Mapping[str, Any], *names: str) -> dict[str, str]:
    return {name: str(config[name]) for name in names if config.get(name)}

"""
One Mapp account, spoken to: events out, and the few questions that show whether they can work.

Nothing here repeats a request; whether to send again is the ledger's to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from usher.clock import Clock
from usher.domain.attribute import Target
from usher.domain.outcome import Outcome, Rejected
from usher.errors import InvalidInput, Problem, RemoteError, RemoteRefused
from usher.http import Http, Reply
from usher.mapp.address import normalised
from usher.mapp.answers import outcome_of, outcome_of_error
from usher.mapp.engage import Engage
from usher.mapp.headers import date_ms
from usher.mapp.reading import Reader
from usher.mapp.signing import exp_of, request_hash, signing_key, token
from usher.mapp.wire import groups_in, is_pong, user_event

TOKEN_HEADER = "auth-token"  # noqa: S105 - a header's name (confirmed: every client)
MASKED_TOKEN = "***"  # noqa: S105 - stands where the token was

_ANSWER_BYTES = 16_384  # enough to read a reason, too little to hoard
_EVENT_QUERY = "subtype=user"


@dataclass(frozen=True, slots=True)
class Account:
    """
    A Mapp authorization, opened.

    Args:
        api_url: Mapp Connect, as typed.
        integration_id, secret: Connect's credentials.
        rest_api_url, user, password: Engage's REST API, for reading back; blank where none were given.
    """

    api_url: str
    integration_id: str
    secret: str = field(repr=False)
    rest_api_url: str = ""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def has_rest(self) -> bool:
        return bool(self.rest_api_url and self.user and self.password)


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """One request as it would be sent, its token masked; the body, naming a person, is not in the repr."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str = field(repr=False)


class MappClient:
    """
    Speaks for one account through a client that it borrows; any number of calls at once.

    Args:
        timeout_seconds: how long each request may take; above 0.

    Raises:
        InvalidInput: an address makes no sense; mend the authorization.
    """

    def __init__(self, account: Account, *, http: Http, clock: Clock, timeout_seconds: float) -> None:
        base = normalised(account.api_url)
        integration = f"/integration/{quote(account.integration_id, safe='')}"
        self._url = base.url + integration
        self._path = base.path + integration
        self._key = signing_key(account.secret)
        self._http = http
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._reader = self._reader_of("the integration ID and the secret", "the API URL and the integration ID")
        self._engage = self._engage_of(account)

    async def send(self, target: Target, member: str, is_in: bool, *, expires_at_ms: int) -> Outcome:
        """
        Tell Mapp once that *member* is in or out, and return what came of it.

        Never raises for anything that Mapp or the network does. May be repeated as the outcome allows:
        the event sets one value, so twice is the same as once.

        Args:
            target: where in Mapp the job writes.
            member: whom it is about, by the target's identifier type.
            is_in: whether the attribute becomes "true".
            expires_at_ms: the end of the claim's room; Mapp refuses the request after it.
        """
        try:
            headers, body = self._event(target, member, is_in, expires_at_ms=expires_at_ms)
            reply = await self._http.request(
                "POST",
                f"{self._url}/event?{_EVENT_QUERY}",
                headers=headers,
                body=body,
                timeout_seconds=self._timeout_seconds,
                most_bytes=_ANSWER_BYTES,
            )
        except InvalidInput as error:
            return Rejected(error.message)
        except RemoteError as error:
            return outcome_of_error(error)
        return outcome_of(reply, member=member, now_ms=self._clock.now_ms(), expires_at_ms=expires_at_ms)

    def preview(self, target: Target, member: str, is_in: bool) -> PreparedRequest:
        """
        Return the request that send would make, its token masked.

        Raises:
            InvalidInput: the attribute's key is one that Mapp obeys; choose another name.
        """
        headers, body = self._event(target, member, is_in, expires_at_ms=self._soon_ms())
        masked = {**headers, TOKEN_HEADER: MASKED_TOKEN}
        return PreparedRequest("POST", f"{self._url}/event?{_EVENT_QUERY}", masked, body.decode())

    async def ping(self) -> None:
        """
        Check that Mapp knows this integration and accepts its secret.

        Raises:
            RemoteRefused: 401 or 403, or Mapp said no; change the authorization.
            RemoteMissing: no such integration or address.
            RemoteUnreachable: no answer, or "later".
            RemoteRejected: something answered that is not Mapp.
        """
        reply = await self._ask("/ping")
        pong = is_pong(self._reader.content(reply))
        if pong is None:
            raise self._reader.not_mapp(reply)
        if not pong:
            raise RemoteRefused("Mapp answered the ping with no.", system="Mapp", status=reply.status)

    async def groups(self) -> dict[str, str]:
        """Return the account's groups, id to name; the list may be incomplete. Raises as ping does."""
        reply = await self._ask("/group")
        groups = groups_in(self._reader.content(reply))
        if groups is None:
            raise self._reader.not_mapp(reply)
        return groups

    async def clock_difference_seconds(self) -> float | None:
        """
        Return by how many seconds Mapp's clock is ahead of ours (below 0: behind), give or take one.

        Asked of any answer to a ping, a refusal too, as a wrong clock is a cause of refusals; None where it
        carries no date.

        Raises:
            RemoteUnreachable: no answer came.
        """
        before_ms = self._clock.now_ms()
        theirs_ms = date_ms((await self._ask("/ping")).headers)
        if theirs_ms is None:
            return None
        # Half a second, because the header leaves out what had passed of the second.
        return (theirs_ms + 500 - (before_ms + self._clock.now_ms()) / 2) / 1000

    async def read_back(self, group_id: str, member: str) -> dict[str, str] | None:
        """
        Return the attributes that Mapp holds for *member*, an e-mail address, in the group.

        Names to values; None where Mapp has no such contact or no such membership.
        `wire.value_held` finds a job's attribute in them.

        Raises:
            InvalidInput: the account has no REST credentials.
            RemoteMissing: no such group. Otherwise as ping does.
        """
        return await self._rest().attributes(group_id, email=member)

    async def check_rest(self) -> None:
        """Check the REST credentials. Raises as ping does; InvalidInput where the account has none."""
        await self._rest().check()

    def _event(self, target: Target, member: str, is_in: bool, *, expires_at_ms: int) -> tuple[dict[str, str], bytes]:
        body = user_event(target, member, is_in)
        signed = request_hash(f"{self._path}/event", body, _EVENT_QUERY)
        headers = {"content-type": "application/json", **self._headers(signed, expires_at_ms=expires_at_ms)}
        return headers, body

    def _headers(self, signed: str, *, expires_at_ms: int) -> dict[str, str]:
        return {
            "accept": "application/json",
            TOKEN_HEADER: token(self._key, signed, exp_of(expires_at_ms)),
        }

    async def _ask(self, resource: str) -> Reply:
        signed = request_hash(f"{self._path}{resource}")
        headers = self._headers(signed, expires_at_ms=self._soon_ms())
        return await self._reader.ask(f"{self._url}{resource}", headers=headers)

    def _soon_ms(self) -> int:
        # No longer than a delivery's token lives: a ping that passes where deliveries fail would misinform.
        return self._clock.now_ms() + round(self._timeout_seconds * 1000)

    def _reader_of(self, mend: str, place: str) -> Reader:
        return Reader(self._http, self._clock, self._timeout_seconds, mend, place)

    def _engage_of(self, account: Account) -> Engage | None:
        if not account.has_rest:
            return None
        reader = self._reader_of("the REST user and password", "the REST API URL")
        return Engage(account.rest_api_url, user=account.user, password=account.password, reader=reader)

    def _rest(self) -> Engage:
        if self._engage is None:
            raise InvalidInput(
                Problem("rest_api_url", "is needed to read from Mapp.", "Add REST API URL, user and password.")
            )
        return self._engage

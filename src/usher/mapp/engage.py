"""
Reading back through Mapp Engage's REST API what Connect was told to write.

Connect only says that it took an event in; Engage shows what came of it, minutes later at worst.
"""

from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import quote

from usher.errors import RemoteMissing
from usher.http import Reply
from usher.mapp.address import normalised_rest
from usher.mapp.reading import Reader
from usher.mapp.reason import answer_in_words, content_of
from usher.mapp.wire import attributes_in


class Engage:
    """One system user's view of Engage. Holds no connection of its own; any number of calls at once."""

    def __init__(self, rest_api_url: str, *, user: str, password: str, reader: Reader) -> None:
        self._url = normalised_rest(rest_api_url)
        self._reader = reader
        basic = b64encode(f"{user}:{password}".encode()).decode()
        self._headers: Mapping[str, str] = {"authorization": f"Basic {basic}", "accept": "application/json"}

    async def check(self) -> None:
        """
        Ask for the API's version, the cheapest call that needs the credentials.

        Raises:
            RemoteRefused, RemoteMissing, RemoteUnreachable, RemoteRejected: as their names say.
        """
        self._reader.content(await self._ask("/system/getApiVersion"))

    async def attributes(self, group_id: str, *, email: str) -> dict[str, str] | None:
        """
        Return the member attributes of *email* in the group; None where there is no such contact or member.

        Confirmed: /membership/getAttributesByEmail in Engage's published API, which wants "+[]" escaped.

        Raises:
            RemoteMissing: there is no such group, or no such address.
            RemoteRefused, RemoteUnreachable, RemoteRejected: as their names say.
        """
        query = f"email={quote(email, safe='')}&groupId={quote(group_id, safe='')}"
        reply = await self._ask(f"/membership/getAttributesByEmail?{query}")
        missing = _missing_object(reply)
        if missing in {"User", "Membership"}:
            return None
        if missing is not None:
            said = answer_in_words(reply, member=email)
            raise RemoteMissing(f"{said} Check the Group ID.", system="Mapp", status=reply.status)
        held = attributes_in(self._reader.content(reply, member=email))
        if held is None:
            raise self._reader.not_mapp(reply)
        return held

    async def _ask(self, resource: str) -> Reply:
        return await self._reader.ask(self._url + resource, headers=self._headers)


def _missing_object(reply: Reply) -> str | None:
    """Return which kind of object a 400 says is not there (confirmed: NO_SUCH_OBJECT and its objectType)."""
    content = content_of(reply.body) if reply.status == 400 else None
    if not isinstance(content, dict) or content.get("errorCode") != "NO_SUCH_OBJECT":
        return None
    return str(content.get("objectType"))

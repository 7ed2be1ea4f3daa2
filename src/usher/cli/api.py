"""
The REST API as the command line speaks it, over whatever leads to the service.

Every answer is unwrapped from its envelope here, and every failure becomes one kind of error.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from usher.errors import UsherError

if TYPE_CHECKING:
    import aiohttp

UNKNOWN_TOKEN = 401
ANSWER_SECONDS = 120  # a test of an authorization or a preview asks both vendors first


class Refused(UsherError):
    """
    The service did not do what was asked.

    Args:
        status: the HTTP status.
        messages: one sentence or two for each problem, as the service put them.
    """

    def __init__(self, status: int, messages: list[str]) -> None:
        super().__init__(" ".join(messages) or f"The service answered {status}.")
        self.status = status
        self.messages = messages


class NoService(UsherError):
    """The service does not answer; start it with `usher serve`, or check USHER_URL."""


class Api:
    """
    One service. Paths begin with a slash; every part of them that is data goes through `part`.

    Args:
        has_engine: jobs move; not so in a service that a command runs for itself.
    """

    def __init__(
        self, session: "aiohttp.ClientSession", *, base_url: str, token: str = "", has_engine: bool = True
    ) -> None:
        self.has_engine = has_engine
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": token} if token else {}

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        return (await self.page(path, query))[0]

    async def page(self, path: str, query: Mapping[str, str] | None = None) -> tuple[Any, str | None]:
        """Return what one page holds, and the cursor of the next."""
        answer = await self._ask("GET", path, query=query)
        return answer["data"], answer["_meta"].get("next")

    async def every(self, path: str, query: Mapping[str, str] | None = None) -> list[Any]:
        """Return what all pages hold."""
        held, following = await self.page(path, query)
        while following:
            more, following = await self.page(path, {**(query or {}), "cursor": following})
            held += more
        return list(held)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return (await self._ask("POST", path, body=body or {}))["data"]

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return (await self._ask("PUT", path, body=body))["data"]

    async def delete(self, path: str) -> Any:
        return (await self._ask("DELETE", path))["data"]

    async def _ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        import aiohttp  # noqa: PLC0415 - keeps `usher --help` fast
        from yarl import URL  # noqa: PLC0415 - as above

        asked = f"?{urlencode(query)}" if query else ""
        # Encoded by hand: a member may hold "/", "%" or "..", which must arrive as they are.
        url = URL(self._base_url + path + asked, encoded=True)
        try:
            async with self._session.request(method, url, json=body, headers=self._headers) as reply:
                return _unwrapped(reply.status, await _json(reply))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoService(
                f"The service at {self._base_url} does not answer ({type(error).__name__})."
                " Start it with `usher serve`, or check USHER_URL."
            ) from error


def part(text: str) -> str:
    """Return *text* as one part of a path."""
    return quote(text, safe="")


@asynccontextmanager
async def api_at(
    base_url: str, *, token: str = "", socket_path: str = "", ca_file: Path | None = None, has_engine: bool = True
) -> AsyncIterator[Api]:
    """
    Speak to *base_url*, or through the Unix socket at *socket_path*; authorities in *ca_file* are trusted too.

    Raises:
        InvalidInput: *ca_file* cannot be read; mend USHER_CA_FILE.
    """
    import aiohttp  # noqa: PLC0415 - keeps `usher --help` fast

    from usher.connection import trusting  # noqa: PLC0415 - as above

    tls = trusting(ca_file)
    connector = aiohttp.UnixConnector(socket_path) if socket_path else aiohttp.TCPConnector(ssl=tls)
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield Api(session, base_url=base_url, token=token, has_engine=has_engine)


async def _json(reply: "aiohttp.ClientResponse") -> Any:
    try:
        return await reply.json(content_type=None)
    except ValueError:
        return None


def _unwrapped(status: int, answer: Any) -> dict[str, Any]:
    if status < 400 and isinstance(answer, dict) and "data" in answer:
        return {"_meta": {}, **answer}
    errors = answer.get("errors", []) if isinstance(answer, dict) else []
    messages = [str(error.get("message", "")) for error in errors]
    if not messages:
        messages = [f"What answered ({status}) is not Usher. Check USHER_URL."]
    if status == UNKNOWN_TOKEN:
        messages = [f"{message} Check USHER_TOKEN." for message in messages]
    raise Refused(status, messages)

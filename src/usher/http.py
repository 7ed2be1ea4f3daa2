"""
The one HTTP client through which anything outside is reached.

It sends a request once or not at all, and says which of the two it was.
Nothing else in Usher opens a connection to a vendor.
"""

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver
from pydantic import SecretStr
from yarl import URL

from usher import __version__
from usher.addresses import check_host_by_name, check_url
from usher.connection import GuardedConnector, trusting
from usher.errors import RemoteError, RemoteUnknown, RemoteUnreachable
from usher.proxy import Proxy, proxy_at

CONNECT_SHARE = 0.5  # of a request's time; so when the whole time is up, the request had been sent
NO_PROXY = SecretStr("")
PROXY_REFUSES = 407
MOST_CONNECTIONS = 4_096  # sixteen authorizations of Mapp's, each with as many requests in flight as it may have


@dataclass(frozen=True, slots=True)
class Reply:
    """
    One answer.

    Args:
        headers: names in lower case; where a name came twice, the last value.
        body: at most as many bytes as were asked for; *is_cut* says that there were more.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool = False


class Http(Protocol):
    """Sends one request, once."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_seconds: float = 10,
        most_bytes: int = 65_536,
    ) -> Reply:
        """
        Send *body* as it is and return the answer, whatever its status; redirects are answers too.

        Raises:
            RemoteUnreachable: certainly not sent (name, address, connection, TLS, or the guard refused).
            RemoteUnknown: sent, or perhaps sent, and no whole answer came in time.
        """


class GuardedHttp:
    """
    The real client: https only, public addresses only, no redirects, cookies, proxies of chance or second tries.

    It belongs to the event loop of its first request; whoever made it closes it.
    Through a proxy it resolves no vendor's name: literal addresses are judged as without one, names that can only
    be private are refused, and where all others lead is the proxy's to judge.

    Args:
        allow_http: whether plain http is allowed too.
        allow_private: whether private and loopback addresses are allowed too.
        ca_file: a PEM file of authorities to trust besides the machine's own.
        proxy_url: the HTTP proxy that every request goes through, perhaps with a password; blank: none.
        limit: connections in all; more requests than that wait for one to be free. Hosts have no limit of their own,
            because authorizations that share one would then wait for each other.
        resolver: what turns names into addresses; by default the machine does.

    Raises:
        InvalidInput: *ca_file* cannot be read, or *proxy_url* is none; mend USHER_CA_FILE or USHER_PROXY_URL.
    """

    def __init__(
        self,
        *,
        allow_http: bool,
        allow_private: bool,
        ca_file: Path | None,
        proxy_url: SecretStr = NO_PROXY,
        limit: int = MOST_CONNECTIONS,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._allow_http = allow_http
        self._allow_private = allow_private
        self._tls = trusting(ca_file)
        self._proxy = proxy_at(proxy_url)
        self._limit = limit
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_seconds: float = 10,
        most_bytes: int = 65_536,
    ) -> Reply:
        """
        See *Http*; *timeout_seconds* covers everything from the name to the last byte of the answer.

        A gzip answer is inflated, to at most *most_bytes*. Any number of requests may run at once.
        """
        has_proxy = self._proxy is not None
        target = _target(
            url, allow_http=self._allow_http, allow_private=self._allow_private, is_resolved_here=not has_proxy
        )
        _check_headers(headers or {})
        session = self._open_session()
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                session.request(
                    method,
                    target,
                    data=body or None,
                    allow_redirects=False,
                    timeout=_connect_within(timeout_seconds * CONNECT_SHARE),
                    **_way(target, headers or {}, proxy=self._proxy),
                ) as response,
            ):
                if self._proxy and target.scheme == "http" and response.status == PROXY_REFUSES:
                    raise self._proxy.refusal(PROXY_REFUSES, host=target.raw_authority)
                return await _reply(response, most_bytes=most_bytes)
        except RemoteError:
            raise
        except (aiohttp.ClientError, OSError, zlib.error) as error:
            # Not chained: aiohttp's errors hold the whole URL, and it may hold a token.
            raise remote_error(error, host=target.raw_authority) from None

    async def close(self) -> None:
        """End every connection; requests after this are refused. Safe to repeat."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._is_closed:
            raise RemoteUnreachable("Nothing was sent: Usher is shutting down.")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=GuardedConnector(
                    allow_private=self._allow_private,
                    proxy=self._proxy,
                    tls=self._tls,
                    limit=self._limit,
                    resolver=self._resolver,
                ),
                headers={"User-Agent": f"Usher/{__version__}", "Accept-Encoding": "identity"},
                skip_auto_headers=("Content-Type",),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                middlewares=(_once,),
            )
        return self._session


def remote_error(error: Exception, *, host: str) -> RemoteError:
    """
    Say what *error* means for a request that had a connection: perhaps sent, whatever the error.

    A connection from the pool that ends before a byte of the answer is RemoteUnknown, although the server
    had often just closed it for idleness: a server that took the request and died looks exactly the same
    (RFC 9112, 9.3.1). connection.IDLE_SECONDS keeps it rare; a quarantine now and then is the promise's price.
    """
    match error:
        case aiohttp.InvalidURL():
            return RemoteUnreachable("Nothing was sent: the URL names no usable host.")
        case TimeoutError():
            return RemoteUnknown(f"{host} did not answer in time.")
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError() | zlib.error():
            return RemoteUnknown(f"{host} sent an answer that breaks off or cannot be read.")
        case _:
            return RemoteUnknown(f"{host} ended the connection before its answer ({type(error).__name__}).")


@lru_cache(maxsize=256)  # deliveries go to a handful of URLs, thousands of times a second
def _target(url: str, *, allow_http: bool, allow_private: bool, is_resolved_here: bool) -> URL:
    problem = check_url(url, allow_http=allow_http, allow_private=allow_private)
    if not problem and not is_resolved_here and not allow_private:
        problem = check_host_by_name(url)
    if problem:
        raise RemoteUnreachable(f"Nothing was sent. {problem}")
    return URL(url, encoded=True)  # Mapp signs the path, so it goes out exactly as it was given


def _way(target: URL, headers: Mapping[str, str], *, proxy: Proxy | None) -> dict[str, Any]:
    """Return the headers, and what leads through the proxy: its password goes to nobody behind it."""
    if proxy is None:
        return {"headers": headers}
    if target.scheme == "http":
        return {"headers": {**headers, **proxy.headers}, "proxy": proxy.url}
    return {"headers": headers, "proxy": proxy.url, "proxy_headers": proxy.headers}


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise RemoteUnreachable(f"Nothing was sent: the header {name} holds more than printable ASCII.")


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Translate failures before aiohttp sees them, because it repeats GET, PUT and DELETE on some of them."""
    try:
        return await handler(request)
    except (aiohttp.ClientError, OSError) as error:
        raise remote_error(error, host=request.url.raw_authority) from None


async def _reply(response: aiohttp.ClientResponse, *, most_bytes: int) -> Reply:
    headers = {name.lower(): value if value.isascii() else _readable(value) for name, value in response.headers.items()}
    body, is_cut = await _read(response.content, most_bytes=most_bytes)
    if headers.get("content-encoding", "").strip().lower() in {"gzip", "x-gzip"} and body:
        del headers["content-encoding"]
        body, is_cut = _inflate(body, is_cut=is_cut, most_bytes=most_bytes)
    return Reply(response.status, headers, body, is_cut)


async def _read(content: aiohttp.StreamReader, *, most_bytes: int) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    room = most_bytes
    while chunk := await content.readany():
        parts.append(chunk[:room])
        room -= len(chunk)
        if room < 0:
            return b"".join(parts), True
    return b"".join(parts), False


def _inflate(packed: bytes, *, is_cut: bool, most_bytes: int) -> tuple[bytes, bool]:
    """Usher asks for plain answers; Lytics' published samples are gzip all the same (facts/lytics.md, A)."""
    unpacking = zlib.decompressobj(wbits=31)
    body = unpacking.decompress(packed, most_bytes + 1)
    if len(body) > most_bytes or is_cut:
        return body[:most_bytes], True
    if not unpacking.eof or unpacking.unused_data:
        raise zlib.error("The gzip stream breaks off, or something stands behind it.")
    return body, False


def _readable(value: str) -> str:
    """Headers are bytes: what is not UTF-8 in them would break whoever writes them down."""
    return value.encode(errors="replace").decode()


@lru_cache(maxsize=16)
def _connect_within(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=seconds, ceil_threshold=3600)

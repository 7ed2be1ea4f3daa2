"""
The one HTTP client through which anything outside is reached.

It sends a request once or not at all, and says which of the two it was.
Nothing else in Usher opens a connection to a vendor.
"""

import asyncio
import socket
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from usher import __version__
from usher.addresses import ALLOW_PRIVATE, check_url, refusal
from usher.errors import InvalidInput, Problem, RemoteError, RemoteUnknown, RemoteUnreachable

# Servers close idle connections too, the hastiest common ones after 5 s. Being first keeps a request from
# crossing with the server's goodbye, which nobody can tell from a lost answer (see remote_error).
IDLE_SECONDS = 4

CONNECT_SHARE = 0.5  # of a request's time; so when the whole time is up, the request had been sent
NAMES_KEPT_SECONDS = 10
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
    The real client: https only, public addresses only, no redirects, cookies, proxies or second tries.

    It belongs to the event loop of its first request; whoever made it closes it.

    Args:
        allow_http: whether plain http is allowed too.
        allow_private: whether private and loopback addresses are allowed too.
        ca_file: a PEM file of authorities to trust besides the machine's own.
        limit: connections in all; more requests than that wait for one to be free. Hosts have no limit of their own,
            because authorizations that share one would then wait for each other.
        resolver: what turns names into addresses; by default the machine does.

    Raises:
        InvalidInput: *ca_file* cannot be read; mend USHER_CA_FILE.
    """

    def __init__(
        self,
        *,
        allow_http: bool,
        allow_private: bool,
        ca_file: Path | None,
        limit: int = MOST_CONNECTIONS,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._allow_http = allow_http
        self._allow_private = allow_private
        self._tls = _trusting(ca_file)
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
        target = _target(url, allow_http=self._allow_http, allow_private=self._allow_private)
        _check_headers(headers or {})
        session = self._open_session()
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                session.request(
                    method,
                    target,
                    headers=headers,
                    data=body or None,
                    allow_redirects=False,
                    timeout=_connect_within(timeout_seconds * CONNECT_SHARE),
                ) as response,
            ):
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
                connector=aiohttp.TCPConnector(
                    limit=self._limit,
                    keepalive_timeout=IDLE_SECONDS,
                    ttl_dns_cache=NAMES_KEPT_SECONDS,
                    resolver=self._resolver or aiohttp.ThreadedResolver(),
                    socket_factory=self._socket_towards,
                    ssl=self._tls,
                ),
                headers={"User-Agent": f"Usher/{__version__}", "Accept-Encoding": "identity"},
                skip_auto_headers=("Content-Type",),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                middlewares=(_once,),
            )
        return self._session

    def _socket_towards(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """Make the socket for one resolved address, just before it connects there and nowhere else."""
        family, kind, protocol, _, where = address
        against = None if self._allow_private else refusal(str(where[0]))
        if against:
            raise _RefusedAddressError(f"its address is {against}. {ALLOW_PRIVATE}")
        return socket.socket(family, kind, protocol)


class _RefusedAddressError(OSError):
    """The guard's refusal, as an OSError so that the next address of the same name is tried."""


def remote_error(error: Exception, *, host: str) -> RemoteError:  # noqa: PLR0911 - a table, read downwards
    """
    Say what *error* means for the request: certainly not sent, or perhaps sent.

    A connection from the pool that ends before a byte of the answer is RemoteUnknown, although the server
    had often just closed it for idleness: a server that took the request and died looks exactly the same
    (RFC 9112, 9.3.1). IDLE_SECONDS keeps it rare; a quarantine now and then is the price of the promise.
    Whatever is not known here counts as perhaps sent.
    """
    match error:
        case aiohttp.ClientConnectorDNSError():
            return RemoteUnreachable(f"{host} cannot be found: check its spelling and the name servers.")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return RemoteUnreachable(
                f"No secure connection to {host}: {_tls_reason(error)}. USHER_CA_FILE can add an authority."
            )
        case aiohttp.ClientConnectorError(os_error=_RefusedAddressError() as refused):
            return RemoteUnreachable(f"Usher does not connect to {host}: {refused}")
        case aiohttp.ClientConnectorError():
            return RemoteUnreachable(f"{host} does not take connections ({error.os_error}).")
        case aiohttp.ConnectionTimeoutError():
            return RemoteUnreachable(f"{host} was not connected in time.")
        case aiohttp.InvalidURL():
            return RemoteUnreachable("Nothing was sent: the URL names no usable host.")
        case TimeoutError():
            return RemoteUnknown(f"{host} did not answer in time.")
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError() | zlib.error():
            return RemoteUnknown(f"{host} sent an answer that breaks off or cannot be read.")
        case _:
            return RemoteUnknown(f"{host} ended the connection before its answer ({type(error).__name__}).")


@lru_cache(maxsize=256)  # deliveries go to a handful of URLs, thousands of times a second
def _target(url: str, *, allow_http: bool, allow_private: bool) -> URL:
    problem = check_url(url, allow_http=allow_http, allow_private=allow_private)
    if problem:
        raise RemoteUnreachable(f"Nothing was sent. {problem}")
    return URL(url, encoded=True)  # Mapp signs the path, so it goes out exactly as it was given


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


def _tls_reason(error: aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError) -> str:
    is_certificate = isinstance(error, aiohttp.ClientConnectorCertificateError)
    cause = error.certificate_error if is_certificate else error.os_error
    return str(getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or "TLS failed")


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            raise InvalidInput(
                Problem("USHER_CA_FILE", "cannot be read as certificates.", "Point it at a readable PEM file.")
            ) from error
    return context

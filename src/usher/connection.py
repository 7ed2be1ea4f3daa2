"""
How a connection comes about: to which addresses, through which proxy, and whom it trusts.

Whatever fails here was certainly not sent, because a request is written only to a connection that stands.
"""

import socket
import ssl
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from usher.addresses import ALLOW_PRIVATE, refusal
from usher.errors import InvalidInput, Problem, RemoteUnreachable
from usher.proxy import Proxy

# Servers close idle connections too, the hastiest common ones after 5 s. Being first keeps a request from
# crossing with the server's goodbye, which nobody can tell from a lost answer (see http.remote_error).
IDLE_SECONDS = 4
NAMES_KEPT_SECONDS = 10


class GuardedConnector(aiohttp.TCPConnector):
    """
    Connects to public addresses only; through a proxy, to nothing but the proxy.

    Args:
        allow_private: whether private and loopback addresses are allowed too.
        proxy: what every request is sent through, as each of them says again; its address may be any.
        limit: connections in all.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        proxy: Proxy | None,
        tls: ssl.SSLContext,
        limit: int,
        resolver: AbstractResolver | None,
    ) -> None:
        super().__init__(
            limit=limit,
            keepalive_timeout=IDLE_SECONDS,
            ttl_dns_cache=NAMES_KEPT_SECONDS,
            resolver=resolver or aiohttp.ThreadedResolver(),
            socket_factory=_any_socket if allow_private or proxy else _public_socket,
            ssl=tls,
        )
        self._through = proxy

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> Connection:
        """
        Return a connection on which *req* may be sent.

        Raises:
            RemoteUnreachable: there is none.
        """
        try:
            return await super().connect(req, traces, timeout)
        except (aiohttp.ClientError, OSError) as error:
            # Not chained: aiohttp's errors hold the whole URL, and it may hold a token.
            host = req.url.raw_authority
            raise (
                connection_error(error, host=host)
                if self._through is None
                else proxied_error(error, host=host, proxy=self._through)
            ) from None


class _RefusedAddressError(OSError):
    """The guard's refusal, as an OSError so that the next address of the same name is tried."""


def _any_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    return socket.socket(family, kind, protocol)


def _public_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """Make the socket for one resolved address, just before it connects there and nowhere else."""
    against = refusal(str(address[4][0]))
    if against:
        raise _RefusedAddressError(f"its address is {against}. {ALLOW_PRIVATE}")
    return _any_socket(address)


def connection_error(error: Exception, *, host: str) -> RemoteUnreachable:
    """Say why there is no connection to *host*."""
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
        case TimeoutError():
            return RemoteUnreachable(f"{host} was not connected in time.")
        case _:
            return RemoteUnreachable(f"No connection to {host} came about ({type(error).__name__}).")


def proxied_error(error: Exception, *, host: str, proxy: Proxy) -> RemoteUnreachable:
    """Say why there is no connection to *host*, and whether the proxy is why."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return proxy.refusal(error.status, host=host)
        case aiohttp.ClientConnectorError() | aiohttp.ClientConnectorCertificateError():
            if (error.host, error.port) != (proxy.url.raw_host, proxy.url.port):
                return connection_error(error, host=host)
            why = connection_error(error, host=proxy.name).message
            return proxy.trouble(f"cannot be used. {why}")
        case TimeoutError():
            return proxy.trouble(f"gave no connection to {host} in time.")
        case _:
            return proxy.trouble(f"gave no usable answer to the wish for {host} ({type(error).__name__}).")


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """
    Return what verifies every certificate, by the machine's authorities and those in *ca_file*.

    Raises:
        InvalidInput: *ca_file* cannot be read; mend USHER_CA_FILE.
    """
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


def _tls_reason(error: aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError) -> str:
    is_certificate = isinstance(error, aiohttp.ClientConnectorCertificateError)
    cause = error.certificate_error if is_certificate else error.os_error
    return str(getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or "TLS failed")

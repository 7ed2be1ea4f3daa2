"""
One mail to one mail server, in a thread, to addresses that Usher may reach and to no others.

The name is resolved here and the connection goes to the very address that was judged, so that a name which changes its
address in between gains nothing. No word of the server's reaches anybody: what it says may name a person.
"""

import asyncio
import contextlib
import smtplib
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from usher.addresses import ALLOW_PRIVATE, refusal
from usher.domain.alert_message import Taken
from usher.errors import RemoteError, RemoteRefused, RemoteRejected, RemoteUnknown, RemoteUnreachable

Security = Literal["starttls", "tls", "none"]
SECURITIES: tuple[Security, ...] = ("starttls", "tls", "none")
MOST_AT_ONCE = 64  # more than there may be channels
PORTS = frozenset({25, 465, 587})  # besides those above 1023


@dataclass(frozen=True, slots=True)
class MailServer:
    """
    Where mail is handed over.

    Args:
        security: "starttls" (and no mail without it), "tls" from the first byte, or "none": this machine alone.
        user: signs in with *password*; "" where the server asks for nobody.
    """

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = field(default="", repr=False)


class Post:
    """
    Hands mails over, each in a thread of its own: the shared threads, which sign-ins need, wait for no mail server.

    Args:
        ca_file: authorities to trust besides the machine's own.
    """

    def __init__(self, *, allow_private: bool, ca_file: Path | None) -> None:
        self._allow_private = allow_private
        self._ca_file = ca_file
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="mail")

    async def send(
        self, server: MailServer, mail: bytes, *, sender: str, to: Sequence[str], timeout_seconds: float
    ) -> Taken:
        """
        Hand *mail* over. One receiver that takes it is enough: sent again, it would come to that one twice.

        Raises:
            RemoteError: it was not taken, or nobody knows; its class says what to do.
        """
        talk = _Talk(server, self._allow_private, self._ca_file, timeout_seconds)
        working = asyncio.get_running_loop().run_in_executor(self._threads, talk.run, mail, sender, to)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await asyncio.shield(working)
        except TimeoutError:
            raise RemoteUnknown("The mail server did not answer in time.") from None
        finally:
            talk.end()
            working.add_done_callback(lambda done: done.cancelled() or done.exception())


class _Talk:
    """One conversation; *end* cuts it off from another thread."""

    def __init__(self, server: MailServer, allow_private: bool, ca_file: Path | None, timeout: float) -> None:
        self._server = server
        self._allow_private = allow_private
        self._ca_file = ca_file
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._smtp: smtplib.SMTP | None = None
        self._is_ended = False

    def end(self) -> None:
        self._is_ended = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def run(self, mail: bytes, sender: str, to: Sequence[str]) -> Taken:
        try:
            smtp = self._connected()
            if self._server.user:
                smtp.login(self._server.user, self._server.password)
            refused = smtp.sendmail(sender, list(to), mail)
            with contextlib.suppress(smtplib.SMTPException, OSError):
                smtp.quit()
        except RemoteError:
            raise
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise meaning_of(error) from None
        finally:
            self._close()
        return Taken(250, f"The mail server refused {len(refused)} of {len(to)} receivers." if refused else "")

    def _close(self) -> None:
        if self._smtp is not None:
            self._smtp.close()  # it reads through a file of its own, which would keep the socket open
        if self._socket is not None:
            self._socket.close()

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        reached = self._holding(_reach(server, allow_private=self._allow_private, timeout=self._timeout))
        if server.security == "tls":
            reached = self._holding(self._tls().wrap_socket(reached, server_hostname=server.host))
        self._smtp = smtp = _Smtp(reached, host=server.host, port=server.port, timeout=self._timeout)
        if server.security == "starttls":
            smtp.starttls(context=self._tls())
            if smtp.sock is not None:
                self._holding(smtp.sock)
        return smtp

    def _holding(self, reached: socket.socket) -> socket.socket:
        """Return *reached*, kept for *end* to shut, also where that was called while it was made."""
        self._socket = reached
        if self._is_ended:
            raise TimeoutError
        return reached

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(cafile=self._ca_file)
        return context


class _Smtp(smtplib.SMTP):
    """Speaks over a socket that is connected already."""

    def __init__(self, reached: socket.socket, *, host: str, port: int, timeout: float) -> None:
        self._reached = reached
        super().__init__(host, port, local_hostname="usher.invalid", timeout=timeout)

    def _get_socket(self, *_: Any) -> socket.socket:
        return self._reached


def _reach(server: MailServer, *, allow_private: bool, timeout: float) -> socket.socket:
    """Connect to the first address that takes it, if none of all that the name has is refused."""
    addresses = _resolved(server)
    for address in addresses:
        against = None if allow_private else refusal(address)
        if against:
            raise RemoteUnreachable(
                f"Usher does not connect to the mail server: its address is {against}. {ALLOW_PRIVATE}"
            )
        if server.security == "none" and not ip_address(address.partition("%")[0]).is_loopback:
            raise RemoteUnreachable("Usher sends mail without TLS to this machine alone. Choose STARTTLS or TLS.")
    for address in addresses:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, server.port), timeout=timeout)
    raise RemoteUnreachable("The mail server does not take connections. Check its host and port.")


def _resolved(server: MailServer) -> list[str]:
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise RemoteUnreachable("The mail server cannot be found: check its name.") from None
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def meaning_of(error: Exception) -> RemoteError:
    """Say what a failure means; nothing of what the server said is repeated."""
    match error:
        case smtplib.SMTPNotSupportedError():
            return RemoteRejected("The mail server offers no STARTTLS, or no way to sign in. Choose another security.")
        case smtplib.SMTPRecipientsRefused() | smtplib.SMTPResponseException():
            return _answered(error)
        case ssl.SSLError():
            return RemoteUnreachable(f"No secure connection to the mail server: {_tls_reason(error)}.")
        case TimeoutError():
            return RemoteUnknown("The mail server did not answer in time.")
        case _:
            return RemoteUnknown(f"The mail server ended the conversation ({type(error).__name__}).")


def _answered(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPResponseException) -> RemoteError:
    """400 to 499 is "later" in SMTP, 500 and above is "never"."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = max((int(code) for code, _ in error.recipients.values()), default=550)
        message = f"The mail server refused every receiver ({code})."
    else:
        code = int(error.smtp_code)
        message = f"The mail server did not take the mail ({code})."
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return RemoteRefused(f"The mail server does not accept user and password ({code}).", status=code)
    if isinstance(error, smtplib.SMTPSenderRefused):
        message = f"The mail server refused the sender ({code})."
    return RemoteRejected(message, status=code) if code >= 500 else RemoteUnreachable(message, status=code)


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{error.verify_message}; USHER_CA_FILE can add an authority"
    return "check port and security"

"""Mails over a real SMTP conversation on loopback: secured, signed in, refused, hung, and guarded."""

import asyncio
import email
import email.policy
import ssl
from typing import Any

import pytest

from tests.alerts.mail_server import PASSWORD, MailServer, serving
from tests.clocks import NOON_MS
from tests.foundations.certificates import Authority
from usher.alerts import smtp
from usher.alerts.mail import mail_of
from usher.domain.alert import Level
from usher.domain.alert_message import Happened, Message, Taken
from usher.errors import RemoteError, RemoteRefused, RemoteRejected, RemoteUnknown, RemoteUnreachable

SENDER, TO = "usher@example.com", ["ops@example.org", "night@example.org"]


def message(**changes: Any) -> Message:
    known: dict[str, Any] = {
        "id": "msg_1",
        "happened": Happened.BEGAN,
        "kind": "attention",
        "level": Level.CRITICAL,
        "title": "“VIP” needs attention",
        "text": "The audience is gone.",
        "url": "https://usher.example.com/jobs/1",
        "at_ms": NOON_MS,
        "began_ms": NOON_MS - 720_000,
    }
    return Message(**{**known, **changes})


MAIL = mail_of(message(), sender=SENDER, to=TO)


async def hand_over(
    server: MailServer,
    *,
    security: smtp.Security = "none",
    tls: ssl.SSLContext | None = None,
    host: str = "localhost",
    authority: Authority | None = None,
    allow_private: bool = True,
    seconds: float = 10,
) -> Taken:
    post = smtp.Post(allow_private=allow_private, ca_file=None if authority is None else authority.file)
    user = {"user": "usher", "password": PASSWORD} if server.wants_sign_in else {}
    async with serving(server.serve, tls=tls) as port:
        to = smtp.MailServer(host=host, port=port, security=security, **user)
        return await post.send(to, MAIL, sender=SENDER, to=TO, timeout_seconds=seconds)


def test_a_mail_says_what_happened_and_names_itself_the_same_each_time() -> None:
    read = email.message_from_bytes(MAIL, policy=email.policy.default)
    assert read["Subject"] == "[Usher] Critical: “VIP” needs attention"
    assert read["Message-ID"] == "<msg_1@example.com>"
    assert read["To"] == ", ".join(TO)
    assert read["Auto-Submitted"] == "auto-generated"
    body = read.get_content()
    assert "The audience is gone." in body
    assert "https://usher.example.com/jobs/1" in body
    assert mail_of(message(), sender=SENDER, to=TO) == MAIL


def test_an_end_says_for_how_long_it_was() -> None:
    read = email.message_from_bytes(mail_of(message(happened=Happened.ENDED), sender=SENDER, to=TO))
    assert "Over after 12 min" in str(email.header.make_header(email.header.decode_header(read["Subject"])))


async def test_a_mail_is_handed_over_to_every_receiver() -> None:
    server = MailServer()
    assert await hand_over(server) == Taken(250)
    assert server.mails[0].removesuffix(b".\r\n") == MAIL
    assert [line for line in server.commands if line.startswith("rcpt")] == [f"rcpt TO:<{one}>" for one in TO]


async def test_starttls_secures_what_follows_and_the_password_goes_only_then(authority: Authority) -> None:
    server = MailServer(starttls=authority.server_context("localhost"), wants_sign_in=True)
    assert await hand_over(server, security="starttls", authority=authority) == Taken(250)
    assert server.secured == [True]
    words = [line.split(" ")[0].upper() for line in server.commands]
    assert words.index("STARTTLS") < words.index("AUTH")


async def test_tls_from_the_first_byte(authority: Authority) -> None:
    server = MailServer(wants_sign_in=True)
    tls = authority.server_context("localhost")
    assert await hand_over(server, security="tls", tls=tls, authority=authority) == Taken(250)
    assert server.secured == [True]


async def test_without_starttls_there_is_no_mail_and_no_password(authority: Authority) -> None:
    server = MailServer(wants_sign_in=True)
    with pytest.raises(RemoteRejected, match="no STARTTLS"):
        await hand_over(server, security="starttls", authority=authority)
    assert server.mails == []
    assert not any(line.upper().startswith("AUTH") for line in server.commands)


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_that_does_not_hold_ends_it(authority: Authority, security: smtp.Security) -> None:
    context = authority.server_context("elsewhere.example.com")
    server = MailServer(starttls=context if security == "starttls" else None, wants_sign_in=True)
    with pytest.raises(RemoteUnreachable, match="No secure connection"):
        await hand_over(server, security=security, tls=context if security == "tls" else None, authority=authority)
    assert server.mails == []
    assert not any(line.upper().startswith("AUTH") for line in server.commands)


CASES: list[tuple[str, dict[str, str], type[RemoteError], int | None]] = [
    ("greeted with no", {"greeting": "554 go away"}, RemoteRejected, 554),
    ("greeted with later", {"greeting": "421 busy"}, RemoteUnreachable, 421),
    ("sender refused", {"MAIL": "550 not you"}, RemoteRejected, 550),
    ("sender refused for now", {"MAIL": "451 later"}, RemoteUnreachable, 451),
    ("receivers refused", {"RCPT": "550 jo@example.com is unknown"}, RemoteRejected, 550),
    ("receivers refused for now", {"RCPT": "450 greylisted"}, RemoteUnreachable, 450),
    ("body refused", {"body": "552 too large"}, RemoteRejected, 552),
    ("body refused for now", {"body": "452 full"}, RemoteUnreachable, 452),
    ("no SMTP at all", {"greeting": "HTTP/1.1 200 OK"}, RemoteError, None),
]


@pytest.mark.parametrize(
    ("answers", "expected", "status"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
async def test_each_refusal_is_named_by_what_to_do(
    answers: dict[str, str], expected: type[RemoteError], status: int | None
) -> None:
    with pytest.raises(expected) as caught:
        await hand_over(MailServer(answers=answers))
    assert status in (None, caught.value.status)
    assert "jo@example.com" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_wrong_password_is_a_refusal() -> None:
    server = MailServer(wants_sign_in=True, answers={"AUTH": "535 no"})
    with pytest.raises(RemoteRefused, match="535") as caught:
        await hand_over(server)
    assert PASSWORD not in str(caught.value)


async def test_a_mail_that_one_receiver_takes_is_not_sent_again_for_the_others() -> None:
    server = MailServer()
    usual = server._usual
    server._usual = lambda word, line, writer: "550 no" if TO[0] in line else usual(word, line, writer)  # type: ignore[method-assign]
    taken = await hand_over(server)
    assert taken == Taken(250, "The mail server refused 1 of 2 receivers.")
    assert len(server.mails) == 1


@pytest.mark.parametrize("silent_at", ["greeting", "MAIL", "body"])
async def test_a_server_that_falls_silent_is_left_in_time_with_its_thread(silent_at: str) -> None:
    with pytest.raises(RemoteUnknown, match=r"in time|ended the conversation"):
        await hand_over(MailServer(silent_at=silent_at), seconds=0.2)
    async with asyncio.timeout(5):
        while _is_talking():  # noqa: ASYNC110 - a thread has no event to give
            await asyncio.sleep(0.01)


def _is_talking() -> bool:
    import sys

    return any("smtplib" in _frames(frame) for frame in sys._current_frames().values())


def _frames(frame: Any) -> str:
    found = ""
    while frame is not None:
        found += frame.f_code.co_filename
        frame = frame.f_back
    return found


async def test_servers_that_hang_keep_nobody_else_who_needs_a_thread_waiting() -> None:
    server = MailServer(silent_at="greeting")
    async with serving(server.serve) as port:
        post = smtp.Post(allow_private=True, ca_file=None)
        to = smtp.MailServer(host="localhost", port=port, security="none")
        sends = [asyncio.create_task(post.send(to, MAIL, sender=SENDER, to=TO, timeout_seconds=5)) for _ in range(50)]
        await asyncio.sleep(0)  # each has its thread now
        async with asyncio.timeout(2):
            assert await asyncio.to_thread(lambda: "signed in") == "signed in"
        for send in sends:
            send.cancel()
        await asyncio.gather(*sends, return_exceptions=True)


async def test_a_server_that_drips_is_left_in_time() -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"2")
            await writer.drain()
            await asyncio.sleep(0.01)

    post = smtp.Post(allow_private=True, ca_file=None)
    async with serving(drip) as port:
        to = smtp.MailServer("localhost", port, "none")
        with pytest.raises(RemoteError):
            await post.send(to, MAIL, sender=SENDER, to=TO, timeout_seconds=0.3)


async def test_nothing_listens_is_said() -> None:
    async with serving(MailServer().serve) as port:
        pass
    post = smtp.Post(allow_private=True, ca_file=None)
    with pytest.raises(RemoteUnreachable, match="does not take connections"):
        await post.send(smtp.MailServer("localhost", port, "none"), MAIL, sender=SENDER, to=TO, timeout_seconds=5)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f000001", "127.1", "::ffff:127.0.0.1"])
async def test_a_private_address_is_not_connected_to_however_it_is_written(host: str) -> None:
    server = MailServer()
    with pytest.raises(RemoteUnreachable):
        await hand_over(server, host=host, security="starttls", allow_private=False)
    assert server.commands == []


async def test_a_name_that_leads_to_a_private_address_is_refused_at_each_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "_resolved", lambda server: ["8.8.8.8", "169.254.169.254"])
    post = smtp.Post(allow_private=False, ca_file=None)
    with pytest.raises(RemoteUnreachable, match="link-local"):
        await post.send(smtp.MailServer("mail.example.com", 587, "tls"), MAIL, sender=SENDER, to=TO, timeout_seconds=5)


async def test_a_mail_in_the_clear_leaves_this_machine_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "_resolved", lambda server: ["192.168.1.7"])
    post = smtp.Post(allow_private=True, ca_file=None)
    with pytest.raises(RemoteUnreachable, match="without TLS"):
        await post.send(smtp.MailServer("mail.lan", 2525, "none"), MAIL, sender=SENDER, to=TO, timeout_seconds=5)

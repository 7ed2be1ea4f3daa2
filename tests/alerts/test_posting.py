"""Webhooks and Slack over the guarded client: verified by code that is not Usher's, and guarded at each send."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from tests.alerts.mail_server import serving
from tests.alerts.test_mail import message
from tests.clocks import NOON_MS
from usher.alerts.posting import post_slack, post_webhook, slack_text, webhook_body
from usher.alerts.sending import Address, AlertSender
from usher.alerts.signing import key_in, new_secret, signed_headers
from usher.domain.alert_message import Happened, Taken
from usher.errors import RemoteError, RemoteMissing, RemoteRefused, RemoteRejected, RemoteUnknown, RemoteUnreachable
from usher.http import GuardedHttp

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(bytes(range(64))).decode()


def test_the_signature_is_the_one_that_the_standard_gives() -> None:
    """The example that the standard's own libraries are tested with."""
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1_614_265_330, body=b'{"test": 2432232314}', secrets=[SECRET]
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    "secret",
    ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_not base64!", "whsec_" + "A" * 31]
    + ["whsec_" + base64.b64encode(bytes(size)).decode() for size in (23, 65)],
    ids=["blank", "no prefix", "nothing", "no base64", "cut", "23 bytes", "65 bytes"],
)
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        key_in(secret)


@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_made_secret_stands_for_its_bytes(size: int) -> None:
    assert key_in(new_secret(bytes(range(size)))) == bytes(range(size))


@dataclass
class Receiver:
    """An HTTP receiver that verifies by itself what it gets."""

    status: int = 200
    more: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        pairs = (line.partition(": ") for line in head.split("\r\n")[1:] if line)
        headers = {name.lower(): value for name, _, value in pairs}
        self.got.append((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(f"HTTP/1.1 {self.status} x\r\nContent-Length: 4\r\n{self.more}\r\nsoap".encode())
        await writer.drain()
        writer.close()

    def verified_by(self, secret: str) -> bool:
        """Verify the last message as the standard's text says, with none of Usher's code."""
        headers, body = self.got[-1]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(secret.split("_", 1)[1])
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return any(one == f"v1,{wanted}" for one in headers["webhook-signature"].split(" "))


@pytest.fixture
async def http() -> AsyncIterator[GuardedHttp]:
    client = GuardedHttp(allow_http=True, allow_private=True, ca_file=None)
    yield client
    await client.close()


async def send(http: GuardedHttp, receiver: Receiver, *secrets: str) -> Taken:
    async with serving(receiver.serve) as port:
        url = f"http://127.0.0.1:{port}/hook"
        return await post_webhook(http, url, message(), secrets=secrets, now_ms=NOON_MS, timeout_seconds=5)


async def test_a_receiver_verifies_what_it_is_sent(http: GuardedHttp) -> None:
    receiver = Receiver()
    assert await send(http, receiver, SECRET) == Taken(200)
    headers, body = receiver.got[0]
    assert receiver.verified_by(SECRET)
    assert not receiver.verified_by(OTHER)
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_1", str(NOON_MS // 1000))
    assert json.loads(body)["data"]["title"] == "“VIP” needs attention"
    assert json.loads(body)["type"] == "alert.began"
    assert len(body) < 20_000


async def test_while_a_secret_is_replaced_either_verifies(http: GuardedHttp) -> None:
    receiver = Receiver()
    await send(http, receiver, OTHER, SECRET)
    assert receiver.verified_by(SECRET)
    assert receiver.verified_by(OTHER)


def test_a_message_has_the_same_body_each_time_and_an_end_says_when() -> None:
    assert webhook_body(message()) == webhook_body(message())
    ended = json.loads(webhook_body(message(happened=Happened.ENDED)))
    assert ended["type"] == "alert.ended"
    assert ended["data"]["ended"] > ended["data"]["began"]


ANSWERS: list[tuple[int, type[RemoteError]]] = [
    (301, RemoteRejected),
    (307, RemoteRejected),
    (400, RemoteRejected),
    (401, RemoteRefused),
    (403, RemoteRefused),
    (404, RemoteMissing),
    (410, RemoteMissing),
    (413, RemoteRejected),
    (429, RemoteUnreachable),
    (500, RemoteUnreachable),
    (503, RemoteUnreachable),
]


@pytest.mark.parametrize(("status", "expected"), ANSWERS)
async def test_only_2xx_means_taken_and_no_word_of_the_answer_is_repeated(
    http: GuardedHttp, status: int, expected: type[RemoteError]
) -> None:
    receiver = Receiver(status, more="Retry-After: 77\r\nLocation: http://127.0.0.1:1/\r\n")
    with pytest.raises(expected) as caught:
        await send(http, receiver, SECRET)
    assert caught.value.status == status
    assert "soap" not in str(caught.value)
    assert len(receiver.got) == 1
    is_later = expected is RemoteUnreachable
    assert caught.value.retry_after_seconds == (77 if is_later else None)


async def test_a_receiver_that_hangs_up_is_in_doubt(http: GuardedHttp) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with serving(hang_up) as port:
        with pytest.raises(RemoteUnknown):
            await post_slack(http, f"http://127.0.0.1:{port}/", message(), timeout_seconds=5)


async def test_slack_gets_its_own_shape_without_a_signature(http: GuardedHttp) -> None:
    receiver = Receiver(200)
    async with serving(receiver.serve) as port:
        await post_slack(http, f"http://127.0.0.1:{port}/services/T/B/x", message(), timeout_seconds=5)
    headers, body = receiver.got[0]
    assert "webhook-signature" not in headers
    assert json.loads(body)["text"].startswith("[Usher] Critical: “VIP” needs attention\nThe audience is gone.")


def test_a_name_that_somebody_typed_calls_nobody_in_slack() -> None:
    text = slack_text(message(title="<!channel> & <https://evil.example.com|here>"))
    assert "<" not in text
    assert "&lt;!channel&gt; &amp; " in text


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/",
        "https://2130706433/",
        "https://[::ffff:10.0.0.1]/",
        "https://user:pw@example.com/",
        "https://localhost/",
        "https://example.com:22/",
        "ftp://example.com/",
    ],
)
@pytest.mark.parametrize("kind", ["webhook", "slack"])
async def test_no_channel_leads_into_the_network_that_usher_runs_in(url: str, kind: str) -> None:
    http = GuardedHttp(allow_http=False, allow_private=False, ca_file=None)
    sender = AlertSender(http, allow_private=False, ca_file=None)
    try:
        with pytest.raises(RemoteUnreachable, match="Nothing was sent"):
            await sender.send(Address(kind, {"url": url}, {"url": url, "secret": SECRET}), message(), now_ms=NOON_MS)
    finally:
        await http.close()


async def test_no_secret_is_in_the_repr_of_what_is_sent() -> None:
    assert SECRET not in repr(Address("webhook", {}, {"secret": SECRET}))

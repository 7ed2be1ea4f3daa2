"""No channel of alerts leads into the network Usher runs in: not when it is saved, and not when it is sent to."""

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest

from tests.foundations.hostile_server import HostileServer
from tests.jobs.office import ANNA, Office
from tests.security.hostile_urls import refused_by_name, refused_by_text
from tests.security.test_ssrf import AttackersNames
from tools.measuring import Measured
from usher.alerts.sending import Address, AlertSender
from usher.domain.alert_message import test_message as message_for
from usher.errors import InvalidInput, UsherError
from usher.http import GuardedHttp
from usher.jobs.alert_channels import create_channel
from usher.jobs.alert_drafts import ChannelDraft

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
LETTER = {"from": "usher@example.com", "to": ["ops@example.com"], "user": "", "security": "none"}
INNER_HOSTS = (
    "127.0.0.1", "localhost", "a.localhost", "::1", "::ffff:127.0.0.1", "0.0.0.0", "10.0.0.1", "169.254.169.254",
    "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001:470::5efe:7f00:1",
    "fe80::1%lo", "metadata.google.internal", "127.0.0.1.", "１２７.0.0.1", "user@127.0.0.1", "127.0.0.1\r\nX: y",
)  # fmt: skip


@pytest.fixture
async def trap() -> AsyncIterator[HostileServer]:
    server = HostileServer()
    await server.start()
    yield server
    await server.stop()


def addresses(url: str) -> list[Address]:
    return [Address("webhook", {"url": url}, {"secret": SECRET}), Address("slack", {}, {"url": url})]


async def test_no_hostile_channel_can_be_saved(office: Office, trap: HostileServer, connects: list[str]) -> None:
    desk = office.with_desk(allow_http=True).desk
    for url in refused_by_text(trap.port):
        for kind in ("webhook", "slack"):
            with pytest.raises(InvalidInput):
                await create_channel(desk, ANNA, ChannelDraft("x", kind, None, {"url": url}))
    for host in INNER_HOSTS:
        config = LETTER | {"host": host, "port": trap.port, "security": "starttls"}
        with pytest.raises(InvalidInput):
            await create_channel(desk, ANNA, ChannelDraft("x", "email", None, config))
    assert connects == []


async def test_no_hostile_channel_is_sent_to_although_it_is_kept(
    office: Office, trap: HostileServer, connects: list[str], measured: Measured
) -> None:
    http = GuardedHttp(allow_http=True, allow_private=False, ca_file=None, resolver=AttackersNames())
    sender = AlertSender(http, allow_private=False, ca_file=None)
    now_ms = office.clock.now_ms()
    message = message_for("x", id_="msg_1", people_url="", at_ms=now_ms)
    kept = [to for url in [*refused_by_text(trap.port), *refused_by_name(trap.port)] for to in addresses(url)]
    for security in ("starttls", "tls"):
        config = LETTER | {"port": trap.port, "security": security}
        kept += [Address("email", config | {"host": host}, {}) for host in INNER_HOSTS]
    for to in kept:
        with pytest.raises(UsherError):
            await sender.send(to, message, now_ms=now_ms)
    await http.close()
    assert connects == []
    measured("security.ssrf_channels", len(kept))


async def test_the_same_channels_are_saved_and_sent_to_where_that_is_allowed(
    office: Office, trap: HostileServer
) -> None:
    """Otherwise something else may have refused them."""
    desk = office.with_desk(allow_http=True, allow_private=True).desk
    config = LETTER | {"host": "127.0.0.1", "port": trap.port, "security": "starttls"}
    assert (await create_channel(desk, ANNA, ChannelDraft("mail", "email", None, config))).channel.id
    assert (await create_channel(desk, ANNA, ChannelDraft("hook", "webhook", None, {"url": trap.url()}))).channel.id
    http = GuardedHttp(allow_http=True, allow_private=True, ca_file=None)
    message = message_for("x", id_="msg_1", people_url="", at_ms=office.clock.now_ms())

    async def hang_up(writer: asyncio.StreamWriter) -> None:
        writer.close()

    trap.behaviours = [hang_up]
    for to in addresses(trap.url()):
        before = trap.connections
        with pytest.raises(UsherError):
            await AlertSender(http, allow_private=True, ca_file=None).send(to, message, now_ms=0)
        assert trap.connections > before
    await http.close()

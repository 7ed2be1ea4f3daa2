"""No URL that anybody types leads into the network Usher runs in: not when it is saved, tested or sent to."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.foundations.hostile_server import HostileServer
from tests.jobs.fake_vendors import GROUP
from tests.jobs.office import ANNA, SECRET, TOKEN, Office
from tests.security.hostile_urls import BY_NAME, refused_by_name, refused_by_text
from tools.measuring import Measured
from usher.domain.attribute import Target
from usher.errors import InvalidInput, RemoteError, RemoteUnreachable
from usher.http import GuardedHttp
from usher.jobs.authorizations import change_authorization, create_authorization
from usher.jobs.drafts import AuthDraft, read_auth_draft
from usher.jobs.sealing import seal_secrets
from usher.jobs.testing import test_authorization as check_authorization
from usher.jobs.testing import test_draft as check_draft
from usher.jobs.vendors import Vendors
from usher.store.authorizations import change_authorization as change_kept

FIELDS = ("mapp", "engage", "lytics")


class AttackersNames(AbstractResolver):
    """Answers with what the table says; every other name is the trap's."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = BY_NAME.get(host, ["127.0.0.1"])
        return [ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0) for one in addresses]

    async def close(self) -> None:
        pass


@pytest.fixture
async def trap() -> AsyncIterator[HostileServer]:
    """A listener that counts who connects, and answers with a redirect to itself."""
    server = HostileServer()
    await server.start()

    async def redirect(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 307 Over there\r\nLocation: {server.url('/again')}\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()

    server.behaviours = [redirect]
    yield server
    await server.stop()


def guarded(office: Office, *, allow_private: bool = False) -> tuple[Office, GuardedHttp]:
    """The office with the real client: plain http is allowed, so that the addresses alone are judged."""
    http = GuardedHttp(allow_http=True, allow_private=allow_private, ca_file=None, resolver=AttackersNames())
    desk = office.desk
    vendors = Vendors(desk.database, vault=desk.vault, http=http, clock=office.clock, timeout_seconds=5)
    return office.with_desk(vendors=vendors, allow_http=True, allow_private=allow_private), http


def draft_of(field: str, url: str) -> AuthDraft:
    """What somebody types who wants requests to go to *url*."""
    if field == "lytics":
        return read_auth_draft({"type": "lytics-token", "label": url[:60], "config": {"api_url": url, "token": TOKEN}})
    config = {"api_url": "https://mapp.names.example", "integration_id": "int-9", "secret": SECRET}
    if field == "mapp":
        return read_auth_draft({"type": "integration-secret", "label": "x", "config": config | {"api_url": url}})
    config |= {"rest_api_url": url, "user": "u", "password": "a password"}
    return read_auth_draft({"type": "userpass-secret", "label": "x", "config": config})


async def keep(office: Office, field: str, url: str) -> str:
    """Put *url* into the database past every check, as an older version or another hand might have."""
    auth_id = office.lytics if field == "lytics" else office.mapp
    config = {"api_url": "http://mapp.names.example:1", "integration_id": "int-1"}
    config |= {"api_url": url} if field != "engage" else {"rest_api_url": url}
    await office.write(lambda txn: change_kept(txn, auth_id, config=config))
    return auth_id


async def send(office: Office, field: str, auth_id: str) -> None:
    """Do what jobs do with an authorization: deliver, scan, read back."""
    if field == "lytics":
        client = await office.desk.vendors.lytics(auth_id)
        await client.scan_page("a" * 32, field="email", cursor="")
        return
    mapp = await office.desk.vendors.mapp(auth_id)
    if field == "engage":
        await mapp.read_back(GROUP, "jo@example.com")
        return
    target = Target(GROUP, "vip", None, "email", create_users=False)
    outcome = await mapp.send(target, "jo@example.com", True, expires_at_ms=office.clock.now_ms() + 60_000)
    assert type(outcome).__name__ == "RetryLater", outcome
    raise RemoteUnreachable("as every other call says")


def test_the_table_is_long_enough_and_holds_nothing_twice() -> None:
    every = [*refused_by_text(8080), *refused_by_name(8080)]
    assert len(every) == len(set(every)) >= 60


async def test_the_trap_springs_where_private_addresses_are_allowed(
    office: Office, trap: HostileServer, connects: list[str]
) -> None:
    open_office, http = guarded(office, allow_private=True)
    for field in FIELDS:
        before = len(trap.requests)
        await check_draft(open_office.desk, draft_of(field, trap.url()))
        assert len(trap.requests) > before or field == "engage", "Engage is asked once Connect has answered"
    await http.close()
    assert [request for request in trap.requests if b"/again" in request] == [], "a redirect is an answer"
    assert set(connects) == {"127.0.0.1"}


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[fd00:ec2::254]"])
async def test_an_attempt_at_what_the_trap_does_not_listen_to_is_heard(
    office: Office, connects: list[str], host: str
) -> None:
    """Otherwise nothing heard would prove nothing."""
    open_office, http = guarded(office, allow_private=True)
    report = await check_draft(open_office.desk, draft_of("lytics", f"http://{host}/"))
    await http.close()
    assert not report.is_reached
    assert set(connects) == {host.strip("[]")}


async def test_no_hostile_url_can_be_saved_or_tested(
    office: Office, trap: HostileServer, connects: list[str], measured: Measured
) -> None:
    closed, http = guarded(office)
    for url in refused_by_text(trap.port):
        for field in FIELDS:
            with pytest.raises(InvalidInput):
                await create_authorization(closed.desk, ANNA, draft_of(field, url))
            with pytest.raises(InvalidInput):
                await check_draft(closed.desk, draft_of(field, url))
            with pytest.raises(InvalidInput):
                await change_authorization(
                    closed.desk, ANNA, office.lytics if field == "lytics" else office.mapp, draft_of(field, url)
                )
    await http.close()
    assert connects == []
    measured("security.ssrf_urls", len([*refused_by_text(1), *refused_by_name(1)]))


async def test_a_hostile_url_that_is_in_the_database_all_the_same_is_not_connected_to(
    office: Office, trap: HostileServer, connects: list[str], measured: Measured
) -> None:
    closed, http = guarded(office)
    secrets = seal_secrets(
        office.desk.vault, {"secret": SECRET, "user": "u", "password": "a password"}, auth_id=office.mapp
    )
    await office.write(lambda txn: change_kept(txn, office.mapp, secrets=secrets))
    for url in [*refused_by_text(trap.port), *refused_by_name(trap.port)]:
        for field in FIELDS:
            auth_id = await keep(office, field, url)
            report = await check_authorization(closed.desk, ANNA, auth_id)
            assert not report.is_healthy, url
            with pytest.raises((RemoteError, InvalidInput)):
                await send(closed, field, auth_id)
    await http.close()
    assert connects == []
    measured("security.ssrf_connects", len(connects))


async def test_a_name_that_is_public_when_saved_and_inner_when_sent_to_is_caught(
    office: Office, trap: HostileServer, connects: list[str]
) -> None:
    closed, http = guarded(office)
    for url in refused_by_name(trap.port):
        for field in ("mapp", "lytics"):
            assert (await create_authorization(closed.desk, ANNA, draft_of(field, url))).id
            report = await check_draft(closed.desk, draft_of(field, url))
            assert not report.is_reached
            assert all("its address is" in said or "does not connect" in said for said in report.findings)
    await http.close()
    assert connects == []


async def test_what_a_test_says_never_repeats_what_an_inner_service_answered(
    office: Office, trap: HostileServer
) -> None:
    """Where private addresses are allowed, a test still shows no stranger's body: only its class and status."""

    async def secret(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 22\r\n\r\ncanary-of-inner-server")
        await writer.drain()

    trap.behaviours = [secret]
    open_office, http = guarded(office, allow_private=True)
    for field in FIELDS:
        report = await check_draft(open_office.desk, draft_of(field, trap.url()))
        assert "canary" not in repr(report)
    await http.close()
    assert trap.connections > 0


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
async def test_a_proxy_of_the_environment_is_not_a_way_in(
    office: Office, trap: HostileServer, connects: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, trap.url())
    closed, http = guarded(office)
    assert not (await check_draft(closed.desk, draft_of("mapp", "http://loopback.names.example/"))).is_reached
    await http.close()
    assert connects == []

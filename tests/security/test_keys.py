"""Secrets stay secret at rest, stay where they belong, and a change of the key loses nothing on the way."""

import asyncio
import base64
import secrets as random_source
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import text

from tests.dashboard.visiting import PASSWORD, House, visiting
from tests.jobs.office import ANNA, Office
from tests.web.service import Running
from tools.measuring import Measured
from usher.access.roles import Role
from usher.errors import RemoteRefused, Unavailable
from usher.jobs.endpoint import trigger_endpoint
from usher.jobs.resealing import reseal_everything
from usher.jobs.sealing import UNREADABLE_PLACE
from usher.store.authorizations import authorization_by_id, change_authorization
from usher.store.backup import backup
from usher.vault import Key, KeyRing, Vault

OLD = Key(random_source.token_bytes(32))
ROTATIONS, ROUNDS = 12, 40


def written(key: Key) -> str:
    return base64.b64encode(key.secret).decode()


@pytest.fixture
async def place() -> AsyncIterator[House]:
    """A service whose ring holds both keys, with its engine, on a file."""
    new = Key(random_source.token_bytes(32))
    with TemporaryDirectory(prefix="usher-") as folder:
        ring = f"{written(new)},{written(OLD)}"
        async with visiting(Path(folder), with_engine=True, USHER_SECRET_KEY=ring) as house:
            house.running.made["new_key"] = written(new)
            await house.running.authorize()
            yield house


async def turn_keys(usher: Running, new: Key) -> int:
    """Seal everything with one key and the other by turns, and end with the new one; return how much was sealed."""
    database, done = usher.deps.desk.database, 0
    for number in range(ROTATIONS):
        order = (OLD, new) if number % 2 == 0 else (new, OLD)
        found = await reseal_everything(database, Vault(KeyRing(order)), unreadable_place=UNREADABLE_PLACE)
        assert found.locked == 0
        done += found.done
        await asyncio.sleep(0)
    return done


async def load(usher: Running, job_id: str) -> list[int]:
    """Send triggers, messages that are kept sealed, and questions that need secrets; return every status."""
    statuses = []
    for number in range(ROUNDS):
        event = usher.event(f"p{number}@example.com")
        asked = [
            usher.trigger(event),
            usher.trigger(b"no message"),
            usher.ask("POST", f"/v2/auth/{usher.made['mapp']}/test"),
            usher.ask("GET", f"/v2/auth/{usher.made['lytics']}/trigger-endpoint"),
            usher.ask("GET", "/v2/unreadable"),
            usher.ask("PUT", f"/v2/auth/lytics-token/{usher.made['lytics']}", {"label": f"lytics {number}"}),
            usher.ask("GET", f"/v2/job/{job_id}/progress"),
        ]
        statuses += [answer.status for answer in await asyncio.gather(*asked)]
    return statuses


async def test_a_change_of_the_key_under_load_fails_nobody_and_loses_nothing(place: House, measured: Measured) -> None:
    usher = place.running
    new = Key(base64.b64decode(usher.made["new_key"]))
    job = await usher.create_job()
    await usher.trigger(b"no message")
    statuses, done = await asyncio.gather(load(usher, job["id"]), turn_keys(usher, new))
    assert set(statuses) == {200}
    assert done >= ROTATIONS * 4, "two authorizations, a trigger token and messages, each time"
    progress: dict[str, Any] = {}
    for _ in range(400):
        progress = (await usher.ask("GET", f"/v2/job/{job['id']}/progress")).data
        if progress["members"]["due"] == 0 and progress["members"]["total"] >= ROUNDS:
            break
        await usher.service.store.clock.sleep(0.02)
    assert (progress["status"], progress["members"]["due"]) == ("runnable", 0)
    assert (progress["sent"]["rejected"], progress["triggers"]["applied"]) == (0, ROUNDS)
    last = await reseal_everything(
        usher.deps.desk.database, Vault(KeyRing((new, OLD))), unreadable_place=UNREADABLE_PLACE
    )
    alone = Vault(KeyRing((new,)))
    again = await reseal_everything(usher.deps.desk.database, alone, unreadable_place=UNREADABLE_PLACE)
    assert (last.locked, again.done, again.locked) == (0, 0, 0), "the new key alone opens everything"
    measured("security.reseals_under_load", done)
    measured("security.reseal_errors", sum(status != 200 for status in statuses))


async def canaries(usher: Running, place: House) -> list[str]:
    """Put twenty secrets in by every way that takes one, and return them."""
    made = [f"canary-{number}-{random_source.token_hex(8)}" for number in range(12)]
    mapp = {"api_url": f"{usher.sandbox_url}/mapp", "integration_id": "other"}
    rest = {"rest_api_url": f"{usher.sandbox_url}/mapp", "user": "reader"}
    for number, secret in enumerate(made[:4]):
        config = mapp | {"integration_id": f"i-{number}", "secret": secret}
        assert (
            await usher.ask("POST", "/v2/auth/integration-secret", {"label": f"m{number}", "config": config})
        ).status == 201
    for number, secret in enumerate(made[4:6]):
        config = mapp | rest | {"integration_id": f"r-{number}", "secret": f"{secret}-s", "password": secret}
        assert (
            await usher.ask("POST", "/v2/auth/userpass-secret", {"label": f"r{number}", "config": config})
        ).status == 201
    for number, secret in enumerate(made[6:10]):
        config = {"api_url": f"{usher.sandbox_url}/lytics", "token": secret}
        assert (
            await usher.ask("POST", "/v2/auth/lytics-token", {"label": f"l{number}", "config": config})
        ).status == 201
    for secret in made[10:12]:
        await usher.ask("POST", "/v2/auth/lytics-token/test", {"config": {"token": secret}})
    tokens = [
        (await usher.ask("POST", "/v2/token", {"name": f"t{n}", "role": "viewer"})).data["token"] for n in range(3)
    ]
    await usher.trigger(f'{{"secret": "{made[11]}"}} no message'.encode())
    visitor = await place.visitor(Role.ADMIN)
    link = (await usher.ask("POST", "/v2/person", {"name": "Ann", "role": "viewer"})).data["link"].rpartition("/")[2]
    return [
        *made,
        *tokens,
        await usher.trigger_token(),
        visitor.cookies["usher-session"],
        PASSWORD,
        link,
        "sandbox-secret",
    ]


async def test_twenty_secrets_are_in_no_file_no_backup_and_no_repr(
    place: House, capfd: pytest.CaptureFixture[str], tmp_path: Path, measured: Measured
) -> None:
    usher = place.running
    found = await canaries(usher, place)
    assert len(set(found)) >= 20
    folder = usher.socket.parent
    copied = tmp_path / "backup.db"
    await asyncio.to_thread(backup, copied, folder, clock=usher.service.store.clock)
    files = [file for file in [*folder.iterdir(), copied] if file.is_file()]
    kept = {file.name: file.read_bytes() for file in files}
    assert len(kept) >= 3, "the database, its log of writes, and the backup"
    desk = usher.deps.desk
    shown = "".join((repr(desk), repr(usher.service), repr(usher.deps), repr(desk.vault), *capfd.readouterr()))
    shown += str((await usher.ask("GET", "/v2/auth")).text) + (await usher.ask("GET", "/metrics")).text
    keys = [usher.made["new_key"], written(OLD)]
    for secret in [*found, *keys]:
        holders = [name for name, content in kept.items() if secret.encode() in content]
        assert (holders, secret in shown) == ([], False), secret[:12]
    measured("security.canary_secrets", len(found))


async def test_two_secrets_that_change_places_open_neither_account(office: Office) -> None:
    other = await office.add_mapp(integration="int-2", secret="another-secret")
    read = office.desk.database.read
    sealed = {
        one: (await read(lambda txn, one=one: authorization_by_id(txn, one))).secrets for one in (office.mapp, other)
    }
    for one in sealed:
        assert await office.desk.vendors.mapp(one), "each opens where it belongs"
    await office.write(lambda txn: change_authorization(txn, office.mapp, secrets=sealed[other]))
    await office.write(lambda txn: change_authorization(txn, other, secrets=sealed[office.mapp]))
    for auth_id in (office.mapp, other):
        with pytest.raises(RemoteRefused, match="moved from where it belongs"):
            await office.desk.vendors.mapp(auth_id)


async def test_a_secret_moved_to_another_table_does_not_open_there(office: Office) -> None:
    move = text("UPDATE trigger_tokens SET token_sealed = (SELECT secrets FROM authorizations WHERE id = :id)")
    await office.write(lambda txn: txn.conn.execute(move, {"id": office.lytics}))
    with pytest.raises(Unavailable, match="Enter it again"):
        await trigger_endpoint(office.desk, ANNA, office.lytics)


async def sealed_by(usher: Running, *keys: Key) -> None:
    """Have everything carry the first of *keys*, as if the key file held that one when it was saved."""
    await reseal_everything(usher.deps.desk.database, Vault(KeyRing(keys)), unreadable_place=UNREADABLE_PLACE)
    again = text("UPDATE authorizations SET revision = revision + 1")
    await usher.deps.desk.database.write(lambda txn: txn.conn.execute(again))
    usher.deps.desk.refresh()


async def standing(usher: Running, job_id: str, status: str, token: str) -> dict[str, Any]:
    """Send triggers until the job has *status*, and return its progress."""
    told: dict[str, Any] = {}
    for number in range(400):
        assert (await usher.trigger(usher.event(f"p{number}@example.com"), token=token)).status == 200
        told = (await usher.ask("GET", f"/v2/job/{job_id}/progress")).data
        if told["status"] == status:
            return told
        await usher.service.store.clock.sleep(0.02)
    pytest.fail(f"the job is {told['status']}, not {status}: {told['reason']}")


async def test_without_its_key_a_job_stops_says_so_and_goes_on_when_it_is_back(place: House) -> None:
    usher = place.running
    job, token = await usher.create_job(), await usher.trigger_token()
    lost, new = Key(random_source.token_bytes(32)), Key(base64.b64decode(usher.made["new_key"]))
    await sealed_by(usher, lost, new, OLD)
    told = await standing(usher, job["id"], "fault", token)
    assert f"The key {lost.key_id} is missing" in str(told["reason"])
    assert told["members"]["set_aside"] == 0, "nobody is at fault but the key"
    await sealed_by(usher, new, lost, OLD)
    await standing(usher, job["id"], "runnable", token)


def test_the_key_of_the_ring_is_in_no_repr() -> None:
    ring = KeyRing((OLD,), Path("secret.key"))
    shown = repr((ring, OLD, Vault(ring), replace(ring)))
    assert written(OLD) not in shown
    assert repr(OLD.secret) not in shown

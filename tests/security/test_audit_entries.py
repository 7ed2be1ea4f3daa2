"""Whatever anybody changes leaves exactly one entry in the audit log; looking leaves none but where that is meant."""

from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any, NamedTuple

import pytest

from tests.web.service import EXPORT, Running
from tests.web.test_web_errors import address
from tools.measuring import Measured
from usher.access.roles import Role
from usher.web.routes import ENDPOINT, ROUTES

# What takes a body to be looked at, and keeps nothing of it.
CHANGES_NOTHING = {
    f"POST {EXPORT}/preview",
    f"POST {EXPORT}/{{job_id}}/preview",
    "POST /v2/auth/integration-secret/test",
    "POST /v2/auth/userpass-secret/test",
    "POST /v2/auth/lytics-token/test",
    "POST /v2/job/{workflow}",
    "PUT /v2/job/{workflow}/{job_id}",
}
LOOKS_THAT_ARE_WRITTEN_DOWN = {f"GET {ENDPOINT}", "GET /v2/unreadable", "GET /v2/unreadable/{entry_id}"}
numbers: Iterator[int] = count(1)


class Asked(NamedTuple):
    path: str
    body: Any = None


Making = Callable[[Running], Awaitable[Asked]]


class Deed(NamedTuple):
    """
    One change that somebody makes.

    Args:
        action: the entry that it leaves.
        make: puts up what it needs, and says what to ask.
    """

    action: str
    make: Making


async def new_job(usher: Running, **config: Any) -> str:
    made = await usher.create_job(mapp_attribute_name=f"attribute_{next(numbers)}", **config)
    return str(made["id"])


def of_job(way: str, *, first: str = "", body: Any = None) -> Making:
    """The change *way* of a new job, once *first* was done to it."""

    async def make(usher: Running) -> Asked:
        job_id = await new_job(usher)
        if first:
            assert (await usher.ask("POST", f"/v2/job/{job_id}/{first}")).status == 200
        return Asked(f"/v2/job/{job_id}{way}", body)

    return make


def of_held(way: str) -> Making:
    """The decision *way* on people who wait for one."""

    async def make(usher: Running) -> Asked:
        job_id = await new_job(usher, exit_brake_people=1, exit_brake_percent=1.0)
        names = [f"p{number}@example.com" for number in range(4)]
        await usher.trigger([usher.event(name) for name in names])
        leaving = [usher.event(name, is_in=False) for name in names[:3]]
        for event in leaving:
            event["data"]["segment_events"][0]["exit"] = "2026-11-20T10:15:03.1Z"
        await usher.trigger(leaving)
        return Asked(f"/v2/job/{job_id}/{way}")

    return make


def of_auth(method_path: str, *, body: Any = None) -> Making:
    """A change of a new Lytics authorization that no job uses."""

    async def make(usher: Running) -> Asked:
        config = {"api_url": f"{usher.sandbox_url}/lytics", "token": "sandbox-lytics-token"}
        body_ = {"label": f"label {next(numbers)}", "config": config}
        made = await usher.ask("POST", "/v2/auth/lytics-token", body_)
        return Asked(method_path.replace("{auth_id}", made.data["id"]), body)

    return make


async def new_auth(usher: Running) -> Asked:
    config = {"api_url": f"{usher.sandbox_url}/lytics", "token": "sandbox-lytics-token"}
    return Asked("/v2/auth/lytics-token", {"label": f"label {next(numbers)}", "config": config})


async def change_job(usher: Running) -> Asked:
    job_id = await new_job(usher)
    return Asked(f"{EXPORT}/{job_id}", usher.job(mapp_attribute_name=f"attribute_{next(numbers)}"))


async def created_job(usher: Running) -> Asked:
    return Asked(EXPORT, usher.job(mapp_attribute_name=f"attribute_{next(numbers)}"))


async def one_person(usher: Running) -> Asked:
    return Asked(f"{EXPORT}/send-one", usher.job(mapp_attribute_name=f"attribute_{next(numbers)}"))


async def somebody(usher: Running) -> Asked:
    return Asked(f"/v2/member/p{next(numbers)}%40example.com")


async def erased(usher: Running) -> Asked:
    path = (await somebody(usher)).path
    assert (await usher.ask("DELETE", path)).status == 200
    await usher.deps.desk.database.write(lambda txn: txn.conn.exec_driver_sql("UPDATE erased SET at_ms = 1"))
    return Asked(f"{path}/lift-erasure")


def of_person(way: str = "", *, body: Any = None) -> Making:
    async def make(usher: Running) -> Asked:
        name = f"person-{next(numbers)}"
        assert (await usher.ask("POST", "/v2/person", {"name": name, "role": "viewer"})).status == 201
        return Asked(f"/v2/person/{name}{way}", body)

    return make


async def new_person(usher: Running) -> Asked:
    return Asked("/v2/person", {"name": f"person-{next(numbers)}", "role": "viewer"})


async def new_token(usher: Running) -> Asked:
    return Asked("/v2/token", {"name": f"token-{next(numbers)}", "role": "viewer"})


async def kept_token(usher: Running) -> Asked:
    path, body = await new_token(usher)
    assert (await usher.ask("POST", path, body)).status == 201
    return Asked(f"/v2/token/{body['name']}")


async def new_channel(usher: Running) -> Asked:
    config = {"url": f"{usher.sandbox_url}/nothing"}
    return Asked("/v2/alert-channel", {"name": f"hook {next(numbers)}", "type": "webhook", "config": config})


def of_channel(way: str = "", *, body: Any = None) -> Making:
    async def make(usher: Running) -> Asked:
        made = await usher.ask("POST", *await new_channel(usher))
        return Asked(f"/v2/alert-channel/{made.data['id']}{way}", body)

    return make


CHANNEL_PATH = "/v2/alert-channel/{channel_id}"
JOB_PATH, AUTH_PATH = "/v2/job/{job_id}", "/v2/auth/{auth_id}"
DEEDS = {
    f"POST {EXPORT}": Deed("job.create", created_job),
    f"POST {EXPORT}/send-one": Deed("job.trial", one_person),
    f"PUT {EXPORT}/{{job_id}}": Deed("job.edit", change_job),
    f"DELETE {JOB_PATH}": Deed("job.delete", of_job("")),
    f"POST {JOB_PATH}/pause": Deed("job.pause", of_job("/pause")),
    f"POST {JOB_PATH}/resume": Deed("job.resume", of_job("/resume", first="pause")),
    f"POST {JOB_PATH}/bounce": Deed("job.bounce", of_job("/bounce", first="pause")),
    f"POST {JOB_PATH}/kill": Deed("job.kill", of_job("/kill")),
    f"POST {JOB_PATH}/retry": Deed("job.retry", of_job("/retry")),
    f"POST {JOB_PATH}/resend": Deed("job.resend", of_job("/resend")),
    f"POST {JOB_PATH}/reconcile": Deed("job.reconcile", of_job("/reconcile")),
    f"POST {JOB_PATH}/confirm-removals": Deed("job.confirm_removals", of_held("confirm-removals")),
    f"POST {JOB_PATH}/discard-removals": Deed("job.discard_removals", of_held("discard-removals")),
    "DELETE /v2/member/{member:path}": Deed("member.erase", somebody),
    "POST /v2/member/{member:path}/lift-erasure": Deed("member.lift_erasure", erased),
    "POST /v2/auth/{auth_type}": Deed("auth.create", new_auth),
    "PUT /v2/auth/{auth_type}/{auth_id}": Deed(
        "auth.change", of_auth("/v2/auth/lytics-token/{auth_id}", body={"label": "another"})
    ),
    f"DELETE {AUTH_PATH}": Deed("auth.delete", of_auth(AUTH_PATH)),
    f"POST {AUTH_PATH}/test": Deed("auth.test", of_auth(AUTH_PATH + "/test")),
    f"POST {ENDPOINT}": Deed("auth.new_trigger_token", of_auth(ENDPOINT)),
    f"DELETE {ENDPOINT}": Deed("auth.drop_trigger_tokens", of_auth(ENDPOINT)),
    "POST /v2/alert-channel": Deed("alert_channel.create", new_channel),
    f"PUT {CHANNEL_PATH}": Deed("alert_channel.change", of_channel(body={"level": "info"})),
    f"DELETE {CHANNEL_PATH}": Deed("alert_channel.delete", of_channel()),
    f"POST {CHANNEL_PATH}/test": Deed("alert_channel.test", of_channel("/test")),
    "POST /v2/person": Deed("person.create", new_person),
    "POST /v2/person/{name:path}/reset": Deed("person.reset", of_person("/reset")),
    "PUT /v2/person/{name:path}": Deed("person.role", of_person(body={"role": "operator"})),
    "DELETE /v2/person/{name:path}": Deed("person.remove", of_person()),
    "POST /v2/token": Deed("token.create", new_token),
    "DELETE /v2/token/{name:path}": Deed("token.revoke", kept_token),
}


async def trail(usher: Running) -> list[tuple[int, str, str]]:
    def read(txn: Any) -> list[tuple[int, str, str]]:
        rows = txn.conn.exec_driver_sql("SELECT id, actor, action FROM audit ORDER BY id").all()
        return [tuple(row) for row in rows]

    found: list[tuple[int, str, str]] = await usher.deps.desk.database.read(read)
    return found


def test_every_route_that_changes_something_stands_in_this_table() -> None:
    unsafe = {f"{route.method} {route.path}" for route in ROUTES if route.method != "GET"}
    assert unsafe == set(DEEDS) | CHANGES_NOTHING
    assert not set(DEEDS) & CHANGES_NOTHING


async def test_every_change_leaves_exactly_one_entry_with_its_actor(usher: Running, measured: Measured) -> None:
    wrong = []
    for route, (action, make) in DEEDS.items():
        method = route.partition(" ")[0]
        asked = await make(usher)
        before = await trail(usher)
        answer = await usher.ask(method, asked.path, asked.body)
        added = [(actor, did) for _, actor, did in (await trail(usher))[len(before) :]]
        if answer.status >= 300 or added != [(Role.ADMIN.value, action)]:
            wrong.append((route, answer.status, added, answer.text[:200] if answer.status >= 300 else ""))
    assert wrong == []
    measured("security.audited_changes", len(DEEDS))


async def test_a_change_that_is_refused_leaves_none(usher: Running) -> None:
    for route, (_, make) in DEEDS.items():
        asked = await make(usher)
        before = await trail(usher)
        for role in (None, Role.VIEWER):
            answer = await usher.ask(route.partition(" ")[0], asked.path, asked.body, role=role)
            assert answer.status in {401, 403}, route
        assert await trail(usher) == before, route


async def test_looking_leaves_none_but_where_the_look_itself_matters(usher: Running) -> None:
    job_id, auth_id = await new_job(usher), usher.made["lytics"]
    await usher.trigger(b"no message")
    for route in ROUTES:
        name = f"{route.method} {route.path}"
        if route.method != "GET" and name not in CHANGES_NOTHING:
            continue
        entry = "1" if "entry_id" in route.path else ""
        path = address(
            route.path.replace("{job_id}", job_id).replace("{auth_id}", auth_id).replace("{entry_id}", entry)
        )
        before = await trail(usher)
        await usher.ask(route.method, path, None if route.method == "GET" else usher.job())
        assert len(await trail(usher)) - len(before) == (name in LOOKS_THAT_ARE_WRITTEN_DOWN), name


async def test_no_entry_holds_a_secret_or_names_a_member(usher: Running) -> None:
    for route, (_, make) in DEEDS.items():
        asked = await make(usher)
        await usher.ask(route.partition(" ")[0], asked.path, asked.body)
    shown = str((await usher.ask("GET", "/v2/audit")).data)
    for secret in ("sandbox-lytics-token", "example.com", *usher.tokens.values(), await usher.trigger_token()):
        assert secret not in shown


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
async def test_who_did_it_is_the_token_that_was_presented(usher: Running, role: Role) -> None:
    job_id = await new_job(usher)
    await usher.ask("POST", f"/v2/job/{job_id}/pause", role=role)
    assert (await trail(usher))[-1][1:] == (role.value, "job.pause")

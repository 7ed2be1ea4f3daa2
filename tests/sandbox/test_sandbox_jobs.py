"""Webhook jobs as a whole: made over the API, fed by membership changes, received over HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from running_sandbox import Sandbox, served, until
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@dataclass
class Receiver:
    """An endpoint that keeps what it was sent."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    bodies: list = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.bodies.append(json.loads(await request.body()))
        self.headers.append(dict(request.headers))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 200)


@asynccontextmanager
async def _receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = Starlette(routes=[Route("/in", receiver.take, methods=["POST"])])
    async with served(app) as url:
        receiver.url = url + "/in"
        yield receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with _receiving() as running:
        yield running


async def _job(sandbox: Sandbox, url: str, *slugs: str, **config) -> dict:
    _, auth = await sandbox.lytics(
        "POST",
        "/v2/auth/header-param-auth",
        json={"label": "Usher", "config": {"webhook_request_headers": "Authorization: Bearer secret\nX-A: 1"}},
    )
    found = [(await sandbox.lytics("GET", f"/v2/segment/{slug}"))[1] for slug in slugs or ("vip_shoppers",)]
    ids = [segment["data"]["id"] for segment in found]
    body = {"name": "Usher", "auth_ids": [auth["data"]["id"]], "config": {"segment_ids": ids, "webhook_url": url}}
    body["config"] |= config
    status, job = await sandbox.lytics("POST", "/v2/job/webhook-triggers", json=body)
    assert status == 201, job
    return job["data"]


async def test_an_exit_reaches_the_webhook_with_the_authorizations_headers(sandbox, receiver):
    await _job(sandbox, receiver.url, user_fields=["email"])
    email = next(e for e in (await sandbox.get("/control/audiences/vip_shoppers/members"))["members"])

    await sandbox.post("/control/audiences/vip_shoppers/exit", {"members": [email]})
    await until(lambda: receiver.bodies)

    (body,) = receiver.bodies
    assert (body["data"]["email"], body["meta"]["object"]) == (email, "user")
    assert body["data"]["segment_events"][0]["event"] == "exit"
    assert set(body["data"]) == {"email", "segment_events"}
    assert (receiver.headers[0]["authorization"], receiver.headers[0]["x-a"]) == ("Bearer secret", "1")


async def test_entering_two_audiences_at_once_is_one_message(sandbox, receiver):
    await _job(sandbox, receiver.url, "vip_shoppers", "night_owls")

    answer = await sandbox.post("/control/audiences/vip_shoppers/enter", {"count": 1, "also": ["night_owls"]})
    await until(lambda: receiver.bodies)

    events = receiver.bodies[0]["data"]["segment_events"]
    assert answer["changed"] == 1
    assert [event["slug"] for event in events] == ["vip_shoppers", "night_owls"]


async def test_a_silent_change_tells_nobody(sandbox, receiver):
    await _job(sandbox, receiver.url)

    await sandbox.post("/control/audiences/vip_shoppers/exit", {"count": 3, "silent": True})
    await sandbox.post("/control/audiences/vip_shoppers/enter", {"count": 1})
    await until(lambda: receiver.bodies)

    assert [body["data"]["segment_events"][0]["event"] for body in receiver.bodies] == ["enter"]
    assert (await sandbox.get("/control/state"))["lytics"]["audiences"]["vip_shoppers"]["size"] == 48


async def test_existing_users_are_sent_as_entering(sandbox, receiver):
    await _job(sandbox, receiver.url, withbackfill=True, batch_requests=True, batch_size=20)
    await until(lambda: not sandbox.world.jobs.pending)

    people = [message for body in receiver.bodies for message in body]
    assert len({message["id"] for message in people}) == 50
    assert {message["data"]["segment_events"][0]["event"] for message in people} == {"enter"}


async def test_a_change_of_a_field_has_no_time(sandbox, receiver):
    await _job(sandbox, receiver.url)

    await sandbox.post("/control/audiences/vip_shoppers/change", {"count": 1})
    await until(lambda: receiver.bodies)

    assert set(receiver.bodies[0]["data"]["segment_events"][0]) == {"id", "slug", "event"}


async def test_two_quick_changes_of_one_person_have_rising_times(sandbox, receiver):
    await _job(sandbox, receiver.url, worker_count=1)
    member = (await sandbox.post("/control/audiences/vip_shoppers/exit", {"count": 1}))["members"][0]
    await sandbox.post("/control/audiences/vip_shoppers/enter", {"members": [member]})
    await until(lambda: len(receiver.bodies) == 2)

    exited, entered = (body["data"]["segment_events"][0] for body in receiver.bodies)
    assert exited["exit"].rstrip("Z") < entered["enter"].rstrip("Z")


async def test_a_failing_webhook_is_tried_again_until_it_takes_the_message(sandbox, receiver):
    receiver.statuses = [503] * 14
    await _job(sandbox, receiver.url, worker_count=1)

    await sandbox.post("/control/audiences/vip_shoppers/exit", {"count": 1})
    await until(lambda: len(receiver.bodies) == 15)
    await until(lambda: not sandbox.world.jobs.pending)

    (job,) = (await sandbox.get("/control/state"))["lytics"]["jobs"]
    assert (job["status"], job["delivered"], job["failures"]) == ("runnable", 1, 14)


async def test_jobs_are_commanded_listed_and_removed_as_lytics_does(sandbox, receiver):
    job = await _job(sandbox, receiver.url)
    path = f"/v2/job/{job['id']}"

    paused = (await sandbox.lytics("POST", f"{path}/pause"))[1]["data"]["status"]
    twice, _ = await sandbox.lytics("POST", f"{path}/pause")
    resumed = (await sandbox.lytics("POST", f"{path}/resume"))[1]["data"]["status"]
    logs = (await sandbox.lytics("GET", f"{path}/logs"))[1]["data"]
    killed = (await sandbox.lytics("POST", f"{path}/kill"))[1]["data"]["status"]
    usual = (await sandbox.lytics("GET", "/v2/job"))[1]["data"]
    every = (await sandbox.lytics("GET", "/v2/job", params={"show_all": "true"}))[1]["data"]
    deleted = (await sandbox.lytics("DELETE", path))[1]["data"]
    gone, _ = await sandbox.lytics("GET", path)

    assert (paused, twice, resumed, killed) == ("paused", 400, "runnable", "killed")
    assert [log["message"] for log in logs] == ["started", "paused", "runnable"]
    assert (usual, [j["id"] for j in every]) == ([], [job["id"]])
    assert (deleted["deleted"], gone) == (True, 404)


async def test_an_edited_job_sends_to_the_new_place(sandbox, receiver):
    job = await _job(sandbox, "http://127.0.0.1:9/never")
    body = {"name": "Moved", "config": job["config"] | {"webhook_url": receiver.url}}

    status, edited = await sandbox.lytics("PUT", f"/v2/job/webhook-triggers/{job['id']}", json=body)
    await sandbox.post("/control/audiences/vip_shoppers/enter", {"count": 1})
    await until(lambda: receiver.bodies)

    assert (status, edited["data"]["name"]) == (200, "Moved")
    assert "authorization" not in receiver.headers[0]


@pytest.mark.parametrize(
    "broken",
    [
        {"name": ""},
        {"config": {"webhook_url": "http://x"}},
        {"config": {"segment_ids": ["vip_shoppers"], "webhook_url": "http://x"}},
        {"config": {"segment_ids": [], "webhook_url": "http://x"}},
        {"auth_ids": ["unknown"]},
    ],
)
async def test_an_unsound_job_is_refused(sandbox, broken):
    _, segment = await sandbox.lytics("GET", "/v2/segment/vip_shoppers")
    sound = {"name": "A", "config": {"segment_ids": [segment["data"]["id"]], "webhook_url": "http://x"}}

    status, body = await sandbox.lytics("POST", "/v2/job/webhook-triggers", json=sound | broken)

    assert (status, body["errors"][0]["code"]) == (400, "JOB-BADREQ-002")


async def test_a_token_without_the_right_may_not_make_jobs(sandbox):
    await sandbox.post("/control/lytics/token", {"token": "reader", "rights": ["audiences", "schema", "pii"]})

    status, body = await sandbox.lytics("POST", "/v2/job/webhook-triggers", token="reader", json={})

    assert (status, body["errors"][0]["code"]) == (403, "FORBIDDEN-026")


async def test_an_authorization_never_gives_back_what_was_put_in(sandbox):
    config = {"webhook_request_headers": "Authorization: Bearer secret"}
    body = {"label": "Usher", "config": config}
    _, made = await sandbox.lytics("POST", "/v2/auth/header-param-auth", json=body)
    path = f"/v2/auth/{made['data']['id']}"
    _, read = await sandbox.lytics("GET", path)
    removed, _ = await sandbox.lytics("DELETE", path)
    gone, _ = await sandbox.lytics("GET", path)

    assert "secret" not in json.dumps([made, read])
    assert (removed, gone) == (200, 404)

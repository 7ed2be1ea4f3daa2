"""Whatever arrives where triggers do gets the answer of design rule 2, is counted, and disturbs nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.routing import Route

from tests.web.service import Running, until
from tests.web.test_web_errors import check_shape
from usher.errors import Unavailable
from usher.store.alert_facts import alert_facts
from usher.web.receiver import MOST_BYTES, Receiver


def counted(usher: Running, word: str) -> float:
    return usher.deps.telemetry.registry.get_sample_value("usher_trigger_messages_total", {"answer": word}) or 0.0


async def received(usher: Running, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await usher.ask("GET", f"/v2/job/{job_id}/progress")).data["triggers"]
    return found


async def test_a_trigger_is_durable_when_it_is_answered(usher: Running) -> None:
    job = await usher.create_job()
    answer = await usher.trigger(usher.event("jo@example.com"))
    assert answer.status == 200
    assert set(answer.body) == {"data", "request_id", "status", "_meta"}
    assert (await received(usher, job["id"]))["applied"] == 1
    assert counted(usher, "accepted") == 1


async def test_a_wrong_token_and_an_unknown_address_are_told_the_same(usher: Running) -> None:
    token = await usher.trigger_token()
    event = usher.event("jo@example.com")
    answers = [
        await usher.trigger(event, token="wrong"),
        await usher.trigger(event, token=""),
        await usher.trigger(event, token=token[:-1]),
        await usher.trigger(event, token=token + "x"),
        await usher.trigger(event, token="tökén"),
        await usher.trigger(event, token=token, auth_id="0" * 32),
        await usher.trigger(event, token=token, auth_id=usher.made["mapp"]),
        await usher.trigger(event, token=token, auth_id="%00'--"),
        await usher.ask("POST", f"/triggers/{usher.made['lytics']}", event, role=None),
    ]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.body["errors"][0]["message"] for answer in answers}) == 1
    for answer in answers:
        check_shape(answer)
    assert counted(usher, "refused") == len(answers)


async def test_an_api_token_is_no_trigger_token(usher: Running) -> None:
    from usher.access.roles import Role

    assert (await usher.trigger([], token=usher.tokens[Role.ADMIN])).status == 401


async def test_a_slash_too_many_costs_no_trigger(usher: Running) -> None:
    await usher.create_job()
    auth_id = usher.made["lytics"] + "/"
    assert (await usher.trigger(usher.event("jo@example.com"), auth_id=auth_id)).status == 200


SENSELESS = {
    "empty": b"",
    "half": b"{",
    "bytes": b"\xff\xfe\x00",
    "null": b"null",
    "deep list": b"[" * 200_000,
    "deep object": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "nothing": b"[]",
    "odd": b'{"data": 7}',
    "odd list": b'[1, "x", null, {}]',
    "UTF-16": "{}".encode("utf-16"),
    "odd events": b'{"data": {"email": "a@b.c", "segment_events": {"not": "a list"}}}',
}


async def test_an_authenticated_message_that_makes_no_sense_is_answered_200_and_disturbs_nothing(
    usher: Running,
) -> None:
    job = await usher.create_job()
    token = await usher.trigger_token()
    for number, (name, body) in enumerate(SENSELESS.items(), 1):
        assert (await usher.trigger(body, token=token)).status == 200, name
        assert (await usher.trigger(usher.event(f"p{number}@example.com"), token=token)).status == 200
        assert (await received(usher, job["id"]))["applied"] == number, name
    metrics = (await usher.ask("GET", "/metrics")).text
    assert 'usher_job_events_total{event="triggers.unreadable",job_id="none"}' in metrics


async def test_one_odd_item_does_not_spoil_its_neighbours(usher: Running) -> None:
    job = await usher.create_job()
    batch = [usher.event("a@example.com"), 7, {"data": None}, usher.event("b@example.com", is_in=False)]
    assert (await usher.trigger(batch)).status == 200
    assert (await received(usher, job["id"]))["applied"] >= 1


async def endless() -> AsyncIterator[bytes]:
    for _ in range(MOST_BYTES // 65_536 + 2):
        yield b" " * 65_536


async def test_a_message_beyond_the_limit_is_413_announced_or_not(usher: Running) -> None:
    token = await usher.trigger_token()
    announced = await usher.trigger(b" " * (MOST_BYTES + 1), token=token)
    assert announced.status == 413
    check_shape(announced)
    headers = {"Authorization": f"Bearer {token}"}
    path = f"/triggers/{usher.made['lytics']}"
    grown = await usher.ask("POST", path, role=None, headers=headers, data=endless())
    assert grown.status == 413
    assert counted(usher, "too_large") == 2
    desk = usher.deps.desk
    facts = await desk.database.read(lambda txn: alert_facts(txn, thresholds=desk.thresholds))
    assert [auth.is_too_large for auth in facts.authorizations if auth.id == usher.made["lytics"]] == [True]


async def test_a_large_message_within_the_limit_is_taken(usher: Running) -> None:
    job = await usher.create_job()
    body = json.dumps(usher.event("jo@example.com")).encode()
    assert (await usher.trigger(body + b" " * (MOST_BYTES - len(body)))).status == 200
    assert (await received(usher, job["id"]))["applied"] == 1


class Ingest:
    """Takes nothing in: raises what it is told to, or waits until it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.let_go = asyncio.Event()
        self.waiting = 0

    async def receive(self, auth_id: str, body: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.waiting += 1
        await self.let_go.wait()


def put_receiver(usher: Running, ingest: Ingest, **more: Any) -> Receiver:
    """Let another receiver answer, that works with *ingest*."""
    from dataclasses import replace

    receiver = Receiver(replace(usher.deps, ingest=ingest), **more)
    route = Route("/triggers/{auth_id:path}", receiver.receive, methods=["POST"])
    usher.service.app.router.routes.insert(0, route)  # type: ignore[attr-defined]
    return receiver


@pytest.mark.parametrize(
    "error", [Unavailable(), RuntimeError("a bug"), TimeoutError()], ids=lambda e: type(e).__name__
)
async def test_our_own_fault_is_never_lytics_fault(usher: Running, error: Exception) -> None:
    put_receiver(usher, Ingest(error))
    answer = await usher.trigger(usher.event("jo@example.com"))
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    check_shape(answer)
    assert "a bug" not in answer.text


async def test_too_much_at_once_waits_its_turn(usher: Running) -> None:
    ingest = Ingest()
    put_receiver(usher, ingest)
    token = await usher.trigger_token()
    large = b" " * MOST_BYTES
    held = [asyncio.create_task(usher.trigger(large, token=token)) for _ in range(4)]
    await until(lambda: ingest.waiting == 4)
    refused = await usher.trigger(usher.event("jo@example.com"), token=token)
    assert refused.status == 503
    assert refused.headers["Retry-After"]
    ingest.let_go.set()
    assert [answer.status for answer in await asyncio.gather(*held)] == [200] * 4
    assert (await usher.trigger(usher.event("jo@example.com"), token=token)).status == 200


async def test_a_message_that_dribbles_in_is_given_up(usher: Running) -> None:
    put_receiver(usher, Ingest(), read_seconds=0.05)
    token, stop = await usher.trigger_token(), asyncio.Event()

    async def dribble() -> AsyncIterator[bytes]:
        yield b"["
        await stop.wait()

    headers = {"Authorization": f"Bearer {token}"}
    path = f"/triggers/{usher.made['lytics']}"
    answer = await usher.ask("POST", path, role=None, headers=headers, data=dribble())
    stop.set()
    assert answer.status == 503
    assert counted(usher, "slow") == 1


async def test_a_caller_who_hangs_up_leaves_nothing_held(usher: Running) -> None:
    receiver = put_receiver(usher, Ingest())
    token = await usher.trigger_token()
    host, port = usher.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /triggers/{usher.made['lytics']} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    writer.write(f"{head}Content-Length: 1000\r\n\r\nhalf".encode())
    await writer.drain()
    await until(lambda: receiver._held_bytes > 0)
    writer.close()
    await writer.wait_closed()
    await until(lambda: counted(usher, "disconnected") == 1)
    assert receiver._held_bytes == 0


async def test_both_tokens_are_taken_after_a_rotation_until_the_old_one_is_dropped(usher: Running) -> None:
    await usher.create_job()
    old, path = await usher.trigger_token(), f"/v2/auth/{usher.made['lytics']}/trigger-endpoint"
    assert (await usher.ask("POST", path)).status == 200
    new = await usher.trigger_token()
    assert new != old
    assert [(await usher.trigger([], token=token)).status for token in (old, new)] == [200, 200]
    assert (await usher.ask("DELETE", path)).data == {"ended": 1}
    assert [(await usher.trigger([], token=token)).status for token in (old, new)] == [401, 200]

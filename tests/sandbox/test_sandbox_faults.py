import asyncio
import json

import aiohttp
import pytest
from running_sandbox import Sandbox, sandbox_of, until


async def _fault(sandbox: Sandbox, kind: str, **more) -> None:
    await sandbox.post("/control/faults", [{"where": "mapp.event", "kind": kind, **more}])


@pytest.mark.parametrize(
    ("kind", "more", "status"),
    [
        ("status", {"status": 502}, 502),
        ("throttle_500", {}, 500),
        ("throttle_429", {}, 429),
        ("reject", {}, 400),
        ("reset_before", {}, 0),
        ("hang", {"seconds": 0.05}, 0),
    ],
)
async def test_a_refused_event_is_not_applied(sandbox, kind, more, status):
    await _fault(sandbox, kind, **more)

    assert await sandbox.event({"email": sandbox.some_email(), "vip_shoppers": "true"}) == status
    assert (len(sandbox.world.applier), await sandbox.attributes("vip_shoppers")) == (0, {})
    assert len(sandbox.world.ledger.alive) == 0


@pytest.mark.parametrize("kind", ["reset_after", "lands_late"])
async def test_a_lost_answer_may_hide_an_applied_event(sandbox, kind):
    await _fault(sandbox, kind, seconds=0.05, times=1)
    email = sandbox.some_email()

    assert await sandbox.event({"email": email, "vip_shoppers": "true"}) == 0
    await sandbox.applied()

    assert await sandbox.attributes("vip_shoppers") == {email: "true"}
    assert len(sandbox.world.ledger.unsettled) == 0


async def test_closing_without_an_answer_really_closes_the_connection(sandbox: Sandbox):
    await sandbox.post("/control/faults", {"where": "lytics.segments", "kind": "reset_before"})
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sandbox.url.rpartition(":")[2]))
    writer.write(b"GET /lytics/v2/segment HTTP/1.1\r\nHost: x\r\n\r\n")

    async with asyncio.timeout(5):
        try:
            received = await reader.read()
        except ConnectionResetError:
            received = b""
    writer.close()

    assert received == b""


async def test_an_answer_that_comes_too_late_is_lost_but_applied(sandbox: Sandbox):
    await _fault(sandbox, "timeout_after", seconds=30)
    email = sandbox.some_email()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await sandbox.event({"email": email, "vip_shoppers": "true"})

    assert await sandbox.attributes("vip_shoppers") == {email: "true"}
    await until(lambda: sandbox.world.ledger.statuses["lost"] == 1)


async def test_a_second_request_while_the_first_is_unsettled_is_seen(sandbox: Sandbox):
    await _fault(sandbox, "lands_late", seconds=0.3, times=1)
    email = sandbox.some_email()

    await sandbox.event({"email": email, "vip_shoppers": "true"})
    await sandbox.event({"email": email, "vip_shoppers": "false"})
    await sandbox.applied()

    ledger = await sandbox.get("/control/mapp/ledger")
    assert (ledger["unsettled_most"], ledger["unsettled_overlaps"], ledger["order_violations"]) == (2, 1, 1)
    assert (await sandbox.attributes("vip_shoppers"))[email] == "true"


async def test_chosen_people_are_rejected_and_others_are_not(sandbox: Sandbox):
    first, second = [p.email for p in sandbox.world.audiences.people if len(p.emails) == 1][:2]
    await _fault(sandbox, "reject", members=[first])

    assert await sandbox.event({"email": first, "vip_shoppers": "true"}) == 400
    assert await sandbox.event({"email": second, "vip_shoppers": "true"}) == 200


async def test_a_share_of_the_calls_is_hit(sandbox: Sandbox):
    await _fault(sandbox, "status", status=503, share=0.5)
    email = sandbox.some_email()

    statuses = [await sandbox.event({"email": email, "vip_shoppers": "true"}) for _ in range(60)]

    assert set(statuses) == {200, 503}


async def test_a_rate_limit_refuses_what_is_above_it_and_says_when_to_come_back(sandbox: Sandbox):
    rule = {"where": "mapp.any", "kind": "rate_limit", "per_second": 0.001, "burst": 3}
    await sandbox.post("/control/faults", [rule])
    email = sandbox.some_email()

    statuses = [await sandbox.event({"email": email, "vip_shoppers": "true"}) for _ in range(5)]
    async with sandbox.http.get(sandbox.url + "/mapp/sandbox/api/rest/v19/system/getApiVersion") as refused:
        retry_after = refused.headers["Retry-After"]

    assert statuses == [200, 200, 200, 429, 429]
    assert retry_after == "1"


async def test_rules_end_after_their_times_and_count_their_hits(sandbox: Sandbox):
    rule = {"where": "lytics.any", "kind": "status", "status": 429, "times": 2, "headers": {"X-Why": "limit"}}
    await sandbox.post("/control/faults", [rule | {"body": {"message": "too many"}}])

    answers = [await sandbox.lytics("GET", "/v2/segment") for _ in range(3)]

    assert [status for status, _ in answers] == [429, 429, 200]
    assert answers[0][1] == {"message": "too many"}
    assert (await sandbox.get("/control/faults"))[0]["hits"] == 2
    assert await sandbox.call("DELETE", "/control/faults") == (200, [])
    assert await sandbox.get("/control/faults") == []


async def test_a_rule_with_an_unknown_word_is_refused(sandbox: Sandbox):
    for rule in ({"where": "mapp.any", "kind": "explode"}, {"where": "mapp.any", "kind": "slow", "second": 1}):
        status, answer = await sandbox.call("POST", "/control/faults", json=[rule])

        assert status == 400
        assert answer["error"]


async def test_a_slow_answer_is_still_an_answer(sandbox: Sandbox):
    await _fault(sandbox, "slow", seconds=0.05)

    assert await sandbox.event({"email": sandbox.some_email(), "vip_shoppers": "true"}) == 200


async def test_a_rate_for_mapp_can_be_given_from_the_start():
    async with sandbox_of(requests_per_second=0.5) as sandbox:
        email = sandbox.some_email()

        statuses = [await sandbox.event({"email": email, "vip_shoppers": "true"}) for _ in range(2)]

        assert statuses == [200, 429]


async def test_a_hanging_call_ends_when_its_caller_leaves(sandbox: Sandbox):
    await sandbox.post("/control/faults", [{"where": "lytics.any", "kind": "hang", "seconds": 3600}])

    with pytest.raises(TimeoutError):
        await sandbox.http.get(sandbox.url + "/lytics/v2/segment", timeout=aiohttp.ClientTimeout(total=0.1))

    await until(lambda: sandbox.world.traffic.by_status["lytics.segments", 0] == 1)


async def test_the_body_of_a_rejection_is_engages(sandbox: Sandbox):
    await _fault(sandbox, "reject")
    path = f"/api/v1/integration/{sandbox.world.mapp.integration_id}/event"
    raw = json.dumps({"email": "a@example.com"}).encode()

    _, error = await sandbox.call("POST", f"/mapp{path}", data=raw)

    assert (error["errorActor"], error["errorCode"]) == ("CLIENT", "INVALID_PARAMETER")

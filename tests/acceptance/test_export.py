"""The export as a user meets it: real processes, real HTTP, every person compared."""

import asyncio
import io
from pathlib import Path

import pytest

from tests.acceptance.stack import ATTRIBUTE, GROUP, running, until

pytestmark = pytest.mark.process


async def test_killed_ten_times_during_a_backfill_everybody_agrees_and_no_acknowledged_trigger_is_lost(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, members=2_500, time_scale=0.02) as stack:
        auths = await stack.add_authorizations(requests_per_second=120)
        job = await stack.add_job(auths)
        await stack.control("POST", "/churn", {"audience": ATTRIBUTE, "per_second": 25, "seconds": 22})
        for _ in range(10):
            await asyncio.sleep(1.2)
            stack.kill_service()
            await stack.start_service()
        assert not await stack.has_settled(job)
        await until(lambda: stack.has_settled(job), seconds=90)
        told = await stack.progress(job)
        triggers = told["triggers"]
        assert await stack.disagreements() == {}
        assert triggers["received"] >= await stack.acknowledged_events() > 200
        assert triggers["received"] == (
            triggers["applied"] + sum(triggers["ignored"].values()) + triggers["unreadable"]
        )
        assert (await stack.control("GET", "/mapp/ledger"))["unsettled_most"] == 1


async def test_with_requests_failing_in_every_way_everybody_still_agrees(tmp_path: Path) -> None:
    kinds = [
        {"kind": "throttle_500"}, {"kind": "throttle_429"}, {"kind": "reset_before"},
        {"kind": "reset_after"}, {"kind": "timeout_after", "seconds": 2.5}, {"kind": "lands_late", "seconds": 1.0},
        {"kind": "status", "status": 503}, {"kind": "status", "status": 502}, {"kind": "status", "status": 408},
        {"kind": "slow", "seconds": 0.4}, {"kind": "hang", "seconds": 3}, {"kind": "status", "status": 504},
    ]  # fmt: skip
    async with running(tmp_path, members=1_500, time_scale=0.05) as stack:
        faults = [{"where": "mapp.event", "share": 0.05 / len(kinds), **kind} for kind in kinds]
        faults += [
            {"where": "mapp.event", "kind": "status", "status": 401, "times": 2, "share": 0.01},
            {"where": "mapp.event", "kind": "rate_limit", "per_second": 400, "burst": 20, "status": 429},
        ]
        rejected = sorted((await stack.control("GET", f"/audiences/{ATTRIBUTE}/members", field="email"))["members"])[:3]
        faults.append({"where": "mapp.event", "kind": "reject", "members": rejected})
        await stack.control("POST", "/faults", faults)
        job = await stack.add_job(await stack.add_authorizations())
        refusals = [
            {"kind": "status", "status": 503},
            {"kind": "status", "status": 429, "times": 1},
            {"kind": "reset_before"},
        ]
        await stack.control("POST", "/faults", [{"where": "lytics.scan", "share": 0.1, **kind} for kind in refusals])
        await stack.control("POST", "/churn", {"audience": ATTRIBUTE, "per_second": 20, "seconds": 10})
        await until(lambda: stack.has_settled(job), seconds=120)
        hits = {(fault["kind"], fault["status"]): fault["hits"] for fault in await stack.control("GET", "/faults")}
        assert set(await stack.disagreements()) <= set(rejected)
        aside = await stack.api("GET", f"/v2/job/{job['id']}/members?state=set_aside")
        assert {"INVALID_PARAMETER" in row["set_aside"]["reason"] for row in aside} == {True}
        assert sum(hits.values()) > 40
        assert (await stack.control("GET", "/mapp/ledger"))["unsettled_most"] == 1
        await stack.control("DELETE", "/faults")
        await stack.api("POST", f"/v2/job/{job['id']}/retry", {})
        await until(stack.agrees, seconds=30)


async def test_a_missing_mapping_is_cured_by_resend(tmp_path: Path) -> None:
    async with running(tmp_path, members=300) as stack:
        await stack.control("POST", "/mapp/mapping", {"mapping": {ATTRIBUTE: None}})
        job = await stack.add_job(await stack.add_authorizations())
        await until(lambda: stack.has_settled(job))
        assert await stack.control("GET", "/mapp/attributes", group=GROUP, attribute=ATTRIBUTE) == {}
        await stack.control("POST", "/mapp/mapping", {"mapping": {ATTRIBUTE: f"{GROUP}:{ATTRIBUTE}"}})
        await stack.api("POST", f"/v2/job/{job['id']}/resend", {})

        async def agrees() -> bool:
            return await stack.has_settled(job) and await stack.disagreements() == {}

        await until(agrees, seconds=30)


async def test_bad_credentials_stop_the_job_in_seconds_and_rotation_sets_it_going_by_itself(tmp_path: Path) -> None:
    async with running(tmp_path, members=800) as stack:
        auths = await stack.add_authorizations(requests_per_second=100)
        job = await stack.add_job(auths)
        await asyncio.sleep(1.5)
        await stack.control("POST", "/mapp/settings", {"secret": "another-secret"})
        told = await until(lambda: in_status(stack, job, "fault"), seconds=5)
        assert "authorization" in told["meta"]["reason"]
        attempts = (await stack.progress(job))["sent"]
        assert attempts["rejected"] == attempts["retried"] == 0
        auth = await stack.api("GET", f"/v2/auth/{auths[0]}")
        assert auth["status"] == "unhealthy"
        await stack.api(
            "PUT", f"/v2/auth/integration-secret/{auths[0]}", {"label": "Mapp", "config": {"secret": "another-secret"}}
        )
        await until(lambda: in_status(stack, job, "runnable"), seconds=10)
        await until(lambda: stack.has_settled(job), seconds=30)
        assert await stack.disagreements() == {}


async def in_status(stack, job, status):  # type: ignore[no-untyped-def]
    told = await stack.api("GET", f"/v2/job/{job['id']}")
    return told if told["status"] == status else None


async def test_a_restart_goes_on_where_it_was_and_a_term_signal_leaves_no_unknown_outcome(tmp_path: Path) -> None:
    async with running(tmp_path, members=900) as stack:
        job = await stack.add_job(await stack.add_authorizations(requests_per_second=150))
        await asyncio.sleep(2)
        assert stack.stop_service() == 0
        asked = (await stack.control("GET", "/mapp/ledger"))["requests"]
        assert 0 < asked < 800
        await stack.start_service()
        await until(lambda: stack.has_settled(job), seconds=30)
        told = await stack.progress(job)
        ledger = await stack.control("GET", "/mapp/ledger")
        assert told["sent"]["unknown"] == 0
        assert ledger["requests"] == told["sent"]["accepted"]
        assert await stack.disagreements() == {}


async def test_polling_replaces_triggers_where_lytics_cannot_reach_the_service(tmp_path: Path) -> None:
    async with running(tmp_path, members=200) as stack:
        await stack.control("POST", "/lytics/token", {"token": "sandbox-lytics-token", "rights": READ_ONLY})
        job = await stack.add_job(await stack.add_authorizations(), reconcile_hours=0.017)
        await until(lambda: stack.has_settled(job))
        shown = stack.usher("job", "show", job["id"])
        assert "segment" in shown.lower()
        assert "/triggers/" in shown
        assert stack.stop_service() == 0
        await stack.control("POST", f"/audiences/{ATTRIBUTE}/exit", {"count": 7})
        await stack.control("POST", f"/audiences/{ATTRIBUTE}/enter", {"count": 5})
        assert await stack.disagreements() != {}
        stack.let_the_next_comparison_be_due(job)
        await stack.start_service()
        await until(stack.agrees, seconds=110)
        assert (await stack.progress(job))["triggers"]["received"] == 0


READ_ONLY: list[str] = ["audiences", "schema", "pii"]


HOSTILE = {
    "not JSON": b"enter please",
    "half JSON": b'{"id": "1", "data": {"email": "a@example.com", "segment_ev',
    "deeply nested": b"[" * 100_000 + b"]" * 100_000,
    "wrong encoding": '{"id": "1"}'.encode("utf-16"),
    "empty": b"",
    "a number": b"42",
    "no audience": b'{"id": "1", "data": {"email": "a@example.com", "segment_events": [{"event": "enter"}]}}',
    "not a number": b'{"id": NaN, "data": 1e999}',
    "unknown audience": (
        b'{"id": "1", "data": {"email": "a@example.com", "segment_events":'
        b' [{"id": "ffffffffffffffffffffffffffffffff", "slug": "nobody", "event": "enter"}]}}'
    ),
}


async def test_hostile_triggers_get_their_answer_are_counted_and_disturb_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, members=100) as stack:
        auths = await stack.add_authorizations()
        job = await stack.add_job(auths)
        endpoint = await stack.api("GET", f"/v2/auth/{auths[1]}/trigger-endpoint")
        name, _, value = endpoint["header"].partition(": ")

        async def post(body: bytes, *, token: str = value, to: str = auths[1]) -> int:
            url = f"{stack.url}/triggers/{to}"
            async with stack.http.post(url, data=io.BytesIO(body), headers={name: token}) as answer:
                await answer.read()
                return answer.status

        answers = {case: await post(body) for case, body in HOSTILE.items()}
        assert answers == dict.fromkeys(HOSTILE, 200)
        assert await post(b"{}", token="Bearer wrong") == 401
        assert await post(b"{}", to="0" * 32) == 401
        assert await post(b" " * (16 * 1024 * 1024 + 1)) == 413
        async with stack.http.get(f"{stack.url}/metrics", headers={"Authorization": stack.token}) as answer:
            metrics = await answer.text()
        for reason in ("unknown_audience", "not_json", "no_audience"):
            assert reason in metrics
        await stack.control("POST", f"/audiences/{ATTRIBUTE}/exit", {"count": 5})
        await until(lambda: stack.has_settled(job), seconds=20)
        assert await stack.disagreements() == {}


async def test_no_secret_and_no_member_appears_in_the_service_log_or_metrics(tmp_path: Path) -> None:
    async with running(tmp_path, members=60) as stack:
        await stack.control("POST", "/faults", {"where": "mapp.event", "kind": "reject", "share": 0.2, "times": 5})
        job = await stack.add_job(await stack.add_authorizations())
        await until(lambda: stack.has_settled(job), seconds=20)
        people = (await stack.control("GET", f"/audiences/{ATTRIBUTE}/members", field="email"))["members"]
        await stack.api("GET", f"/v2/job/{job['id']}/members/{people[0]}")
        async with stack.http.get(f"{stack.url}/metrics", headers={"Authorization": stack.token}) as answer:
            shown = await answer.text() + stack.log() + stack.usher("auth", "list", "--json")
        assert [member for member in people if member in shown] == []
        assert [secret for secret in ("sandbox-secret", "sandbox-lytics-token", stack.token) if secret in shown] == []

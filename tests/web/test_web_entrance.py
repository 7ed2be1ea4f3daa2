"""What every answer carries, what the log says of it, and what machines can watch."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.web.service import Running, until
from usher.access.roles import Role
from usher.engine.telemetry import Refusal
from usher.jobs.figures import EVENTS
from usher.web.logging import configure_logging
from usher.web.receiver import ANSWERS


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything that is logged, as JSON lines."""
    out, before = io.StringIO(), structlog.get_config()
    handlers, level = logging.root.handlers[:], logging.root.level
    configure_logging(stream=out)
    yield out
    structlog.configure(**before)
    logging.basicConfig(handlers=handlers, level=level, force=True)


async def test_every_answer_carries_safe_headers_and_its_id(usher: Running) -> None:
    for method, path in (("GET", "/v2/job"), ("GET", "/nope"), ("GET", "/healthz"), ("POST", "/triggers/x")):
        headers = (await usher.ask(method, path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert len(headers["X-Request-Id"]) == 32
        assert "server" not in {name.lower() for name in headers}


async def test_the_log_names_the_route_and_nobody(usher: Running, written: io.StringIO) -> None:
    job = await usher.create_job()
    token = await usher.trigger_token()
    await usher.trigger(usher.event("jo.public@example.com"), token=token)
    await usher.ask("GET", f"/v2/job/{job['id']}/members/jo.public@example.com?cursor=private")
    await usher.trigger([], token="not-the-token")
    await usher.ask("GET", "/v2/segment/private-name")
    text = written.getvalue()
    for secret in ("jo.public", "private", token, "not-the-token", usher.tokens[Role.ADMIN], "sandbox-secret"):
        assert secret not in text
    lines = [json.loads(line) for line in text.splitlines()]
    explained = next(line for line in lines if line.get("route") == "/v2/job/{job_id}/members/{member:path}")
    assert explained["status"] == 200
    assert explained["request_id"]
    assert explained["level"] == "info"


async def test_a_fault_is_logged_with_the_requests_id(usher: Running, written: io.StringIO) -> None:
    usher.service.app.state.deps = None  # type: ignore[attr-defined]
    headers = {"Authorization": "x"}
    async with usher.http.get(f"{usher.url}/v2/job", headers=headers) as reply:
        assert reply.status >= 500
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert any("request_failed" in line["event"] for line in lines)


async def test_who_leaves_before_the_answer_is_one_line_and_no_failure(usher: Running, written: io.StringIO) -> None:
    host, port = usher.url.removeprefix("http://").split(":")
    heads = {
        "/sign-in": "Sec-Fetch-Site: same-origin",
        "/v2/token": f"Authorization: {usher.tokens[Role.ADMIN]}",
    }
    for number, (path, header) in enumerate(heads.items(), 1):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\n{header}\r\nContent-Length: 99\r\n\r\nname".encode())
        await writer.drain()
        writer.close()
        await until(lambda number=number: written.getvalue().count("\n") >= number)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(line["event"], line["level"], line["route"], line["status"]) for line in lines] == [
        ("request", "info", path, 499) for path in heads
    ]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("out", [io.StringIO(), Screen()], ids=["file", "terminal"])
def test_a_logged_failure_shows_no_value_that_the_code_held(written: io.StringIO, out: io.StringIO) -> None:
    configure_logging(stream=out)

    def settle(member: str) -> None:
        raise ValueError

    try:
        settle("JO-PUBLIC".lower())  # a traceback shows this line, and may
    except ValueError as error:
        structlog.get_logger().error("task_failed", exc_info=error)

    assert "ValueError" in out.getvalue()
    assert "jo-public" not in out.getvalue()


async def test_a_trigger_is_logged_only_when_it_fails(usher: Running, written: io.StringIO) -> None:
    token = await usher.trigger_token()
    written.seek(0)
    written.truncate()
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await usher.ask("GET", path)).status == 200
    assert (await usher.trigger(usher.event("jo@example.com"), token=token)).status == 200
    assert written.getvalue() == ""

    await usher.trigger([], token="not-the-token")
    await usher.trigger([], auth_id="nobody", token=token)
    await usher.deps.desk.database.close()
    assert (await usher.trigger([], token=token)).status == 503
    assert (await usher.ask("GET", "/readyz")).status == 503

    requests = [line for line in map(json.loads, written.getvalue().splitlines()) if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in requests] == [
        ("/triggers/{auth_id:path}", 401),
        ("/triggers/{auth_id:path}", 401),
        ("/triggers/{auth_id:path}", 503),
        ("/readyz", 503),
    ]


def test_what_libraries_log_joins_the_same_lines(written: io.StringIO) -> None:
    logging.getLogger("some.library").warning("careful with %s", "this")
    logging.getLogger("some.library").info("routine")
    (line,) = [json.loads(line) for line in written.getvalue().splitlines()]
    assert (line["event"], line["library"], line["level"]) == ("careful with this", "some.library", "warning")


async def test_metrics_count_by_job_and_never_name_a_member(usher: Running) -> None:
    job = await usher.create_job()
    await usher.trigger(usher.event("jo.public@example.com"))
    text = (await usher.ask("GET", "/metrics", role=Role.VIEWER)).text
    assert f'usher_job_members{{job_id="{job["id"]}",state="due"}} 1.0' in text
    assert f'usher_job_events_total{{event="triggers.applied",job_id="{job["id"]}"}} 1.0' in text
    assert f'usher_job_status{{job_id="{job["id"]}",status="runnable"}} 1.0' in text
    assert 'usher_trigger_messages_total{answer="accepted"} 1.0' in text
    assert "jo.public" not in text
    await usher.ask("DELETE", f"/v2/job/{job['id']}")
    assert job["id"] not in (await usher.ask("GET", "/metrics", role=Role.VIEWER)).text


async def test_what_alarms_look_at_is_there_from_zero(usher: Running) -> None:
    job = await usher.create_job()
    text = (await usher.ask("GET", "/metrics", role=Role.VIEWER)).text
    for state in ("total", "in", "due", "aside", "held"):
        assert f'usher_job_members{{job_id="{job["id"]}",state="{state}"}} 0.0' in text
    for event in EVENTS:
        assert f'usher_job_events_total{{event="{event}",job_id="{job["id"]}"}} 0.0' in text
    assert 'usher_job_events_total{event="triggers.unreadable",job_id="none"} 0.0' in text
    for answer in ANSWERS:
        assert f'usher_trigger_messages_total{{answer="{answer}"}} 0.0' in text
    for reason in Refusal:
        assert f'usher_refused_connections_total{{reason="{reason}"}} 0.0' in text


async def test_metrics_show_the_exits_that_wait(usher: Running) -> None:
    job = await usher.create_job(exit_brake_people=1, exit_brake_percent=1.0)
    names = [f"p{n}@example.com" for n in range(4)]
    await usher.trigger([usher.event(name) for name in names])
    leaving = [usher.event(name, is_in=False) for name in names[:3]]
    for event in leaving:
        event["data"]["segment_events"][0]["exit"] = "2026-11-20T10:15:03.1Z"
    await usher.trigger(leaving)
    text = (await usher.ask("GET", "/metrics", role=Role.VIEWER)).text
    assert f'usher_job_members{{job_id="{job["id"]}",state="held"}} 3.0' in text
    listed = await usher.ask("GET", f"/v2/job/{job['id']}/members?state=held")
    assert sorted(row["member"] for row in listed.data) == names[:3]

    decided = (await usher.ask("POST", f"/v2/job/{job['id']}/confirm-removals")).data
    assert decided["meta"]["notes"] == ["Being set to false: 3 who exited."]


async def test_a_decision_over_rest_is_for_the_hold_that_it_names(usher: Running) -> None:
    job = await usher.create_job(exit_brake_people=1, exit_brake_percent=1.0)
    names = [f"p{n}@example.com" for n in range(4)]
    await usher.trigger([usher.event(name) for name in names])
    assert (await usher.ask("GET", f"/v2/job/{job['id']}/progress")).data["hold"] == ""
    leaving = [usher.event(name, is_in=False) for name in names[:3]]
    for event in leaving:
        event["data"]["segment_events"][0]["exit"] = "2026-11-20T10:15:03.1Z"
    await usher.trigger(leaving)
    hold = (await usher.ask("GET", f"/v2/job/{job['id']}/progress")).data["hold"]
    for way in ("confirm-removals", "discard-removals"):
        other = await usher.ask("POST", f"/v2/job/{job['id']}/{way}", {"hold": hold + "0"})
        assert (other.status, "look again" in other.text) == (409, True)
        odd = await usher.ask("POST", f"/v2/job/{job['id']}/{way}", {"hold": 1, "holt": hold})
        assert (odd.status, sorted(odd.fields)) == (400, ["hold", "holt"])
    decided = (await usher.ask("POST", f"/v2/job/{job['id']}/discard-removals", {"hold": hold})).data
    assert decided["meta"]["notes"] == ["Kept as they are: 3 who exited."]


async def test_metrics_need_a_token_and_health_needs_none(usher: Running) -> None:
    assert (await usher.ask("GET", "/metrics", role=None)).status == 401
    assert (await usher.ask("GET", "/healthz", role=None)).text == "alive\n"
    assert (await usher.ask("GET", "/readyz", role=None)).body["ready"] is True

"""Bodies have the shapes that Lytics publishes, and the ones that our own description promises."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.web.service import EXPORT, Running
from usher.domain.job import Status
from usher.web.job_shape import JobBody

PUBLISHED = json.loads(Path(__file__).with_name("published_schemas.json").read_text())


def check(body: Any, *, data: dict[str, Any]) -> None:
    envelope = {"allOf": [ref("models.ApiResponse", without=("data",)), {"properties": {"data": data}}]}
    required = {"required": ["data", "request_id", "status", "_meta"]}
    jsonschema.validate(body, {**envelope, **required, "components": PUBLISHED["components"]})


def ref(name: str, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The published schema; a list's `data` is published as an object, so *without* leaves it to the other half."""
    if not without:
        return {"$ref": f"#/components/schemas/{name}"}
    found = PUBLISHED["components"]["schemas"][name]
    return found | {"properties": {k: v for k, v in found["properties"].items() if k not in without}}


CHANNEL = {
    "name": "Ops",
    "type": "email",
    "config": {"host": "smtp.example.com", "from": "usher@example.com", "to": ["ops@example.com"]},
}
JOB = {"allOf": [ref("models.JobResponse"), {"properties": {"config": ref("models.MappTriggerExport")}}]}


def many(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema, "minItems": 1}


async def test_a_job_has_the_published_shape_wherever_it_is_shown(usher: Running) -> None:
    made = await usher.ask("POST", EXPORT, usher.job(withbackfill=True))
    assert made.status == 201
    check(made.body, data=JOB)
    job_id = made.data["id"]
    for path in (f"/v2/job/{job_id}", f"{EXPORT}/{job_id}"):
        check((await usher.ask("GET", path)).body, data=JOB)
    check((await usher.ask("GET", "/v2/job")).body, data=many(JOB))
    check((await usher.ask("PUT", f"{EXPORT}/{job_id}", {"name": "Another"})).body, data=JOB)
    for command in ("pause", "resume", "bounce", "resend", "kill"):
        check((await usher.ask("POST", f"/v2/job/{job_id}/{command}")).body, data=JOB)
    check((await usher.ask("GET", f"/v2/job/{job_id}/logs")).body, data=many(ref("models.JobLog")))
    deleted = await usher.ask("DELETE", f"/v2/job/{job_id}")
    check(deleted.body, data=JOB)
    assert deleted.data["deleted"] is True


async def test_a_job_says_everything_that_was_asked_for_under_lytics_names(usher: Running) -> None:
    asked = {
        "mapp_attribute_name": "vip",
        "enable_dynamic_attributes": True,
        "dynamic_attribute_prefix": "x_",
        "withbackfill": True,
        "reconcile_hours": 2.5,
    }
    job = await usher.create_job(**asked)
    assert asked.items() <= job["config"].items()
    assert job["meta"]["attribute_key"] == "x_vip"
    assert job["auth_ids"] == [usher.made["mapp"], usher.made["lytics"]]
    assert (job["workflow"], job["status"], job["deleted"]) == ("mapp_trigger_export", "runnable", False)


async def test_a_new_job_s_answer_carries_what_should_be_known(usher: Running) -> None:
    job = await usher.create_job(exit_brake=False)
    assert any("The exit brake is off" in note for note in job["meta"]["notes"])


async def test_an_authorization_has_the_published_shape_and_no_secret(usher: Running) -> None:
    shown = ref("models.AuthResponse")
    check((await usher.ask("GET", "/v2/auth")).body, data=many(shown))
    for name, kind in (("mapp", "integration-secret"), ("lytics", "lytics-token")):
        for path in (f"/v2/auth/{usher.made[name]}", f"/v2/auth/{kind}/{usher.made[name]}"):
            answer = await usher.ask("GET", path)
            check(answer.body, data=shown)
            assert "sandbox-secret" not in answer.text
            assert "sandbox-lytics-token" not in answer.text


async def test_audiences_and_fields_are_passed_on_in_lytics_own_shape(usher: Running) -> None:
    check((await usher.ask("GET", "/v2/segment")).body, data=many(ref("models.Segment")))
    check((await usher.ask("GET", "/v2/segment/vip_shoppers")).body, data=ref("models.Segment"))
    check((await usher.ask("GET", "/v2/schema/user/field")).body, data=many(ref("models.Field")))


async def test_a_failure_has_the_published_shape(usher: Running) -> None:
    failure = await usher.ask("POST", EXPORT, {"name": "", "config": {"odd": 1}, "auth_ids": []})
    assert failure.status == 400
    schema = ref("models.ApiErrorResponse") | {"components": PUBLISHED["components"]}
    jsonschema.validate(failure.body, schema)
    assert {"name", "config.odd", "config.group_id"} <= set(failure.fields)


async def test_progress_has_exactly_the_promised_keys(usher: Running) -> None:
    job = await usher.create_job()
    progress = (await usher.ask("GET", f"/v2/job/{job['id']}/progress")).data
    figures = {"scan", "members", "sent", "triggers", "pace", "backfill"}
    assert set(progress) == figures | {"status", "reason", "hold", "sentence", "since", "offers"}
    assert set(progress["members"]) == {"total", "in", "out", "due", "set_aside", "held", "waiting", "in_step"}
    assert set(progress["sent"]) == {"requests", "accepted", "retried", "rejected", "unknown"}
    assert set(progress["triggers"]) == {"received", "applied", "ignored", "unreadable"}
    assert set(progress["pace"]) == {"per_second", "in_flight"}


async def test_a_preview_shows_the_exact_request_and_saves_nothing(usher: Running) -> None:
    preview = (await usher.ask("POST", f"{EXPORT}/preview", usher.job(withbackfill=True))).data
    assert preview["problems"] == []
    assert preview["people"] == 20
    body = json.loads(preview["request"]["body"])
    assert body["vip_shoppers"] == "true"
    assert body["updateonly"] == "true"
    assert (await usher.ask("GET", "/v2/job")).data == []


async def test_a_preview_of_a_bad_draft_lists_every_problem(usher: Running) -> None:
    draft = usher.job(dynamic_attribute_prefix="x", backfill_only=True, group_id="")
    preview = (await usher.ask("POST", f"{EXPORT}/preview", draft)).data
    fields = {problem["field"] for problem in preview["problems"]}
    assert {"config.dynamic_attribute_prefix", "config.backfill_only", "config.group_id"} <= fields
    assert all(problem["mend"] for problem in preview["problems"])


async def test_our_own_description_is_true_of_what_is_answered(usher: Running) -> None:
    description = (await usher.ask("GET", "/openapi.json", role=None)).body
    job = await usher.create_job(withbackfill=True)
    job_id, auth_id = job["id"], usher.made["lytics"]
    await usher.trigger(b"nonsense")
    (odd,) = (await usher.ask("GET", "/v2/unreadable")).data
    channel = (await usher.ask("POST", "/v2/alert-channel", CHANNEL)).data
    asked = {
        "/v2/job": "/v2/job",
        "/v2/job/{job_id}": f"/v2/job/{job_id}",
        "/v2/job/{job_id}/logs": f"/v2/job/{job_id}/logs",
        "/v2/job/{job_id}/progress": f"/v2/job/{job_id}/progress",
        "/v2/job/{job_id}/activity": f"/v2/job/{job_id}/activity?span=day",
        "/v2/job/{job_id}/set-aside": f"/v2/job/{job_id}/set-aside",
        "/v2/job/{job_id}/removals": f"/v2/job/{job_id}/removals",
        "/v2/health": "/v2/health",
        "/v2/overview": "/v2/overview?show=all",
        "/v2/worker": "/v2/worker",
        "/v2/job/{job_id}/members": f"/v2/job/{job_id}/members",
        "/v2/job/{job_id}/members/{member}": f"/v2/job/{job_id}/members/nobody",
        "/v2/auth": "/v2/auth",
        "/v2/auth/{auth_id}": f"/v2/auth/{auth_id}",
        "/v2/auth/{auth_id}/group": f"/v2/auth/{usher.made['mapp']}/group",
        "/v2/auth/{auth_id}/trigger-endpoint": f"/v2/auth/{auth_id}/trigger-endpoint",
        "/v2/auth/{auth_type}/{auth_id}": f"/v2/auth/lytics-token/{auth_id}",
        f"{EXPORT}/{{job_id}}": f"{EXPORT}/{job_id}",
        "/v2/segment": "/v2/segment",
        "/v2/segment/{id_or_slug}": "/v2/segment/vip_shoppers",
        "/v2/schema/{table}/field": "/v2/schema/user/field",
        "/v2/token": "/v2/token",
        "/v2/person": "/v2/person",
        "/v2/member/{member}": "/v2/member/nobody",
        "/v2/unreadable": "/v2/unreadable",
        "/v2/unreadable/{entry_id}": f"/v2/unreadable/{odd['id']}",
        "/v2/audit": "/v2/audit",
        "/v2/alert": "/v2/alert",
        "/v2/alert-channel": "/v2/alert-channel",
        "/v2/alert-channel/{channel_id}": f"/v2/alert-channel/{channel['id']}",
    }
    reads = {path for path, item in description["paths"].items() if path.startswith("/v2") and "get" in item}
    assert reads == set(asked)
    for template, path in asked.items():
        schema = description["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        whole = schema | {"components": description["components"]}
        jsonschema.validate((await usher.ask("GET", path)).body, whole)


async def test_the_description_names_every_address_of_the_surface(usher: Running) -> None:
    paths = (await usher.ask("GET", "/openapi.json", role=None)).body["paths"]
    assert {"/triggers/{auth_id}", "/healthz", "/readyz", "/metrics"} <= set(paths)


@pytest.mark.parametrize("status", list(Status))
def test_every_status_of_a_job_can_be_shown(status: Status) -> None:
    published = PUBLISHED["components"]["schemas"]["models.JobResponse"]["properties"]["status"]["enum"]
    assert status in published
    assert status in JobBody.model_json_schema()["properties"]["status"]["enum"]

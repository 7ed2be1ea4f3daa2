"""What somebody asks before a job exists or changes, over REST: tests, trials, previews, and who is where."""

import jsonschema

from tests.web.service import EXPORT, SANDBOX, Running
from usher.access.roles import Role
from usher.web.routes import ROUTES


async def described(usher: Running, method: str, template: str) -> dict[str, object]:
    whole = (await usher.ask("GET", "/openapi.json", role=None)).body
    answer = whole["paths"][template][method]["responses"]["200"]["content"]["application/json"]["schema"]
    return answer | {"components": whole["components"]}


async def test_one_person_is_sent_and_shown_as_described(usher: Running) -> None:
    answer = await usher.ask("POST", f"{EXPORT}/send-one", usher.job(), role=Role.OPERATOR)

    assert (answer.data["outcome"], "@" in answer.data["member"]) == ("accepted", True)
    assert answer.data["request"]["headers"]["auth-token"] == "***"
    jsonschema.validate(answer.body, await described(usher, "post", f"{EXPORT}/send-one"))
    assert (await usher.ask("GET", "/v2/job")).data == []


async def test_a_trial_takes_the_body_of_a_job_and_a_member_beside_it(usher: Running) -> None:
    shown = (await usher.ask("POST", f"{EXPORT}/send-one", usher.job())).data["member"]

    named = await usher.ask("POST", f"{EXPORT}/send-one", usher.job() | {"member": shown})
    assert named.data["member"] == shown
    odd = await usher.ask("POST", f"{EXPORT}/send-one", usher.job() | {"member": 7, "extra": 1})
    assert (odd.status, sorted(odd.fields)) == (400, ["extra", "member"])
    stranger = await usher.ask("POST", f"{EXPORT}/send-one", usher.job() | {"member": "stranger@example.com"})
    assert (stranger.status, stranger.fields) == (400, ["member"])
    assert "stranger" not in stranger.text


async def test_an_attribute_that_is_taken_is_a_conflict_for_a_trial(usher: Running) -> None:
    await usher.create_job()

    assert (await usher.ask("POST", f"{EXPORT}/send-one", usher.job())).status == 409


async def test_a_job_is_saved_without_starting_and_resumed(usher: Running) -> None:
    saved = await usher.ask("POST", EXPORT, usher.job(withbackfill=True) | {"start": False})
    assert (saved.status, saved.data["status"], saved.data["meta"]["cause"]) == (201, "paused", "unstarted")
    assert saved.data["meta"]["webhook"]["state"] == "off"

    resumed = (await usher.ask("POST", f"/v2/job/{saved.data['id']}/resume")).data
    assert (resumed["status"], resumed["meta"]["scan_wanted"]) == ("runnable", "backfill")
    assert "cause" not in resumed["meta"]


async def test_a_change_is_previewed_by_viewers_and_changes_nothing(usher: Running) -> None:
    job = await usher.create_job()
    body = {"name": "Other", "config": {"mapp_attribute_name": "b"}}

    answer = await usher.ask("POST", f"{EXPORT}/{job['id']}/preview", body, role=Role.VIEWER)

    assert [change["field"] for change in answer.data["changes"]] == ["config.mapp_attribute_name", "name"]
    assert (answer.data["owed"], answer.data["problems"]) == (0, [])
    jsonschema.validate(answer.body, await described(usher, "post", f"{EXPORT}/{{job_id}}/preview"))
    assert (await usher.ask("GET", f"/v2/job/{job['id']}")).data["name"] == "VIP"
    assert (await usher.ask("POST", f"{EXPORT}/nope/preview", {})).codes == ["JOB-NOTFOUND-004"]


async def test_a_person_is_found_in_every_job_and_viewers_see_them_masked(usher: Running) -> None:
    job = await usher.create_job()
    await usher.trigger(usher.event("jo/1@example.com"))

    seen = await usher.ask("GET", "/v2/member/jo%2F1@example.com", role=Role.OPERATOR)
    masked = await usher.ask("GET", "/v2/member/jo%2F1@example.com", role=Role.VIEWER)

    (row,) = seen.data["rows"]
    assert (row["job_id"], row["attribute_key"]) == (job["id"], "vip_shoppers")
    assert row["line"]["member"] == seen.data["asked"] == "jo/1@example.com"
    assert masked.data["rows"][0]["line"]["member"] == "j***@e***.com"
    assert "jo/1" not in masked.text


async def test_who_only_begins_so_is_named_to_operators_alone(usher: Running) -> None:
    await usher.create_job()
    await usher.trigger(usher.event("jo@example.com"))

    assert (await usher.ask("GET", "/v2/member/jo", role=Role.OPERATOR)).data["near"] == ["jo@example.com"]
    assert (await usher.ask("GET", "/v2/member/jo", role=Role.VIEWER)).data["near"] == []


async def test_credentials_are_tested_unsaved_by_their_type_and_saved_by_their_id(usher: Running) -> None:
    config = {"api_url": f"{usher.sandbox_url}/lytics", "token": SANDBOX.lytics_token}

    unsaved = await usher.ask("POST", "/v2/auth/lytics-token/test", {"config": config})
    saved = await usher.ask("POST", f"/v2/auth/{usher.made['lytics']}/test")

    assert [check["asked"] for check in unsaved.data["checks"]] == ["credentials", "audiences", "people"]
    assert {k: v for k, v in unsaved.data.items() if k != "checks"} == {
        k: v for k, v in saved.data.items() if k != "checks"
    }
    assert len((await usher.ask("GET", "/v2/auth")).data) == 2
    refused = await usher.ask("POST", "/v2/auth/integration-secret/test", {"config": {"api_url": "nowhere"}})
    assert (refused.status, set(refused.codes)) == (400, {"AUTH-BADREQ-008"})
    assert SANDBOX.lytics_token not in unsaved.text


def test_every_type_of_authorization_can_be_tested_before_an_id_is_looked_for() -> None:
    tests = [route.path for route in ROUTES if route.method == "POST" and route.path.endswith("/test")]
    paths = [path for path in tests if path.startswith("/v2/auth/")]
    assert paths[-1] == "/v2/auth/{auth_id}/test"
    assert {"/v2/auth/integration-secret/test", "/v2/auth/userpass-secret/test", "/v2/auth/lytics-token/test"} == set(
        paths[:-1]
    )

"""Credentials tried before they are saved, and what hangs on those that are."""

import pytest

from tests.jobs.fake_vendors import LYTICS_HOST, MAPP_HOST, OTHER, REST_HOST, VIP
from tests.jobs.office import ANNA, PASSWORD, SECRET, TOKEN, Office
from usher.errors import InvalidInput, NotFound
from usher.jobs.accounts import account_view, accounts
from usher.jobs.authorizations import create_authorization, test_authorization, test_draft
from usher.jobs.control import delete_job, kill_job
from usher.jobs.drafts import AuthDraft, read_auth_draft
from usher.store.jobs import note_trigger

MAPP = {"api_url": f"https://{MAPP_HOST}/charon", "integration_id": "int-1", "secret": SECRET}
REST = {"rest_api_url": f"https://{REST_HOST}/shop", "user": "api@example.com", "password": PASSWORD}
LYTICS = {"api_url": f"https://{LYTICS_HOST}", "token": TOKEN}


def draft(kind: str, **config) -> AuthDraft:
    return read_auth_draft({"config": config}, kind=kind)


async def test_credentials_are_tested_before_anything_is_saved_and_nothing_is_kept_of_it(bare_office):
    report = await test_draft(bare_office.desk, draft("userpass-secret", **MAPP, **REST))

    assert (report.is_healthy, report.is_reached) == (True, True)
    assert [(check.asked, check.is_passed) for check in report.checks] == [
        ("credentials", True),
        ("groups", True),
        ("REST API", True),
    ]
    assert await accounts(bare_office.desk) == []
    kept = await bare_office.everything_kept()
    assert not any(secret in kept + repr(report) for secret in (SECRET, PASSWORD))


async def test_a_draft_and_a_saved_authorization_are_asked_the_same(office):
    for auth_id, kind, config in (
        (office.mapp, "integration-secret", MAPP),
        (office.lytics, "lytics-token", LYTICS),
    ):
        saved = await test_authorization(office.desk, ANNA, auth_id)
        assert saved.checks
        assert await test_draft(office.desk, draft(kind, **config)) == saved


async def test_each_check_says_how_long_it_took(office):
    took = {"/ping": 120, "/group": 40}

    async def wait(asked) -> None:
        office.clock.pass_ms(next((ms for end, ms in took.items() if asked.path.endswith(end)), 0))

    office.vendors.before_answer = wait

    report = await test_draft(office.desk, draft("integration-secret", **MAPP))

    assert [check.took_ms for check in report.checks] == [120, 40]
    assert [check.said for check in report.checks] == report.findings


@pytest.mark.parametrize(
    ("change", "checks", "is_healthy", "is_reached"),
    [
        ({"refusing": {MAPP_HOST: 401}}, [("credentials", False)], False, True),
        ({"down": {MAPP_HOST}}, [("credentials", None)], False, False),
        (
            {"refusing": {"GET /charon/api/v1/integration/int-1/group": 404}},
            [("credentials", True), ("groups", False), ("REST API", True)],
            True,
            True,
        ),
        (
            {"refusing": {REST_HOST: 401}},
            [("credentials", True), ("groups", True), ("REST API", False)],
            False,
            True,
        ),
        ({"down": {REST_HOST}}, [("credentials", True), ("groups", True), ("REST API", None)], False, False),
    ],
)
async def test_a_check_that_fails_is_among_the_checks_and_silence_is_neither(
    office, change, checks, is_healthy, is_reached
):
    for name, value in change.items():
        setattr(office.vendors, name, value)

    report = await test_draft(office.desk, draft("userpass-secret", **MAPP, **REST))

    assert [(check.asked, check.is_passed) for check in report.checks] == checks
    assert (report.is_healthy, report.is_reached) == (is_healthy, is_reached)
    assert SECRET not in repr(report)


@pytest.mark.parametrize(
    ("change", "is_passed", "word"),
    [
        ({}, True, "in the clear"),
        ({"values": ["***", "***"]}, False, "PII View"),
        ({"values": [None]}, None, "Nobody looked at"),
        ({"segments": []}, None, "no audience with people"),
        ({"refusing": {f"GET /api/segment/{VIP}/scan": 403}}, False, "may not read people"),
    ],
)
async def test_whether_people_can_be_read_is_a_check_of_its_own(office, change, is_passed, word):
    for name, value in change.items():
        setattr(office.vendors, name, value)

    report = await test_draft(office.desk, draft("lytics-token", **LYTICS))

    assert [check.asked for check in report.checks] == ["credentials", "audiences", "people"]
    assert (report.checks[-1].is_passed, report.is_healthy) == (is_passed, True)
    assert word in report.checks[-1].said
    assert sorted(report.findings) == sorted(check.said for check in report.checks)


async def test_credentials_that_make_no_sense_ask_nobody(bare_office):
    with pytest.raises(InvalidInput) as caught:
        await test_draft(bare_office.desk, draft("integration-secret", api_url="http://127.0.0.1/x", extra=1))
    with pytest.raises(InvalidInput, match="is not a type"):
        await test_draft(bare_office.desk, draft("sftp"))

    fields = {problem.field for problem in caught.value.problems}
    assert {"config.api_url", "config.integration_id", "config.secret", "config.extra"} <= fields
    assert bare_office.vendors.asked == []


async def test_an_integration_id_left_blank_is_taken_from_the_pasted_address(bare_office):
    pasted = {"api_url": f"https://{MAPP_HOST}/charon/api/v1/integration/int-1/event", "secret": SECRET}

    async def saved(**more) -> str:
        body = {"label": "Mapp", "config": pasted | more}
        made = await create_authorization(bare_office.desk, ANNA, read_auth_draft(body, kind="integration-secret"))
        return made.config["integration_id"]

    assert [await saved(), await saved(integration_id=" "), await saved(integration_id="typed")] == [
        "int-1",
        "int-1",
        "typed",
    ]
    assert (await test_draft(bare_office.desk, draft("integration-secret", **pasted))).is_healthy
    assert bare_office.vendors.asked[0].path == "/charon/api/v1/integration/int-1/ping"


async def test_the_list_says_how_many_jobs_use_each_and_how_healthy_it_is(office):
    await office.make_job("Live")
    await kill_job(office.desk, ANNA, (await office.make_job("Killed", mapp_attribute_name="b")).id)
    await delete_job(office.desk, ANNA, (await office.make_job("Deleted", mapp_attribute_name="c")).id)
    spare = await office.add_lytics()
    await test_authorization(office.desk, ANNA, office.mapp)

    found = await accounts(office.desk)

    assert [(one.auth.id, one.jobs, one.live, one.auth.status) for one in found] == [
        (office.mapp, 2, 1, "healthy"),
        (office.lytics, 2, 1, "unknown"),
        (spare, 0, 0, "unknown"),
    ]
    assert {one.auth.secrets for one in found} == {""}


async def test_one_authorization_is_shown_with_its_jobs_and_when_lytics_was_last_heard(office):
    first = await office.make_job("First")
    second = await office.with_desk(base_url="").make_job("Second", segment_id=OTHER)
    assert (await account_view(office.desk, office.lytics)).last_trigger_ms is None
    for job in (second, first):
        office.clock.pass_ms(1_000)
        await heard(office, job)

    seen = await account_view(office.desk, office.lytics)

    assert seen.last_trigger_ms == office.clock.now_ms()
    assert [(job.name, job.webhook.state) for job in seen.jobs] == [("Second", "manual"), ("First", "made")]
    assert (seen.auth.secrets, (await account_view(office.desk, office.mapp)).last_trigger_ms) == ("", None)
    with pytest.raises(NotFound):
        await account_view(office.desk, "nobody")


async def heard(office: Office, job) -> None:
    await office.write(lambda txn: note_trigger(txn, job.key))

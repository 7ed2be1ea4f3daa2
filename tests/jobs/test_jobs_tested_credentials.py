"""Credentials are tried before they are taken into use, and taken untried only at somebody's own word."""

import asyncio

import pytest

from tests.crossing import TurnByTurn
from tests.jobs.fake_vendors import LYTICS_HOST, MAPP_HOST, REST_HOST
from tests.jobs.office import ANNA, SECRET, Office
from usher.errors import InvalidInput, NotFound
from usher.jobs.authorizations import list_authorizations, show_authorization, test_draft
from usher.jobs.drafts import read_auth_draft
from usher.jobs.sealing import open_secrets
from usher.jobs.tested_credentials import add_tested, change_tested, save_with_report
from usher.store.authorizations import authorization_by_id

CONFIG = {"api_url": f"https://{MAPP_HOST}/charon", "integration_id": "int-9", "secret": SECRET}
REST = {"rest_api_url": f"https://{REST_HOST}/shop", "user": "api@shop", "password": "pass-1"}
KIND = "integration-secret"


def draft(kind: str = KIND, **body):
    return read_auth_draft(body, kind=kind)


async def secret_of(office: Office, auth_id: str) -> str:
    auth = await office.desk.database.read(lambda txn: authorization_by_id(txn, auth_id))
    return open_secrets(office.desk.vault, auth)["secret"]


async def test_credentials_that_work_are_saved_as_healthy(office):
    taken = await add_tested(office.desk, ANNA, draft(label="Shop", config=CONFIG))
    kept = await show_authorization(office.desk, taken.auth.id)

    assert taken.report.is_healthy
    assert (kept.label, kept.status, kept.tested_ms) == ("Shop", "healthy", office.clock.now_ms())
    assert taken.auth.secrets == ""
    assert (await office.actions())[-2:] == ["auth.create", "auth.test"]


@pytest.mark.parametrize("how", ["refusing", "down"])
async def test_credentials_that_fail_are_not_saved_unless_somebody_insists(office, how):
    if how == "refusing":
        office.vendors.refusing[MAPP_HOST] = 401
    else:
        office.vendors.down.add(MAPP_HOST)
    before = await list_authorizations(office.desk)

    taken = await add_tested(office.desk, ANNA, draft(label="Shop", config=CONFIG))
    assert taken.auth is None
    assert not taken.report.is_healthy
    assert await list_authorizations(office.desk) == before

    insisted = await add_tested(office.desk, ANNA, draft(label="Shop", config=CONFIG), insists=True)
    kept = await show_authorization(office.desk, insisted.auth.id)
    assert kept.status == ("unhealthy" if how == "refusing" else "unknown")


async def test_a_token_that_hides_every_identifier_is_taken_only_by_somebody_who_insists(office):
    office.vendors.values = ["[redacted]", "***"]
    new = draft("lytics-token", label="Blind", config={"api_url": f"https://{LYTICS_HOST}", "token": "blind-1"})
    fresh = draft("lytics-token", config={"token": "blind-2"})

    refused = [await add_tested(office.desk, ANNA, new), await change_tested(office.desk, ANNA, office.lytics, fresh)]
    assert [(taken.auth, taken.report.is_healthy, taken.report.is_usable) for taken in refused] == 2 * [
        (None, True, False)
    ]
    assert "auth.test" not in await office.actions()

    insisted = await change_tested(office.desk, ANNA, office.lytics, fresh, insists=True)
    assert "PII View" in (await show_authorization(office.desk, insisted.auth.id)).status_note


async def test_a_test_that_was_made_already_is_noted_and_nobody_is_asked_again(office):
    report = await test_draft(office.desk, draft(label="Shop", config=CONFIG))
    asked = len(office.vendors.asked)

    first, again = [
        await save_with_report(office.desk, ANNA, draft(label="Shop", config=CONFIG), report) for _ in range(2)
    ]

    assert (len(office.vendors.asked), first.id) == (asked, again.id)
    assert (await show_authorization(office.desk, first.id)).status == "healthy"


async def test_the_same_credentials_sent_twice_are_saved_once(office):
    slow, same = office.with_desk(database=TurnByTurn(office.desk.database)), draft(label="Shop", config=CONFIG)
    before = len(await list_authorizations(office.desk))

    first, second = await asyncio.gather(*(add_tested(slow.desk, ANNA, same) for _ in range(2)))
    third = await add_tested(office.desk, ANNA, same)

    assert first.auth.id == second.auth.id == third.auth.id
    assert len(await list_authorizations(office.desk)) == before + 1
    assert (await office.actions()).count("auth.create") == before + 1


@pytest.mark.parametrize(
    "changes",
    [{"label": "Other"}, {"description": "x"}, {"config": CONFIG | {"secret": "another"}}],
    ids=["label", "description", "secret"],
)
async def test_what_differs_in_anything_is_an_authorization_of_its_own(office, changes):
    first = await add_tested(office.desk, ANNA, draft(label="Shop", config=CONFIG))
    second = await add_tested(office.desk, ANNA, draft(**({"label": "Shop", "config": CONFIG} | changes)))

    assert first.auth.id != second.auth.id
    assert await secret_of(office, second.auth.id) == (changes.get("config") or CONFIG)["secret"]


async def test_every_problem_is_named_and_nobody_is_asked(office):
    with pytest.raises(InvalidInput) as caught:
        await add_tested(office.desk, ANNA, draft(config={"api_url": "nonsense host"}))

    fields = {problem.field for problem in caught.value.problems}
    assert {"label", "config.api_url", "config.integration_id", "config.secret"} <= fields
    assert office.vendors.asked == []


async def test_a_new_secret_is_in_use_once_it_works(office):
    taken = await change_tested(office.desk, ANNA, office.mapp, draft(config={"secret": "fresh-1"}))

    assert taken.report.is_healthy
    assert await secret_of(office, office.mapp) == "fresh-1"
    assert (await show_authorization(office.desk, office.mapp)).status == "healthy"


async def test_a_secret_that_fails_leaves_the_old_one_in_use(office):
    office.vendors.refusing[MAPP_HOST] = 401
    revision = (await show_authorization(office.desk, office.mapp)).revision

    taken = await change_tested(office.desk, ANNA, office.mapp, draft(config={"secret": "wrong-1"}))
    kept = await show_authorization(office.desk, office.mapp)
    assert taken.auth is None
    assert await secret_of(office, office.mapp) == SECRET
    assert (kept.revision, kept.status) == (revision, "unknown")

    await change_tested(office.desk, ANNA, office.mapp, draft(config={"secret": "wrong-1"}), insists=True)
    assert await secret_of(office, office.mapp) == "wrong-1"
    assert (await show_authorization(office.desk, office.mapp)).status == "unhealthy"


@pytest.mark.parametrize(
    "body",
    [
        {"label": "Renamed"},
        {"description": "Ours"},
        {"config": {"requests_per_second": 5.0}},
        {"config": {"secret": SECRET}},
    ],
    ids=lambda body: next(iter(body.get("config", body))),
)
async def test_what_no_vendor_would_notice_asks_nobody(office, body):
    office.vendors.down.add(MAPP_HOST)
    taken = await change_tested(office.desk, ANNA, office.mapp, draft(**body))

    assert taken.report is None
    assert taken.auth is not None
    assert office.vendors.asked == []


async def test_read_back_is_added_after_a_test_and_taken_away_again(office):
    added = await change_tested(office.desk, ANNA, office.mapp, draft("userpass-secret", config=REST))
    assert [check.asked for check in added.report.checks] == ["credentials", "groups", "REST API"]
    assert added.auth.type == "userpass-secret"

    gone = await change_tested(office.desk, ANNA, office.mapp, draft(KIND, config={"integration_id": "int-1"}))
    assert gone.auth.type == KIND
    assert "rest_api_url" not in gone.auth.config


async def test_an_address_of_somebody_else_needs_the_secret_again(office):
    with pytest.raises(InvalidInput) as caught:
        await change_tested(office.desk, ANNA, office.mapp, draft(config={"api_url": "https://elsewhere.example"}))

    assert [problem.field for problem in caught.value.problems] == ["config.secret"]
    assert office.vendors.asked == []


async def test_a_blank_label_or_an_unknown_id_changes_nothing(office):
    with pytest.raises(InvalidInput):
        await change_tested(office.desk, ANNA, office.mapp, draft(label="", config={"secret": "fresh-1"}))
    with pytest.raises(NotFound):
        await change_tested(office.desk, ANNA, "nobody", draft(label="X"))

    assert await secret_of(office, office.mapp) == SECRET
    assert office.vendors.asked == []

"""Authorizations: tested before they are saved, shown without their secrets, ended only when asked twice."""

import asyncio
import re
import socket

import pytest

from tests.dashboard.visiting import House, Page, visiting
from tests.web.service import SANDBOX
from usher.access.roles import Role
from usher.store.authorizations import change_authorization
from usher.store.jobs import change_job, job_by_id

HOSTILE = '"><script>alert(1)</script>'
HEADER = re.compile(r"Authorization: Bearer ([\w-]{20,})")


@pytest.fixture
async def house(tmp_path):
    async with visiting(tmp_path, USHER_BASE_URL="http://127.0.0.1:9") as running:
        yield running


@pytest.fixture
async def connected(house):
    await house.running.authorize()
    return house


def mapp(house: House, **changes: str) -> dict[str, str]:
    return {
        "provider": "mapp",
        "do": "save",
        "label": "Mapp EU",
        "description": "Retail shops",
        "api_url": f"{house.running.sandbox_url}/mapp",
        "integration_id": SANDBOX.integration_id,
        "secret": SANDBOX.secret,
    } | changes


def lytics(house: House, **changes: str) -> dict[str, str]:
    return {
        "provider": "lytics",
        "do": "save",
        "label": "Lytics EU",
        "description": "",
        "api_url": f"{house.running.sandbox_url}/lytics",
        "token": SANDBOX.lytics_token,
    } | changes


async def saved(house: House) -> list[str]:
    return [auth["label"] for auth in (await house.running.ask("GET", "/v2/auth")).data]


async def audited(house: House) -> list[str]:
    return [entry["action"] for entry in (await house.running.ask("GET", "/v2/audit")).data]


def at(house: House, name: str, more: str = "") -> str:
    return f"/authorizations/{house.running.made[name]}{more}"


# ---- the list ----


async def test_without_any_the_list_says_why_and_what_to_do(house):
    page = await (await house.visitor()).get("/authorizations")

    assert "No credentials saved yet" in page.words
    assert "/authorizations/new?provider=mapp" in page.text


async def test_the_list_shows_account_health_and_who_uses_it(connected):
    await connected.running.create_job()
    await connected.running.ask("POST", f"/v2/auth/{connected.running.made['mapp']}/test")
    page = await (await connected.visitor(Role.VIEWER)).get("/authorizations")

    assert "Healthy" in page.words
    assert "Not tested yet" in page.words
    assert page.words.count("1 job") == 2
    assert f"http://127.0.0.1:9/triggers/{connected.running.made['lytics']}" in page.words
    assert SANDBOX.secret not in page.text
    assert "(administrators may do this)" in page.words


# ---- new ----


async def test_the_provider_is_chosen_first_and_fields_explain_themselves(house):
    admin = await house.visitor()

    assert "Whose credentials?" in (await admin.get("/authorizations/new")).words
    assert "Where to find these in Mapp" in (await admin.get("/authorizations/new?provider=mapp")).words
    assert 'value="https://api.lytics.io"' in (await admin.get("/authorizations/new?provider=lytics")).text


async def test_a_test_shows_every_question_and_saves_nothing(house):
    page = await (await house.visitor()).post("/authorizations/new", mapp(house, do="test"))

    assert page.status == 200
    assert "The connection works." in page.words
    assert "Mapp answers and accepts the Integration ID and the secret." in page.words
    assert "groups can be written to" in page.words
    assert f'value="{SANDBOX.secret}"' in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert await saved(house) == []


async def test_credentials_that_work_are_saved_and_shown_as_healthy(house):
    page = await (await house.visitor()).act("/authorizations/new", mapp(house))

    assert "Saved and tested." in page.words
    assert "Healthy" in page.words
    assert SANDBOX.secret not in page.text
    assert await saved(house) == ["Mapp EU"]


async def test_a_new_one_that_is_sent_three_times_is_saved_once(house):
    admin = await house.visitor()
    pages = await asyncio.gather(*(admin.post("/authorizations/new", mapp(house)) for _ in range(3)))
    assert {(page.status, page.leads_to) for page in pages} == {(303, pages[0].leads_to)}
    assert await saved(house) == ["Mapp EU"]


async def test_a_pasted_address_brings_its_integration_id(house):
    address = f"{house.running.sandbox_url}/mapp/api/v1/integration/{SANDBOX.integration_id}/event"
    page = await (await house.visitor()).act("/authorizations/new", mapp(house, api_url=address, integration_id=""))

    assert SANDBOX.integration_id in page.words


async def test_credentials_that_fail_are_saved_only_with_the_second_button(house):
    admin = await house.visitor()
    page = await admin.post("/authorizations/new", mapp(house, secret="wrong"))

    assert page.status == 400
    assert "The test failed. Nothing was saved." in page.words
    assert "Check the integration ID and the secret" in page.words
    assert "Save anyway" in page.words
    assert 'value="Retail shops"' in page.text
    assert await saved(house) == []

    page = await admin.act("/authorizations/new", mapp(house, secret="wrong", insists="on"))
    assert "Saved, although the test failed." in page.words
    assert "Refused" in page.words


async def test_a_vendor_that_is_away_says_nothing_about_credentials(house):
    with socket.socket() as silent:  # taken, but nobody listens
        silent.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{silent.getsockname()[1]}/mapp"
        page = await (await house.visitor()).post("/authorizations/new", mapp(house, api_url=away))

    assert page.status == 400
    assert "Mapp could not be reached. Nothing is known about the credentials." in page.words


async def test_every_problem_stands_at_its_field_and_nothing_typed_is_lost(house):
    typed = mapp(house, label="", secret="", requests_per_second="many", description="Kept words", api_url="no where")
    page = await (await house.visitor()).post("/authorizations/new", typed)

    assert page.status == 400
    assert "4 things to put right" in page.words
    for name in ("label", "secret", "requests_per_second", "api_url"):
        assert re.search(f'id="{name}"[^>]*aria-invalid="true"', page.text), name
    assert 'value="Kept words"' in page.text
    assert 'value="many"' in page.text
    assert "null" not in page.words


async def test_a_label_that_exists_is_taken_with_a_word_of_warning(connected):
    page = await (await connected.visitor()).act("/authorizations/new", mapp(connected, label="mapp"))

    assert "Another authorization is called 'mapp' too" in page.words


async def test_lytics_is_saved_with_its_token_for_triggers(house):
    page = await (await house.visitor()).act("/authorizations/new", lytics(house))

    assert "Healthy" in page.words
    assert "/triggers/" in page.words
    assert "No trigger has ever arrived" in page.words
    assert not HEADER.search(page.words)


# ---- one ----


async def test_an_unknown_authorization_is_a_page_that_says_so(house):
    page = await (await house.visitor()).get("/authorizations/nobody")

    assert page.status == 404
    assert "There is nothing here" in page.words


async def test_a_test_of_a_saved_one_shows_its_questions_and_changes_its_health(connected):
    page = await (await connected.visitor()).post(at(connected, "lytics"), {"do": "test"})

    assert page.status == 200
    assert "The connection works." in page.words
    assert "Lytics shows" in page.words
    assert "Healthy" in page.words


async def test_a_token_that_hides_identifiers_is_taken_only_with_the_second_button(connected):
    connected.running.world.door.rights["blind"] = frozenset(("audiences", "schema"))
    admin, rotating = await connected.visitor(), {"do": "rotate", "token": "blind"}
    added = await admin.post("/authorizations/new", lytics(connected, token="blind"))
    replaced = await admin.post(at(connected, "lytics"), rotating)

    for page, kept in ((added, "Nothing was saved."), (replaced, "Nothing was changed; the old one is in use.")):
        assert (page.status, f"The connection works, but not for jobs yet. {kept}" in page.words) == (400, True)
    assert len(await saved(connected)) == 2
    insisted = await admin.act(at(connected, "lytics"), rotating | {"insists": "on"})
    assert "Saved although the test failed." in insisted.words


async def test_a_new_secret_is_tested_before_the_old_one_goes(connected):
    admin = await connected.visitor()
    refused = await admin.post(at(connected, "mapp"), {"do": "rotate", "secret": "wrong"})

    assert refused.status == 400
    assert "Nothing was changed; the old one is in use." in refused.words
    still = await admin.post(at(connected, "mapp"), {"do": "test"})
    assert "The connection works." in still.words

    insisted = await admin.act(at(connected, "mapp"), {"do": "rotate", "secret": "wrong", "insists": "on"})
    assert "Saved although the test failed." in insisted.words
    assert "The test failed." in (await admin.post(at(connected, "mapp"), {"do": "test"})).words

    mended = await admin.act(at(connected, "mapp"), {"do": "rotate", "secret": SANDBOX.secret})
    assert "Healthy" in mended.words


async def test_a_new_secret_that_is_blank_is_asked_for(connected):
    answer = await (await connected.visitor()).post(at(connected, "mapp"), {"do": "rotate", "secret": ""})

    assert (answer.status, "Secret is required." in answer.words) == (400, True)
    assert "auth.change" not in await audited(connected)


async def test_the_secret_that_is_in_use_changes_nothing_and_the_page_says_so(connected):
    page = await (await connected.visitor()).act(at(connected, "mapp"), {"do": "rotate", "secret": SANDBOX.secret})

    assert "That is in use already, so nothing changed." in page.words
    assert "auth.test" not in await audited(connected), "nobody was asked"
    assert "auth.change" not in await audited(connected)


async def test_label_and_limits_change_without_asking_the_vendor(connected):
    admin = await connected.visitor()
    form = await admin.get(at(connected, "mapp", "/edit"))
    assert SANDBOX.secret not in form.text
    typed = mapp(connected, label="Renamed", secret="", requests_per_second="5", max_in_flight="7")
    page = await admin.act(at(connected, "mapp", "/edit"), typed)

    assert "Saved." in page.words
    assert "Renamed" in page.words
    assert "5 a second" in page.words
    assert "0 of 7 at once" in page.words
    assert "auth.test" not in await audited(connected)


async def test_a_new_address_needs_the_secret_again(connected):
    typed = mapp(connected, secret="", api_url="http://127.0.0.1:8999/mapp")
    page = await (await connected.visitor()).post(at(connected, "mapp", "/edit"), typed)

    assert page.status == 400
    assert "Secret must be given again, because the API URL changes." in page.words


async def test_a_change_whose_test_fails_is_saved_only_with_the_second_button(connected):
    admin, path = await connected.visitor(), at(connected, "mapp", "/edit")
    typed = mapp(connected, label="Kept", secret="wrong", description="Typed words")
    page = await admin.post(path, typed)

    assert page.status == 400
    assert "The test failed. Nothing was saved." in page.words
    assert "Save anyway" in page.words
    assert 'value="Typed words"' in page.text
    assert "auth.change" not in await audited(connected)
    assert "mapp" in await saved(connected)

    page = await admin.act(path, typed | {"insists": "on"})
    assert "Saved, although the test failed." in page.words
    assert "Kept" in await saved(connected)


async def test_jobs_that_use_it_keep_it_from_being_deleted(connected):
    await connected.running.create_job()
    admin = await connected.visitor()
    asked = await admin.get(at(connected, "mapp", "/delete"))

    assert "It cannot be deleted while a job uses it" in asked.words
    assert "VIP" in asked.words
    assert 'method="post"' not in asked.text.split("<main")[1]
    refused = await admin.post(at(connected, "mapp", "/delete"))
    assert refused.status == 409
    assert "'VIP'" in refused.words


async def test_deleting_asks_and_says_what_is_lost(connected):
    admin = await connected.visitor()
    asked = await admin.get(at(connected, "lytics", "/delete"))
    assert "Its secrets are forgotten for good" in asked.words
    assert len(await saved(connected)) == 2

    done = await admin.act(at(connected, "lytics", "/delete"))
    assert "Deleted the authorization “lytics”." in done.words
    assert await saved(connected) == ["mapp"]


# ---- where Lytics sends to ----


async def test_the_header_is_shown_on_request_only_and_the_look_is_audited(connected):
    admin = await connected.visitor()
    before = await admin.get(at(connected, "lytics"))
    assert not HEADER.search(before.words)
    assert "auth.read_trigger_token" not in await audited(connected)

    shown = await admin.post(at(connected, "lytics"), {"do": "reveal"})
    assert HEADER.search(shown.words).group(1) == await connected.running.trigger_token()
    assert "auth.read_trigger_token" in await audited(connected)


async def test_a_new_token_leaves_the_old_one_until_it_is_ended(connected):
    admin = await connected.visitor()
    old = await connected.running.trigger_token()
    page = await admin.act(at(connected, "lytics", "/tokens"))

    assert "A new token is in force." in page.words
    assert "taken until" in page.words
    assert (await connected.running.trigger([], token=old)).status == 200

    asked = await admin.get(at(connected, "lytics", "/tokens/end"))
    assert "One older token would be taken until" in asked.words
    done = await admin.act(at(connected, "lytics", "/tokens/end"))
    assert "Ended 1 older token." in done.words
    assert (await connected.running.trigger([], token=old)).status == 401
    assert "There is no older token" in (await admin.get(at(connected, "lytics", "/tokens/end"))).words


@pytest.mark.parametrize(
    ("webhook", "said"), [("made", "Made by Usher"), ("manual", "To be made by hand"), ("off", "None needed")]
)
async def test_each_job_says_how_its_webhook_stands(connected, webhook, said):
    job_id = (await connected.running.create_job(backfill_only=webhook == "off", withbackfill=True))["id"]
    if webhook == "manual":

        def work(txn):
            job = job_by_id(txn, job_id)
            change_job(txn, job.key, webhook=type(job.webhook)("manual", note="Lytics said no <b>."))

        await connected.running.deps.desk.database.write(work)
    page = await (await connected.visitor(Role.VIEWER)).get(at(connected, "lytics"))

    assert said in page.words
    assert "<b>" not in page.text.split("<main")[1]
    assert ("Export Fields email" in page.words) is (webhook == "manual")


# ---- who may ----


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_others_see_and_are_told_who_may(connected, role):
    visitor = await connected.visitor(role)
    for name in ("mapp", "lytics"):
        page = await visitor.get(at(connected, name))
        assert page.status == 200
        assert "(administrators may do this)" in page.words
        assert 'method="post"' not in page.text.split("<main")[1]


CHANGES = [
    ("", {"do": "test"}),
    ("", {"do": "reveal"}),
    ("", {"do": "rotate", "secret": "x"}),
    ("/edit", {"label": "Mine"}),
    ("/delete", {}),
    ("/tokens", {}),
    ("/tokens/end", {}),
]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_nobody_below_an_administrator_changes_anything(connected, role):
    visitor = await connected.visitor(role)
    before = await audited(connected)
    for path, fields in CHANGES:
        refused = await visitor.post(at(connected, "lytics", path), fields)
        assert refused.status == 403, (path, fields)
        assert "Administrators may do this" in refused.words
    assert await audited(connected) == before


async def test_adding_is_for_administrators(house):
    visitor = await house.visitor(Role.OPERATOR)

    assert (await visitor.get("/authorizations/new?provider=mapp")).status == 403
    assert (await visitor.post("/authorizations/new", mapp(house))).status == 403
    assert await saved(house) == []


async def test_another_site_changes_nothing(connected):
    admin = await connected.visitor()
    refused = await admin.post(at(connected, "lytics", "/delete"), {}, **{"Sec-Fetch-Site": "cross-site"})

    assert refused.status == 403
    assert len(await saved(connected)) == 2


async def test_hostile_words_are_only_text(connected):
    def work(txn):
        for auth_id in connected.running.made.values():
            said = {"label": HOSTILE, "description": HOSTILE, "status": "unhealthy", "status_note": HOSTILE}
            change_authorization(txn, auth_id, **said)

    await connected.running.deps.desk.database.write(work)
    admin = await connected.visitor()
    paths = [at(connected, name, more) for name in ("mapp", "lytics") for more in ("", "/edit", "/delete")]
    pages: list[Page] = [await admin.get(path) for path in ("/authorizations", *paths)]
    pages.append(await admin.post("/authorizations/new", mapp(connected, label=HOSTILE, secret=HOSTILE)))

    for page in pages:
        assert "<script>" not in page.text
        assert "style=" not in page.text


async def test_a_form_that_asks_for_nothing_known_is_refused_in_words(connected):
    page = await (await connected.visitor()).post(at(connected, "mapp"), {"do": "dance"})

    assert page.status == 400
    assert "Open the page again" in page.words

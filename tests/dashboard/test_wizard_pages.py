"""The new-job pages as somebody without script uses them: nothing typed is lost, and nothing happens unasked."""

import asyncio
import html
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.dashboard.filling import Person
from tests.dashboard.visiting import House, Visitor, visiting
from tests.web.service import SANDBOX, until
from usher.access.roles import Role
from usher.sandbox.faults import Rule

LYTICS_DOWN = Rule(where="lytics.any", kind="status", status=503)
MAPP_DOWN = Rule(where="mapp.any", kind="status", status=503)


@pytest.fixture
def house(bare_house: House) -> House:
    return bare_house


@pytest.fixture
async def ready(house: House) -> House:
    """Both authorizations are saved already."""
    await house.running.authorize()
    return house


async def person(house: House, role: Role = Role.ADMIN) -> Person:
    visitor = await house.visitor(role)
    return Person(visitor, await visitor.get("/jobs"))


def filled(house: House, **changes: str) -> dict[str, str]:
    usual = {
        "draft": "d1",
        **house.running.made,
        "segment_id": "vip_shoppers",
        "uid_field": "email",
        "group_id": SANDBOX.home_group,
        "withbackfill": "on",
        "exit_brake": "on",
    }
    return {name: value for name, value in (usual | changes).items() if value}


def at(house: House, step: str, **changes: str) -> str:
    return f"/jobs/new/{step}?{urlencode(filled(house, **changes))}"


async def jobs_of(house: House) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await house.running.ask("GET", "/v2/job?show_all=true")).data
    return found


async def auths_of(house: House) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await house.running.ask("GET", "/v2/auth")).data
    return found


def both(house: House) -> dict[str, str]:
    """What the second page sends with two new accounts."""
    sandbox = house.running.sandbox_url
    sent = {"draft": "d", "mapp": "new", "lytics": "new", "mapp_label": "M", "lytics_label": "L"}
    sent |= {"mapp_api_url": f"{sandbox}/mapp", "mapp_integration_id": SANDBOX.integration_id}
    return sent | {
        "mapp_secret": SANDBOX.secret,
        "lytics_api_url": f"{sandbox}/lytics",
        "lytics_token": SANDBOX.lytics_token,
    }


async def connect(somebody: Person, house: House, *, secret: str = SANDBOX.secret) -> None:
    """Come to the second page, and type both accounts in."""
    await somebody.open("/jobs/new")
    await somebody.press("Continue")
    sandbox = house.running.sandbox_url
    somebody.type(
        mapp_api_url=f"{sandbox}/mapp",
        mapp_integration_id=SANDBOX.integration_id,
        mapp_secret=secret,
        lytics_api_url=f"{sandbox}/lytics",
        lytics_token=SANDBOX.lytics_token,
    )


async def test_from_nothing_to_a_running_export_in_twelve_clicks_and_six_typed_fields(tmp_path: Path) -> None:
    async with visiting(tmp_path, with_engine=True) as house:
        somebody = await person(house)
        somebody.clicks = 1  # "New job" on the empty page of jobs
        await connect(somebody, house)
        await somebody.press("Continue")
        somebody.pick("segment_id", "vip_shoppers")
        somebody.pick("group_id", SANDBOX.home_group)
        await somebody.press("Review")
        assert "Ready to start" in somebody.page.words
        await somebody.press("Start Export")
        [job] = await jobs_of(house)
        assert (job["name"], job["status"]) == ("VIP shoppers", "runnable")
        assert "VIP shoppers has started." in somebody.page.words
        held = house.running.world.mapp.held
        await until(lambda: held[SANDBOX.home_group, "vip_shoppers", "true"] > 0)
    assert somebody.clicks <= 12
    assert somebody.typed <= 6


async def test_credentials_that_fail_are_not_saved_and_the_vendors_own_words_are_shown(house: House) -> None:
    somebody = await person(house)
    await connect(somebody, house, secret="wrong-secret")
    somebody.type(name="My export")
    found = await somebody.press("Continue")
    assert found.status == 400
    assert "The connection does not work. Nothing was saved." in found.words
    assert "401: bad signature" in found.words
    assert await auths_of(house) == []
    assert somebody.shown("mapp_integration_id") == SANDBOX.integration_id
    assert somebody.shown("lytics_api_url").endswith("/lytics")
    assert somebody.shown("name") == "My export"
    assert "wrong-secret" not in found.text
    assert SANDBOX.lytics_token not in found.text


async def test_a_test_saves_nothing_and_says_how_long_each_question_took(house: House) -> None:
    somebody = await person(house)
    await connect(somebody, house)
    found = await somebody.press("Test")
    assert found.status == 200
    assert found.words.count("The connection works.") == 1
    assert " ms" in found.words
    assert await auths_of(house) == []


@pytest.mark.parametrize(("tested", "other"), [("mapp", "lytics"), ("lytics", "mapp")])
async def test_a_test_judges_one_account_and_leaves_the_other_alone(house: House, tested: str, other: str) -> None:
    admin, calls = await house.visitor(), house.running.world.traffic.by_status
    before = calls.total()
    sent = {"draft": "d", "mapp": "new", "lytics": "new", "do": f"test-{tested}"}
    for script in ({}, {"HX-Request": "true"}):
        found = await admin.post("/jobs/new/accounts", sent, **script)
        wrong = {"mapp": "mapp_secret", "lytics": "lytics_token"}
        assert re.search(f'id="{wrong[tested]}-error"[^>]*><span class="err">', found.text)
        assert not re.search(f'id="{wrong[other]}-error"[^>]*><span class="err">', found.text)
    assert f'id="{other}-report"' not in found.text, "what an earlier test showed stays"
    assert calls.total() == before


async def test_nothing_is_said_to_be_saved_where_nothing_was(ready: House) -> None:
    found = await (await ready.visitor()).post("/jobs/new/accounts", filled(ready))
    assert (found.status, found.said) == (303, "")


async def test_a_pasted_address_fills_in_the_integration_id_and_what_follows_it_is_dropped(house: House) -> None:
    admin, sandbox = await house.visitor(), house.running.sandbox_url
    pasted = f"{sandbox}/mapp/api/v1/integration/{SANDBOX.integration_id}/event?subtype=user"
    sent = {"draft": "d", "mapp": "new", "lytics": "new", "mapp_api_url": pasted, "mapp_secret": SANDBOX.secret}
    filling = (await admin.post("/jobs/new/accounts/check", sent)).text
    field = f'<input id="mapp_integration_id" name="mapp_integration_id" type="text" value="{SANDBOX.integration_id}"'
    assert field in filling
    typed = await admin.post("/jobs/new/accounts/check", sent | {"mapp_integration_id": "mine"})
    assert "<input" not in typed.text, "what somebody typed stays"
    tested = await admin.post("/jobs/new/accounts", sent | {"do": "test-mapp"})
    assert "The connection works." in tested.words
    assert field in tested.text
    saved = sent | {"lytics_api_url": f"{sandbox}/lytics", "lytics_token": SANDBOX.lytics_token}
    assert (await admin.post("/jobs/new/accounts", saved)).status == 303
    assert (len(await auths_of(house)), "subtype" in str(await auths_of(house))) == (2, False)


async def test_each_vendor_is_asked_once_where_new_authorizations_are_saved(house: House) -> None:
    admin, calls = await house.visitor(), house.running.world.traffic.by_status
    sent = both(house)
    for provider in ("mapp", "lytics"):
        await admin.post("/jobs/new/accounts", sent | {"do": f"test-{provider}"})
    of_tests = calls.total()
    page = await admin.post("/jobs/new/accounts", sent)
    assert (page.status, calls.total()) == (303, 2 * of_tests)
    assert [auth["status"] for auth in await auths_of(house)] == ["healthy", "healthy"]


async def test_accounts_that_are_sent_three_times_are_saved_once(house: House) -> None:
    admin, sent = await house.visitor(), both(house)
    pages = await asyncio.gather(*(admin.post("/jobs/new/accounts", sent) for _ in range(3)))
    assert {(page.status, page.leads_to) for page in pages} == {(303, pages[0].leads_to)}
    assert sorted(str(one["label"]) for one in await auths_of(house)) == ["L", "M"]


@pytest.mark.parametrize("do", ["", "test", "insist"])
async def test_an_operator_who_sends_a_new_authorization_is_told_who_may_and_nobody_is_asked(
    ready: House, do: str
) -> None:
    operator, calls = await ready.visitor(Role.OPERATOR), ready.running.world.traffic.by_status
    asked, saved = calls.total(), await auths_of(ready)
    account = {"mapp_api_url": f"{ready.running.sandbox_url}/mapp", "mapp_integration_id": SANDBOX.integration_id}
    sent = filled(ready, mapp="new", mapp_secret=SANDBOX.secret, do=do, **account)
    found = await operator.post("/jobs/new/accounts", sent)
    assert (found.status, "Administrators add authorizations. Ask one to add it" in found.words) == (403, True)
    assert SANDBOX.secret not in found.text
    assert (calls.total(), await auths_of(ready)) == (asked, saved)


async def test_a_page_with_script_takes_only_what_was_found_so_that_secrets_stay_typed(house: House) -> None:
    admin = await house.visitor()
    fields = {"draft": "d", "mapp": "new", "lytics": "new", "mapp_secret": "s3cret-typed"}
    found = await admin.post("/jobs/new/accounts", fields, **{"HX-Request": "true"})
    assert found.status == 200, "a page with script swaps nothing else"
    assert "<form" not in found.text
    assert 'id="mapp_api_url-error" hx-swap-oob="true"><span class="err">' in found.text
    assert "s3cret-typed" not in found.text


async def test_a_page_with_script_is_led_on_in_the_way_that_it_understands(ready: House) -> None:
    admin = await ready.visitor()
    found = await admin.post("/jobs/new/accounts", filled(ready), **{"HX-Request": "true"})
    assert (found.status, found.leads_to) == (200, "")
    assert found.headers["HX-Redirect"].startswith("/jobs/new/export?")


async def test_somebody_who_insists_saves_credentials_that_failed(house: House) -> None:
    somebody = await person(house)
    await connect(somebody, house, secret="wrong-secret")
    await somebody.press("Continue")
    somebody.type(mapp_secret="wrong-secret", lytics_token=SANDBOX.lytics_token)
    found = await somebody.press("Save all the same and continue")
    assert "What should be exported?" in found.words
    assert [auth["status"] for auth in await auths_of(house)] == ["unhealthy", "healthy"]


async def test_fields_that_are_missing_are_named_before_any_vendor_is_asked(house: House) -> None:
    somebody = await person(house)
    await somebody.open("/jobs/new/accounts")
    found = await somebody.press("Continue")
    assert found.status == 400
    for words in (
        "The API URL is required.",
        "Integration ID is required.",
        "Secret is required.",
        "Token is required",
    ):
        assert words in found.words
    assert await auths_of(house) == []


async def test_the_only_authorizations_are_chosen_by_themselves(ready: House) -> None:
    somebody = await person(ready, Role.OPERATOR)
    await somebody.open("/jobs/new/accounts")
    assert (somebody.shown("mapp"), somebody.shown("lytics")) == (
        ready.running.made["mapp"],
        ready.running.made["lytics"],
    )
    assert "What should be exported?" in (await somebody.press("Continue")).words


async def test_one_of_several_authorizations_is_never_chosen_for_somebody(ready: House) -> None:
    await ready.running.authorize()
    somebody = await person(ready)
    await somebody.open("/jobs/new/accounts")
    assert (somebody.shown("mapp"), somebody.shown("lytics")) == ("", "")
    found = await somebody.press("Continue")
    assert found.status == 400
    assert "No Mapp authorization is chosen." in found.words


async def test_operators_are_told_that_administrators_add_authorizations(house: House) -> None:
    operator = await house.visitor(Role.OPERATOR)
    shown = await operator.get("/jobs/new/accounts")
    assert "There is no Mapp authorization yet. Administrators add authorizations" in shown.words
    assert "mapp_secret" not in shown.text
    forged = await operator.post("/jobs/new/accounts", {"draft": "d", "mapp": "new", "lytics": "new"})
    assert forged.status == 403
    assert await auths_of(house) == []


@pytest.mark.parametrize("path", ["", "/accounts", "/export", "/review"])
async def test_viewers_start_no_jobs(house: House, path: str) -> None:
    found = await (await house.visitor(Role.VIEWER)).get(f"/jobs/new{path}")
    assert found.status == 403
    assert "Operators and administrators may do this" in found.words


@pytest.mark.parametrize("step", ["export", "review"])
async def test_whoever_comes_without_authorizations_chooses_them_first(house: House, step: str) -> None:
    found = await (await house.visitor()).get(f"/jobs/new/{step}?draft=d&name=Mine")
    assert found.status == 303
    assert found.leads_to.startswith("/jobs/new/accounts?")
    assert "name=Mine" in found.leads_to


async def test_every_problem_stands_at_its_field_and_nothing_typed_is_lost(ready: House) -> None:
    somebody = await person(ready)
    wrong = {"group_id": "2324000091", "dynamic_attribute_prefix": "loyalty", "enable_dynamic_attributes": "on"}
    rest = {"backfill_only": "on", "withbackfill": "", "reconcile_hours": "six", "name": "Mine", "description": "Why"}
    found = await somebody.open(at(ready, "review", **wrong, **rest))
    assert found.status == 400
    assert "4 things to put right" in found.words
    for name in ("group_id", "dynamic_attribute_prefix", "backfill_only", "reconcile_hours"):
        assert f'<span class="err-slot" id="{name}-error"><span class="err">' in found.text, name
    for name, value in wrong.items():
        assert somebody.shown(name) == value
    assert (somebody.shown("reconcile_hours"), somebody.shown("segment_id")) == ("six", "vip_shoppers")
    for word in ("Use loyalty_", "Switch it on", "Use 2324000001, Customers"):
        assert word in found.words
    await somebody.press("Back")
    assert (somebody.shown("name"), somebody.shown("description")) == ("Mine", "Why")
    await somebody.press("Continue")
    assert somebody.shown("dynamic_attribute_prefix") == "loyalty"


async def test_whoever_goes_on_with_nothing_chosen_learns_what_is_missing_on_the_same_page(ready: House) -> None:
    somebody = await person(ready)
    await somebody.open(at(ready, "export", segment_id="", group_id=""))
    found = await somebody.press("Review")
    assert found.status == 400
    assert "What should be exported?" in found.words
    assert "2 things to put right" in found.words
    assert "Audience is required. Choose the audience to export." in found.words
    assert "Group ID is required. Enter the Mapp Group ID to export to." in found.words


async def test_a_group_that_mapp_does_not_list_can_be_insisted_on(ready: House) -> None:
    somebody = await person(ready)
    await somebody.open(at(ready, "review", group_id="999"))
    somebody.switch("allow_unlisted_group", on=True)
    found = await somebody.press("Review")
    assert "Ready to start" in found.words
    assert "The Group ID 999 is not in Mapp's list of groups." in found.words


async def test_an_audience_is_found_by_search_and_the_chosen_one_stays_in_sight(ready: House) -> None:
    somebody = await person(ready)
    await somebody.open(at(ready, "export", segment_id="vip_shoppers"))
    somebody.type(q="coupon")
    found = await somebody.press("Find")
    assert "Coupon lovers" in found.words
    assert "VIP shoppers" in found.words
    assert "Night owls" not in found.words
    assert somebody.shown("segment_id") == "vip_shoppers"


async def test_an_audience_that_lytics_calls_invalid_is_shown_but_cannot_be_chosen(ready: House) -> None:
    found = await (await ready.visitor()).get(at(ready, "export"))
    assert "Lytics calls the audience invalid (no such field: no_such_field)." in found.words
    assert 'value="broken_rule" disabled' in found.text


async def test_identifier_fields_come_identity_first_with_a_sample_once_an_audience_is_chosen(ready: House) -> None:
    admin = await ready.visitor()
    before, after = await admin.get(at(ready, "export", segment_id="")), await admin.get(at(ready, "export"))
    assert "have one" not in before.words
    assert "email · 20 of 20 have one · such as person" in after.words
    assert after.text.index('label="Identity fields"') < after.text.index('label="Other fields')


@pytest.mark.parametrize(("down", "who"), [(LYTICS_DOWN, "Lytics"), (MAPP_DOWN, "Mapp")], ids=["lytics", "mapp"])
async def test_a_vendor_that_does_not_answer_leaves_boxes_to_type_in(ready: House, down: Rule, who: str) -> None:
    somebody = await person(ready)
    ready.running.world.faults.add([down])
    found = await somebody.open(at(ready, "export", segment_id="", group_id="", uid_field=""))
    assert found.status == 200
    assert ("Type the audience’s slug or ID." in found.words) is (who == "Lytics")
    assert ("so look the ID up in Mapp" in found.words) is (who == "Mapp")
    if who == "Lytics":
        somebody.type(segment_id="vip_shoppers", uid_field="email")
    else:
        somebody.pick("segment_id", "vip_shoppers")
    somebody.type(group_id=SANDBOX.home_group)
    review = await somebody.press("Review")
    assert "This cannot start yet" in review.words
    assert f"{who} cannot be reached" in review.words
    refused = await somebody.visitor.post("/jobs/new/start", filled(ready, name="Mine"))
    assert refused.status == 503
    assert await jobs_of(ready) == []
    ready.running.world.faults.clear()
    await somebody.open(html.unescape(re.findall(r'href="(/jobs/new/review[^"]*)"', review.text)[0]))
    await somebody.press("Start Export")
    assert len(await jobs_of(ready)) == 1


async def test_what_is_typed_is_checked_as_it_is_left_but_blank_fields_are_not_complained_of(ready: House) -> None:
    admin = await ready.visitor()
    sent = filled(ready, group_id="", dynamic_attribute_prefix="x", enable_dynamic_attributes="on")
    found = await admin.post("/jobs/new/check", sent)
    assert '<span class="err-slot" id="group_id-error" hx-swap-oob="true"></span>' in found.text
    assert "Dynamic Attribute Prefix must end with" in found.words
    tried = await admin.post("/jobs/new/check", sent | {"tried": "on"})
    assert "Group ID is required." in tried.words
    assert await jobs_of(ready) == []


async def test_a_field_is_checked_as_it_is_left_even_before_an_audience_is_chosen(ready: House) -> None:
    admin = await ready.visitor()
    sent = filled(ready, segment_id="", group_id="", enable_dynamic_attributes="on", dynamic_attribute_prefix="shop")
    found = await admin.post("/jobs/new/check", sent)
    assert "must end with '_'" in found.words


async def test_accounts_are_checked_as_their_fields_are_left_and_nobody_is_asked(house: House) -> None:
    admin = await house.visitor()
    before = dict(house.running.world.traffic.by_status)
    sent = {"draft": "d", "mapp": "new", "lytics": "new", "mapp_api_url": "mapp", "name": "n" * 201}
    found = await admin.post("/jobs/new/accounts/check", sent)
    assert "names a host without a dot" in found.words
    assert "is longer than 200 characters" in found.words
    assert "required" not in found.words, "what is blank may be yet to come"
    assert dict(house.running.world.traffic.by_status) == before


async def test_the_side_shows_the_attribute_and_the_request_as_they_will_be(ready: House) -> None:
    admin = await ready.visitor()
    sent = filled(ready, enable_dynamic_attributes="on", mapp_attribute_name="best")
    found = await admin.post("/jobs/new/check", sent | {"looked_at": "vip_shoppers"})
    assert f"In Mapp’s group Customers , the attribute {SANDBOX.home_group}_best becomes" in found.words
    assert "20 people are sent at the start" in found.words
    assert f'"{SANDBOX.home_group}_best" : "true"' in found.words
    assert 'id="uid_field-part"' not in found.text, "the same audience's fields are there already"
    other = await admin.post("/jobs/new/check", sent | {"looked_at": "coupon_lovers"})
    assert 'id="uid_field-part" hx-swap-oob="true"' in other.text


async def test_whatever_somebody_or_a_vendor_wrote_is_shown_as_text(ready: House) -> None:
    nasty = '<script>alert("x")</script>'
    ready.running.world.audiences.add("nasty", name=nasty, rule="a > 1")
    admin = await ready.visitor()
    typed = {"name": nasty, "description": nasty, "segment_id": "nasty"}
    pages = [await admin.get(at(ready, step, **typed)) for step in ("accounts", "export", "review")]
    pages.append(await admin.get(at(ready, "review", mapp_attribute_name=nasty, dynamic_attribute_prefix=nasty)))
    pages.append(await admin.post("/jobs/new/check", filled(ready, group_id=nasty)))
    for page in pages:
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;" in page.text


async def test_looking_makes_nothing_however_often(ready: House) -> None:
    admin: Visitor = await ready.visitor()
    for step in ("accounts", "export", "review", "review"):
        assert (await admin.get(at(ready, step))).status == 200
    assert await jobs_of(ready) == []

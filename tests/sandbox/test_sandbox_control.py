import random

import pytest
from running_sandbox import CLOCK, GROUP, Sandbox, until

from usher.errors import InvalidInput
from usher.sandbox.audiences import Audiences
from usher.sandbox.options import SandboxOptions
from usher.sandbox.people import make_people


async def test_people_enter_and_exit_by_name_and_by_count(sandbox: Sandbox):
    exited = await sandbox.post("/control/audiences/vip_shoppers/exit", {"count": 5})
    entered = await sandbox.post("/control/audiences/vip_shoppers/enter", {"members": exited["members"][:2]})
    again = await sandbox.post("/control/audiences/vip_shoppers/enter", {"members": exited["members"][:2]})

    assert (exited["changed"], entered["changed"], again["changed"]) == (5, 2, 0)
    held = await sandbox.get("/control/audiences/vip_shoppers/members", field="_id")
    assert held["size"] == len(held["members"]) == 47


async def test_members_can_be_paged(sandbox: Sandbox):
    whole = await sandbox.get("/control/audiences/vip_shoppers/members", field="user_id")
    first = await sandbox.get("/control/audiences/vip_shoppers/members", field="user_id", limit="30")
    rest = await sandbox.get("/control/audiences/vip_shoppers/members", field="user_id", after=first["last"])

    assert first["members"] + rest["members"] == whole["members"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/control/audiences/unknown/enter", {}, 404),
        ("/control/audiences/vip_shoppers/vanish", {}, 404),
        ("/control/audiences/vip_shoppers/enter", {"members": ["nobody@example.com"]}, 404),
        ("/control/audiences/vip_shoppers/enter", {"counts": 1}, 400),
        ("/control/mapp/contacts", {"remove": ["nobody@example.com"]}, 404),
        ("/control/mapp/mapping", [], 400),
    ],
)
async def test_a_control_that_makes_no_sense_is_refused(sandbox, path, body, status):
    found, answer = await sandbox.call("POST", path, json=body)

    assert found == status
    assert answer["error"]


async def test_churn_changes_people_at_the_rate_that_was_asked_for(sandbox: Sandbox):
    await sandbox.post("/control/churn", {"per_second": 200, "seconds": 0.2})
    await until(lambda: not sandbox.world.churn.is_running)

    assert sandbox.world.churn.made == 40
    await sandbox.post("/control/churn", {"per_second": 1, "seconds": 3600})
    assert (await sandbox.call("DELETE", "/control/churn"))[1]["is_running"] is False


async def test_mapp_can_be_changed_by_another_hand(sandbox: Sandbox):
    email = sandbox.some_email()
    order = {"group": GROUP, "attribute": "vip_shoppers", "values": {email: "true"}}
    await sandbox.post("/control/mapp/attributes", order)
    assert await sandbox.attributes("vip_shoppers") == {email: "true"}

    await sandbox.post("/control/mapp/attributes", order | {"values": {email: None}})
    assert await sandbox.attributes("vip_shoppers") == {}


async def test_contacts_come_and_go(sandbox: Sandbox):
    await sandbox.post("/control/mapp/contacts", {"create": ["made@example.com"]})
    made = await sandbox.get("/control/mapp/contact", email="made@example.com")
    await sandbox.post("/control/mapp/contacts", {"remove": ["made@example.com"]})
    gone, _ = await sandbox.call("GET", "/control/mapp/contact", params={"email": "made@example.com"})

    assert made["groups"] == {GROUP: {}}
    assert gone == 404


async def test_a_source_can_be_unmapped_and_its_events_are_fed_back(sandbox: Sandbox):
    await sandbox.post("/control/mapp/mapping", {"mapping": {"vip_shoppers": None}})
    await sandbox.event({"email": sandbox.some_email(), "vip_shoppers": "true"})
    await sandbox.applied()

    feedback = await sandbox.get("/control/mapp/feedback")
    assert feedback["counts"] == {"NOT_MAPPED": 1}
    assert feedback["items"][0]["actionParams"] == {"vip_shoppers": "true"}


async def test_a_cleared_ledger_starts_again(sandbox: Sandbox):
    await sandbox.event({"email": sandbox.some_email(), "vip_shoppers": "true"})
    await sandbox.applied()
    await sandbox.call("DELETE", "/control/mapp/ledger")

    ledger = await sandbox.get("/control/mapp/ledger")
    assert (ledger["requests"], ledger["alive_most"]) == (0, 0)


async def test_the_page_shows_both_sides_and_escapes_everything(sandbox: Sandbox):
    await sandbox.post("/control/lytics/audience/vip_shoppers", {"name": "<script>alert(1)</script>"})
    await sandbox.event({"email": sandbox.some_email(), "vip_shoppers": "<b>"})
    await sandbox.applied()
    await sandbox.post("/control/faults", {"where": "<i>", "kind": "status"})

    async with sandbox.http.get(sandbox.url + "/") as answer:
        html = await answer.text()

    assert answer.content_type == "text/html"
    assert not any(tag in html for tag in ("<script", "<b>", "<i>"))
    assert all(part in html for part in ("&lt;script&gt;", "vip_shoppers", "mapp.event", "Customers"))
    assert "prefers-color-scheme: dark" in html


@pytest.mark.parametrize("wrong", [{"members": -1}, {"missing_contacts_share": 2}, {"groups": {}}])
def test_options_out_of_range_are_named(wrong):
    with pytest.raises(InvalidInput) as caught:
        SandboxOptions(**wrong)

    assert [problem.field for problem in caught.value.problems] == list(wrong)


@pytest.mark.parametrize("size", [0, 1, 20, 99, 100])
def test_picked_people_are_different_and_on_the_right_side(size):
    audiences = Audiences(make_people(100, seed=1), CLOCK, random.Random(1))
    audience = audiences.add("a", name="A", rule="x", members=range(size))

    inside = audience.pick(30, random.Random(2), is_in=True)
    outside = audience.pick(30, random.Random(2), is_in=False)

    assert len(set(inside)) == len(inside) == min(30, size)
    assert len(set(outside)) == len(outside) == min(30, 100 - size)
    assert all(audience.holds(i) for i in inside)
    assert not any(audience.holds(i) for i in outside)

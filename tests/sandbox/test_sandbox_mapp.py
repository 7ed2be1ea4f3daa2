import json

import aiohttp
import jwt
import pytest
from running_sandbox import CLOCK, GROUP, Sandbox, sandbox_of, until


async def test_an_accepted_event_is_answered_empty_and_applied_a_little_later():
    async with sandbox_of(apply_delay_ms=150) as sandbox:
        email = sandbox.some_email()

        assert await sandbox.event({"email": email, "group": GROUP, "vip_shoppers": "true"}) == 200
        assert await sandbox.attributes("vip_shoppers") == {}
        await sandbox.applied()
        assert await sandbox.attributes("vip_shoppers") == {email: "true"}


async def test_ping_and_group_answer_as_mapp_does(sandbox: Sandbox):
    base = f"/api/v1/integration/{sandbox.world.mapp.integration_id}"
    _, ping = await sandbox.call("GET", f"/mapp{base}/ping", headers=sandbox.signed(f"{base}/ping"))
    _, groups = await sandbox.call("GET", f"/mapp{base}/group", headers=sandbox.signed(f"{base}/group"))

    assert ping["pong"] is True
    assert ping["integrationId"] == sandbox.world.mapp.integration_id
    assert groups[GROUP] == "Customers"


async def test_connect_makes_the_groups_it_is_asked_for(sandbox: Sandbox):
    path = f"/api/v1/integration/{sandbox.world.mapp.integration_id}/connect"
    raw = json.dumps({"createDefaultGroups": "false", "groupNamesToBeCreated": ["X"]}).encode()

    status, body = await sandbox.call("POST", f"/mapp{path}", data=raw, headers=sandbox.signed(path, raw))

    assert (status, body["connectionStatus"]) == (200, "CONNECTED")
    assert sandbox.world.mapp.groups[str(body["groupNamesAndIds"]["X"])] == "X"


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, 200),
        ({"exp": CLOCK.now_ms() + 600_000}, 200),
        ({"exp": CLOCK.now_ms() // 1000 - 1}, 401),
        ({"exp": CLOCK.now_ms() - 1}, 401),
        ({"request-hash": "0" * 40}, 401),
    ],
)
async def test_only_a_fresh_signature_over_the_exact_request_opens_connect(sandbox, claims, status):
    assert await sandbox.event({"email": sandbox.some_email()}, **claims) == status


async def test_one_changed_byte_of_the_body_is_refused(sandbox: Sandbox):
    path = f"/api/v1/integration/{sandbox.world.mapp.integration_id}/event"
    headers = sandbox.signed(path, b'{"email":"a@b.c"}', "subtype=user")

    status, _ = await sandbox.call("POST", f"/mapp{path}?subtype=user", data=b'{"email": "a@b.c"}', headers=headers)

    assert status == 401


async def test_another_secret_an_unknown_integration_and_a_body_that_is_no_json_are_told_apart(sandbox: Sandbox):
    path = f"/api/v1/integration/{sandbox.world.mapp.integration_id}/event"
    raw = b"not json"
    refused, _ = await sandbox.call("POST", f"/mapp{path}", data=raw, headers=sandbox.signed(path, raw))
    elsewhere = "/api/v1/integration/other/event"
    unknown, _ = await sandbox.call("POST", f"/mapp{elsewhere}", data=b"{}", headers=sandbox.signed(elsewhere, b"{}"))
    await sandbox.post("/control/mapp/settings", {"secret": "rotated-secret-that-is-32-bytes-long"})

    assert (refused, unknown) == (400, 404)
    assert await sandbox.event({"email": sandbox.some_email()}) == 401


async def test_a_token_whose_base64_kept_plus_and_slash_is_borne(sandbox: Sandbox):
    path = f"/api/v1/integration/{sandbox.world.mapp.integration_id}/ping"
    for salt in range(400):
        token = sandbox.signed(path, salt=salt)["auth-token"]
        head, claims, mac = token.split(".")
        if "-" in mac or "_" in mac:
            break
    stray = f"{head}.{claims}.{mac.replace('-', '+').replace('_', '/')}"
    assert stray != token

    status, _ = await sandbox.call("GET", f"/mapp{path}", headers={"auth-token": stray})

    assert status == 200


async def test_a_token_without_typ_is_taken(sandbox: Sandbox):
    path = f"/api/v1/integration/{sandbox.world.mapp.integration_id}/ping"
    claims = jwt.decode(sandbox.signed(path)["auth-token"], options={"verify_signature": False})
    bare = jwt.encode(claims, "sandbox-secret-for-tests-of-32-bytes", "HS256", headers={"typ": None})
    assert "typ" not in jwt.get_unverified_header(bare)

    status, _ = await sandbox.call("GET", f"/mapp{path}", headers={"auth-token": bare})

    assert status == 200


@pytest.mark.parametrize(
    ("event", "attribute", "expected"),
    [
        ({"vip_shoppers": "true"}, "vip_shoppers", "true"),
        ({"vip_shoppers": False}, "vip_shoppers", "false"),
        ({"VIP_shoppers": "true"}, "VIP_shoppers", None),
        ({"not_mapped": "true"}, "not_mapped", None),
        ({f"{GROUP}_made_up": "true"}, "made_up", "true"),
        ({"own_made_up": "true"}, "made_up", "true"),
    ],
)
async def test_only_what_is_mapped_or_has_a_known_prefix_is_written(sandbox, event, attribute, expected):
    await sandbox.post("/control/mapp/mapping", {"prefixes": {"own_": GROUP}})
    email = sandbox.some_email()

    await sandbox.event({"email": email, **event})
    await sandbox.applied()

    assert (await sandbox.attributes(attribute)).get(email) == expected
    assert sandbox.world.mapp.feedback_by_code["NOT_MAPPED"] == (expected is None)


@pytest.mark.parametrize(
    ("flags", "is_made"),
    [
        ({"group": GROUP}, True),
        ({"group": GROUP, "updateonly": "false"}, True),
        ({"group": GROUP, "updateonly": "true"}, False),
        ({"group": GROUP, "updateonly": True}, False),
        ({}, False),
    ],
)
async def test_a_contact_is_made_only_with_a_group_and_without_updateonly(sandbox, flags, is_made):
    await sandbox.event({"email": "new@example.com", "vip_shoppers": "true", **flags})
    await sandbox.applied()

    assert ("new@example.com" in await sandbox.attributes("vip_shoppers")) is is_made


@pytest.mark.parametrize(("skip", "is_back"), [("true", False), (True, False), ("false", True)])
async def test_who_unsubscribed_comes_back_only_without_skip_unsubscribers(sandbox, skip, is_back):
    email = sandbox.some_email()
    await sandbox.post("/control/mapp/contacts", {"unsubscribe": [email]})

    await sandbox.event({"email": email, "group": GROUP, "vip_shoppers": "true", "skipUnsubscribers": skip})
    await sandbox.applied()

    assert (GROUP in (await sandbox.get("/control/mapp/contact", email=email))["groups"]) is is_back


async def test_identifiers_are_tried_in_mapps_order_and_others_when_the_first_leads_nowhere(sandbox: Sandbox):
    first, second = [p for p in sandbox.world.audiences.people if p.email][:2]

    await sandbox.event({"userID": first.user_id, "email": second.email, "vip_shoppers": "true"})
    await sandbox.event({"userID": "nobody", "mobileNumber": second.phone, "vip_shoppers": "false"})
    await sandbox.applied()

    held = await sandbox.attributes("vip_shoppers")
    assert (held[first.email], held[second.email]) == ("true", "false")


async def test_events_about_one_contact_are_applied_in_the_order_they_came(sandbox: Sandbox):
    email = sandbox.some_email()
    for value in ("true", "false", "true", "false"):
        await sandbox.event({"email": email, "vip_shoppers": value})
    await sandbox.applied()

    assert (await sandbox.attributes("vip_shoppers"))[email] == "false"
    ledger = await sandbox.get("/control/mapp/ledger")
    assert (ledger["requests"], ledger["order_violations"], ledger["unsettled_most"]) == (4, 0, 1)
    deliveries = await sandbox.get("/control/mapp/deliveries", key="vip_shoppers")
    assert deliveries[email] == {"value": "false", "accepted": 4}


async def test_engage_reads_back_what_connect_wrote(sandbox: Sandbox):
    email = sandbox.some_email()
    await sandbox.event({"email": email, "vip_shoppers": "true"})
    await sandbox.applied()
    options = sandbox.world.options

    async def read(path: str, *, password: str = options.engage_password, **params: str):
        auth = aiohttp.encode_basic_auth(options.engage_user, password)
        url = f"/mapp/sandbox/api/rest/v19/{path}"
        return await sandbox.call("GET", url, params=params, headers={"Authorization": auth})

    attributes = await read("membership/getAttributesByEmail", email=email, groupId=GROUP)
    unknown = await read("user/getByEmail", email="nobody@example.com")
    lacking = await read("membership/getAttributesByEmail", email=email)
    refused, _ = await read("system/getApiVersion", password="wrong")
    bare, _ = await sandbox.call("GET", "/mapp/sandbox/api/rest/v19/system/getApiVersion")

    assert attributes == (200, [{"name": "vip_shoppers", "value": "true"}])
    assert (unknown[0], unknown[1]["errorCode"], unknown[1]["objectType"]) == (400, "NO_SUCH_OBJECT", "User")
    assert (lacking[0], lacking[1]["errorCode"]) == (400, "MISSING_PARAMETER")
    assert (refused, bare) == (403, 401)
    assert (await read("group/get", groupId=GROUP))[1]["name"] == "Customers"
    assert (await read("no/such"))[0] == 404


async def test_people_that_mapp_lacks_are_a_choice():
    async with sandbox_of(missing_contacts_share=0.5, members=200) as sandbox:
        state = await sandbox.get("/control/state")

        assert state["mapp"]["contacts"] < 0.6 * state["lytics"]["people"]


async def test_nothing_is_left_pending_when_the_state_says_so(sandbox: Sandbox):
    await sandbox.event({"email": sandbox.some_email(), "vip_shoppers": "true"})

    async def is_quiet():
        return not (await sandbox.get("/control/state"))["mapp"]["pending"]

    await until(is_quiet)
    assert sandbox.world.mapp.applied == 1

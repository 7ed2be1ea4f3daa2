import unicodedata

import pytest
from running_sandbox import TOKEN, Sandbox, sandbox_of

from usher.sandbox.people import make_people


async def _scan(sandbox: Sandbox, slug: str, *, key: str = "_next", **params: str) -> list[dict]:
    rows, start = [], ""
    while True:
        query = {"limit": "100", **params} | ({"start": start} if start else {})
        status, page = await sandbox.lytics("GET", f"/api/segment/{slug}/scan", params=query)
        assert status == 200
        rows += page["data"]
        start = page.get(key, "")
        if not start:
            return rows


async def test_audiences_are_listed_with_sizes_and_the_invalid_one_only_on_request(sandbox: Sandbox):
    _, valid = await sandbox.lytics("GET", "/v2/segment", params={"sizes": "true", "table": "user"})
    _, every = await sandbox.lytics("GET", "/v2/segment", params={"valid": "all"})

    sizes = {segment["slug_name"]: segment["size"] for segment in valid["data"]}
    assert sizes == {"vip_shoppers": 50, "coupon_lovers": 5, "night_owls": 0}
    assert {s["slug_name"] for s in every["data"] if s["invalid"]} == {"broken_rule"}
    assert all("size" not in segment for segment in every["data"])
    assert set(valid) == {"_meta", "data", "request_id", "status"}


async def test_an_audience_is_found_by_slug_and_by_id_in_both_generations(sandbox: Sandbox):
    _, by_slug = await sandbox.lytics("GET", "/v2/segment/vip_shoppers", params={"sizes": "true"})
    segment_id = by_slug["data"]["id"]
    _, by_id = await sandbox.lytics("GET", f"/api/segment/{segment_id}")
    _, sizes = await sandbox.lytics("GET", "/api/segment/sizes", params={"ids": segment_id})

    assert (by_slug["data"]["size"], len(segment_id)) == (50, 32)
    assert by_id["data"]["slug_name"] == "vip_shoppers"
    assert sizes["data"] == [{"id": segment_id, "name": "VIP shoppers", "slug_name": "vip_shoppers", "size": 50}]


@pytest.mark.parametrize(
    "given",
    [
        {"headers": {"Authorization": TOKEN}},
        {"headers": {"Authorization": f"Bearer {TOKEN}"}},
        {"params": {"key": TOKEN}},
        {"params": {"access_token": TOKEN}},
    ],
)
async def test_a_token_is_taken_in_every_place_where_lytics_takes_it(sandbox, given):
    assert (await sandbox.call("GET", "/lytics/v2/segment", **given))[0] == 200


async def test_a_wrong_token_is_refused_in_the_style_of_the_path(sandbox: Sandbox):
    v1 = await sandbox.lytics("GET", "/api/segment", token="wrong")
    v2 = await sandbox.lytics("GET", "/v2/segment", token="wrong")
    await sandbox.post("/control/lytics/errors", {"flat": True})
    flat = await sandbox.lytics("GET", "/v2/segment", token="wrong")

    assert v1 == (401, {"data": None, "message": "Not authorized", "status": 401})
    assert (v2[0], v2[1]["errors"][0]["code"]) == (401, "UNAUTHORIZED-017")
    assert (flat[1]["message"], "errors" in flat[1]) == ("Not authorized", False)


async def test_a_scan_pages_through_everybody_once_and_ends_with_an_empty_key():
    async with sandbox_of(members=250) as sandbox:
        rows = await _scan(sandbox, "vip_shoppers")
        held = await sandbox.get("/control/audiences/vip_shoppers/members", field="_id")
        _, first = await sandbox.lytics("GET", "/api/segment/scan", params={"id": "vip_shoppers", "limit": "999"})
        _, last = await sandbox.lytics("GET", "/api/segment/coupon_lovers/scan", params={"limit": "100"})

        assert [row["_id"] for row in rows] == held["members"]
        assert len({row["_id"] for row in rows}) == 250
        assert (len(first["data"]), first["total"]) == (100, 250)
        assert last["_next"] == ""


async def test_a_scan_gives_the_fields_that_were_asked_for(sandbox: Sandbox):
    rows = await _scan(sandbox, "vip_shoppers", fields="email")
    whole = await _scan(sandbox, "vip_shoppers")

    assert {name for row in rows for name in row} == {"_id", "email"}
    assert all("vip_shoppers" in row["segments"] for row in whole)


@pytest.mark.parametrize("quirk", [{"token_seconds": 0}, None])
async def test_an_expired_page_token_is_a_bad_request(sandbox, quirk):
    _, page = await sandbox.lytics("GET", "/api/segment/vip_shoppers/scan", params={"limit": "10"})
    if quirk is None:
        await sandbox.post("/control/lytics/scan/expire")
    else:
        await sandbox.post("/control/lytics/scan", quirk)

    query = {"limit": "10", "start": page["_next"]}
    status, body = await sandbox.lytics("GET", "/api/segment/vip_shoppers/scan", params=query)
    nonsense, _ = await sandbox.lytics("GET", "/api/segment/vip_shoppers/scan", params={"start": "%%%"})

    assert (status, body["status"], nonsense) == (400, 400, 400)


async def test_scans_misbehave_as_they_are_told(sandbox: Sandbox):
    async def first(**quirks):
        await sandbox.post("/control/lytics/scan", quirks)
        return (await sandbox.lytics("GET", "/api/segment/vip_shoppers/scan", params={"limit": "20"}))[1]

    renamed = await first(next_key="next")
    cut = await first(end_after_rows=20, total=999)
    await sandbox.post("/control/lytics/scan", {"omit_end_marker": True})
    _, unmarked = await sandbox.lytics("GET", "/api/segment/night_owls/scan")
    await sandbox.post("/control/lytics/scan", {"repeat_last_row": True})
    repeated = await _scan(sandbox, "vip_shoppers", limit="20")

    assert (bool(renamed["next"]), "_next" in renamed) == (True, False)
    assert (len(cut["data"]), cut["_next"], cut["total"]) == (20, "", 999)
    assert not {"_next", "next"} & set(unmarked)
    assert len(repeated) > len({row["_id"] for row in repeated}) == 50


async def test_splits_part_an_audience_unless_they_are_passed_over(sandbox: Sandbox):
    async def of(splits, **quirks):
        await sandbox.post("/control/lytics/scan", quirks)
        query = {"limit": "100", "splits": splits}
        return await sandbox.lytics("GET", "/api/segment/vip_shoppers/scan", params=query)

    parts = [await of(",".join(map(str, range(part, 100, 2))), count_splits=True) for part in (0, 1)]
    _, ignored = await of("1", ignore_splits=True)
    refused, _ = await of("100")

    everybody = {row["_id"] for row in ignored["data"]}
    shown = [{row["_id"] for row in body["data"]} for _, body in parts]
    assert shown[0] | shown[1] == everybody
    assert not shown[0] & shown[1]
    assert [body["total"] for _, body in parts] == [len(rows) for rows in shown]
    assert refused == 400


async def test_a_deleted_audience_is_gone_and_an_invalid_one_cannot_be_scanned(sandbox: Sandbox):
    await sandbox.post("/control/lytics/audience/coupon_lovers", {"deleted": True})

    gone, _ = await sandbox.lytics("GET", "/api/segment/coupon_lovers/scan")
    unknown, body = await sandbox.lytics("GET", "/v2/segment/coupon_lovers")
    invalid, _ = await sandbox.lytics("GET", "/api/segment/broken_rule/scan")

    assert (gone, unknown, invalid) == (404, 404, 400)
    assert body["errors"][0]["code"] == "NOTFOUND-003"


async def test_an_audience_can_be_redefined_and_a_new_one_made(sandbox: Sandbox):
    _, before = await sandbox.lytics("GET", "/v2/segment/vip_shoppers")
    await sandbox.post("/control/lytics/audience/vip_shoppers", {"segment_ql": "FILTER AND (orders > 9) FROM user"})
    await sandbox.post("/control/lytics/audience/fresh", {"name": "Fresh", "count": 7})
    _, after = await sandbox.lytics("GET", "/v2/segment/vip_shoppers")
    _, fresh = await sandbox.lytics("GET", "/v2/segment/fresh", params={"sizes": "true"})

    assert before["data"]["segment_ql"] != after["data"]["segment_ql"]
    assert (fresh["data"]["name"], fresh["data"]["size"]) == ("Fresh", 7)


async def test_the_schema_says_which_fields_identify(sandbox: Sandbox):
    _, v2 = await sandbox.lytics("GET", "/v2/schema/user/field")
    _, v1 = await sandbox.lytics("GET", "/api/schema/user")

    assert {field["id"] for field in v2["data"] if field["is_identifier"]} == {"email", "user_id"}
    assert v1["data"]["by_fields"] == ["email", "user_id"]
    assert {column["as"] for column in v1["data"]["columns"]} == {field["id"] for field in v2["data"]}


async def test_without_the_pii_right_identifiers_come_back_redacted(sandbox: Sandbox):
    await sandbox.post("/control/lytics/token", {"token": "blind", "rights": ["audiences"]})
    _, page = await sandbox.lytics("GET", "/api/segment/vip_shoppers/scan", token="blind")
    schema, _ = await sandbox.lytics("GET", "/v2/schema/user/field", token="blind")
    await sandbox.post("/control/lytics/token", {"token": "blind", "rights": None})

    assert {row["email"] for row in page["data"] if "email" in row} == {"[redacted]"}
    assert schema == 403
    assert (await sandbox.lytics("GET", "/v2/segment", token="blind"))[0] == 401


def test_the_same_seed_makes_the_same_people_and_nobody_twice():
    people = make_people(5000, seed=3)
    emails = [email for person in people for email in person.emails]

    assert people == make_people(5000, seed=3)
    assert people != make_people(5000, seed=4)
    assert len(emails) == len(set(emails))
    assert len({person.lytics_id for person in people}) == 5000


def test_people_try_a_program_but_stay_legal():
    people = make_people(5000, seed=1)
    emails = [email for person in people for email in person.emails]

    assert all(e == unicodedata.normalize("NFC", e) and len(e) <= 129 and "@" in e for e in emails)
    assert any(not person.emails for person in people)
    assert any(len(person.emails) > 1 for person in people)
    assert all(any(odd in email for email in emails) for odd in ("+", "/", '"', "%", "ü"))

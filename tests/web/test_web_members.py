"""People over REST: found under any legal name, masked for viewers, paged, owed again."""

import json
from urllib.parse import quote

import pytest

from tests.web.service import EXPORT, Running
from usher.access.roles import Role

ODD = ["a/b+c@example.com", "per%cent@example.com", "über@bücher.example", "a..b/../c@example.com", "q?u#x@example.com"]


async def path_of(usher: Running, member: str) -> str:
    job = (await usher.ask("GET", "/v2/job")).data[0]
    return f"/v2/job/{job['id']}/members/{quote(member, safe='')}"


async def test_anybody_with_a_legal_name_can_be_explained(usher: Running) -> None:
    await usher.create_job()
    for member in ODD:
        assert (await usher.trigger(usher.event(member))).status == 200
        found = (await usher.ask("GET", await path_of(usher, member))).data
        assert (found["member"], found["wanted"], found["state"]) == (member, "true", "due")


async def test_an_explanation_has_exactly_the_promised_keys(usher: Running) -> None:
    await usher.create_job()
    await usher.trigger(usher.event("jo@example.com"))
    found = (await usher.ask("GET", await path_of(usher, "jo@example.com"))).data
    assert found["next"]
    assert found["why"]
    assert found["confirmed"] is None
    assert set(found) == {
        *("member", "state", "wanted", "version", "accepted", "confirmed"),
        *("set_aside", "due_at", "history", "next", "why", "history_from"),
    }


async def test_somebody_unknown_is_explained_as_that(usher: Running) -> None:
    await usher.create_job()
    found = (await usher.ask("GET", await path_of(usher, "nobody@example.com"))).data
    assert (found["state"], found["wanted"]) == ("unknown", None)


async def test_a_viewer_sees_no_identifier_anywhere(usher: Running) -> None:
    job = await usher.create_job(withbackfill=True)
    member = "jo.public@example.com"
    await usher.trigger(usher.event(member))
    lists = f"/v2/job/{job['id']}/members?state=due"
    for path in (await path_of(usher, member), lists):
        seen = await usher.ask("GET", path, role=Role.VIEWER)
        assert seen.status == 200
        assert "jo.public" not in seen.text
        assert "j***@e***.com" in seen.text
        assert member in (await usher.ask("GET", path, role=Role.OPERATOR)).text


async def test_only_those_who_may_see_people_see_the_previews_sample(usher: Running) -> None:
    people = {person.email for person in usher.world.audiences.people if person.email}

    async def sample(role: Role) -> str:
        shown = (await usher.ask("POST", f"{EXPORT}/preview", usher.job(), role=role)).data["request"]["body"]
        return str(json.loads(shown)["email"])

    assert await sample(Role.OPERATOR) in people
    masked = await sample(Role.VIEWER)
    assert masked not in people
    assert "***" in masked


async def test_pages_follow_each_other_and_hold_everybody_once(usher: Running) -> None:
    job = await usher.create_job()
    named = [f"p{n:03}@example.com" for n in range(250)]
    await usher.trigger([usher.event(name) for name in named])
    found, cursor = [], ""
    for _ in range(5):
        more = f"&cursor={quote(cursor)}" if cursor else ""
        answer = await usher.ask("GET", f"/v2/job/{job['id']}/members?state=due{more}")
        found += [row["member"] for row in answer.data]
        cursor = answer.body["_meta"].get("next", "")
        assert "example" not in cursor
        if not cursor:
            break
    assert sorted(found) == named


async def test_a_cursor_names_nobody_even_when_decoded(usher: Running) -> None:
    import base64

    job = await usher.create_job()
    await usher.trigger([usher.event(f"p{n:03}@example.com") for n in range(120)])
    answer = await usher.ask("GET", f"/v2/job/{job['id']}/members", role=Role.VIEWER)
    cursor = answer.body["_meta"]["next"]
    packed = cursor.rpartition(".")[2]
    assert b"example" not in base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))


async def test_a_retry_says_how_many_and_refuses_what_it_cannot_read(usher: Running) -> None:
    job = await usher.create_job()
    path = f"/v2/job/{job['id']}/retry"
    assert (await usher.ask("POST", path)).data == {"owed": 0}
    assert (await usher.ask("POST", path, {"members": ["a@example.com"]})).data == {"owed": 0}
    for body, field in (({"members": "a"}, "members"), ({"members": [1]}, "members"), ({"people": []}, "people")):
        answer = await usher.ask("POST", path, body)
        assert (answer.status, answer.fields) == (400, [field])


async def test_an_unknown_state_is_refused_with_those_that_exist(usher: Running) -> None:
    job = await usher.create_job()
    answer = await usher.ask("GET", f"/v2/job/{job['id']}/members?state=odd")
    assert (answer.status, answer.fields) == (400, ["state"])
    assert "set_aside" in answer.text


async def test_a_resend_of_those_named_says_how_many_and_refuses_what_it_cannot_read(usher: Running) -> None:
    job = await usher.create_job()
    path = f"/v2/job/{job['id']}/resend"
    await usher.trigger(usher.event("jo@example.com"))
    answer = await usher.ask("POST", path, {"members": ["jo@example.com", "nobody@example.com"]})
    assert answer.data["meta"]["notes"] == ["1 of 2 named are owed again."]
    assert "notes" not in (await usher.ask("POST", path)).data["meta"]
    for body, field in (({"members": "a"}, "members"), ({"members": [1]}, "members"), ({"people": []}, "people")):
        refused = await usher.ask("POST", path, body)
        assert (refused.status, refused.fields) == (400, [field])


@pytest.mark.parametrize("member", ["n", "unknown", "2", "e", "true", "accepted"])
async def test_masking_leaves_states_values_and_times_alone(usher: Running, member: str) -> None:
    job = await usher.create_job(uid_field="user_id", identifier_type="userID")
    seen = await usher.ask("GET", f"/v2/job/{job['id']}/members/{member}", role=Role.VIEWER)
    full = await usher.ask("GET", f"/v2/job/{job['id']}/members/{member}")
    ours = ("state", "wanted", "version", "due_at", "accepted")
    assert [seen.data[name] for name in ours] == [full.data[name] for name in ours]

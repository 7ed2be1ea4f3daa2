"""Settings: people, API tokens, the audit log, health and retention; for administrators but for the last."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest

from tests.dashboard.visiting import PASSWORD, House, Page, visiting
from tests.web.service import OWNER
from usher.access.people import create_person, list_people
from usher.access.roles import Role
from usher.access.tokens import list_tokens
from usher.domain.notes import AuditEntry
from usher.jobs.trail import Named, TrailEntry
from usher.lytics.triggers import Reason
from usher.web.dashboard import settings_pages
from usher.web.dashboard.about_pages import WHY
from usher.web.dashboard.audit_words import DID, Deed, deed_of
from usher.web.dashboard.token_pages import expiry_of

NEW = "five odd words walk by"
HOSTILE = "<b>Jo</b>"


@pytest.fixture
def house(bare_house: House) -> House:
    return bare_house


async def person_id(house: House, name: str) -> str:
    return next(one.id for one in await list_people(house.running.deps.desk) if one.name == name)


async def token_id(house: House, name: str) -> str:
    return next(one.id for one in await list_tokens(house.running.deps.desk) if one.name == name)


def copied(page: Page, name: str) -> str:
    """Return what the page shows to be copied."""
    return re.findall(rf'<code id="{name}">([^<]*)</code>', page.text)[0]


# who may


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR], ids=str)
async def test_only_administrators_get_in_and_others_are_told_who_may(house: House, role: Role) -> None:
    visitor = await house.visitor(role)
    for route in settings_pages.PAGES:
        if route.needs is Role.VIEWER:
            continue
        path = re.sub(r"\{.*?\}", "1", route.path)
        found = await (visitor.get(path) if route.method == "GET" else visitor.post(path))
        assert (found.status, "Administrators may do this." in found.words) == (403, True), route


async def test_everybody_sees_how_the_service_stands_and_only_administrators_the_messages(house: House) -> None:
    viewer = await house.visitor(Role.VIEWER)
    found = await viewer.get("/settings/about")
    assert found.status == 200
    assert "/settings/about/unreadable" not in found.text


# people


async def test_an_invitation_shows_its_link_once_and_the_link_works(house: House) -> None:
    admin = await house.visitor()
    made = await admin.post("/settings/people/invite", {"name": "jo@example.org", "role": "operator"})
    assert (made.status, "jo@example.org is invited" in made.words) == (200, True)
    link = copied(made, "link")
    assert link.startswith(f"{house.running.url}/welcome/")
    assert not made.said, "no cookie may carry it"
    jo = house.stranger()
    assert (await jo.post(link.removeprefix(house.running.url), {"password": NEW})).leads_to == "/jobs"
    assert "jo@example.org Operator" in (await jo.get("/account")).words
    listed = await admin.get("/settings/people")
    assert "jo@example.org" in listed.words
    assert link.rsplit("/", 1)[1] not in listed.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "", "role": "viewer"}, "The name must be 1 to 100 printable characters."),
        ({"name": "jo", "role": "king"}, "This is not a role."),
        ({"name": " ADMIN@example.org", "role": "viewer"}, "There is a person named 'ADMIN@example.org' already."),
    ],
    ids=["no-name", "no-role", "taken"],
)
async def test_a_wrong_invitation_says_what_to_mend_and_keeps_what_was_typed(
    house: House, fields: dict[str, str], said: str
) -> None:
    admin = await house.visitor()
    found = await admin.post("/settings/people/invite", fields)
    assert (found.status, found.words.count(said)) == (400, 2)
    assert f'value="{fields["name"].strip()}"' in found.text
    assert len(await list_people(house.running.deps.desk)) == 1


async def test_a_role_changes_from_the_next_click_on(house: House) -> None:
    admin, viewer = await house.visitor(), await house.visitor(Role.VIEWER)
    assert (await viewer.get("/settings/people")).status == 403
    path = f"/settings/people/{await person_id(house, 'viewer@example.org')}"
    page = await admin.act(path, {"role": "admin"})
    assert "viewer@example.org is administrator now." in page.words
    assert (await viewer.get("/settings/people")).status == 200


async def test_the_last_administrator_can_be_neither_lowered_nor_removed(house: House) -> None:
    admin = await house.visitor()
    path = f"/settings/people/{await person_id(house, 'admin@example.org')}"
    lowered, removed = await admin.post(path, {"role": "viewer"}), await admin.post(f"{path}/remove")
    for found in (lowered, removed):
        assert (found.status, "is the last administrator who can sign in" in found.words) == (409, True)
    assert (await admin.get("/settings/people")).status == 200


async def test_removing_asks_first_and_names_what_follows(house: House) -> None:
    admin, viewer = await house.visitor(), await house.visitor(Role.VIEWER)
    path = f"/settings/people/{await person_id(house, 'viewer@example.org')}/remove"
    asked = await admin.get(path)
    assert "1 session ends at once." in asked.words
    assert "API tokens go on." in asked.words
    assert (await viewer.get("/account")).status == 200, "nothing happened yet"
    page = await admin.act(path)
    assert "viewer@example.org is removed" in page.words
    assert (await viewer.get("/account")).status == 303
    assert (await house.stranger().post("/sign-in", {"name": "viewer@example.org", "password": PASSWORD})).status == 400
    assert (await admin.post(path)).status == 404, "a second time there is nobody"


async def test_an_administrator_who_lowers_themselves_is_led_to_a_page_they_may_see(house: House) -> None:
    admin = await house.visitor()
    jo = house.stranger()
    _, token = await create_person(house.running.deps.desk, OWNER, name="jo", role=Role.ADMIN)
    await jo.post(f"/welcome/{token}", {"password": NEW})
    path = f"/settings/people/{await person_id(house, 'admin@example.org')}"
    page = await admin.act(path, {"role": "operator"})
    assert (page.status, "admin@example.org is operator now." in page.words) == (200, True)


async def test_a_new_link_leaves_the_old_password_until_it_is_used(house: House) -> None:
    admin, viewer = await house.visitor(), await house.visitor(Role.VIEWER)
    path = f"/settings/people/{await person_id(house, 'viewer@example.org')}/link"
    assert "Make a new link for viewer@example.org?" in (await admin.get(path)).words
    link = copied(await admin.post(path), "link").removeprefix(house.running.url)
    assert (await viewer.get("/account")).status == 200
    assert (await house.stranger().post(link, {"password": NEW})).status == 303
    assert (await viewer.get("/account")).status == 303


async def test_an_administrator_ends_somebody_elses_sessions(house: House) -> None:
    admin, viewer = await house.visitor(), await house.visitor(Role.VIEWER)
    path = f"/settings/people/{await person_id(house, 'viewer@example.org')}"
    page = await admin.act(f"{path}/end-sessions")
    assert "1 session ended." in page.words
    assert (await viewer.get("/account")).status == 303


async def test_the_list_tells_who_has_not_come_yet(house: House) -> None:
    admin = await house.visitor()
    await create_person(house.running.deps.desk, OWNER, name=HOSTILE, role=Role.VIEWER)
    found = await admin.get("/settings/people")
    assert "invited, until" in found.words
    assert HOSTILE not in found.text
    assert HOSTILE.replace("<", "&lt;").replace(">", "&gt;") in found.text


async def test_a_link_names_the_address_that_the_administrator_used_unless_the_setting_names_that_host() -> None:
    with TemporaryDirectory(prefix="usher-") as folder:
        async with visiting(Path(folder), USHER_BASE_URL="https://hooks.example.org") as house:
            admin = await house.visitor()
            fields = {"name": "jo", "role": "viewer"}
            found = await admin.post("/settings/people/invite", fields)
            assert copied(found, "link").startswith(f"{house.running.url}/welcome/")
            named = await admin.post("/settings/people/invite", fields | {"name": "al"}, Host="hooks.example.org")
            assert copied(named, "link").startswith("https://hooks.example.org/welcome/")


# API tokens


async def test_a_token_is_shown_once_and_opens_the_api(house: House) -> None:
    admin = await house.visitor()
    made = await admin.post("/settings/tokens/new", {"name": "nightly", "role": "viewer", "expires_days": "30"})
    assert (made.status, "nightly was made" in made.words) == (200, True)
    plain = copied(made, "token")
    asked = await house.running.ask("GET", "/v2/job", role=None, headers={"Authorization": plain})
    assert asked.status == 200
    listed = await admin.get("/settings/tokens")
    assert "in 30 days" in listed.words
    assert plain not in listed.text


@pytest.mark.parametrize(
    ("days", "shown"),
    [
        (None, ("never", "", "")),
        (90, ("in 90 days", "", "")),
        (14, ("in 14 days", "", "")),
        (13.9, ("in 14 days", "triangle-alert", "warn-c")),
        (0, ("expired 0 s ago", "circle-x", "bad-c")),
        (-3, ("expired 3 days ago", "circle-x", "bad-c")),
    ],
)
def test_a_token_is_marked_before_it_ends_and_after(days: float | None, shown: tuple[str, str, str]) -> None:
    expires_ms = None if days is None else round(1e12 + days * 86_400_000)
    assert expiry_of(expires_ms, now_ms=10**12) == shown


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", "", "The name must be 1 to 100 printable characters."),
        ("name", "admin", "There is a token named 'admin' already."),
        ("role", "king", "This is not a role."),
        ("expires_days", "soon", "The number of days is not a number."),
        ("expires_days", "nan", "The number of days is out of range."),
        ("expires_days", "0", "The number of days is out of range."),
        ("expires_days", "3651", "The number of days is out of range."),
    ],
    ids=["no-name", "taken", "no-role", "words", "nan", "zero", "too-long"],
)
async def test_a_wrong_token_says_what_to_mend_and_keeps_what_was_typed(
    house: House, field: str, typed: str, said: str
) -> None:
    admin = await house.visitor()
    fields = {"name": "nightly", "role": "operator", "expires_days": "30"} | {field: typed}
    found = await admin.post("/settings/tokens/new", fields)
    assert (found.status, found.words.count(said)) == (400, 2)
    assert f'value="{fields["expires_days"]}"' in found.text
    assert all(token.name != "nightly" for token in await list_tokens(house.running.deps.desk))


async def test_no_number_of_days_makes_a_token_without_end(house: House) -> None:
    admin = await house.visitor()
    await admin.post("/settings/tokens/new", {"name": "for-ever", "role": "viewer", "expires_days": " "})
    kept = {token.name: token.expires_ms for token in await list_tokens(house.running.deps.desk)}
    assert kept["for-ever"] is None


async def test_a_revoked_token_opens_nothing(house: House) -> None:
    admin = await house.visitor()
    path = f"/settings/tokens/{await token_id(house, 'viewer')}/revoke"
    assert "Revoke viewer?" in (await admin.get(path)).words
    assert (await house.running.ask("GET", "/v2/job", role=Role.VIEWER)).status == 200
    page = await admin.act(path)
    assert "viewer is revoked." in page.words
    assert (await house.running.ask("GET", "/v2/job", role=Role.VIEWER)).status == 401
    assert (await admin.get(path)).status == 404


# audit log


async def test_the_audit_log_tells_in_plain_words_who_did_what_to_which_job(house: House) -> None:
    admin = await house.visitor()
    await house.running.authorize()
    job = await house.running.create_job()
    await house.running.ask("POST", f"/v2/job/{job['id']}/pause")
    found = await admin.get("/settings/audit")
    assert "Paused the job VIP Running → Paused" in found.words
    assert f'href="/jobs/{job["id"]}"' in found.text
    assert "Signed in" in found.words


async def test_the_audit_log_is_narrowed_to_a_kind_and_a_person(house: House) -> None:
    admin = await house.visitor()
    await house.running.authorize()
    jobs = await admin.get("/settings/audit?area=authorizations")
    assert ("Added the authorization" in jobs.words, "Signed in" in jobs.words) == (True, False)
    mine = await admin.get("/settings/audit?who=admin@example.org")
    assert ("Signed in" in mine.words, "Added the authorization" in mine.words) == (True, False)
    none = await admin.get("/settings/audit?who=<script>&area=jobs")
    assert "Nothing of that kind yet" in none.words
    assert "<script>&" not in none.text
    assert (await admin.get("/settings/audit?area=odd")).status == 400


async def test_the_audit_log_goes_on_page_by_page_without_a_gap(house: House) -> None:
    admin = await house.visitor()
    for number in range(105):
        await create_person(house.running.deps.desk, OWNER, name=f"p{number:03}", role=Role.VIEWER)
    seen: list[str] = []
    path = "/settings/audit?area=people"
    while path:
        page = await admin.get(path)
        seen += re.findall(r"Added (p\d\d\d)", page.words)
        older = re.findall(r'href="([^"]*)">Older<', page.text)
        path = older[0].replace("&amp;", "&") if older else ""
    assert seen == [f"p{number:03}" for number in reversed(range(105))]


def test_every_action_that_is_audited_has_words() -> None:
    source = "".join(path.read_text() for path in Path("src/usher").rglob("*.py") if "dashboard" not in path.parts)
    named = set(re.findall(r'"((?:alert_channel|auth|job|member|person|session|token|unreadable)\.[a-z_]+)"', source))
    people_do = {f"job.{event}" for event in ("pause", "resume", "bounce", "kill", "delete")}
    assert named | people_do == set(DID)


JOB = Named("job", "j1", "VIP")
KILLED = Deed("Terminated the job", "VIP", "/jobs/j1", "Paused → Terminated")


@pytest.mark.parametrize(
    ("action", "what", "note", "about", "deed"),
    [
        ("job.kill", "j1", "paused -> killed", JOB, KILLED),
        ("job.edit", "j1", "a -> b", JOB, Deed("Changed the job", "VIP", "/jobs/j1", "a -> b")),
        ("auth.delete", "a1", "Mapp US", None, Deed("Deleted the authorization", "that is gone", "", "Mapp US")),
        ("person.role", "jo", "viewer to admin", None, Deed("Changed the role of", "jo", "", "viewer to admin")),
        ("person.role", "anna", "admin to viewer", None, Deed("Changed their own role", "", "", "admin to viewer")),
        ("person.sign_in", "anna", "", None, Deed("Signed in", "", "", "")),
        ("token.create", "t1", "nightly (viewer)", None, Deed("Made an API token", "", "", "nightly (viewer)")),
        ("token.revoke", "nightly", "", None, Deed("Revoked the API token", "nightly", "", "")),
        ("later.deed", "x", "", None, Deed("later.deed", "x", "", "")),
    ],
    ids=["states", "arrow", "gone", "role", "own-role", "sign-in", "token", "revoked", "unknown"],
)  # fmt: skip
def test_an_entry_is_told_in_a_sentence(action: str, what: str, note: str, about: Named | None, deed: Deed) -> None:
    assert deed_of(TrailEntry(AuditEntry(1, 0, "anna", action, what, note), about)) == deed


# health and retention


async def test_the_page_says_whether_lytics_can_reach_the_service_and_what_is_kept(house: House) -> None:
    admin = await house.visitor()
    found = await admin.get("/settings/about")
    assert "USHER_BASE_URL is not set" in found.words
    assert "History of members 90 days, at most the newest 1,000,000 entries over all jobs" in found.words
    assert "Can sign in 1 3 API tokens" in found.words
    assert "None is saved yet." in found.words
    assert "everything made sense" in found.words


async def test_the_page_shows_each_authorization_with_its_health(house: House) -> None:
    admin = await house.visitor()
    await house.running.authorize()
    await house.running.ask("POST", f"/v2/auth/{house.running.made['mapp']}/test")
    found = await admin.get("/settings/about")
    assert re.search(r"mapp Tested [^.]*\. .*?Works lytics Never tested\. Unknown", found.words)


async def test_an_unreadable_message_is_shown_as_text_with_its_reason(house: House) -> None:
    admin = await house.visitor()
    await house.running.authorize()
    await house.running.trigger(b"<script>alert(1)</script>")
    assert "Unreadable messages 1 kept to be looked at" in (await admin.get("/settings/about")).words
    listed = await admin.get("/settings/about/unreadable")
    assert "It is not JSON. lytics none 25 bytes" in listed.words
    path = re.findall(r'href="(/settings/about/unreadable/\d+)"', listed.text)[0]
    shown = await admin.get(path)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown.text
    assert "<script>alert" not in shown.text
    assert "Looked at unreadable messages" in (await admin.get("/settings/audit")).words, "the look is written down"


async def test_an_entry_without_a_text_says_why_and_points_to_no_other_message(house: House) -> None:
    admin = await house.visitor()
    await house.running.authorize()
    odd = b'{"data": {"segment_events": [{"event": "wave"}, {"event": "nod"}]}}'
    await house.running.trigger(odd)
    paths = re.findall(r'href="(/settings/about/unreadable/\d+)"', (await admin.get("/settings/about/unreadable")).text)
    first, second = [await admin.get(path) for path in sorted(paths)]
    assert "wave" in first.words
    assert "an earlier entry of the same message has it, or more than 256 kB of that message" in second.words
    assert paths[-1] not in second.text


async def test_where_everything_made_sense_the_list_says_so(house: House) -> None:
    admin = await house.visitor()
    assert "Everything made sense" in (await admin.get("/settings/about/unreadable")).words
    assert (await admin.get("/settings/about/unreadable/99")).status == 404


def test_every_reason_for_an_unreadable_message_has_words() -> None:
    assert set(WHY) == set(get_args(Reason))

"""Whatever people type is text on every page that shows it: what is saved, searches, forms that were refused."""

import html
from urllib.parse import quote

import pytest

from tests.dashboard.hostile import LABELS, LINES, PRINTABLE, TEXTS, UNPRINTABLE, Sweep, faults_in, is_shown
from tests.dashboard.visiting import PASSWORD, House, Visitor
from tests.web.service import OWNER
from usher.access.entering import use_link
from usher.access.people import create_person
from usher.access.roles import Role
from usher.access.tokens import create_token
from usher.web.dashboard.cookies import SESSION

RAW = ("<p>{}</p>", '<p title="{}"></p>', "<p title='{}'></p>", "<title>{}</title>", "<textarea>{}</textarea>")


@pytest.mark.parametrize("text", [text for text in PRINTABLE if html.escape(text) != text or "7*7" in text])
def test_the_judge_sees_each_of_them_where_it_is_not_escaped(text: str) -> None:
    raw = [place.format(text.replace("7*7777777", "54444439")) for place in RAW]
    assert any(faults_in(page) or not is_shown(text, page) for page in raw)
    assert all(not faults_in(place.format(html.escape(text))) for place in RAW)
    assert all(is_shown(text, place.format(html.escape(text))) for place in RAW)


async def test_labels_and_descriptions_of_jobs(house: House) -> None:
    admin = Sweep(await house.visitor())
    for number, label in enumerate(LABELS):
        body = house.running.job(mapp_attribute_name=f"{number} {PRINTABLE[number]}"[:80])
        made = await house.running.ask(
            "POST", "/v2/job/mapp-trigger-export", body | {"name": label, "description": LINES}
        )
        job, key = f"/jobs/{made.data['id']}", body["config"]["mapp_attribute_name"]
        await admin.look(job, label, LINES, key)
        await admin.watch(f"/live{job}", key, last="log")
        for page in ("log", "people", "edit", "ask/kill", "member?m=jo", "removals"):
            await admin.look(f"{job}/{page}", label)
        copied = (await admin.visitor.get(f"{job}/clone")).leads_to
        await admin.look(copied)
        await admin.look(copied.replace("/export?", "/accounts?"), label[: 200 - len(" (copy)")], LINES)
        download = (await admin.visitor.get(f"{job}/people.csv")).headers["Content-Disposition"]
        assert download.isascii()
        assert download.count('"') == 2
    await admin.look("/jobs", *LABELS)
    await admin.look("/settings/audit", *LABELS)
    await admin.watch("/live/jobs", *LABELS, last="sums")
    assert admin.wrong == []


async def test_labels_and_descriptions_of_authorizations(house: House) -> None:
    admin = Sweep(await house.visitor())
    config = {"api_url": f"{house.running.sandbox_url}/lytics", "token": "not-the-token"}
    for label in LABELS:
        body = {"label": label, "description": LINES, "config": config}
        made = (await house.running.ask("POST", "/v2/auth/lytics-token", body)).data["id"]
        await house.running.ask("POST", f"/v2/auth/{made}/test")
        await admin.look(f"/authorizations/{made}", label, LINES)
        for page in ("edit", "delete", "tokens/end"):
            await admin.look(f"/authorizations/{made}/{page}", label)
    for page in ("/authorizations", "/jobs/new/accounts", "/settings/audit"):
        await admin.look(page, *LABELS)
    assert admin.wrong == []


async def test_names_of_people_and_tokens_and_what_browsers_call_themselves(house: House) -> None:
    desk, admin = house.running.deps.desk, Sweep(await house.visitor())
    names = [text for label in LABELS for text in (label[:90].strip(),)]
    for name in names:
        person, link = await create_person(desk, OWNER, name=name, role=Role.ADMIN)
        await admin.look(f"/welcome/{quote(link, safe='')}", name)
        session = await use_link(desk, link, name="", password=PASSWORD, browser=name)
        themselves = Sweep(Visitor(house.running.url, house.running.http, {SESSION: session}))
        await themselves.look("/account", name)
        for page in ("", "/link", "/remove"):
            await admin.look(f"/settings/people/{person.id}{page}", name)
        token, _ = await create_token(desk, OWNER, name=name, role=Role.VIEWER)
        await admin.look(f"/settings/tokens/{token.id}/revoke", name)
        assert themselves.wrong == []
    for page in ("people", "tokens", "audit"):
        await admin.look(f"/settings/{page}", *names)
    assert admin.wrong == []


async def test_searches_and_other_parts_of_addresses(house: House) -> None:
    job = (await house.running.create_job())["id"]
    config = f"mapp={house.running.made['mapp']}&lytics={house.running.made['lytics']}&draft=1"
    admin, viewer = Sweep(await house.visitor()), Sweep(await house.visitor(Role.VIEWER))
    stranger = Sweep(house.stranger())
    for text in TEXTS:
        typed = quote(text, safe="")
        await admin.look(f"/jobs?q={typed}", text)
        await admin.watch(f"/live/jobs?q={typed}", last="sums")
        for odd in ("show", "sort", "cursor"):
            await admin.look(f"/jobs?{odd}={typed}", status=None)
        await admin.look(f"/members?q={typed}", text)
        await viewer.look(f"/members?q={typed}", text)
        await admin.look(f"/jobs/{job}/member?m={typed}&order={typed}", text)
        await admin.look(f"/jobs/{job}/people?state={typed}&reason={typed}")
        await admin.look(f"/jobs/{job}?span={typed}&level={typed}")
        await admin.look(f"/settings/audit?who={typed}", text)
        await admin.look(f"/jobs/new/export?{config}&q={typed}", text)
        await stranger.look(f"/sign-in?next={typed}")
        await admin.send(f"/jobs/{job}/pause", {"back": text}, status=303)
    for path in ("/nowhere/{}", "/jobs/{}", "/authorizations/{}", "/settings/people/{}", f"/jobs/{job}/ask/{{}}"):
        for text in TEXTS:
            page = await admin.visitor.get(path.format(quote(text, safe="")))
            assert (page.status, faults_in(page.text)) == (404, [])
    assert (admin.wrong, viewer.wrong, stranger.wrong) == ([], [], [])


CONFIG = ("segment_id", "uid_field", "mapp_attribute_name", "dynamic_attribute_prefix", "group_id", "identifier_type")
NUMBERS = ("reconcile_hours", "exit_brake_people", "exit_brake_percent")
ACCOUNT = ("label", "description", "api_url", "integration_id", "requests_per_second", "max_in_flight")
NEW = ("name", "description", "mapp_label", "mapp_api_url", "mapp_integration_id", "lytics_label", "lytics_api_url")


async def test_forms_that_were_refused(house: House) -> None:
    made = house.running.made
    job = (await house.running.create_job())["id"]
    person, _ = await create_person(house.running.deps.desk, OWNER, name="jo", role=Role.VIEWER)
    admin, stranger = Sweep(await house.visitor()), Sweep(house.stranger())
    for text in TEXTS:
        everything = dict.fromkeys((*NEW, *CONFIG, *NUMBERS), text) | {"draft": text, "enable_dynamic_attributes": "on"}
        new = everything | {"mapp": "new", "lytics": "new"}
        saved = everything | {"mapp": made["mapp"], "lytics": made["lytics"], "name": "x", "description": ""}
        await admin.send("/jobs/new/accounts", new, text)
        await admin.send("/jobs/new/check", saved, status=200)
        for step in ("start", "save", "send-one"):
            await admin.send(f"/jobs/new/{step}", saved, text)
        await admin.send(
            f"/jobs/{job}/edit", dict.fromkeys(("name", "description", "mapp_auth", *CONFIG, *NUMBERS), text), text
        )
        for provider in ("mapp", "lytics"):
            typed = dict.fromkeys(ACCOUNT, text)
            await admin.send("/authorizations/new", typed | {"provider": provider}, text)
        await admin.send("/settings/people/invite", {"name": "jo", "role": text}, "jo")
        await admin.send(f"/settings/people/{person.id}", {"role": text})
        await admin.send("/settings/tokens/new", {"name": "x" * 200, "role": text, "expires_days": text}, text)
        await admin.send("/account", {"old": text, "new": "short"})
    for text in UNPRINTABLE:
        await admin.send("/settings/people/invite", {"name": text, "role": "viewer"}, text)
        await stranger.send("/sign-in", {"name": text, "password": "", "next": text}, text)
    assert (admin.wrong, stranger.wrong) == ([], [])

"""Whatever Lytics and Mapp say is text on every page that shows it, in live streams and in files too."""

import asyncio
import csv
import html
import io
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.dashboard.hostile import LABELS, TEXTS, Sweep, is_shown
from tests.dashboard.visiting import House, visiting
from tests.web.service import EXPORT, SANDBOX, Running
from usher.access.roles import Role
from usher.jobs.plainly import plain
from usher.sandbox.faults import Rule
from usher.web.dashboard.job_downloads import FORMULAS

MEMBERS = tuple(unicodedata.normalize("NFC", text) for text in LABELS)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A house whose jobs run, and whose Mapp authorization may ask for the groups too."""
    with TemporaryDirectory(prefix="usher-") as folder:
        async with visiting(Path(folder), with_engine=True) as found:
            await found.running.authorize()
            found.running.made["mapp"] = await _with_read_back(found.running)
            yield found


async def _with_read_back(running: Running) -> str:
    config = {
        "api_url": f"{running.sandbox_url}/mapp",
        "integration_id": SANDBOX.integration_id,
        "secret": SANDBOX.secret,
        "rest_api_url": f"{running.sandbox_url}/mapp",
        "user": SANDBOX.engage_user,
        "password": SANDBOX.engage_password,
    }
    made = await running.ask("POST", "/v2/auth/userpass-secret", {"label": "with read-back", "config": config})
    return str(made.data["id"])


async def until(look: Callable[[], Awaitable[Any]], is_so: Callable[[Any], bool]) -> Any:
    """Return what *look* gives once *is_so*; the test fails when it never is."""
    async with asyncio.timeout(20):
        while not is_so(found := await look()):  # noqa: ASYNC110 - what is waited for has no event to give
            await asyncio.sleep(0.05)
        return found


def says(where: str, status: int, body: Any, *members: str) -> Rule:
    named = frozenset(members) if members else None
    return Rule(where=where, kind="status", status=status, body=body, members=named)


def rejections() -> list[Rule]:
    """Have Mapp reject each member in the words of another one: a member's own name is hidden in a reason."""
    words = (*MEMBERS[1:], MEMBERS[0])
    return [
        says("mapp.event", 400, {"message": html.escape(text)}, member)
        for member, text in zip(MEMBERS, words, strict=True)
    ]


async def test_audiences_fields_and_groups_to_choose_from(house: House) -> None:
    running = house.running
    fields = [{"id": text, "type": text, "is_identifier": True, "shortdesc": text} for text in TEXTS]
    running.world.faults.add([says("lytics.schema", 200, {"status": 200, "message": "success", "data": fields})])
    running.world.mapp.groups |= {f"{number}{text}": text for number, text in enumerate(TEXTS)}
    for number, text in enumerate(TEXTS):
        made = running.world.audiences.add(f"{number} {text}", name=text, rule="x > 1")
        broken = running.world.audiences.add(f"broken {number}", name=f"broken {number}", rule="x > 1")
        broken.is_invalid, broken.invalid_reason = True, text
    chosen = {"mapp": running.made["mapp"], "lytics": running.made["lytics"], "draft": "1", "segment_id": made.id}
    admin = Sweep(await house.visitor())
    await admin.look(f"/jobs/new/export?{urlencode(chosen)}", *TEXTS)
    for number, text in enumerate(TEXTS):
        audience = running.world.audiences.by_slug[f"{number} {text}"]
        asked = chosen | {"segment_id": audience.id, "uid_field": text, "group_id": f"{number}{text}"}
        await admin.send("/jobs/new/check", asked, status=200)
        await admin.look(f"/jobs/new/export?{urlencode(asked)}", text)
        await admin.look(f"/jobs/new/review?{urlencode(asked)}", text, status=None)
    assert admin.wrong == []


async def test_names_and_slugs_of_audiences_that_jobs_have(house: House) -> None:
    running, admin = house.running, Sweep(await house.visitor())
    for number, text in enumerate(LABELS):
        audience = running.world.audiences.add(f"{number} {text}", name=text, rule="x > 1")
        body = running.job(segment_id=audience.id, mapp_attribute_name=f"a{number}")
        job = (await running.ask("POST", EXPORT, body)).data["id"]
        await admin.look(f"/jobs/{job}", text)
        await admin.look(f"/jobs/{job}/edit", audience.slug)
        await admin.look(f"/jobs/{job}/member?m=jo@example.com")
        await admin.watch(f"/live/jobs/{job}", text, last="log")
    await admin.watch("/live/jobs", *LABELS, last="sums")
    assert admin.wrong == []


async def test_members_and_what_mapp_says_of_them(house: House) -> None:
    running = house.running
    running.world.faults.add(rejections())
    job = (await running.create_job())["id"]
    for text in MEMBERS:
        await running.trigger(running.event(text))
    reasons = await _reasons(running, job)
    admin, viewer = Sweep(await house.visitor()), Sweep(await house.visitor(Role.VIEWER))
    await admin.look(f"/jobs/{job}/people?state=set_aside", *MEMBERS, *reasons.values())
    await admin.watch(f"/live/jobs/{job}", *reasons.values(), last="log")
    for sweep in (admin, viewer):
        for page in ("", "/log", "/people?state=set_aside", "/ask/kill" if sweep is admin else "/removals"):
            await sweep.look(f"/jobs/{job}{page}")
    for member, reason in reasons.items():
        typed = quote(member, safe="")
        await admin.look(f"/jobs/{job}/member?m={typed}", member, reason)
        await admin.watch(f"/live/jobs/{job}/member?m={typed}", reason, last="following")
        await viewer.look(f"/jobs/{job}/member?m={typed}")
        await admin.look(f"/jobs/{job}/people?state=set_aside&reason={quote(reason, safe='')}", member, reason)
        await admin.look(f"/members?q={quote(member[:6], safe='')}", status=None)
    assert (admin.wrong, viewer.wrong) == ([], [])


async def test_no_cell_of_a_file_is_a_formula(house: House) -> None:
    running = house.running
    running.world.faults.add(rejections())
    job = (await running.create_job())["id"]
    for text in MEMBERS:
        await running.trigger(running.event(text))
    reasons = await _reasons(running, job)
    found = await (await house.visitor()).get(f"/jobs/{job}/people.csv?state=set_aside")
    rows = list(csv.DictReader(io.StringIO(found.text.removeprefix("\ufeff"))))
    assert {row["member"].removeprefix("'") for row in rows} == set(reasons)
    assert [cell for row in rows for cell in row.values() if cell.startswith(FORMULAS)] == []
    assert found.headers["Content-Type"].startswith("text/csv")
    log = await (await house.visitor()).get(f"/jobs/{job}/log.txt")
    assert log.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert log.headers["X-Content-Type-Options"] == "nosniff"


async def _reasons(running: Running, job: str) -> dict[str, str]:
    """Wait until everybody is set aside; return Mapp's words for each member, as they are kept."""

    async def aside() -> dict[str, str]:
        found = (await running.ask("GET", f"/v2/job/{job}/members?state=set_aside")).data
        return {one["member"]: one["set_aside"]["reason"] for one in found}

    found: dict[str, str] = await until(aside, lambda found: len(found) == len(MEMBERS))
    assert sum("<b pwn>" in reason for reason in found.values()) > 3, "they are kept as they were meant"
    return found


@pytest.mark.parametrize("number", range(5))
async def test_refusals_of_whole_jobs_and_of_credentials(house: House, number: int) -> None:
    running, text = house.running, LABELS[number]
    job = (await running.create_job())["id"]
    refused = {"message": html.escape(text)}
    running.world.faults.add([says("mapp.any", 401, refused), says("lytics.any", 401, {"message": text})])
    await running.trigger(running.event("jo@example.com"))

    async def status() -> dict[str, Any]:
        return dict((await running.ask("GET", f"/v2/job/{job}")).data)

    await until(status, lambda found: found["status"] == "fault")
    admin = Sweep(await house.visitor())
    log = (await running.ask("GET", f"/v2/job/{job}/logs")).data
    for page in ("", "/log", "/edit", "/ask/bounce"):
        await admin.look(f"/jobs/{job}{page}", status=None)
    await admin.look(f"/jobs/{job}/log", *(plain(line["message"]) for line in log))
    await admin.watch(f"/live/jobs/{job}", last="log")
    await admin.look("/jobs")
    for name in ("mapp", "lytics"):
        await admin.send(f"/authorizations/{running.made[name]}", {"do": "test"}, status=200)
    chosen = urlencode({"mapp": running.made["mapp"], "lytics": running.made["lytics"], "draft": "1"})
    await admin.look(f"/jobs/new/export?{chosen}")
    assert admin.wrong == []


async def test_messages_that_made_no_sense(house: House) -> None:
    running, admin = house.running, Sweep(await house.visitor())
    for text in TEXTS:
        await running.trigger(text.encode())
    kept = (await running.ask("GET", "/v2/unreadable?limit=100")).data
    assert len(kept) == len(TEXTS)
    await admin.look("/settings/about/unreadable")
    for one in kept:
        await admin.look(f"/settings/about/unreadable/{one['id']}")
        page = await admin.visitor.get(f"/settings/about/unreadable/{one['id']}")
        assert any(is_shown(text, page.text) for text in TEXTS), page.words
    assert admin.wrong == []

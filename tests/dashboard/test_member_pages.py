"""Finding somebody, and the page that says why they have their value."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from tests.dashboard.visiting import House, Page
from tests.web.service import EXPORT
from usher.access.roles import Role
from usher.clock import iso_from_ms
from usher.domain.claim import Settlement
from usher.domain.job import Cause
from usher.domain.observation import Observation, Source, version_of_scan
from usher.domain.outcome import Accepted, Outcome, Rejected, Unknown
from usher.jobs.explain import Aside, MemberLine
from usher.store import delivery, ledger, scans
from usher.store.jobs import change_job, job_by_id
from usher.web.dashboard.assets import FOLDER
from usher.web.dashboard.member_words import reason_of
from usher.web.dashboard.rendering import SHOWN

JO, MASKED = "jo.public@example.com", "j***@e***.com"
HOSTILE = "<script>alert(1)</script>@example.com"


@dataclass
class Desk:
    """One job in a house, what Lytics says of its people, and how Mapp answers."""

    house: House
    job: str

    async def says(self, member: str, is_in: bool = True, at: str = "") -> None:
        event = self.house.running.event(member, is_in=is_in)
        if at:
            moment = event["data"]["segment_events"][0]
            moment[moment["event"]] = at
        assert (await self.house.running.trigger(event)).status == 200

    async def mapp_answers(self, outcome: Outcome, job: str = "", **settled: Any) -> None:
        desk = self.house.running.deps.desk

        def work(txn: Any) -> None:
            key = job_by_id(txn, job or self.job).key
            claims = ledger.claim(txn, desk.statements, key, lane=0, limit=9, hold_ms=desk.timing.hold_ms)
            delivery.settle(txn, desk.statements, [Settlement(claim, outcome, **settled) for claim in claims])

        await desk.database.write(work)

    async def another(self, **config: Any) -> str:
        body = self.house.running.job(**config) | {"name": "Second"}
        found = (await self.house.running.ask("POST", EXPORT, body)).data
        return str(found["id"])

    def path(self, member: str = JO, job: str = "") -> str:
        return f"/jobs/{job or self.job}/member?m={quote(member)}"

    async def page(self, member: str = JO, role: Role = Role.OPERATOR) -> Page:
        return await (await self.house.visitor(role)).get(self.path(member))


@pytest.fixture
async def desk(house: House) -> Desk:
    job = await house.running.create_job(mapp_attribute_name="vip")
    return Desk(house, job["id"])


async def find(desk: Desk, text: str, role: Role = Role.OPERATOR) -> Page:
    return await (await desk.house.visitor(role)).get(f"/members?q={quote(text)}")


async def test_the_search_waits_for_something_to_be_typed(desk: Desk) -> None:
    page = await (await desk.house.visitor(Role.VIEWER)).get("/members")
    assert page.status == 200
    assert "Type the identifier exactly" in page.words


async def test_who_is_known_by_one_job_is_shown_there_at_once(desk: Desk) -> None:
    await desk.says(JO)
    found = await find(desk, JO)
    assert (found.status, found.leads_to) == (303, f"/jobs/{desk.job}/member?m={quote(JO, safe='')}")


async def test_who_is_known_by_several_jobs_is_listed_with_what_each_wants_and_mapp_accepted(desk: Desk) -> None:
    second = await desk.another(mapp_attribute_name="other")
    await desk.says(JO)
    await desk.mapp_answers(Accepted())
    await desk.mapp_answers(Rejected("no such user"), job=second)
    found = await find(desk, JO)
    assert "2 jobs know this person" in found.words
    assert re.search(r"VIP VIP shoppers vip Group \d+ true true .* UTC Accepted by Mapp", found.words)
    assert "Accepted by Mapp" in found.words
    assert "nothing Set aside no such user" in found.words
    assert f'href="/jobs/{second}/member?m={quote(JO, safe="")}"' in found.text


async def test_an_address_typed_in_other_letter_case_leads_to_whom_the_job_knows(desk: Desk) -> None:
    await desk.says(JO)
    found = await find(desk, JO.upper(), Role.VIEWER)
    assert found.leads_to == f"/jobs/{desk.job}/member?m={quote(JO, safe='')}"
    await desk.says(JO.upper())
    both = await find(desk, JO.upper())
    assert "1 job knows this person" in both.words
    assert both.words.count(f"as {JO}") == 1
    links = re.findall(rf'href="/jobs/{desk.job}/member\?m=([^"]+)"', both.text)
    assert links == [quote(JO.upper(), safe=""), quote(JO, safe="")]


async def test_why_somebody_is_set_aside_names_them_to_nobody_who_may_not_see_people(desk: Desk) -> None:
    second = await desk.another(mapp_attribute_name="other")
    await desk.says(JO)
    await desk.mapp_answers(Rejected(f"{JO} is unknown"), job=second)
    assert f"Set aside {JO} is unknown" in (await find(desk, JO)).words
    found, page = await find(desk, JO, Role.VIEWER), await desk.page(role=Role.VIEWER)
    for words in (found.words, page.words):
        assert f"Set aside {MASKED} is unknown" in words
        assert f"{JO} is unknown" not in words


@pytest.mark.parametrize(
    ("wanted", "reason"), [("false", "They left, and"), ("true", "A scan did not find them, and")], ids=["exit", "scan"]
)
def test_who_is_held_is_told_by_what(wanted: str, reason: str) -> None:
    held = MemberLine(JO, "held", wanted, set_aside=Aside("an older word", None))
    assert reason_of(held, may_see=True).startswith(reason)


async def test_a_row_leads_to_the_page_wherever_it_is_pressed(desk: Desk) -> None:
    await desk.another(mapp_attribute_name="other")
    await desk.says(JO)
    for page in (await find(desk, JO), await desk.page()):
        rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", page.text, re.DOTALL)
        assert 'class="cards whole"' in page.text
        assert [row.count("<a ") for row in rows] == [1] * len(rows) != []


async def test_what_a_scan_found_is_still_told_after_the_first_exit(desk: Desk) -> None:
    deps = desk.house.running.deps.desk

    def scan(txn: Any) -> None:
        key = job_by_id(txn, desk.job).key
        scans.start_scan(txn, key, kind="backfill", definition="d", expected=1)
        version = version_of_scan(txn.now_ms, guard_seconds=deps.guard_seconds)
        seen = [Observation(JO, True, version, Source.BACKFILL)]
        ledger.observe(txn, deps.statements, key, seen, source=Source.BACKFILL)

    await deps.database.write(scan)
    before = await desk.page()
    assert "Lytics Found in VIP shoppers Named by the backfill scan" in before.words
    await desk.says(JO, is_in=False, at=await deps.database.read(lambda txn: iso_from_ms(txn.now_ms)))
    after = (await desk.page()).words
    assert "Lytics Left VIP shoppers" in after
    assert after.count("Lytics Found in VIP shoppers Named by the backfill scan") == 1


async def test_whom_somebody_kept_is_not_said_to_be_inside_until_they_leave(desk: Desk) -> None:
    await desk.says(JO)
    await desk.mapp_answers(Accepted())
    assert "If this person leaves, false goes out." in (await desk.page()).words
    deps = desk.house.running.deps.desk
    hold = {"exits_held": True, "cause": Cause.REMOVALS}
    await deps.database.write(lambda txn: change_job(txn, job_by_id(txn, desk.job).key, **hold))
    await desk.says(JO, is_in=False, at="2026-11-20T10:16:00Z")
    await desk.house.running.ask("POST", f"/v2/job/{desk.job}/discard-removals")
    page = await desk.page()
    assert "Lytics has this person outside, and somebody kept them." in page.words
    assert "If this person leaves" not in page.words


async def test_without_script_each_day_is_utcs_and_says_so(desk: Desk) -> None:
    await desk.says(JO)
    page = await desk.page()
    assert re.search(r'<li class="day"><span><time [^>]*data-t="date">\d+ [A-Z][a-z]+ \d{4} \(UTC\)</time>', page.text)
    assert re.search(r'<span class="at"><time [^>]*data-t="time">[\d:]{8} UTC</time>', page.text)


def test_every_way_to_write_a_moment_is_known_to_the_script() -> None:
    script = (FOLDER / "usher.js").read_text()
    ways = script[script.index("const written = {") : script.index("const localise")]
    assert set(re.findall(r"^    (\w+)[:,]", ways, re.MULTILINE)) == set(SHOWN)


async def test_nobody_found_says_what_that_can_mean_and_offers_near_spellings(desk: Desk) -> None:
    await desk.says(JO)
    found = await find(desk, "jo.publ")
    assert "No job knows this person" in found.words
    assert "spelled another way" in found.words
    assert f'href="/members?q={quote(JO)}"' in found.text


async def test_viewers_are_offered_no_near_spellings(desk: Desk) -> None:
    await desk.says(JO)
    found = await find(desk, "jo.publ", Role.VIEWER)
    assert JO not in found.text
    assert "no near spellings" in found.words


async def test_the_answer_comes_first_then_the_figures_and_the_story(desk: Desk) -> None:
    await desk.says(JO)
    await desk.mapp_answers(Accepted())
    page = await desk.page()
    assert "Mapp accepted true for vip , because this person entered VIP shoppers in Lytics at" in page.words
    assert "It last accepted that at" in page.words
    assert "Due Nothing Mapp has what is wanted" in page.words
    assert "Confirmed Not yet not read back from Mapp" in page.words
    assert page.words.index("Mapp Accepted true") < page.words.index("Lytics Entered VIP shoppers")  # newest first
    assert "Nothing is owed" in page.words


async def test_the_story_can_be_read_from_the_beginning(desk: Desk) -> None:
    await desk.says(JO)
    await desk.mapp_answers(Accepted())
    visitor = await desk.house.visitor()
    words = (await visitor.get(desk.path() + "&order=oldest")).words
    assert words.index("Lytics Entered VIP shoppers") < words.index("Mapp Accepted true")


async def test_an_old_trigger_stands_in_the_story_with_why_it_did_not_count(desk: Desk) -> None:
    await desk.says(JO, at="2026-11-20T10:15:02.1Z")
    await desk.says(JO, is_in=False, at="2026-11-20T10:14:00Z")
    page = await desk.page()
    assert "Ignored an old exit Its version" in page.words
    assert "is not newer than" in page.words


async def test_a_lost_answer_is_told_with_the_wait_that_follows_it(desk: Desk) -> None:
    await desk.says(JO)
    await desk.mapp_answers(Unknown("mapp.example did not answer in time."))
    page = await desk.page()
    assert "No answer true Attempt 1. mapp.example did not answer in time." in page.words
    assert "Held Nothing is sent before" in page.words
    assert "an answer was lost, and that request may still land" in page.words


async def test_who_is_set_aside_is_told_so_above_everything_with_what_to_do(desk: Desk) -> None:
    await desk.says(JO)
    await desk.mapp_answers(Rejected("Mapp answered 400: no such user."))
    page = await desk.page()
    assert "Set aside: Mapp does not know these people" in page.words
    assert "Mapp rejected it, so it was set aside: Mapp answered 400: no such user." in page.words
    assert page.words.count("Send again") == 1


async def test_somebody_never_seen_is_explained_and_nothing_is_offered_to_send(desk: Desk) -> None:
    page = await desk.page("nobody@example.com")
    assert page.status == 200
    assert "This job has never seen this person" in page.words
    assert "Nothing has happened yet" in page.words
    assert "Send again" not in page.words
    assert "There is none" in page.words


async def test_the_request_is_shown_as_it_would_be_sent_without_its_token(desk: Desk) -> None:
    await desk.says(JO)
    page = await desk.page()
    assert f'"email" : "{JO}" , "group"' in page.words
    assert '"vip" : "true"' in page.words
    assert "event?subtype=user" in page.words
    assert "auth-token" not in page.text


async def test_the_same_person_in_other_jobs_is_one_click_away(desk: Desk) -> None:
    second = await desk.another(mapp_attribute_name="other")
    await desk.says(JO)
    page = await desk.page()
    assert "The same person in other jobs" in page.words
    assert desk.path(job=second).replace("@", "%40") in page.text


async def test_viewers_see_only_the_name_that_they_typed(desk: Desk) -> None:
    await desk.says(JO)
    await desk.mapp_answers(Rejected(f"{JO} is unknown"))
    visitor = await desk.house.visitor(Role.VIEWER)
    page = await visitor.get(desk.path())
    assert f"<h1>{JO}</h1>" in page.text
    assert f'"email" : "{MASKED}"' in page.words
    assert f"{MASKED} is unknown" in page.words
    assert f"{JO} is unknown" not in page.words
    file = await visitor.get(f"/jobs/{desk.job}/member.json?m={quote(JO)}")
    assert JO not in file.text


async def test_the_file_is_what_the_api_tells(desk: Desk) -> None:
    await desk.says(JO)
    file = await (await desk.house.visitor()).get(f"/jobs/{desk.job}/member.json?m={quote(JO)}")
    told = await desk.house.running.ask("GET", f"/v2/job/{desk.job}/members/{quote(JO)}")
    assert json.loads(file.text) == told.data
    assert file.headers["Content-Disposition"] == 'attachment; filename="member.json"'


async def test_send_again_owes_the_person_and_says_so(desk: Desk) -> None:
    await desk.says(JO)
    await desk.mapp_answers(Accepted())
    page = await (await desk.house.visitor(Role.OPERATOR)).act(f"/jobs/{desk.job}/member/resend", {"m": JO})
    assert "This person is sent again" in page.words
    assert "operator@example.org asked for it to be sent again." in page.words
    assert "Due 1 request" in page.words


async def test_send_again_says_where_it_changed_nothing(desk: Desk) -> None:
    page = await (await desk.house.visitor()).act(f"/jobs/{desk.job}/member/resend", {"m": "nobody@example.com"})
    assert "Nothing was changed" in page.words


async def test_viewers_may_not_send_again_and_are_told_who_may(desk: Desk) -> None:
    await desk.says(JO)
    visitor = await desk.house.visitor(Role.VIEWER)
    assert "Send again (operators and administrators may do this)" in (await visitor.get(desk.path())).words
    assert (await visitor.post(f"/jobs/{desk.job}/member/resend", {"m": JO})).status == 403


async def test_a_job_that_ended_offers_nothing_to_send(desk: Desk) -> None:
    await desk.says(JO)
    await desk.house.running.ask("POST", f"/v2/job/{desk.job}/kill")
    page = await desk.page()
    assert "Nothing more is sent: the job was killed." in page.words
    assert "Send again" not in page.words


async def test_hostile_identifiers_and_hostile_words_of_mapp_stay_text(desk: Desk) -> None:
    await desk.says(HOSTILE)
    await desk.mapp_answers(Rejected("<img src=x> 2026-99-99T99:99:99Z"))
    for page in (await desk.page(HOSTILE), await find(desk, HOSTILE + "x")):
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
    assert "<img src=x> 2026-99-99T99:99:99Z" in (await desk.page(HOSTILE)).words


async def test_the_live_parts_are_the_page_s_own(desk: Desk) -> None:
    await desk.says(JO)
    visitor = await desk.house.visitor()
    parts = await visitor.live("/live" + desk.path(), "answer", "steps", "following")
    page = await visitor.get(desk.path())
    for name, text in parts.items():
        assert all(line in page.text for line in text.splitlines()), name


async def test_a_page_without_a_member_leads_to_the_search_and_an_unknown_job_is_not_found(desk: Desk) -> None:
    visitor = await desk.house.visitor()
    assert (await visitor.get(f"/jobs/{desk.job}/member")).leads_to == "/members"
    assert (await visitor.get(f"/jobs/{'0' * 32}/member?m=x")).status == 404
    assert (await desk.house.stranger().get(desk.path())).leads_to.startswith("/sign-in")

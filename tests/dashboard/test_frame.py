"""What holds for every page: who is let in, from where, and what a browser is told."""

import asyncio
import hashlib
import re
from functools import partial
from pathlib import Path

import pytest
from starlette.requests import Request

from tests.dashboard.visiting import House
from usher.access.roles import Role
from usher.web.dashboard import entry
from usher.web.dashboard.assets import FOLDER, stamp
from usher.web.dashboard.entry import is_from_here, local_path
from usher.web.dashboard.forms import read_form
from usher.web.dashboard.pages import PAGES
from usher.web.dashboard.rendering import POLICY


@pytest.fixture
def house(bare_house: House) -> House:
    return bare_house


async def test_a_stranger_is_led_to_sign_in_and_back(house: House) -> None:
    found = await house.stranger().get("/jobs?q=vip")
    assert (found.status, found.leads_to) == (303, "/sign-in?next=/jobs%3Fq%3Dvip")


async def test_who_was_signed_out_while_typing_is_led_back_to_the_page_they_typed_on(house: House) -> None:
    there = await house.stranger().post("/jobs/new/start", {}, Referer=f"{house.running.url}/jobs/new/review?name=VIP")
    elsewhere = await house.stranger().post("/jobs/new/start", {}, Referer="https://evil.example/jobs/new")
    assert there.leads_to == "/sign-in?next=/jobs/new/review%3Fname%3DVIP"
    assert elsewhere.leads_to == "/sign-in?next=/jobs"


async def test_a_page_that_is_not_there_says_so_as_a_page_and_the_api_as_json(house: House) -> None:
    admin = await house.visitor()
    page, api = await admin.get("/nowhere"), await admin.get("/v2/nowhere")
    assert (page.status, "There is nothing here" in page.words) == (404, True)
    assert api.headers["Content-Type"] == "application/json"


async def test_a_change_from_another_site_is_refused(house: House) -> None:
    admin = await house.visitor()
    for site in ("cross-site", "same-site", "none"):
        found = await admin.post("/sign-out", {}, **{"Sec-Fetch-Site": site})
        assert found.status == 403, site
        assert "came from another site" in found.words
    assert (await admin.get("/jobs")).status == 200, "still signed in"


async def test_a_browser_that_says_only_its_origin_is_believed_where_it_is_ours(house: House) -> None:
    admin = await house.visitor()
    admin_post = {"theme": "dark", "back": "/jobs"}
    ours = await _post_without_site(admin, "/theme", admin_post, origin=house.running.url)
    theirs = await _post_without_site(admin, "/theme", admin_post, origin="https://evil.example")
    silent = await _post_without_site(admin, "/theme", admin_post, origin=None)
    broken = [await _post_without_site(admin, "/theme", admin_post, origin=f"http://{host}") for host in ("[::", "[z]")]
    assert (ours, theirs, silent, broken) == (303, 403, 403, [403, 403])


ORIGINS = [
    ("https", "usher.example", "https://usher.example", True),
    ("https", "usher.example", "https://usher.example:443", True),
    ("https", "usher.example:443", "https://usher.example", True),
    ("https", "usher.example:8443", "https://usher.example:8443", True),
    ("http", "127.0.0.1:8080", "http://127.0.0.1:8080", True),
    ("http", "[::1]:8080", "http://[::1]:8080", True),
    ("http", "Usher", "http://usher", True),
    ("https", "usher.example", "http://usher.example", False),
    ("https", "usher.example", "http://usher.example:443", False),
    ("http", "localhost:8080", "https://localhost:8080", False),
    ("https", "usher.example", "https://usher.example:8443", False),
    ("https", "usher.example", "https://evil.example", False),
    ("https", "usher.example", "null", False),
    ("https", "usher.example", "usher.example", False),
    ("https", "usher.example", "https://usher.example:x", False),
    ("https", "", "https://", False),
    ("https", "[::", "https://[::", False),
]


@pytest.mark.parametrize(("scheme", "host", "origin", "is_ours"), ORIGINS)
def test_an_origin_is_ours_by_scheme_host_and_port_together(scheme: str, host: str, origin: str, is_ours: bool) -> None:
    headers = [(b"host", host.encode()), (b"origin", origin.encode())]
    assert is_from_here(Request({"type": "http", "scheme": scheme, "headers": headers})) is is_ours


async def _post_without_site(visitor, path: str, fields: dict[str, str], *, origin: str | None) -> int:
    headers = {"Cookie": visitor._cookie()} | ({"Origin": origin} if origin else {})
    async with visitor.http.post(visitor.url + path, data=fields, headers=headers, allow_redirects=False) as reply:
        return int(reply.status)


async def test_a_cookie_opens_no_door_of_the_api(house: House) -> None:
    admin = await house.visitor()
    assert (await admin.get("/v2/job")).status == 401


async def test_every_page_has_a_policy_that_lets_nothing_but_our_own_files_run(house: House) -> None:
    found = await (await house.visitor()).get("/jobs")
    assert found.headers["Content-Security-Policy"] == POLICY
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert found.headers.getall("Referrer-Policy") == ["same-origin"], "else browsers hide the origin of our own forms"
    assert found.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", found.text)


async def test_static_files_may_be_kept_for_ever_and_come_compressed(house: House) -> None:
    found = await house.stranger().get(f"/static/{stamp()}/usher.css", **{"Accept-Encoding": "gzip"})
    assert found.headers["Cache-Control"].endswith("immutable")
    assert found.headers["Content-Encoding"] == "gzip"
    assert ":root{" in found.text
    old = await house.stranger().get("/static/0123456789ab/usher.css")
    assert (old.status, old.headers["Cache-Control"]) == (200, "no-cache")
    assert (await house.stranger().get(f"/static/{stamp()}/../entry.py")).status == 404


async def test_the_theme_is_kept_and_leads_back_to_this_site_only(house: House) -> None:
    admin = await house.visitor()
    found = await admin.act("/theme", {"theme": "dark", "back": "/jobs"})
    assert 'data-theme="dark"' in found.text
    away = await admin.post("/theme", {"theme": "light", "back": "https://evil.example/"})
    assert away.leads_to == "/jobs"


@pytest.mark.parametrize(
    "text", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "/a\nb"]
)
def test_nobody_is_led_to_another_site(text: str) -> None:
    assert local_path(text) == "/jobs"


@pytest.mark.parametrize(
    "path",
    ["/members?q=%00", "/jobs?q=a%00b", "/settings/audit?who=%00", "/jobs?%00=x", "/jobs/%00", "/live/jobs/a%00b"],
)
async def test_an_address_that_holds_nul_leads_nowhere(house: House, path: str) -> None:
    admin = await house.visitor()
    found = await admin.get(path)
    assert (found.status, "a character (NUL) that no name has" in found.words) == (404, True)


async def test_what_only_looks_like_nul_is_looked_for(house: House) -> None:
    admin = await house.visitor()
    assert (await admin.get("/members?q=%2500")).status == 200


async def test_a_form_that_trickles_in_is_answered_and_its_connection_ends(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "read_form", partial(read_form, read_seconds=0.05))
    host, port = house.running.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 1000\r\n\r\nname"
    )
    async with asyncio.timeout(10):
        answer = await reader.read()  # up to the connection's end
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"The form did not arrive in time" in answer
    writer.close()
    await writer.wait_closed()


def test_vendored_files_are_what_their_list_says() -> None:
    for folder in (FOLDER / "vendor", Path(__file__).parents[1] / "ui/vendor"):
        listed = dict(
            reversed(line.split("  ")) for line in (folder / "VERSIONS").read_text().splitlines() if "  " in line
        )
        assert listed
        for name, digest in listed.items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
            assert list((folder / name).parent.glob("LICENSE*")), f"{name} has no licence beside it"


def test_a_page_that_shows_never_changes_and_a_change_always_needs_somebody() -> None:
    open_to_all = {(route.method, route.path) for route in PAGES if route.needs is None}
    assert {path for method, path in open_to_all if method == "POST"} <= {"/sign-in", "/welcome/{token}", "/theme"}
    assert {route.method for route in PAGES} == {"GET", "POST"}
    assert all(route.needs in set(Role) for route in PAGES if route.needs is not None)

"""
What another site can do in the browser of somebody who is signed in: nothing, on any route.

The routes are those of the route tables. One hostile site is another port of the same host, to which a browser sends
the session's cookie; one is another host.
"""

import json
import re
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.dashboard.route_rows import ROWS
from tests.hostile.certificates import Authority
from tests.ui.browsing import PASSWORD, Window
from tests.ui.conftest import OWNER
from tests.ui.hostile_scenes import person_ids
from tests.ui.hostile_site import another_site, https_before
from tests.ui.house import House, running_house
from tools.measuring import Measured
from usher.store.opening import FILE_NAME
from usher.web.dashboard.pages import PAGES
from usher.web.routes import ROUTES

RESTLESS = {"workers", "sessions"}  # who beats, and when somebody was last seen
BEAT, SEEN = "receiver_alive_ms", {"last_seen_ms", "seen_ms", "last_used_ms"}
LOOKS = {"unreadable.read"}
WAYS = 3  # a form, a fetch and a beacon; or an image, a frame and a fetch. A fetch of JSON is asked about first
TRIGGERS = "POST /triggers/{auth_id}"
SEND = """async ([routes]) => {  // every way in which a page can have a browser send something elsewhere
  const sent = [];
  for (const [method, url, fields] of routes) {
    const body = new URLSearchParams(fields), options = {method, credentials: "include"};
    if (method === "POST") {
      const frame = document.body.appendChild(document.createElement("iframe"));
      frame.name = `frame-${sent.length}`;
      const form = document.body.appendChild(document.createElement("form"));
      Object.assign(form, {method: "post", action: url, target: frame.name});
      for (const [name, value] of body) form.append(Object.assign(document.createElement("input"), {name, value}));
      form.submit();
      sent.push(fetch(url, {...options, mode: "no-cors", body}).catch(() => 0));
      navigator.sendBeacon(url, body);
    }
    const json = {body: JSON.stringify(fields), headers: {"Content-Type": "application/json"}};
    sent.push(fetch(url, {...options, mode: "cors", ...json}).catch(() => 0));
  }
  await Promise.all(sent);
}"""
LOOK = """async ([urls]) => {  // return what could be read of any
  for (const url of urls) {
    document.body.append(Object.assign(new Image(), {src: url}));
    document.body.append(Object.assign(document.createElement("iframe"), {src: url}));
  }
  const options = {mode: "cors", credentials: "include", signal: AbortSignal.timeout(10000)};
  return Promise.all(urls.map((url) => fetch(url, options).then((answer) => answer.text(), () => "")));
}"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A service behind a proxy on this machine, which its own people reach directly too."""
    with running_house() as found:
        found.stop("serve")
        found.env["USHER_TRUSTED_PROXIES"] = "127.0.0.1"
        found.start_service()
        yield found


@pytest.fixture(scope="module")
def parts(house: House, entered: str) -> dict[str, str]:
    """What addresses name, each there."""
    auth_ids = house.authorize()
    house.api("POST", "/v2/person", {"name": "ana@example.org", "role": "viewer"})
    channel = {"name": "Ops", "type": "webhook", "config": {"url": f"{house.sandbox}/nothing-is-here"}}
    job = house.create_job("VIP", auth_ids, withbackfill=True)
    house.until_quiet(job)
    return {
        "job_id": job,
        "id": job,
        "auth_id": auth_ids[0],
        "person_id": person_ids(house, ["ana@example.org"])[0],
        "token_id": house.api("POST", "/v2/token", {"name": "report", "role": "admin"})["id"],
        "member": "person1@example.com",
        "name": "ana@example.org",
        "action": "kill",
        "entry_id": "1",
        "token": "any",
        "type": "webhook",
        "channel_id": house.api("POST", "/v2/alert-channel", channel)["id"],
    }


@pytest.fixture(scope="module", params=["127.0.0.1", "localhost"], ids=["another port", "another host"])
def evil(request: pytest.FixtureRequest) -> Iterator[str]:
    with another_site() as port:
        yield f"http://{request.param}:{port}/"


@pytest.fixture
def visitor(signed_in: Callable[..., Window], evil: str) -> Window:
    """A window of somebody who is signed in and has opened the hostile site."""
    found = signed_in()
    found.open("/jobs")
    assert "/sign-in" not in found.page.url
    found.page.goto(evil)
    return found


def routes(*, are_safe: bool) -> dict[str, str]:
    """Every route that changes something, or none that does: method and path, as the tables have them."""
    tables = [(page.method, page.path) for page in PAGES] + [(route.method, route.path) for route in ROUTES]
    known = [f"{method} {plain(path)}" for method, path in tables] + [TRIGGERS]
    return {route: route.partition(" ")[0] for route in known if route.startswith("GET ") is are_safe}


def address(house: House, route: str, parts: dict[str, str]) -> str:
    path = route.partition(" ")[2]
    return house.url + re.sub(r"{(\w+)}", lambda found: parts.get(found[1], "any"), path)


def answered(house: House, begin: int) -> dict[str, list[int]]:
    """What the service answered to each route, by its own log from *begin* on."""
    found: dict[str, list[int]] = defaultdict(list)
    for line in house.output("serve")[begin:].splitlines():
        if '"event": "request"' in line and line.endswith("}"):
            said = json.loads(line)
            if said["method"] != "OPTIONS":
                found[f"{said['method']} {plain(str(said['route']))}"].append(said["status"])
    return found


def plain(path: str) -> str:
    """A route's path without the kinds of its parts."""
    return re.sub(r"{(\w+):\w+}", r"{\1}", path)


def wait_for(seen: Window, is_so: Callable[[], bool]) -> None:
    """Let the browser go on until *is_so*."""
    end = time.monotonic() + 40
    while not is_so():
        assert time.monotonic() < end, "waited too long"
        seen.page.wait_for_timeout(50)


def kept(house: House) -> dict[str, list[Any]]:
    """Everything in the database but what moves by itself."""
    found: dict[str, list[Any]] = {}
    with closing(sqlite3.connect(f"file:{house.folder / 'data' / FILE_NAME}?mode=ro", uri=True)) as conn:
        tables = {name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for name in sorted(tables - RESTLESS):
            columns = [row[1] for row in conn.execute(f'PRAGMA table_info("{name}")') if row[1] not in SEEN]
            rows = conn.execute(f'SELECT {", ".join(columns)} FROM "{name}"')
            found[name] = sorted((row for row in rows if BEAT not in row), key=repr)
    return found


def test_nothing_that_another_site_sends_changes_anything(
    house: House, visitor: Window, parts: dict[str, str], measured: Measured
) -> None:
    before, begin = kept(house), len(house.output("serve"))
    unsafe = routes(are_safe=False)
    fields = {route: {"next": "/jobs", **(ROWS[route].fields if route in ROWS else {})} for route in unsafe}
    visitor.page.evaluate(SEND, [[[unsafe[one], address(house, one, parts), fields[one]] for one in unsafe]])
    posts = {route for route, method in unsafe.items() if method == "POST"}
    wait_for(visitor, lambda: all(len(answered(house, begin)[route]) >= WAYS for route in posts))
    visitor.complaints.clear()  # a browser says of each that it was refused
    found = answered(house, begin)
    pages = {f"POST {page.path}" for page in PAGES if page.method == "POST"}
    assert {route: found[route] for route in pages if set(found[route]) != {403}} == {}
    assert {route: found[route] for route in posts - pages if min(found[route]) < 400} == {}
    assert {route for route in found if route.startswith(("PUT", "DELETE"))} == set(), "a browser asks first"
    assert kept(house) == before
    measured("browser.cross_site_routes", len(unsafe))


def test_nothing_that_another_site_looks_at_is_shown_to_it_or_changes_anything(
    house: House, visitor: Window, parts: dict[str, str]
) -> None:
    before, begin = kept(house), len(house.output("serve"))
    safe = [route for route in routes(are_safe=True) if "/live/" not in route]
    framed: list[str] = []
    visitor.page.on("framenavigated", lambda frame: framed.append(frame.url) if frame.parent_frame else None)
    read = visitor.page.evaluate(LOOK, [[address(house, route, parts) for route in safe]])
    assert set(read) == {""}
    wait_for(visitor, lambda: all(len(answered(house, begin)[route]) >= WAYS for route in safe))
    visitor.page.wait_for_load_state("networkidle")
    visitor.complaints.clear()  # a browser says of each frame that it was refused
    assert [url for url in framed if url.startswith(house.url)] == []
    after = kept(house)
    looks = {deed for _, _, _, deed, *_ in after.pop("audit") if deed not in {row[3] for row in before["audit"]}}
    assert looks <= LOOKS, "who had their browser look is said to have looked, and nothing else"
    assert after == {name: rows for name, rows in before.items() if name != "audit"}


def test_the_same_request_is_taken_from_a_page_of_its_own(
    house: House, signed_in: Callable[..., Window], parts: dict[str, str]
) -> None:
    seen = signed_in()
    seen.open("/jobs")
    seen.page.evaluate("url => fetch(url, {method: 'POST', redirect: 'manual'})", f"/jobs/{parts['job_id']}/pause")
    assert house.api("GET", f"/v2/job/{parts['job_id']}")["status"] == "paused"


def test_behind_https_a_browser_keeps_the_session_for_this_very_host_and_for_https_alone(
    house: House, browser: Browser, parts: dict[str, str], tmp_path: Path
) -> None:
    assert parts
    with https_before(house.url, Authority(tmp_path).server()) as port, closing_context(browser) as context:
        page = context.new_page()
        page.goto(f"https://localhost:{port}/sign-in")
        page.get_by_label("Name", exact=True).fill(OWNER)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.locator("main form button").last.click()
        page.wait_for_url("**/jobs")
        found = next(one for one in context.cookies() if "usher-session" in one["name"])
        assert found["name"] == "__Host-usher-session"
        assert (found["secure"], found["httpOnly"], found["sameSite"]) == (True, True, "Lax")
        assert (found["domain"], found["path"]) == ("localhost", "/")
        page.goto(f"{house.url.replace('127.0.0.1', 'localhost')}/jobs")
        assert "/sign-in" in page.url, "nothing of it goes over plain http"


def closing_context(browser: Browser) -> Any:
    return closing(browser.new_context(ignore_https_errors=True))

"""
A house in which everything that has a name is named by texts that try to become more than text.

Every text is in a job's name, a description, an authorization's label, an audience's name, what Mapp and Lytics said of
a failure, a member's identifier, a group's name, and the names of a token, a person, an alert channel and
a browser.
"""

import html
import json
import sqlite3
import unicodedata
import urllib.parse
import urllib.request
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tests.dashboard.hostile import LEADING, LINES, PRINTABLE, VERY_LONG
from tests.ui.browsing import PASSWORD
from tests.ui.house import GROUP, LYTICS_TOKEN, House, until
from usher.store.opening import FILE_NAME

TEXTS = tuple(unicodedata.normalize("NFC", text) for text in (*PRINTABLE, *LEADING, VERY_LONG))
LONGEST_LABEL, LONGEST_NAME = 200, 100
REJECTED = {"where": "mapp.event", "kind": "status", "status": 400}


def packed(texts: Iterable[str], longest: int) -> list[str]:
    """Pack *texts* into labels, each as many as fit; the beginning of one that does not fit alone."""
    found: list[str] = []
    for text in texts:
        if found and len(found[-1]) + len(text) + 2 <= longest:
            found[-1] += f", {text}"
        else:
            found.append(text[:longest].strip())
    return found


LABELS, NAMES = packed(TEXTS, LONGEST_LABEL), packed(TEXTS, LONGEST_NAME)


@dataclass
class Scenes:
    """What was made, in the order of LABELS or, for people and tokens, of NAMES."""

    jobs: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    working: tuple[str, str] = ("", "")


def furnish(house: House) -> Scenes:
    found = Scenes(working=house.authorize())
    groups = {GROUP: "Customers"} | {f"23240001{number:02}": label for number, label in enumerate(LABELS)}
    house.control("POST", "/mapp/settings", {"groups": groups})
    _set_everybody_aside(house, found)
    _be_refused(house, found)
    for number, name in enumerate(NAMES):
        named = {"name": name, "role": "viewer"}
        invited = house.api("POST", "/v2/person", named)
        found.links.append(invited["link"].removeprefix(house.url))
        found.tokens.append(house.api("POST", "/v2/token", named)["id"])
        hook = {"name": name, "type": "webhook", "config": {"url": f"{house.sandbox}/nothing-is-here"}}
        found.channels.append(house.api("POST", "/v2/alert-channel", hook)["id"])
        _send(house, found.working[1], f"{number} {name}".encode())
    found.people = person_ids(house, NAMES)
    found.messages = [str(one["id"]) for one in house.api("GET", "/v2/unreadable?limit=100")]
    return found


def _set_everybody_aside(house: House, found: Scenes) -> None:
    """A job of each label, with an audience of that name and a member of that name, whom Mapp rejects in such words."""
    said = (*LABELS[1:], LABELS[0])  # of another label: a member's own name is hidden in a reason
    rules = [
        REJECTED | {"body": {"message": html.escape(words)}, "members": [label]}
        for label, words in zip(LABELS, said, strict=True)
    ]
    house.control("POST", "/faults", rules)
    for number, label in enumerate(LABELS):
        audience = house.control("POST", f"/lytics/audience/hostile_{number}", {"name": label})["id"]
        config = {"segment_id": audience, "identifier_type": "userID", "mapp_attribute_name": label[:80].strip()}
        body = {"name": label, "description": LINES, "auth_ids": list(found.working)}
        base = {"uid_field": "email", "group_id": GROUP}
        job = house.api("POST", "/v2/job/mapp-trigger-export", body | {"config": base | config})
        found.jobs.append(job["id"])
        _enter(house, found.working[1], audience, label)
    for job, label in zip(found.jobs, LABELS, strict=True):
        until(lambda job=job, label=label: house.members(job, "set_aside") == [label])  # type: ignore[misc] # bound at once
    house.control("DELETE", "/faults")


def _be_refused(house: House, found: Scenes) -> None:
    """An authorization of each label, which Lytics refuses in such words."""
    config = {"api_url": f"{house.sandbox}/lytics", "token": LYTICS_TOKEN}
    for label in LABELS:
        made = house.api("POST", "/v2/auth/lytics-token", {"label": label, "description": LINES, "config": config})
        refused = {"where": "lytics.any", "kind": "status", "status": 401, "body": {"message": label}}
        house.control("POST", "/faults", refused)
        house.api("POST", f"/v2/auth/{made['id']}/test")
        house.control("DELETE", "/faults")
        found.authorizations.append(made["id"])


def person_ids(house: House, names: Iterable[str]) -> list[str]:
    """Return the ids by which pages know people; the REST API names them by their names alone."""
    with closing(sqlite3.connect(f"file:{house.folder / 'data' / FILE_NAME}?mode=ro", uri=True)) as conn:
        by_name = dict(conn.execute("SELECT name, id FROM people").fetchall())
    return [by_name[name] for name in names]


def sign_in_from_a_browser_called(house: House, browser: str, *, person: str) -> None:
    """Begin a session of *person*, for the list of those that they see."""
    fields = urllib.parse.urlencode({"name": person, "password": PASSWORD, "next": "/jobs"}).encode()
    headers = {"User-Agent": browser, "Origin": house.url}
    asked = urllib.request.Request(f"{house.url}/sign-in", fields, headers)
    urllib.request.build_opener(_Stay).open(asked, timeout=10).close()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None

    def http_error_303(self, _asked: Any, answer: Any, *_: Any) -> Any:
        return answer


def _enter(house: House, auth_id: str, audience: str, member: str) -> None:
    moment = {"id": audience, "slug": "hostile", "event": "enter", "enter": "2026-01-02T03:04:05Z"}
    body = {"id": "1", "data": {"email": member, "segment_events": [moment]}, "meta": {"object": "user"}}
    _send(house, auth_id, json.dumps(body).encode())


def _send(house: House, auth_id: str, body: bytes) -> None:
    header = house.api("GET", f"/v2/auth/{auth_id}/trigger-endpoint")["header"].partition(": ")[2]
    asked = urllib.request.Request(f"{house.url}/triggers/{auth_id}", body, {"Authorization": header})
    urllib.request.urlopen(asked, timeout=10).close()

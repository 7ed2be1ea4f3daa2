"""What the pages say of the dashboard is so: labels, keys, states, cookies, the policy, and figures."""

import re

import pytest

from tests.docs.labels import DASHBOARD, bold_of, labels
from tests.docs.pages import INLINE, ROOT, name_of, text_of
from usher.jobs.retention import retention
from usher.web.dashboard.audit_words import DID
from usher.web.dashboard.cookies import SAID, SESSION, THEME
from usher.web.dashboard.live import HEARTBEAT_EVERY, LivePage
from usher.web.dashboard.pages import PAGES as ROUTES
from usher.web.dashboard.rendering import PAGE_HEADERS, POLICY
from usher.web.dashboard.words import STATUS_WORDS
from usher.web.receiver import MOST_BYTES

DOCS = ROOT / "docs"
GUIDES = [DOCS / "tutorial.md", DOCS / "explain" / "dashboard.md", *sorted((DOCS / "how-to").glob("*.md"))]
SHOWN = labels()
VENDORS = {"Mapp", "Lytics"}


def words_in(page: str) -> str:
    return text_of(DOCS / page)


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_every_label_that_a_guide_names_is_shown_by_the_dashboard(page):
    assert [label for label in bold_of(text_of(page)) if label not in SHOWN | VENDORS] == []


def test_a_label_that_is_not_shown_would_be_found():
    assert {"Start Export", "Set aside", "Needs attention", "Tell everybody again", "Menu"} <= SHOWN
    assert not {"start export", "Begin Export", "Retry 1", "Set to false"} & SHOWN
    assert bold_of("**One** and `**not this**`\n```\n**nor this**\n```\n") == ["One"]


def test_the_keys_are_those_of_the_list_that_the_dashboard_shows():
    shown = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", (DASHBOARD / "templates" / "keys.html").read_text())
    rows = re.findall(r"^\| (`.*?) \| \*\*(.*?)\*\* \|$", words_in("how-to/keyboard.md"), re.MULTILINE)

    assert shown
    assert sorted((word, re.findall(r"<kbd>(.*?)</kbd>", keys)) for word, keys in shown) == sorted(
        (word, INLINE.findall(keys)) for keys, word in rows
    )


def test_every_status_stands_beside_its_word():
    rows = dict(re.findall(r"^\| `(\w+)` \| \*\*(.*?)\*\* \|$", words_in("explain/dashboard.md"), re.MULTILINE))

    assert rows == {status.value: word.word for status, word in STATUS_WORDS.items() if status != "deleted"}


def test_the_activity_is_kept_as_long_as_is_said():
    [kept] = [kept.how_long for kept in retention() if kept.what == "Activity"]
    minutes, hours = re.findall(r"\d+ (?:h|days)", kept)

    assert f"Minutes are kept for {minutes}, hours for {hours}." in words_in("explain/dashboard.md")


def test_the_policy_is_the_one_that_every_page_carries():
    text = words_in("explain/security.md")

    assert f"\n{POLICY}\n" in text
    assert f"`Referrer-Policy: {PAGE_HEADERS['Referrer-Policy']}`" in text


def test_the_cookies_are_those_that_are_set():
    text = words_in("explain/security.md")

    assert set(re.findall(r"`((?:__Host-)?usher-\w+)`", text)) == {
        SESSION, THEME, SAID, f"__Host-{SESSION}", f"__Host-{SAID}",
    }  # fmt: skip


def test_every_kind_of_thing_that_is_audited_is_named():
    [section] = re.findall(
        r"## What is written to the audit log\n(.*?)\n## ", words_in("explain/security.md"), re.DOTALL
    )
    kinds = {"job": "jobs", "auth": "authorizations", "person": "people", "session": "sessions", "token": "API tokens"}
    kinds |= {"unreadable": "unreadable messages", "member": "people erased", "alert_channel": "alert channels"}

    assert {action.partition(".")[0] for action in DID} == set(kinds)
    assert all(word in section for word in kinds.values())


def test_a_proxy_is_told_the_limits_that_hold():
    text = words_in("how-to/reverse-proxy.md")

    assert f"longer than {HEARTBEAT_EVERY} seconds" in text
    assert f"messages of {MOST_BYTES >> 20} MiB" in text
    streams = [route.path for route in ROUTES if isinstance(getattr(route.handler, "__self__", None), LivePage)]
    assert streams
    assert [path for path in streams if not path.startswith("/live/")] == []

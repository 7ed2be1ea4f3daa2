"""How a member's state is worded, and how a sentence of an explanation is shown."""

import re
from datetime import datetime

from markupsafe import Markup, escape

from usher.jobs.explain import MemberLine
from usher.redact import without_member
from usher.web.dashboard.rendering import when
from usher.web.dashboard.words import StatusWord

STATES = {
    "unknown": StatusWord("Never seen", "st-done", "circle-dashed"),
    "known": StatusWord("Known, nothing sent", "st-done", "circle-dashed"),
    "due": StatusWord("Waiting to be sent", "st-sleep", "send"),
    "held": StatusWord("Waits for a decision", "st-warn", "hand"),
    "set_aside": StatusWord("Set aside", "st-warn", "triangle-alert"),
    "accepted": StatusWord("Accepted by Mapp", "st-run", "circle-check"),
}
HELD_FOR = {
    "true": "A scan did not find them, and the removal brake waits.",
    "false": "They left, and the removal brake waits.",
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")
SHOWN = re.compile(rf"({MOMENT.pattern}|'true'|'false')")


def reason_of(line: MemberLine, *, may_see: bool) -> str:
    """Return why somebody is set aside or held, "" for others; Mapp's words name nobody to who may not see people."""
    if line.state == "held":
        return HELD_FOR[line.wanted or "false"]
    if line.set_aside is None:
        return ""
    return line.set_aside.reason if may_see else without_member(line.set_aside.reason, line.member)


def in_words(text: str, key: str = "") -> Markup:
    """
    Return a sentence of an explanation for a page, escaped.

    Moments (RFC 3339) become <time>, values bold, and the attribute's *key* code.
    """
    quoted = repr(key)
    if key and quoted in text:
        before, _, after = text.partition(quoted)
        return in_words(before) + Markup("<code>{}</code>").format(key) + in_words(after)
    return Markup().join(_piece(piece) for piece in SHOWN.split(text))


def _piece(text: str) -> Markup:
    if text in {"'true'", "'false'"}:
        return Markup("<strong>{}</strong>").format(text[1:-1])
    return when(text, "second") if _is_moment(text) else escape(text)


def _is_moment(text: str) -> bool:
    """A vendor's words may look like a moment without being one."""
    if not MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text[:19])
    except ValueError:
        return False
    return True

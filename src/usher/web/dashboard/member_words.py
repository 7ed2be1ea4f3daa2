"""How a member's state is worded, and how a sentence's moments become the viewer's own time."""

import re
from datetime import datetime

from markupsafe import Markup, escape

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
MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z)")


def with_times(text: str) -> Markup:
    """Return *text* escaped, every RFC 3339 moment in it as <time>."""
    return Markup().join(_piece(piece) for piece in MOMENT.split(text))


def _piece(text: str) -> Markup:
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

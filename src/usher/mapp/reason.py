"""
Mapp's own words about an answer, fit to be kept: short, plain, and naming nobody.

Whatever could identify a person is hidden before anything is cut, so that no half of it stays behind.
"""

import html
import json
import re
from typing import Any
from urllib.parse import quote, quote_plus

from usher.http import Reply

LONGEST_CHARS = 200
HIDDEN = "[hidden]"

_READ_CHARS = 4_096  # bounds the work; Mapp's reasons are a sentence
_TORN_CHARS = 1_024  # the longest identifier, written in escapes: what a cut may have torn
_SHORT_CHARS = 6

_TOKEN = r"eyJ[\w-]+(?:\.[\w+/=-]+)*"  # noqa: S105 - a pattern, not a secret
_EMAIL = r"[^\s\"<>=,;:()]{1,256}(?:@|%40)[^\s\"'<>=,;()]{1,256}"
_NUMBER = r"\+?\d[\d ().-]{4,}\d"
_IDENTIFYING = re.compile(f"{_TOKEN}|{_EMAIL}|{_NUMBER}")
_MARKUP = re.compile(r"<(?:script|style)\b.*?(?:</(?:script|style)\s*>|$)|<[^<>]*>", re.DOTALL | re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")

_ENDS = (".", "!", "?", "…")
_CODES = ("errorCode", "error", "code")
_SENTENCES = ("message", "errorMessage", "description", "error_description", "title")


def answer_in_words(reply: Reply, *, member: str = "") -> str:
    """
    Return one sentence on what Mapp answered: its status, and its reason where it gave one.

    Args:
        reply: any answer.
        member: whom the request was about; hidden in whatever spelling the answer echoes it.

    Never raises, whatever the body holds.
    """
    words = reason_of(reply, member=member)
    if not words:
        return f"Mapp answered {reply.status}, no reason given."
    stop = "" if words.endswith(_ENDS) else "."
    return f"Mapp answered {reply.status}: {words}{stop}"


def reason_of(reply: Reply, *, member: str = "") -> str:
    """
    Return Mapp's reason, at most 200 characters, or "" where it gave none.

    From errorCode and message or description (confirmed: Engage's error bodies, Connect's feedback;
    inferred: that Connect's direct answers look alike), else from the text as it is.
    """
    stated = _stated(content_of(reply.body))
    text = reply.body.decode("utf-8", "replace") if stated is None else stated
    return _shortened(_cleaned(text, member=member, is_cut=reply.is_cut and stated is None))


def content_of(body: bytes) -> Any:
    """Return what a JSON body holds; None where it is empty or makes no sense."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _stated(content: object) -> str | None:
    if isinstance(content, list) and content:
        content = content[0]
    if not isinstance(content, dict):
        return None
    found = (_first_text(content, _CODES), _first_text(content, _SENTENCES))
    return ": ".join(text for text in found if text) or None


def _first_text(content: dict[str, Any], names: tuple[str, ...]) -> str:
    texts = (content.get(name) for name in names)
    return next((text.strip() for text in texts if isinstance(text, str) and text.strip()), "")


def _cleaned(text: str, *, member: str, is_cut: bool) -> str:
    shown = _without_people(text[:_READ_CHARS], member=member)
    if is_cut or len(text) > _READ_CHARS:
        shown = shown[:-_TORN_CHARS]
    plain = html.unescape(_MARKUP.sub(" ", shown))
    return _UNPRINTABLE.sub(" ", _without_people(plain, member=member)).strip()


def _without_people(text: str, *, member: str) -> str:
    named = _spellings(member).sub(HIDDEN, text) if member else text
    return _IDENTIFYING.sub(HIDDEN, named)


def _spellings(member: str) -> re.Pattern[str]:
    ways = {
        member,
        html.escape(member),
        quote(member, errors="replace"),
        quote(member, safe="", errors="replace"),
        quote_plus(member, errors="replace"),
        json.dumps(member)[1:-1],
        json.dumps(member, ensure_ascii=False)[1:-1],
        json.dumps(member)[1:-1].replace("/", r"\/"),
    }
    either = "|".join(re.escape(way) for way in sorted(ways, key=len, reverse=True))
    # A short member is hidden as a whole word only: "a" would take every "a" out of the sentence.
    pattern = either if len(member) >= _SHORT_CHARS else rf"(?<!\w)(?:{either})(?!\w)"
    return re.compile(pattern, re.IGNORECASE)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_CHARS else f"{text[: LONGEST_CHARS - 1]}…"

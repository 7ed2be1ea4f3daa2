"""
Forty texts that try to become more than text, and a judge of whether a page kept them down.

Whatever a text would bring into a page is named "pwn": a tag, an attribute, a name in a stream.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from html.parser import HTMLParser
from typing import Any

from tests.dashboard.visiting import Page, Visitor

PRINTABLE = (
    "<script pwn>alert(1)</script>",
    "<img src=x onerror=alert(1) pwn>",
    "<svg/onload=alert(1) pwn>",
    "</title><b pwn>",
    "</textarea><b pwn>",
    "</style></script><b pwn>",
    "</option></select><b pwn>",
    "</code></pre></td></table><b pwn>",
    "--><b pwn><!--",
    "]]><b pwn>",
    "<!--<b pwn>-->",
    "<iframe srcdoc='<b pwn>'></iframe>",
    "<form action=//evil.example pwn><input name=q>",
    "<a href=javascript:alert(1) pwn>go</a>",
    "<meta http-equiv=refresh content=0 pwn>",
    '" pwn="1',
    "' pwn='1",
    "` pwn=`1",
    '"><b pwn>',
    "'><b pwn>",
    '" autofocus onfocus="alert(1)" pwn="',
    "x onmouseover=alert(1) pwn=1",
    "{{7*7777777}}",
    "{% if 7*7777777 %}pwn{% endif %}",
    "${7*7777777}#{7*7777777}<%= 7*7777777 %>",
    "{0.__class__} %(pwn)s %s {name}",
    "&lt;b pwn&gt; &amp;amp; &quot;",
    "&#60;b pwn&#62;&#x3c;b pwn>",
    "%3Cb%20pwn%3E%0d%0aSet-Cookie:pwn=1",
    "<b pwn",
    "null None undefined NaN 0 -1 []",
    "שלום مرحبا",
    "🛒👩🏽‍🚀🇩🇪".replace("\u200d", ""),
    "Z̸̢a͝l̛g̴o e\u0301\u0323",
    "\\u003cb pwn\\u003e \\x3cb pwn\\x3e",
    "ﬀ ＜b pwn＞ Ω",
)
LEADING = (  # what matters only where it stands first, as an address or a cell does
    "javascript:alert(1)//pwn",
    "data:text/html,<b pwn>",
    "//evil.example/pwn",
    '=HYPERLINK("https://evil.example","pwn")',
    "+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "-2+3+cmd|pwn",
)
UNPRINTABLE = (
    "one\n\nevent: pwn\ndata: <b pwn>\n\ntwo",
    "one\r\revent: pwn\rdata: pwn\r\rtwo",
    "one\r\n\r\nevent: pwn\r\ndata: pwn\r\n\r\ntwo",
    "one\u2028event: pwn\u2029\x85\x0b\x0ctwo",
    "\u202egnp.exe\u202c \u2066pwn\u2069",
    "ze\u200bro\u200dwidth\ufeff",
    "bell\x07 escape\x1b[31m null\x01",
)
VERY_LONG = "Wm" * 100
LONGEST_LABEL = 190


def _bundled(texts: tuple[str, ...]) -> list[str]:
    """Pack texts into labels, each as many as fit: a page is judged once for all of them."""
    packed: list[str] = []
    for text in texts:
        if packed and len(packed[-1]) + len(text) + 2 <= LONGEST_LABEL:
            packed[-1] += f", {text}"
        else:
            packed.append(text)
    return packed


LABELS = (*_bundled(PRINTABLE), *LEADING, VERY_LONG)
TEXTS = (*LABELS, *UNPRINTABLE)
LINES = "".join(  # what a description takes of it: no control characters but those that make lines
    char for char in "\n".join(UNPRINTABLE) if char in "\n\r\t" or unicodedata.category(char) != "Cc"
)

BAD_ADDRESS = re.compile(
    r"[\s\x00-\x1f]*(javascript|data|vbscript):|[\s\x00-\x1f]*[/\\]{2}|https?://evil", re.IGNORECASE
)
LINKS = frozenset({"href", "src", "action", "formaction", "hx-get", "hx-post", "data-live"})


class _Reading(HTMLParser):
    """Everything a page holds: its tags, their attributes, and its texts (those of attributes too)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            self.texts.append(value or "")
            if "pwn" in name or name.startswith("on") or name in {"style", "srcdoc"}:
                self.faults.append(f"<{tag} {name}>")
            if name in LINKS and BAD_ADDRESS.match(value or ""):
                self.faults.append(f"<{tag} {name}={value!r}>")
        if tag == "script" and not any(name == "src" and value for name, value in attrs):
            self.faults.append("<script> without an address")
        if tag in {"iframe", "object", "embed", "base", "img"}:
            self.faults.append(f"<{tag}>")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @cached_property
    def whole(self) -> str:
        return _plain(" \n".join(self.texts)) + " " + _plain("".join(self.texts))

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"<!--{data}-->")

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"<![{data}]>")


@lru_cache(maxsize=1)
def _read(page: str) -> _Reading:
    reading = _Reading()
    reading.feed(page)
    reading.close()
    return reading


def faults_in(page: str) -> list[str]:
    """Return what a page has that none of ours brings; and the product that only an evaluated template writes."""
    return _read(page).faults + (["54444439"] if "54444439" in page else [])


def is_shown(text: str, page: str) -> bool:
    """Whether a person can read *text* on *page*; runs of space count as one."""
    return _plain(text) in _read(page).whole


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


@dataclass
class Sweep:
    """Looks at pages as somebody who is signed in, and notes whatever is wrong with them."""

    visitor: Visitor
    wrong: list[str] = field(default_factory=list)

    async def look(self, path: str, *texts: str, status: int | None = 200) -> None:
        """Open a page that shows *texts*; None takes any status."""
        self._judge(path, await self.visitor.get(path), status, texts)

    async def send(self, path: str, fields: Mapping[str, Any], *texts: str, status: int = 400) -> None:
        """Send a form whose page shows *texts* again."""
        self._judge(path, await self.visitor.post(path, fields), status, texts)

    async def watch(self, path: str, *texts: str, last: str) -> None:
        """Look at a live stream's first round, which ends with the part named *last*."""
        found = await self.visitor.live(path, last)
        whole = "\n".join(found.values())
        self.wrong += [f"{path}: {fault}" for fault in faults_in(whole)]
        self.wrong += [f"{path} sent {name}" for name in found if "pwn" in name]
        self.wrong += [f"{path} does not show {text!r}" for text in texts if not is_shown(text, whole)]

    def _judge(self, path: str, page: Page, status: int | None, texts: Iterable[str]) -> None:
        if status is not None and page.status != status:
            self.wrong.append(f"{path} answered {page.status}")
        self.wrong += [f"{path}: {fault}" for fault in faults_in(page.text)]
        self.wrong += [f"{path} does not show {text!r}" for text in texts if not is_shown(text, page.text)]

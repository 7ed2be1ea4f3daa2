"""
What a browser keeps for the dashboard: who is signed in, light or dark, and one sentence for the next page.

Over https the names begin with __Host-, which ties them to this very host; plain http (loopback) cannot have that.
"""

import base64
import binascii
import re
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

SESSION, THEME, SAID = "usher-session", "usher-theme", "usher-said"
THEMES = ("light", "dark")
YEAR_SECONDS = 31_536_000
OWN_IPV4 = re.compile(r"127(\.\d{1,3}){3}")
LONGEST_SAID = 1_000  # characters; a browser keeps about 4 kB


@dataclass(frozen=True, slots=True)
class Said:
    """What the page before has to tell: a sentence, and how it went ("ok", "warn" or "bad")."""

    text: str
    mood: str = "ok"


def is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def is_read_by_nobody_else(request: Request) -> bool:
    """Return whether what a browser sends arrives unread: over https, or on the browser's own machine."""
    host = request.url.hostname or ""
    return is_secure(request) or host in {"localhost", "::1"} or bool(OWN_IPV4.fullmatch(host))


def _name(request: Request, name: str) -> str:
    return f"__Host-{name}" if is_secure(request) else name


def read_cookie(request: Request, name: str) -> str:
    return request.cookies.get(_name(request, name), "")


def write_cookie(
    request: Request, response: Response, name: str, value: str, *, max_age: int | None = None, is_hidden: bool = True
) -> None:
    """
    Have the browser keep *value*.

    Args:
        max_age: in seconds; None until the browser closes, 0 forgets it now.
        is_hidden: scripts cannot read it.
    """
    response.set_cookie(
        _name(request, name),
        value,
        max_age=max_age,
        path="/",
        secure=is_secure(request),
        httponly=is_hidden,
        samesite="lax",
    )


def theme_of(request: Request) -> str:
    """Return "light", "dark", or "" where the viewer's system decides."""
    kept = request.cookies.get(THEME, "")
    return kept if kept in THEMES else ""


def write_said(request: Request, response: Response, said: Said) -> None:
    packed = msgspec.json.encode((said.text[:LONGEST_SAID], said.mood))
    write_cookie(request, response, SAID, base64.urlsafe_b64encode(packed).decode(), max_age=60)


def read_said(request: Request) -> Said | None:
    """Return what the page before had to tell; something that is none of ours counts as nothing."""
    kept = read_cookie(request, SAID)
    if not kept:
        return None
    try:
        return Said(*msgspec.json.decode(base64.urlsafe_b64decode(kept), type=tuple[str, str]))
    except (binascii.Error, ValueError):
        return None

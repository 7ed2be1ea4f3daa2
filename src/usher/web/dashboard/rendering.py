"""
Templates into HTML: one environment, everything escaped, an undefined name is an error.

Moments are written in UTC inside <time>; the page's script shows them in the viewer's zone.
"""

import gzip
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from usher.access.roles import Role
from usher.web.dashboard import words
from usher.web.dashboard.assets import FOLDER, address_of

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# With no referrer at all, a browser on plain http names no origin either, and every form would be refused.
PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Encoding, Cookie",
}
SHOWN = {
    "clock": "%H:%M UTC",
    "second": "%H:%M:%S UTC",
    "time": "%H:%M:%S UTC",
    "day": "%-d %b %Y, %H:%M UTC",
    "date": "%-d %B %Y (UTC)",
    "ago": "%-d %b, %H:%M UTC",
}
SYMBOL = re.compile(r'<symbol id="([^"]+)" viewBox="0 0 24 24">(.*?)</symbol>')
LEAST_SQUEEZED = 1_024  # bytes; below, gzip's head costs what it saves


@cache
def environment() -> Environment:
    """Return the one environment."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.globals |= {
        "asset": address_of,
        "icon": icon,
        "status_word": words.status_word,
        "role_words": words.ROLE_WORDS,
        "who_may": words.WHO_MAY,
        "Role": Role,
    }
    found.filters |= {
        "number": words.number,
        "people": words.people,
        "duration": words.duration,
        "milliseconds": words.milliseconds,
        "when": when,
    }
    return found


@cache
def _symbols() -> dict[str, str]:
    return dict(SYMBOL.findall((FOLDER / "vendor/lucide/icons.svg").read_text()))


def icon(name: str, style: str = "") -> Markup:
    """Return an icon; decoration only, so a screen reader passes over it."""
    return Markup(  # noqa: S704 - the symbols are our own file's
        f'<svg class="i {escape(style)}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75"'
        f' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{_symbols()[name]}</svg>'
    )


def when(at: float | str | None, style: str = "day") -> Markup:
    """
    Return a moment as <time>, the exact time on hover.

    Args:
        at: milliseconds since 1970, or RFC 3339 as the API writes it; None is "never".
        style: "clock" (11:04), "second" (11:04:02), "day" (23 Nov 2026, 11:04), or "ago" (4 s ago; needs the script);
            below a heading in "date" (23 November 2026), "time" (11:04:02) never names the day.
    """
    if at is None:
        return Markup("never")
    moment = datetime.fromisoformat(_to_microseconds(at)) if isinstance(at, str) else _from_ms(at)
    exact = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"
    iso = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" title="{}" data-t="{}">{}</time>').format(
        iso, exact, style, moment.strftime(SHOWN[style])
    )


def _from_ms(at_ms: float) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _to_microseconds(text: str) -> str:
    """Cut nanoseconds, which Lytics' versions have and Python's moments have not."""
    return re.sub(r"(\.\d{6})\d*Z$", r"\1Z", text)


def render(template: str, context: Mapping[str, Any]) -> str:
    return environment().get_template(template).render(_with_parts(context))


def render_blocks(template: str, names: Iterable[str], context: Mapping[str, Any]) -> dict[str, str]:
    """Return the named blocks of a page alone, as its live stream sends them."""
    found = environment().get_template(template)
    inside = found.new_context(_with_parts(context))
    return {name: "".join(found.blocks[name](inside)) for name in names}


def _with_parts(context: Mapping[str, Any]) -> dict[str, Any]:
    """Add the components, which look at *visit* too; a block that is rendered alone has them as well."""
    return {**context, "parts": environment().get_template("parts.html").make_module(dict(context))}


def html(request: Request, text: str, *, status: int = 200) -> Response:
    """Answer with a page, compressed where the browser takes that."""
    body = text.encode()
    headers = dict(PAGE_HEADERS)
    if len(body) > LEAST_SQUEEZED and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = gzip.compress(body, 5, mtime=0), "gzip"
    return Response(body, status, headers, "text/html")

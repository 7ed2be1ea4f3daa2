"""
Where an account's two Mapp APIs are, however their addresses were typed.

Mapp's own clients disagree on whether the address ends in "/api/v1", so it is taken either way,
with or without a scheme, a closing slash, or the rest of a path and a query that somebody copied along with it.
"""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from usher.errors import InvalidInput, Problem

_CONNECT = re.compile(r"/api/v\d+(?=/|$)")
_ENGAGE = re.compile(r"/api/rest/v\d+(?=/|$)")
_INTEGRATION = re.compile(r"/api/v\d+/+integration/+([^/]+)")
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True)
class ApiUrl:
    """
    The address of Mapp Connect.

    Args:
        url: what every request starts with, such as "https://jamie.g.shortest-route.com/charon/api/v1".
        path: the part of that which is signed, such as "/api/v1": a proxy's prefix ("/charon") is not.
    """

    url: str
    path: str


def normalised(api_url: str) -> ApiUrl:
    """
    Return where Mapp Connect is, from what somebody typed as its API URL.

    The signed path starts at "/api/v…" (confirmed: docs.mapp.com/docs/mapp-connect-php-example).

    Raises:
        InvalidInput: it is no web address; ask for another.
    """
    front, path = _split_at(_CONNECT, _parts(api_url, field="api_url"), default="/api/v1")
    return ApiUrl(url=front + path, path=path)


def without_query(typed: str) -> str:
    """Return an address as it was typed, without what was copied along behind it: that is no address, or a secret."""
    return re.split(r"[?#]", typed, maxsplit=1)[0]


def integration_in(api_url: str) -> str:
    """
    Return the integration ID that somebody copied along with the API URL, or "" where there is none in it.

    Never raises: what is no address holds none.
    """
    try:
        found = list(_INTEGRATION.finditer(_parts(api_url, field="api_url").path))
    except InvalidInput:
        return ""
    return unquote(found[-1].group(1)) if found else ""


def normalised_rest(rest_api_url: str) -> str:
    """
    Return where Engage's REST API is, up to its version, from what somebody typed.

    Version 19 where none was typed: the newest, and each only adds to the one before
    (confirmed: docs.mapp.com/apidocs/engage-api).

    Raises:
        InvalidInput: it is no web address; ask for another.
    """
    front, path = _split_at(_ENGAGE, _parts(rest_api_url, field="rest_api_url"), default="/api/rest/v19")
    return front + path


def _split_at(marker: re.Pattern[str], parts: SplitResult, *, default: str) -> tuple[str, str]:
    path = "".join(f"/{segment}" for segment in parts.path.split("/") if segment)
    found = list(marker.finditer(path))
    api = found[-1].group() if found else default
    prefix = path[: found[-1].start()] if found else path.removesuffix("/api")
    return f"{parts.scheme}://{parts.netloc.lower()}{prefix}", api


def _parts(typed: str, *, field: str) -> SplitResult:
    text = typed.strip()
    parts = _web_address(text if "://" in text else f"https://{text}")
    if parts is None:
        raise InvalidInput(
            Problem(field, "is not a web address.", "Type it like https://jamie.g.shortest-route.com/charon.")
        )
    if "@" in parts.netloc:
        raise InvalidInput(Problem(field, "holds more than an address.", "Leave out '@' and what stands before it."))
    return parts


def _web_address(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_address and not _UNFIT.search(text) else None

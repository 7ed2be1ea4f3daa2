"""
Static files: read once, sent compressed, kept by browsers for ever.

One stamp (a hash over all of them) stands in every address, so a new version is a new address and nothing goes stale.
"""

import gzip
import mimetypes
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
FOREVER = "public, max-age=31536000, immutable"
SQUEEZED = frozenset({".css", ".js", ".svg"})  # fonts are compressed already
mimetypes.add_type("font/woff2", ".woff2")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file; *squeezed* is its gzip form, None where that saves nothing."""

    content_type: str
    body: bytes
    squeezed: bytes | None


@cache
def _assets() -> dict[str, Asset]:
    files = sorted(path for path in FOLDER.rglob("*") if path.suffix in SQUEEZED | {".woff2"})
    return {path.relative_to(FOLDER).as_posix(): _asset(path) for path in files}


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(kind, body, gzip.compress(body, 9, mtime=0) if path.suffix in SQUEEZED else None)


@cache
def stamp() -> str:
    """Return the hash that stands in every address."""
    found = sha256()
    for name, asset in _assets().items():
        found.update(name.encode() + b"\0" + asset.body)
    return found.hexdigest()[:12]


def address_of(name: str) -> str:
    """Return the address of a static file, for a template; raises KeyError for one that is not there."""
    _assets()[name]
    return f"/static/{stamp()}/{name}"


async def static_file(request: Request) -> Response:
    """Send a static file; an address with an old stamp gets the present file, kept only briefly."""
    asset = _assets().get(request.path_params["name"])
    if asset is None:
        raise HTTPException(404)
    is_current = request.path_params["stamp"] == stamp()
    headers = {"Cache-Control": FOREVER if is_current else "no-cache", "Vary": "Accept-Encoding"}
    if asset.squeezed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.squeezed, media_type=asset.content_type, headers=headers | {"Content-Encoding": "gzip"})
    return Response(asset.body, media_type=asset.content_type, headers=headers)

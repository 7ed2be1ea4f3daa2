"""
Whether Mapp Connect accepts an `auth-token`: written here a second time, apart from Usher's own signing.

Source: Mapp Connect's PHP example and every public client of Mapp (confirmed): HS256 over `request-hash`, the
lower-case hex SHA-1 of path, body and query joined by "|", empty parts left out, path from "/api/v1" on.
"""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

MILLISECONDS_FROM = 100_000_000_000  # as seconds this is the year 5138; official clients send either unit


def refusal(token: str, *, secret: str, path: bytes, body: bytes, query: bytes, now_ms: int) -> str | None:
    """
    Why *token* does not open this request, or None where it does.

    *path* is raw, from "/api/v1" on; *query* raw, without "?"; *body* the exact bytes.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return "no token"
    if not _is_signed(parts, secret):
        return "bad signature"
    claims = _json(parts[1])
    if claims is None or _expiry_ms(claims) is None:
        return "bad claims"
    if claims.get("request-hash") != request_hash(path, body, query):
        return "request hash does not match"
    return "expired" if (_expiry_ms(claims) or 0) <= now_ms else None


def request_hash(path: bytes, body: bytes, query: bytes) -> str:
    signed = b"|".join(part for part in (path, body, query) if part)
    return hashlib.sha1(signed, usedforsecurity=False).hexdigest()


def _is_signed(parts: list[str], secret: str) -> bool:
    header, mac = _json(parts[0]), _decoded(parts[2])
    if header is None or header.get("alg") != "HS256" or mac is None:
        return False
    signed = f"{parts[0]}.{parts[1]}".encode("ascii", "replace")
    return hmac.compare_digest(mac, hmac.digest(secret.encode(), signed, "sha256"))


def _expiry_ms(claims: dict[str, Any]) -> float | None:
    exp = claims.get("exp")
    if isinstance(exp, bool) or not isinstance(exp, int | float):
        return None
    return exp if exp >= MILLISECONDS_FROM else exp * 1000


def _json(part: str) -> dict[str, Any] | None:
    try:
        value = json.loads(_decoded(part) or b"")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _decoded(part: str) -> bytes | None:
    """Some official clients leave "+" and "/" in their base64url; that Mapp bears it is inferred."""
    standard = part.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None

"""
How a request to Mapp Connect proves who sent it: a short-lived JWT over a hash of the request.

Written out by hand because a JWT library doubles the cost of a delivery; the tests hold it to one.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode


def _base64url(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


_HEADER = _base64url(b'{"alg":"HS256","typ":"JWT"}') + b"."


def request_hash(path: str, body: bytes = b"", query: str = "") -> str:
    """
    Return the hash that names one request: hex SHA-1 of path|body|query, without empty parts.

    Confirmed: docs.mapp.com/docs/mapp-connect-php-example and every public client.

    Args:
        path: as sent, from "/api/v…"; no host, no proxy's prefix.
        body: the very bytes that are sent.
        query: as sent, without the "?".
    """
    parts = [part for part in (path.encode(), body, query.encode()) if part]
    return hashlib.sha1(b"|".join(parts), usedforsecurity=False).hexdigest()


def exp_of(expires_at_ms: int) -> int:
    """
    Return the token's `exp` for a moment in milliseconds since 1970: whole seconds, rounded down.

    Inferred: JWT says seconds, and so do Mapp's PHP, Java and Salesforce clients; its JavaScript clients send
    milliseconds, which a server that reads seconds takes for a far future. Rounded down, so that no token
    outlives the room of the claim it was made for.
    """
    return expires_at_ms // 1000


def signing_key(secret: str) -> hmac.HMAC:
    """
    Return what signs for an integration: its secret as typed, not decoded.

    Confirmed: Mapp's Java and Salesforce clients. It is made once and copied for each token: hmac.digest lets go of the
    interpreter and waits until the thread that writes the ledger gives it back, which costs more than all the rest of
    signing (docs/decisions/0006).
    """
    return hmac.new(secret.encode(), digestmod="sha256")


def token(key: hmac.HMAC, digest: str, expires_at_seconds: int) -> str:
    """
    Return the value of the `auth-token` header.

    Args:
        key: what signing_key returned; it is left as it is.
        digest: what request_hash returned.
        expires_at_seconds: what exp_of returned.
    """
    claims = f'{{"request-hash":"{digest}","exp":{expires_at_seconds}}}'.encode()
    signed = _HEADER + _base64url(claims)
    signature = key.copy()
    signature.update(signed)
    return (signed + b"." + _base64url(signature.digest())).decode()

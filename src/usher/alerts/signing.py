"""
The signature of Standard Webhooks 1.0.0: a receiver knows that a message is Usher's, whole, and not an old one.

HMAC-SHA256 over "id.timestamp.body" by the bytes that the secret's base64 stands for.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
FEWEST_BYTES, MOST_BYTES = 24, 64


def signed_headers(message_id: str, *, timestamp: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """
    Return the three headers of a message.

    Args:
        timestamp: of this try, in seconds since 1970.
        secrets: each signs, so that a receiver that knows only one of them still can verify.
    """
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    made = (hmac.new(key_in(secret), content, hashlib.sha256).digest() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in made),
    }


def key_in(secret: str) -> bytes:
    """
    Return the bytes that *secret* stands for.

    Raises:
        ValueError: it is not "whsec_" and base64 of 24 to 64 bytes.
    """
    if not secret.startswith(PREFIX):
        raise ValueError("The secret does not begin with whsec_.")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("The secret is not base64.") from None
    if not FEWEST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError("The secret does not stand for 24 to 64 bytes.")
    return key


def new_secret(random: bytes) -> str:
    """Return the secret that stands for 24 to 64 *random* bytes."""
    return PREFIX + base64.b64encode(random).decode()

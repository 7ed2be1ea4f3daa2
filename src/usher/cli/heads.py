"""What is made of the head of a request where the parser beneath reads it in a way of its own."""

from collections.abc import Sequence

Headers = Sequence[tuple[bytes, bytes]]  # names in lower case


def names_one_host(headers: Headers, *, version: str) -> bool:
    """
    Return whether a head names exactly one host, which only HTTP/1.0 may leave out (RFC 9112, 3.2).

    Of two, a proxy may believe the one and we the other.
    """
    hosts = sum(name == b"host" for name, _ in headers)
    return hosts == 1 or (hosts == 0 and version == "1.0")


def without_upgrade(headers: Headers, *, method: bytes, url: bytes, version: str) -> bytes:
    """Return a head as it would have been sent by somebody who asks for no other protocol."""
    first = b"%s %s HTTP/%s" % (method, url, version.encode())
    kept = [b"%s: %s" % header for header in headers if header[0] != b"upgrade"]
    return b"\r\n".join([first, *kept, b"", b""])

"""
Where a URL that a person typed may lead: out to the internet, never into the network Usher runs in.

Two gates. *check_url* looks at what was typed, when an authorization is saved and before each request.
*refusal* looks at each address a name resolved to, at the moment of connecting, so that a name which
changes its address in between gains nothing.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from yarl import URL

from usher.errors import Problem

ALLOW_HTTP = "Set USHER_ALLOW_HTTP=1 to allow it (sandboxes and tests only)."
ALLOW_PRIVATE = "Set USHER_ALLOW_PRIVATE=1 to allow it (sandboxes and tests only)."

LOW_PORTS = frozenset({80, 443})  # anything else below 1024 is not the web: mail, shells, name servers

# Our own tables, because what Python's ipaddress calls private or global changes with its patch level.
_REFUSED_IPV4 = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud's host agent"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_REFUSED_IPV6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private"),
        ("ff00::/8", "multicast"),
        ("2001::/32", "a Teredo tunnel"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "for documentation"),
        ("3fff::/20", "for documentation"),
    )
)
_IPV6_INTERNET = IPv6Network("2000::/3")  # whatever lies outside is not routed between providers
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})  # the third quarter of an address, before the IPv4 that it tunnels to

# Each carries an IPv4 address inside; the figure is how many bits stand to its right.
_CARRIERS = (
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)

# Names that lead into a network of one's own wherever they are resolved (RFC 6761, 6762, 8375, and habit).
_INNER_NAMES = (
    *(".localhost", ".localdomain", ".local", ".internal", ".intranet", ".private", ".corp", ".home", ".lan"),
    *(".home.arpa", ".in-addr.arpa", ".ip6.arpa"),
)

_URL_TEXT = re.compile(r"[A-Za-z0-9._~:/?@!$&'()*+,;=%\[\]-]{1,8000}")  # RFC 3986 without "#"
_HOST_NAME = re.compile(r"(?=.{1,253}$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.|$))+")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


def refusal(address: str) -> str | None:
    """
    Return what speaks against connecting to *address*, or None where nothing does.

    Args:
        address: an IPv4 or IPv6 address as a resolver writes it; a scope ("%eth0") is ignored.

    Returns:
        A kind of address, to be read after "is": "loopback", "private", "not an address", ...
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "not an address"
    return _refusal_ipv4(parsed) if isinstance(parsed, IPv4Address) else _refusal_ipv6(parsed)


def check_url(url: str, *, field: str = "url", allow_http: bool, allow_private: bool) -> Problem | None:
    """
    Return the first thing that speaks against sending requests to *url*, or None.

    Looks at the text alone and resolves no name; *refusal* judges the addresses later.
    The problem names *field* and never repeats the URL, which may hold a secret.
    """
    parsed = _parsed(url)
    if parsed is None:
        return Problem(field, "is not a usable URL.", "Write it as https://host/path, percent-encoded.")
    return (
        _scheme_problem(parsed, field=field, allow_http=allow_http)
        or _authority_problem(parsed, field=field)
        or _host_problem(parsed, field=field, allow_private=allow_private)
    )


def check_host_by_name(url: str, *, field: str = "url") -> Problem | None:
    """
    Return what speaks against *url* where its name is resolved by somebody else, or None.

    For URLs that *check_url* let pass. It knows a private name by its look alone, so it is less than *refusal*.
    """
    parsed = _parsed(url)
    host = (parsed.raw_host or "" if parsed else "").lower().rstrip(".")
    is_name = ":" not in host and not _ends_in_a_number(host)
    if is_name and ("." not in host or host.endswith(_INNER_NAMES)):
        return Problem(field, "names a host that can only be private.", ALLOW_PRIVATE)
    return None


def _parsed(url: str) -> URL | None:
    """Parse with what the client parses with, so that both see the same host."""
    if not _URL_TEXT.fullmatch(url):
        return None
    try:
        parsed = URL(url, encoded=True)
        has_port = parsed.port is not None  # read here, because an impossible port raises only when it is read
    except ValueError:
        return None
    return parsed if has_port and parsed.raw_host else None


def _refusal_ipv4(address: IPv4Address) -> str | None:
    return next((kind for network, kind in _REFUSED_IPV4 if address in network), None)


def _refusal_ipv6(address: IPv6Address) -> str | None:
    for network, bits_behind in _CARRIERS:
        if address in network:
            return _refusal_ipv4(IPv4Address((int(address) >> bits_behind) & 0xFFFF_FFFF))
    kind = next((kind for network, kind in _REFUSED_IPV6 if address in network), None)
    return kind or (_refusal_isatap(address) if address in _IPV6_INTERNET else "reserved")


def _refusal_isatap(address: IPv6Address) -> str | None:
    is_tunnel = (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP
    return _refusal_ipv4(IPv4Address(int(address) & 0xFFFF_FFFF)) if is_tunnel else None


def _scheme_problem(url: URL, *, field: str, allow_http: bool) -> Problem | None:
    if url.scheme == "https" or (url.scheme == "http" and allow_http):
        return None
    if url.scheme == "http":
        return Problem(field, "uses plain http.", f"Write https. {ALLOW_HTTP}")
    return Problem(field, "is not an https URL.", "Write it as https://host/path.")


def _authority_problem(url: URL, *, field: str) -> Problem | None:
    if "@" in url.raw_authority:
        return Problem(field, "holds a user name or password.", "Take out what stands before the @.")
    port = url.explicit_port
    if port is not None and port < 1024 and port not in LOW_PORTS:
        return Problem(field, "names a port that is not the web's.", "Use 443, or one above 1023.")
    return None


def _host_problem(url: URL, *, field: str, allow_private: bool) -> Problem | None:
    host = url.raw_host or ""
    if url.raw_authority.startswith("["):
        usable, kind = _is_address(host, IPv6Address), refusal(host)
    elif _ends_in_a_number(host):
        usable, kind = _is_address(host, IPv4Address), refusal(host)
    else:
        usable, kind = bool(_HOST_NAME.fullmatch(host)), _kind_of_name(host)
    if not usable:
        return Problem(field, "names no usable host.", "Write a host name, or an address in its usual form.")
    if kind and not allow_private:
        return Problem(field, f"names a host that is {kind}.", ALLOW_PRIVATE)
    return None


def _ends_in_a_number(host: str) -> bool:
    """Say whether resolvers take *host* for an address: 0x7f000001, 2130706433, 127.1 and 0177.0.0.1 are."""
    return bool(_NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]))


def _is_address(host: str, kind: type[IPv4Address | IPv6Address]) -> bool:
    try:
        return bool(kind(host)) and "%" not in host
    except ValueError:
        return False


def _kind_of_name(host: str) -> str | None:
    name = f".{host.lower().rstrip('.')}"
    if name.endswith(".localhost"):
        return "loopback"
    return "private by its name" if name.endswith(_INNER_NAMES) else None

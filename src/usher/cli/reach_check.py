"""What the doctor says of USHER_BASE_URL: whether triggers can come here, as far as that can be told from here."""

from urllib.parse import urlsplit

from usher.cli.checks import Check, Level
from usher.errors import UsherError
from usher.http import Http

POLLING = "Set it to the https address at which Lytics can reach this service, or have jobs compare (reconcile_hours)."
ALIVE = b"alive"  # what /healthz says
LOOK = "See that the service runs, and that the proxy before it answers at this address."


async def reach_check(http: Http, base_url: str, *, allow_http: bool) -> Check:
    """Ask for the service's health at *base_url*. That it answers here does not prove that Lytics gets through."""
    if not base_url:
        return Check(Level.WARN, "USHER_BASE_URL is not set, so no trigger can come: jobs only compare.", POLLING)
    if urlsplit(base_url).scheme != "https" and not allow_http:
        said = f"USHER_BASE_URL ({base_url}) is not an https address, and Lytics takes no other."
        return Check(Level.WARN, said, POLLING)
    try:
        reply = await http.request("GET", f"{base_url.rstrip('/')}/healthz", timeout_seconds=10, most_bytes=4096)
    except UsherError as error:
        # Lytics may get through all the same: not every network lets its own machines in from outside.
        return Check(Level.WARN, "USHER_BASE_URL cannot be reached from here.", f"{error.message} {LOOK}")
    if reply.status != 200 or reply.body.strip() != ALIVE:
        return Check(Level.WARN, f"Something else than Usher answers at USHER_BASE_URL ({reply.status}).", LOOK)
    return Check(Level.OK, f"USHER_BASE_URL ({base_url}) answers from here.")

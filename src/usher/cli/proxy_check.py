"""What the doctor says of USHER_PROXY_URL: that a proxy is in use, and whether it lets requests through."""

from usher.cli.checks import Check, Level
from usher.errors import RemoteUnknown, RemoteUnreachable
from usher.http import Http
from usher.proxy import SYSTEM, Proxy

LOOK = "See that the proxy runs, and that it takes this machine's requests."


async def proxy_check(http: Http, proxy: Proxy, url: str) -> Check:
    """Ask *url*, a vendor's, through the proxy; what the vendor answers does not matter here."""
    answers = Check(Level.OK, f"Requests to vendors go through the proxy {proxy.name}, which answers.")
    try:
        await http.request("GET", url, timeout_seconds=10, most_bytes=4096)
    except RemoteUnknown:
        return answers
    except RemoteUnreachable as error:
        if error.system == SYSTEM:
            return Check(Level.BAD, error.message, LOOK)
        said = f"Requests to vendors go through the proxy {proxy.name}; whether it answers could not be seen."
        return Check(Level.WARN, said, error.message)
    return answers

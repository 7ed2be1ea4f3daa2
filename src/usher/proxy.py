"""
The operator's proxy: how USHER_PROXY_URL is written, and what the proxy's own refusals mean.

A proxy that says no has passed nothing on, so its no is never taken for a vendor's: it is nobody's credentials'
fault, and no person's.
"""

from base64 import b64encode
from dataclasses import dataclass, field

from pydantic import SecretStr
from yarl import URL

from usher.errors import InvalidInput, Problem, RemoteUnreachable

SYSTEM = "proxy"  # as RemoteError.system
VARIABLE = "USHER_PROXY_URL"
MEND = "Write it as http://host:port or http://user:password@host:port, user and password percent-encoded."


@dataclass(frozen=True, slots=True)
class Proxy:
    """
    One HTTP proxy.

    Args:
        url: scheme, host and port; never the password, so that it may be shown.
        authorization: the value of Proxy-Authorization, or "".
    """

    url: URL
    authorization: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """Host and port, to be read after "the proxy"."""
        return f"{self.url.host_subcomponent}:{self.url.port}"

    @property
    def headers(self) -> dict[str, str]:
        """What goes to the proxy alone."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}

    def refusal(self, status: int, *, host: str) -> RemoteUnreachable:
        """Return what the proxy's own answer *status* means for a request to *host*: certainly not sent."""
        if status == 407:
            said = f"does not accept Usher's user name and password (407). Correct {VARIABLE}."
        elif status < 500:
            said = f"does not let Usher through to {host} ({status}). Allow that host there."
        else:
            said = f"could not reach {host} ({status})."
        return self.trouble(said)

    def trouble(self, said: str) -> RemoteUnreachable:
        return RemoteUnreachable(f"The proxy {self.name} {said}", system=SYSTEM)


def proxy_at(proxy_url: SecretStr) -> Proxy | None:
    """
    Read *proxy_url*; blank means that there is no proxy.

    Raises:
        InvalidInput: it is no proxy's address; mend USHER_PROXY_URL, whose text is never repeated.
    """
    text = proxy_url.get_secret_value()
    if not text:
        return None
    url = _parsed(text)
    if url is None:
        raise InvalidInput(Problem(VARIABLE, "is not the address of an HTTP proxy.", MEND))
    return Proxy(url.origin(), _authorization(url))


def _parsed(text: str) -> URL | None:
    try:
        url = URL(text)
        is_address = url.scheme in {"http", "https"} and bool(url.host) and bool(url.port)
    except ValueError:
        return None
    has_more = url.path not in {"", "/"} or url.query_string or url.fragment or ":" in (url.user or "")
    return url if is_address and not has_more else None


def _authorization(url: URL) -> str:
    if url.user is None and url.password is None:
        return ""
    return "Basic " + b64encode(f"{url.user or ''}:{url.password or ''}".encode()).decode()

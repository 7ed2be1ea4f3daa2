"""Whether Lytics can reach this service, and where its triggers go."""

from urllib.parse import urlsplit

from usher.jobs.desk import Desk


def trigger_url(desk: Desk, lytics_auth: str) -> str:
    """Return where the triggers of one Lytics account go; without a base URL, only the path of it."""
    return f"{desk.base_url.rstrip('/')}/triggers/{lytics_auth}"


def why_unreached(desk: Desk) -> str:
    """
    Return why Lytics cannot send triggers here, in a sentence, or "" where it can.

    Lytics takes https addresses only (facts/lytics.md B1, confirmed); the sandbox takes http.
    """
    if not desk.base_url:
        return "Lytics cannot reach this service, because USHER_BASE_URL is not set."
    if urlsplit(desk.base_url).scheme == "https" or desk.allow_http:
        return ""
    return "Lytics cannot reach this service, because USHER_BASE_URL is not an https address."

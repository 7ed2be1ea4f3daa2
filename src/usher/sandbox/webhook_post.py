"""The HTTP client with which the pretend Lytics reaches a webhook; any certificate will do in a sandbox."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp

from usher.sandbox.emitter import Post
from usher.sandbox.trigger_body import WebhookConfig

TIMEOUT_SECONDS = 30  # how long Lytics waits is unknown


@dataclass(slots=True)
class WebhookClient:
    """Makes its session on first use; `aclose` ends it."""

    _session: aiohttp.ClientSession | None = field(default=None)

    def poster(self, headers: Callable[[], Mapping[str, str]], query: Callable[[], str]) -> Post:
        """
        A sender for one job, which asks for its authorization's headers and query each time.

        The sender gives status 0 where no answer came.
        """

        async def post(config: WebhookConfig, body: bytes) -> tuple[int, float | None]:
            url = config.webhook_url + (("&" if "?" in config.webhook_url else "?") + query() if query() else "")
            sent = {"Content-Type": "application/json", **headers()}
            try:
                async with self._opened().request(
                    config.http_method or "POST", url, data=body, headers=sent, allow_redirects=False, ssl=False
                ) as answer:
                    await answer.read()
                    return answer.status, _seconds(answer.headers.get("Retry-After"))
            except (aiohttp.ClientError, OSError, ValueError):
                return 0, None

        return post

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        return self._session


def _seconds(retry_after: str | None) -> float | None:
    """Seconds only; the form with a date is not honoured here."""
    return float(retry_after) if retry_after and retry_after.strip().isdecimal() else None

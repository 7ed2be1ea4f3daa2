"""What Usher asks of Lytics, each question in one method; how it is asked and answered is hidden below."""

from asyncio import gather
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from usher.clock import Clock
from usher.errors import RemoteMissing, RemoteRejected
from usher.http import Http
from usher.lytics import webhooks
from usher.lytics.audiences import Audience, Field, audience_from, field_from
from usher.lytics.exchange import Account, Exchange, segment_of_path
from usher.lytics.lanes import Round, do_overlap, joined, round_at
from usher.lytics.scan import PAGE_BYTES, PAGE_SIZE, CursorExpired, Page, is_expired_cursor, page_from
from usher.lytics.webhooks import WebhookJob
from usher.lytics.wire import SYSTEM

TIMEOUT_SECONDS = 30  # a scan page of a large audience is slow, and nothing waits behind it


class LyticsClient:
    """
    One Lytics account.

    It keeps no state, so any number of calls may run at once. Nothing is asked twice by itself.
    Every method raises RemoteError: RemoteUnreachable (ask again later), RemoteRefused (change the
    authorization), RemoteMissing or RemoteRejected (what was asked for is wrong). Reads are safe to repeat.
    """

    def __init__(self, account: Account, *, http: Http, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._exchange = Exchange(account, http=http, timeout_seconds=timeout_seconds)

    async def audiences(self) -> list[Audience]:
        """Return every audience of people with its size, invalid ones too, in Lytics' order."""
        segments = await self.raw_segments()
        return [found for segment in _objects(segments) if (found := audience_from(segment))]

    async def audience(self, id_or_slug: str) -> Audience:
        """
        Return one audience with its size.

        Raises:
            RemoteMissing: Lytics has none by that id or slug.
        """
        segment = await self.raw_segment(id_or_slug)
        found = audience_from(segment) if isinstance(segment, dict) else None
        if found is None:
            raise RemoteRejected("Lytics' answer describes no audience.", system=SYSTEM)
        return found

    async def fields(self) -> list[Field]:
        """Return the fields of people's profiles, in Lytics' order."""
        described = await self.raw_fields()
        return [found for one in _objects(described) if (found := field_from(one))]

    async def raw_segments(self) -> Any:
        """
        Return the audiences as Lytics' API describes them, to be passed on.

        Source: facts/lytics.md A2 (confirmed): the list comes whole; sizes only when asked for.
        """
        query = {"table": "user", "kind": "segment", "valid": "all", "sizes": "true"}
        return (await self._exchange.get("/v2/segment", query=query, operation="list audiences")).data

    async def raw_segment(self, id_or_slug: str) -> Any:
        """Return one audience as Lytics' API describes it, to be passed on; RemoteMissing as *audience*."""
        answer = await self._exchange.get(
            f"/v2/segment/{segment_of_path(id_or_slug)}",
            query={"sizes": "true"},
            operation="look at the audience",
        )
        return answer.data

    async def raw_fields(self) -> Any:
        """Return the fields as Lytics' API describes them, to be passed on."""
        return (await self._exchange.get("/v2/schema/user/field", operation="list fields")).data

    async def scan_page(self, audience_id: str, *, field: str, cursor: str, expected: int | None = None) -> Page:
        """
        Return one page of the people in an audience; *cursor* is "" for the first page.

        Pages are no snapshot: who moves while the scan runs may come twice or not at all (unknown).

        Args:
            expected: how many people it has; one of very many is read in several lanes at once (usher.lytics.lanes).

        Raises:
            CursorExpired: start a new scan from the first page.
            RemoteMissing: there is no such audience any more.
        """
        read = round_at(cursor, expected=expected)
        page = None if read is None else await self._round(audience_id, read, field=field)
        return page or await self._scan(audience_id, field=field, cursor=cursor, limit=PAGE_SIZE)

    async def identifier_sample(self, audience_id: str, *, field: str, limit: int = PAGE_SIZE) -> list[Any]:
        """Return *field* of the first *limit* (1..100) people, None where somebody has none; never log it."""
        page = await self._scan(audience_id, field=field, cursor="", limit=max(1, min(limit, PAGE_SIZE)))
        return [profile.get(field) for profile in page.profiles]

    async def profile_sample(self, audience_id: str, *, fields: list[str]) -> list[dict[str, Any]]:
        """Return *fields*, by names without commas, of the first 100 people at most; never log them."""
        page = await self._scan(audience_id, field=",".join(fields), cursor="", limit=PAGE_SIZE)
        return list(page.profiles)

    async def make_trigger_webhook(
        self,
        *,
        audience_id: str,
        label: str,
        url: str,
        authorization_header: str,
        identifier_field: str,
    ) -> WebhookJob:
        """
        Have Lytics send the triggers of one audience to *url*; not safe to repeat.

        Args:
            audience_id: the id, not the slug.
            label: names the job and its authorization in Lytics.
            url: Lytics takes https only (facts/lytics.md B1, confirmed).
            authorization_header: the whole value, "Bearer …".
            identifier_field: the only field of a profile that Lytics will send.

        Raises:
            RemoteRefused: this token may not make authorizations or jobs; show what to paste instead.
            RemoteUnknown: the answer was lost. What could be found was taken away again; the message says
                where a person has to look.
        """
        return await webhooks.make_webhook(
            self._exchange,
            audience_id=audience_id,
            label=label,
            url=url,
            authorization_header=authorization_header,
            identifier_field=identifier_field,
        )

    async def webhook_status(self, job_id: str) -> str:
        """
        Return the webhook job's status in Lytics' words (runnable, sleeping, paused, failed and so on).

        Raises:
            RemoteMissing: somebody removed it.
        """
        return await webhooks.webhook_status(self._exchange, job_id)

    async def remove_trigger_webhook(self, webhook: WebhookJob) -> None:
        """Stop and remove the webhook job and its authorization. Safe to repeat; what is missing is fine."""
        await webhooks.remove_webhook(self._exchange, webhook)

    async def clock_difference_seconds(self, *, clock: Clock) -> float | None:
        """
        Return how far Lytics' clock runs ahead of *clock* (behind: negative), or None where it shows none.

        Right to about a second: the Date header has no fractions.
        """
        asked_ms = clock.now_ms()
        reply = await self._exchange.any_reply("/v2/schema")
        midway_ms = (asked_ms + clock.now_ms()) / 2
        theirs = _seconds_of_date(reply.headers.get("date", ""))
        return None if theirs is None else theirs + 0.5 - midway_ms / 1000

    async def _round(self, audience_id: str, read: Round, *, field: str) -> Page | None:
        """Return the next page of every lane as one, or None where Lytics does not tell the lanes apart."""
        answers = await gather(
            *(
                self._scan(audience_id, field=field, cursor=lane.cursor, limit=PAGE_SIZE, splits=lane.splits)
                for lane in read.lanes
            ),
            return_exceptions=True,
        )
        pages = [answer for answer in answers if isinstance(answer, Page)]
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        if read.is_first and (
            all(isinstance(error, RemoteRejected) for error in errors) if errors else do_overlap(pages)
        ):
            return None
        if errors:
            raise errors[0]
        return joined(read, pages)

    async def _scan(self, audience_id: str, *, field: str, cursor: str, limit: int, splits: str = "") -> Page:
        query = (
            {"limit": str(limit), "fields": field}
            | ({"start": cursor} if cursor else {})
            | ({"splits": splits} if splits else {})
        )
        try:
            answer = await self._exchange.get(
                f"/api/segment/{segment_of_path(audience_id)}/scan",
                query=query,
                operation="scan the audience",
                most_bytes=PAGE_BYTES,
            )
        except (RemoteMissing, RemoteRejected) as error:
            if is_expired_cursor(error, cursor=cursor):
                raise CursorExpired(error.message, system=SYSTEM, status=error.status) from error
            raise
        return page_from(answer.envelope)


def _objects(described: Any) -> list[Mapping[str, Any]]:
    if not isinstance(described, list):
        raise RemoteRejected("Lytics' answer holds no list.", system=SYSTEM)
    return [one for one in described if isinstance(one, dict)]


def _seconds_of_date(header: str) -> float | None:
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

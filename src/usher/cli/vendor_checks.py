"""What the doctor asks of others: the service, each vendor's account, this service's own address, the clocks."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from usher.cli.api import Api, part
from usher.cli.auth_views import verdict_on
from usher.cli.checks import Check, Level, key_check, local_checks
from usher.cli.connecting import connected, is_worked_on
from usher.cli.postgres_checks import postgres_checks
from usher.cli.proxy_check import proxy_check
from usher.cli.reach_check import reach_check
from usher.clock import Clock, SystemClock
from usher.errors import InvalidInput, UsherError
from usher.http import GuardedHttp, Http
from usher.jobs.credentials import LYTICS_URL
from usher.jobs.key_check import OtherKey
from usher.proxy import proxy_at
from usher.settings import Settings
from usher.store.postgres import is_postgres

FURTHEST_APART_SECONDS = 5.0  # Mapp refuses a signature whose end has passed by its clock


async def every_check(settings: Settings) -> list[Check]:
    """
    Look at everything, in the order in which one part needs the other.

    With USHER_URL the service runs elsewhere: then its own tests count, and this machine's parts do not.
    """
    found, key = ([], []) if settings.url else (_own_part(settings), [key_check(settings)])
    try:
        async with connected(settings) as api:
            auths = await api.get("/v2/auth")
            answered = [await _service(settings, api)]
            answered += [await _account(api, auth) for auth in auths]
    except OtherKey as error:
        return [*found, Check(Level.BAD, "The secret key is not the database's.", error.message)]
    except UsherError as error:
        return _unanswered([*found, *key], error)
    return [*found, *key, *answered, *([] if settings.url else await _from_outside(settings, auths))]


def _own_part(settings: Settings) -> list[Check]:
    if is_postgres(settings.database_url):
        return postgres_checks(settings.database_url)
    return local_checks(settings)


def _unanswered(found: list[Check], error: UsherError) -> list[Check]:
    if any(check.stops_all for check in found):
        return found
    return [*found, Check(Level.BAD, "The service does not answer as it should.", error.message)]


async def _service(settings: Settings, api: Api) -> Check:
    if settings.url:
        return Check(Level.OK, f"The service at {settings.url} answers.")
    if api.has_engine:
        return Check(Level.OK, "A service runs on this data, and answers.")
    if await is_worked_on(api):
        return Check(Level.OK, "Workers elsewhere work on this database; no `usher serve` runs on this data folder.")
    return Check(Level.WARN, "No service runs on this data, so nothing moves.", "Start `usher serve`.")


async def _account(api: Api, auth: dict[str, Any]) -> Check:
    try:
        report = await api.post(f"/v2/auth/{part(auth['id'])}/test")
    except UsherError as error:
        return Check(Level.BAD, f"The authorization {auth['label']!r} could not be tested.", error.message)
    said = " ".join(report["findings"])
    level = Level.OK if report["is_usable"] else Level.BAD
    return Check(level, f"The authorization {auth['label']!r} {verdict_on(report)}. {said}".strip())


async def _from_outside(settings: Settings, auths: list[dict[str, Any]]) -> list[Check]:
    urls = sorted({str(auth["meta"]["config"].get("api_url") or "") for auth in auths} - {""})
    try:
        http = _way_out(settings)
    except InvalidInput as error:
        return [Check(Level.BAD, "No vendor can be reached from here.", error.message)]
    proxy = proxy_at(settings.proxy_url)
    try:
        found = [await proxy_check(http, proxy, (urls or [LYTICS_URL])[0])] if proxy else []
        clocks = [await clock_check(http, url, clock=SystemClock()) for url in urls]
        return [*found, await reach_check(http, settings.base_url, allow_http=settings.allow_http), *clocks]
    finally:
        await http.close()


def _way_out(settings: Settings) -> GuardedHttp:
    return GuardedHttp(
        allow_http=settings.allow_http,
        allow_private=settings.allow_private,
        ca_file=settings.ca_file,
        proxy_url=settings.proxy_url,
    )


async def clock_check(http: Http, url: str, *, clock: Clock) -> Check:
    """Compare this machine's clock with the Date header that *url* answers with, whatever else it answers."""
    asked_ms = clock.now_ms()
    try:
        reply = await http.request("GET", url, timeout_seconds=10, most_bytes=4096)
    except UsherError as error:
        # The service's own test says whether the account works; from here only its clock is of interest.
        return Check(Level.WARN, f"The clock of {url} could not be compared.", error.message)
    theirs = _moment(reply.headers.get("date", ""))
    if theirs is None:
        return Check(Level.WARN, f"{url} did not say what time it is.")
    took = (clock.now_ms() - asked_ms) / 1000
    apart = abs(theirs.timestamp() - asked_ms / 1000)
    if apart > FURTHEST_APART_SECONDS + took:
        mend = "Set this machine's clock, by NTP."
        return Check(Level.BAD, f"This machine's clock and that of {url} are {apart:,.0f} s apart.", mend)
    return Check(Level.OK, f"This machine's clock agrees with that of {url}.")


def _moment(header: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(header)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

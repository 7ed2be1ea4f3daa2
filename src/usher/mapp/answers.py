"""
What Mapp's answer to one event means: whose fault it is, and whether anybody may send again.

How Connect words a refusal is unknown (facts: only 200 is documented), so the class of the status decides,
and a status that nobody foresaw is never taken for success.
"""

from usher.domain.outcome import Accepted, Late, Outcome, Rejected, RetryLater, StopCause, StopJob, Unknown
from usher.errors import RemoteError, RemoteUnreachable
from usher.http import Reply
from usher.mapp.headers import date_ms, retry_after_seconds
from usher.mapp.reason import answer_in_words
from usher.mapp.signing import exp_of

THROTTLED = b"database access limit exceeded"  # confirmed for Engage: docs.mapp.com/apidocs/engage-api-error-handling
CREDENTIALS = frozenset({401, 403, 417})  # Engage: bad user or wrong type; account expired
ADDRESS = frozenset({404, 405, 410})  # no such integration, or this is no event route: never one member's fault
LATER = frozenset({408, 423, 425, 429})
_GATEWAY = frozenset({502, 504, 520, 522, 524, 598, 599})  # a proxy gave up waiting; Mapp may not have

_CLOCKS_DIFFER_SECONDS = 5


def outcome_of(reply: Reply, *, member: str, now_ms: int, expires_at_ms: int) -> Outcome:
    """
    Return what *reply* to an event means. Never raises, whatever the answer holds.

    Any 2xx is accepted: some of Mapp's clients ask for 200 exactly, others for any success.

    Args:
        reply: Mapp's, or that of a proxy before it.
        member: whom the event was about, to be hidden in Mapp's words.
        now_ms: when the answer came, in milliseconds since 1970.
        expires_at_ms: the end of the claim's room, which the token carried; a refusal after it is Late.
    """
    status = reply.status
    if 200 <= status < 300:
        return Accepted()
    said = answer_in_words(reply, member=member)
    if status in CREDENTIALS:
        return _refused(reply, said=said, now_ms=now_ms, expires_at_ms=expires_at_ms)
    if status in ADDRESS or 300 <= status < 400:
        return StopJob(StopCause.INTEGRATION, f"{said} Check the API URL and the integration ID.")
    if status in _GATEWAY:
        return Unknown(said)
    if 400 <= status < 500 and status not in LATER:
        return Rejected(said)
    return RetryLater(
        said,
        retry_after_seconds=retry_after_seconds(reply.headers, now_ms=now_ms),
        is_throttle=is_throttle(reply),
    )


def outcome_of_error(error: RemoteError) -> Outcome:
    """Return what it means that no answer came: certainly not sent is RetryLater, anything else Unknown."""
    if isinstance(error, RemoteUnreachable):
        return RetryLater(error.message, retry_after_seconds=error.retry_after_seconds)
    return Unknown(error.message)


def is_throttle(reply: Reply) -> bool:
    """Say whether Mapp asked for a slower pace: 429, or its own wording inside a server error."""
    return reply.status == 429 or (reply.status >= 500 and THROTTLED in reply.body.lower())


def clocks_in_words(reply: Reply, *, now_ms: int) -> str:
    """Return a sentence where Mapp's clock and ours differ enough to make a good token look bad, else ""."""
    theirs = date_ms(reply.headers)
    if theirs is None or abs(theirs - now_ms) < _CLOCKS_DIFFER_SECONDS * 1000:
        return ""
    side = "ahead of" if theirs > now_ms else "behind"
    return f" Mapp's clock is {abs(theirs - now_ms) // 1000} s {side} ours, which can cause this."


def _refused(reply: Reply, *, said: str, now_ms: int, expires_at_ms: int) -> Late | StopJob:
    if now_ms >= exp_of(expires_at_ms) * 1000:
        return Late(f"{said} The request's time had run out.")
    clocks = clocks_in_words(reply, now_ms=now_ms)
    return StopJob(StopCause.CREDENTIALS, f"{said} Check the integration ID and the secret.{clocks}")

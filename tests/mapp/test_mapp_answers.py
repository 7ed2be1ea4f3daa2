from email.utils import formatdate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from usher.domain.outcome import Accepted, Late, Rejected, RetryLater, StopCause, StopJob, Unknown
from usher.errors import RemoteRejected, RemoteUnknown, RemoteUnreachable
from usher.http import Reply
from usher.mapp.answers import outcome_of, outcome_of_error
from usher.mapp.headers import date_ms, retry_after_seconds

NOW_MS = 1_790_000_000_000
MEMBER = "jo@example.com"


def outcome(status, *, headers=None, body=b"", now_ms=NOW_MS, expires_at_ms=NOW_MS + 15_000):
    reply = Reply(status, headers or {}, body)
    return outcome_of(reply, member=MEMBER, now_ms=now_ms, expires_at_ms=expires_at_ms)


def expected_kind(status):
    """The table, written a second time by hand."""
    special = {
        401: "credentials", 403: "credentials", 417: "credentials",
        404: "integration", 405: "integration", 410: "integration",
        408: "retry", 423: "retry", 425: "retry", 429: "throttle",
        502: "unknown", 504: "unknown",
        520: "unknown", 522: "unknown", 524: "unknown", 598: "unknown", 599: "unknown",
    }  # fmt: skip
    hundreds = {1: "retry", 2: "accepted", 3: "integration", 4: "rejected", 5: "retry"}
    return special.get(status, hundreds[status // 100])


def kind_of(found):
    match found:
        case Accepted():
            return "accepted"
        case StopJob(cause=cause):
            return cause.value
        case RetryLater(is_throttle=is_throttle):
            return "throttle" if is_throttle else "retry"
        case Rejected():
            return "rejected"
        case Unknown():
            return "unknown"


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_means_what_the_table_says(status):
    assert expected_kind(status) == kind_of(outcome(status))


@pytest.mark.parametrize("status", [-1, 0, 99, 600, 999])
def test_a_status_that_does_not_exist_is_never_success(status):
    assert kind_of(outcome(status)) == "retry"


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize(
    "body",
    [
        b"Database Access Limit Exceeded",
        b'{"errorCode":"UNKNOWN","message":"database access limit exceeded"}',
        b"<html><h1>500</h1>Database Access Limit Exceeded.</html>",
    ],
)
def test_mapps_own_wording_for_too_fast_is_a_throttle(status, body):
    assert kind_of(outcome(status, body=body)) == "throttle"


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("now_ms", "is_late"),
    [(14_998, False), (14_999, False), (15_000, True), (15_001, True), (60_000, True)],
)
def test_a_refusal_after_the_token_ran_out_is_late_and_nobodys_fault(status, now_ms, is_late):
    found = outcome(status, now_ms=NOW_MS + now_ms, expires_at_ms=NOW_MS + 15_000)

    assert isinstance(found, Late) is is_late
    assert is_late or found.cause is StopCause.CREDENTIALS


def test_a_token_cut_to_whole_seconds_runs_out_with_them():
    assert isinstance(outcome(401, now_ms=NOW_MS + 15_001, expires_at_ms=NOW_MS + 15_999), Late)


def test_success_after_the_room_had_ended_is_still_success():
    assert Accepted() == outcome(200, now_ms=NOW_MS + 60_000)


@pytest.mark.parametrize(
    ("ahead_seconds", "words"),
    [(42, "42 s ahead of ours"), (-42, "42 s behind ours"), (2, None), (-2, None)],
)
def test_a_refusal_says_when_the_clocks_differ(ahead_seconds, words):
    headers = {"date": formatdate(NOW_MS / 1000 + ahead_seconds, usegmt=True)}

    reason = outcome(401, headers=headers).reason

    assert (words in reason) if words else ("clock" not in reason)


def test_every_reason_names_the_status():
    for status in [301, 400, 401, 404, 429, 500, 502]:
        assert str(status) in outcome(status).reason


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5.0),
        (" 5 ", 5.0),
        ("1.5", 1.5),
        ("0", None),
        ("-5", None),
        ("", None),
        ("soon", None),
        ("²", None),
        ("3600", 3600.0),
        ("3601", 3600.0),
        ("9" * 5000, 3600.0),
        ("inf", None),
        ("nan", None),
        (formatdate(NOW_MS / 1000 + 90, usegmt=True), 90.0),
        (formatdate(NOW_MS / 1000 - 90, usegmt=True), None),
        (formatdate(NOW_MS / 1000 + 10**6, usegmt=True), 3600.0),
        ("Wed, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_a_wish_to_be_left_alone_is_honoured_within_reason(text, seconds):
    assert retry_after_seconds({"retry-after": text}, now_ms=NOW_MS) == seconds
    assert outcome(429, headers={"retry-after": text}).retry_after_seconds == seconds
    assert outcome(503, headers={"retry-after": text}).retry_after_seconds == seconds


def test_no_header_asks_nothing():
    assert retry_after_seconds({}, now_ms=NOW_MS) is None
    assert date_ms({}) is None


@given(text=st.text(max_size=60))
def test_no_header_text_ever_raises(text):
    wait = retry_after_seconds({"retry-after": text}, now_ms=NOW_MS)

    assert wait is None or 0 < wait <= 3600
    assert date_ms({"date": text}) is None or isinstance(date_ms({"date": text}), int)


@given(status=st.integers(100, 599), body=st.binary(max_size=300), date=st.text(max_size=30))
@example(status=554, body=b"database access limit exceeded", date="")
def test_no_answer_ever_raises(status, body, date):
    found = outcome(status, body=body, headers={"date": date, "retry-after": date})

    is_told_of_limit = status >= 500 and b"database access limit exceeded" in body.lower()
    assert kind_of(found) == ("throttle" if is_told_of_limit else expected_kind(status))


def test_nothing_sent_may_be_sent_again():
    error = RemoteUnreachable("No connection.", retry_after_seconds=7)

    assert RetryLater("No connection.", retry_after_seconds=7) == outcome_of_error(error)


def test_a_lost_answer_is_never_taken_for_a_failure():
    assert Unknown("Timed out.") == outcome_of_error(RemoteUnknown("Timed out."))


def test_an_error_nobody_foresaw_counts_as_a_lost_answer():
    assert Unknown("Odd.") == outcome_of_error(RemoteRejected("Odd."))

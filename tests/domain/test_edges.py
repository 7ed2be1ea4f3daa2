"""The last value that is still allowed, and the first that is not."""

from itertools import product
from typing import Any

import pytest

from usher.domain import crew, delays, erasure, identifier, job
from usher.domain.alert import Patience
from usher.domain.attention import is_short_of_triggers, needs_attention
from usher.domain.attribute import IdentifierType
from usher.domain.configuration import MOST_BRAKE_PEOPLE, MOST_BRAKE_PERCENT, read_config
from usher.domain.crew import LONGEST_WINDOW_SECONDS, Crew, Seat
from usher.domain.job import Event, JobConfig, Status, next_status
from usher.domain.worker import Stay, Worker
from usher.errors import Conflict, InvalidInput

BASE = {"segment_id": "s", "uid_field": "email", "group_id": "1"}


@pytest.mark.parametrize("people", [1, 2, MOST_BRAKE_PEOPLE])
def test_the_brake_takes_every_whole_number_of_people_up_to_its_limits(people: int) -> None:
    assert read_config(BASE | {"exit_brake_people": people}).exit_brake_people == people


@pytest.mark.parametrize("percent", [0, 0.5, 1, MOST_BRAKE_PERCENT])
def test_the_brake_takes_every_percentage_from_none_to_all(percent: float) -> None:
    assert read_config(BASE | {"exit_brake_percent": percent}).exit_brake_percent == percent


@pytest.mark.parametrize("field", ["exit_brake_people", "exit_brake_percent"])
def test_a_limit_is_named_with_its_sentence_whole(field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_config(BASE | {field: 10**12})
    assert refused.value.problems[0].mend.startswith("Give a ")
    assert refused.value.problems[0].mend.endswith(".")


@pytest.mark.parametrize(
    ("lowercase", "kind", "is_so"),
    [(True, "email", True), (True, "userID", False), (False, "email", False), (False, "externalID", False)],
)
def test_only_addresses_are_lower_cased_and_only_when_asked(lowercase: bool, kind: IdentifierType, is_so: bool) -> None:
    config = JobConfig("s", "f", "1", lowercase_identifiers=lowercase, identifier_type=kind)
    assert config.is_lowercasing is is_so


def test_a_refused_event_says_what_could_be_done_instead_and_no_more() -> None:
    for status, event in product(Status, Event):
        if status in job.TRANSITIONS[event]:
            continue
        with pytest.raises(Conflict) as refused:
            next_status(status, event)
        said = f"A job that is {status} cannot {event}."
        assert str(refused.value) == f"{said} {MENDS[status]}".strip()


MENDS = {
    Status.RUNNABLE: "",
    Status.SLEEPING: "It goes on by itself; restart it (bounce) to go on at once.",
    Status.PAUSED: "Resume it instead.",
    Status.COMPLETED: "Restart it (bounce) to export again.",
    Status.FAILED: "Restart it (bounce) instead.",
    Status.FAULT: "Mend what its reason names, or restart it (bounce).",
    Status.KILLED: "A killed job stays ended; duplicate it into a new one.",
    Status.DELETED: "A deleted job stays ended; create a new one.",
}


@pytest.mark.parametrize("status", Status)
def test_a_gap_in_triggers_counts_for_a_live_job_that_nobody_paused(status: Status) -> None:
    counts = status in {Status.RUNNABLE, Status.SLEEPING, Status.FAULT}
    assert is_short_of_triggers(status, has_gap=True) is counts
    assert is_short_of_triggers(status, has_gap=False) is False
    is_stopped = status in {Status.FAULT, Status.FAILED}
    assert needs_attention(status, is_held=False, has_gap=True) is (counts or is_stopped)
    assert needs_attention(status, is_held=False) is is_stopped


@pytest.mark.parametrize(("count", "named"), [(1_000, 1), (1_001, 0)])
def test_no_more_than_so_many_values_of_a_profile_are_read(count: int, named: int) -> None:
    values = [None] * (count - 1) + ["jo@example.org"]
    assert identifier.MOST_READ == 1_000
    assert len(identifier.members_of(values)) == named


def test_an_identifier_whose_letters_compose_may_be_long_before_they_do() -> None:
    # Each of these is three characters, and one of three bytes when composed: no other composes so many to one.
    letter = "\u1f82"
    parts = "\u03b1\u0313\u0300\u0345"
    assert identifier.normalise(parts * 64) is None or len(identifier.normalise(parts * 64) or "") == 64
    assert identifier.normalise(parts * 85) == letter * 85
    assert identifier.normalise(parts * 86) is None


@pytest.mark.parametrize(("digits", "is_named"), [(256, True), (257, False)])
def test_a_whole_number_names_somebody_up_to_as_many_digits_as_bytes(digits: int, is_named: bool) -> None:
    assert (identifier.normalise(10 ** (digits - 1)) is not None) is is_named


@pytest.mark.parametrize(("member", "body", "is_named"), [("abcde", "xabcdex", True), ("abcd", "xabcdx", False)])
def test_an_identifier_of_five_characters_is_found_within_words(member: str, body: str, is_named: bool) -> None:
    assert erasure.mentions(body, [member]) is is_named


def test_what_looks_escaped_and_is_not_is_read_as_it_stands() -> None:
    assert erasure.mentions(r"a\u0041b-person", [r"a\u0041b-person"])
    assert erasure.mentions("50%41-person", ["50%41-person"])
    assert erasure.mentions(r"50%41\u0041-person", [r"50%41\u0041-person"])
    assert erasure.mentions(r"say \"hello\" person", ['say "hello" person'])
    assert not erasure.mentions("\\ud800 somebody else", ["jo@example.org"])


def test_the_last_bucket_has_the_last_name() -> None:
    assert len(delays.NAMES) == delays.LAST + 1
    assert delays.quantile_ms({"d00": 10}, 0.01) == 0
    assert delays._within(0, 0.0) == 0.0


def test_a_rate_of_one_a_second_is_dealt_like_any_whole_number() -> None:
    shares = [crew.rate_share(1.0, rank=rank, of=2) for rank in (0, 1)]
    assert shares == [1.0, 0.0]
    assert all(isinstance(share, float) for share in shares)


def test_a_trouble_is_told_at_once_and_over_only_after_half_a_minute_unless_it_is_said() -> None:
    assert Patience() == Patience(begins_after=0.0, ends_after=30.0)


def test_a_worker_says_where_it_is_once_a_second() -> None:
    assert crew.BEAT_SECONDS == 1.0


def test_only_a_worker_that_has_beaten_stands_somewhere() -> None:
    with pytest.raises(AssertionError):
        _ = Crew().rank


def test_what_was_seen_is_kept_for_a_second_longer_than_the_longest_window_and_no_longer() -> None:
    mine, other = Stay(1, "a"), Stay(2, "b")

    def worker(stay: Stay) -> Worker:
        return Worker(stay, "worker", "h", 1, lives_ms=7_000, knows=frozenset({mine, other}))

    def seen_at(now: float) -> Any:
        seat = Seat("a").show([worker(mine)], begun=0, now=0)
        seat = seat.show([worker(mine), worker(other)], begun=1, now=1)
        return seat.show([worker(mine)], begun=now, now=now).shown

    assert len(seen_at(LONGEST_WINDOW_SECONDS + 1.5)) == 3
    assert len(seen_at(LONGEST_WINDOW_SECONDS + 2)) == 2

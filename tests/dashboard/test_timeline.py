"""A person's story in three lanes, and sentences as pages show them."""

from dataclasses import dataclass

import pytest

from usher.web.dashboard.member_words import in_words
from usher.web.dashboard.timeline import Step, timeline


@dataclass
class Moment:
    at: str
    kind: str
    value: str | None = "true"
    version: str | None = None
    note: str = ""


def at(second: float, day: int = 23) -> str:
    return f"2026-11-{day}T10:41:{second:06.3f}Z"


def steps(*oldest_first: Moment, is_whole: bool = True) -> list[Step]:
    """Return the steps, oldest first."""
    days = timeline(list(reversed(oldest_first)), audience="VIPs", is_whole=is_whole, oldest_first=True)
    return [step for day in days for step in day.steps]


@pytest.mark.parametrize(
    ("kind", "value", "lane", "title"),
    [
        ("enter", "true", "Lytics", "Entered VIPs"),
        ("exit", "false", "Lytics", "Left VIPs"),
        ("seen", "true", "Lytics", "Found in VIPs"),
        ("absent", "false", "Lytics", "Not found in VIPs"),
        ("known", "false", "Lytics", "Known to be outside"),
        ("ignored", "false", "Usher", "Ignored an old exit"),
        ("waiting", "true", "Usher", "Held"),
        ("owed", None, "Usher", "To be sent again"),
        ("kept", "true", "Usher", "Kept by a person"),
        ("accepted", "true", "Mapp", "Accepted"),
        ("unknown", "true", "Mapp", "No answer"),
        ("rejected", "true", "Mapp", "Rejected"),
        ("something-new", "true", "Usher", "something-new"),
    ],
    ids=lambda value: str(value).replace(" ", "-"),
)
def test_each_kind_stands_in_the_lane_of_whoever_did_it(kind: str, value: str | None, lane: str, title: str) -> None:
    (step,) = steps(Moment(at(1), kind, value, version=at(0)))
    assert (step.source, step.title) == (lane, title)


def test_an_old_trigger_is_told_with_both_versions() -> None:
    found = steps(
        Moment(at(2), "enter", version="2026-11-23T10:41:01.311000000Z"),
        Moment(at(9), "ignored", "false", version="2026-11-23T10:33:18.204000000Z", note="not_newer"),
    )
    assert found[1].notes == [
        "Its version 2026-11-23T10:33:18.204000000Z is not newer than 2026-11-23T10:41:01.311000000Z."
    ]


def test_the_same_word_heard_again_is_one_step_however_often_it_came() -> None:
    entered = [Moment(at(2), "enter", version=at(1)), Moment(at(3), "ignored", version=at(1), note="not_newer")]
    assert [step.title for step in steps(*entered)] == ["Entered VIPs", "Heard once more"]
    again = Moment(at(4), "ignored", version=at(1), note="not_newer")
    found = steps(*entered, again, Moment(at(5), "accepted"), again)
    assert [step.title for step in found] == ["Entered VIPs", "Heard 2 times more", "Accepted", "Heard once more"]
    assert found[1].at == at(4)


def test_the_opposite_word_of_the_same_moment_is_no_repeat() -> None:
    left = Moment(at(3), "ignored", "false", version=at(1), note="not_newer")
    assert steps(Moment(at(2), "enter", version=at(1)), left)[1].title == "Ignored an old exit"


def test_what_an_ignored_trigger_says_never_becomes_the_version_that_stands() -> None:
    found = steps(
        Moment(at(2), "ignored", version=at(1), note="superseded"), Moment(at(3), "ignored", version=at(0), note="x")
    )
    assert found[0].notes == ["The same message held newer word of this person."]
    assert "older than what was known" in found[1].notes[0]


def test_attempts_are_counted_from_the_last_one_that_settled() -> None:
    kinds = ("enter", "unknown", "waiting", "retry", "accepted", "rejected")
    found = steps(*(Moment(at(n), kind, note="odd") for n, kind in enumerate(kinds)))
    assert [step.notes[0] for step in found if step.source == "Mapp"] == [
        *("Attempt 1.", "Attempt 2.", "Attempt 3.", "Attempt 1.")
    ]


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        ([("late", "true"), ("exit", "false"), ("accepted", "false")], [1, 1]),
        ([("retry", "true"), ("exit", "false"), ("enter", "true"), ("accepted", "true")], [1, 1]),
        ([("retry", "true"), ("absent", "false"), ("kept", "true"), ("retry", "true")], [1, 1]),
        ([("retry", "true"), ("enter", "true"), ("accepted", "true")], [1, 2]),
        ([("retry", "true"), ("owed", None), ("accepted", "true")], [1, 2]),
        ([("retry", "true"), ("exit", "false"), ("retry", "true"), ("accepted", "false")], [1, 2, 1]),
    ],
    ids=["other-value", "and-back", "kept", "same-word", "asked-again", "in-flight"],
)
def test_a_new_value_is_tried_for_the_first_time(told: list[tuple[str, str | None]], counts: list[int]) -> None:
    found = steps(Moment(at(0), "enter"), *(Moment(at(n), *one, note="odd") for n, one in enumerate(told, 1)))
    assert [step.notes[0] for step in found if step.source == "Mapp"] == [f"Attempt {count}." for count in counts]


def test_what_follows_a_persons_word_is_not_timed_from_the_word_of_lytics_that_it_overruled() -> None:
    told = [("exit", "false"), ("kept", "true"), ("accepted", "true")]
    assert [step.after for step in steps(*(Moment(at(n), *one) for n, one in enumerate(told)))][2] == ""


def test_attempts_are_not_counted_where_older_ones_may_be_missing() -> None:
    (step,) = steps(Moment(at(1), "retry", note="Mapp answered 500."), is_whole=False)
    assert step.notes == ["Mapp answered 500."]


def test_a_late_trigger_says_how_late_and_what_follows_counts_from_its_coming() -> None:
    entered, accepted = steps(Moment(at(40), "enter", version=at(10)), Moment(at(45.4), "accepted"))
    assert entered.notes[1] == "It came 30 s after that."
    assert (entered.after, accepted.after) == ("", "+5.4 s")


def test_the_newest_comes_first_and_each_day_has_its_heading() -> None:
    history = [Moment(at(3, day=23), "accepted"), Moment(at(2, day=22), "enter", version=at(2, day=22))]
    days = timeline(history, audience="VIPs", is_whole=True)
    assert [(day.at, [step.title for step in day.steps]) for day in days] == [
        (at(3, day=23), ["Accepted"]),
        (at(2, day=22), ["Entered VIPs"]),
    ]


def test_a_sentence_shows_moments_in_the_viewers_time_values_bold_and_the_attribute_as_code() -> None:
    shown = in_words("So 'vip' is to be 'true', at 2026-11-23T10:41:12.000Z.", "vip")
    assert "<code>vip</code> is to be <strong>true</strong>, at <time " in shown
    assert 'datetime="2026-11-23T10:41:12.000Z"' in shown


@pytest.mark.parametrize("text", ["2026-99-99T99:99:99Z", "<b>2026-11-23</b>"], ids=["no-moment", "markup"])
def test_what_only_looks_like_a_moment_stays_text_and_markup_is_escaped(text: str) -> None:
    assert "<" not in in_words(text)


def test_a_hostile_attribute_name_stays_text() -> None:
    assert "<i>" not in in_words("So '<i>' is to be 'true'.", "<i>")

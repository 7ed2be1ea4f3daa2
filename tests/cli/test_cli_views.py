"""How times, stretches, figures and progress are put into words."""

import pytest

from usher.cli.api import part
from usher.cli.choosing import chosen
from usher.cli.demo_sandbox import compare
from usher.cli.output import duration, shown
from usher.cli.progress import Rate, is_over, people
from usher.errors import Conflict, NotFound


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (125, "2 min 5 s"), (7_260, "2 h 1 min"),
     (90_000, "1 d 1 h")],
)  # fmt: skip
def test_a_stretch_of_time_is_told_in_two_units(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (True, "yes"), (False, "no"), (12_345, "12,345"), (0.0, "0"), (0.25, "0.25"), (["a", 1], "a, 1"),
     ("[bold]", "[bold]")],
)  # fmt: skip
def test_values_are_written_as_people_write_them(value: object, text: str) -> None:
    assert shown(value) == text


def test_whatever_stands_in_a_path_arrives_as_it_is() -> None:
    assert part("a/b+c%?#@ü..") == "a%2Fb%2Bc%25%3F%23%40%C3%BC.."


JOBS = [
    {"id": "abcd1111", "name": "one"},
    {"id": "abcd2222", "name": "two"},
    {"id": "ffff3333", "name": "abcd"},
    {"id": "eeee4444", "name": "twin"},
    {"id": "eeee5555", "name": "twin"},
]


@pytest.mark.parametrize(
    ("text", "found"),
    [("abcd1111", "abcd1111"), ("abcd2", "abcd2222"), ("two", "abcd2222"), ("abcd", "ffff3333"), ("ffff", "ffff3333")],
)
def test_a_thing_is_found_by_id_name_or_unique_beginning(text: str, found: str) -> None:
    assert chosen(JOBS, text, kind="job", name_key="name", listing="x")["id"] == found


@pytest.mark.parametrize(("text", "error"), [("twin", Conflict), ("eeee", Conflict), ("ff", NotFound), ("", NotFound)])
def test_what_means_several_or_none_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        chosen(JOBS, text, kind="job", name_key="name", listing="x")


def test_the_rate_is_that_of_the_last_seconds() -> None:
    rate = Rate()
    assert rate.note(0, 0) is None
    assert rate.note(1, 100) == 100
    assert rate.note(2, 200) == 100
    assert rate.note(100, 200) is None


def progress(
    *, total: int, due: int, held: int = 0, scan: dict[str, object] | None = None, status: str = "runnable"
) -> dict:
    return {"status": status, "members": {"total": total, "due": due, "set_aside": 0, "held": held}, "scan": scan}


def test_people_still_to_be_read_count_as_still_to_be_sent() -> None:
    running = {"state": "running", "expected": 1000}
    assert people(progress(total=300, due=100, scan=running)) == (200, 1000)
    assert people(progress(total=300, due=100, scan={"state": "completed", "expected": 1000})) == (200, 300)
    assert people(progress(total=0, due=0)) == (0, 0)


def test_watching_ends_when_nothing_is_owed_or_a_person_must_act() -> None:
    done = {"state": "completed", "expected": 10}
    assert is_over(progress(total=10, due=0, scan=done))
    assert is_over(progress(total=10, due=9, scan=done, status="fault"))
    assert not is_over(progress(total=10, due=1, scan=done))
    assert is_over(progress(total=10, due=2, scan=done, held=2))
    assert not is_over(progress(total=10, due=0, scan={"state": "running", "expected": 10}))
    assert not is_over(progress(total=0, due=0))


def test_the_verdict_finds_every_kind_of_disagreement() -> None:
    held = {"in": "true", "left": "false", "stale": "true", "wrong": "false"}
    assert compare({"in"}, {"in": "true", "left": "false"}).agrees
    verdict = compare({"in", "wrong", "missing"}, held)
    assert (verdict.differ, verdict.wrong) == (3, ("missing", "stale", "wrong"))
    assert not verdict.agrees

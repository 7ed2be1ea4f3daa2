"""What a channel is told: every word of it, and nothing that anybody else could have meant."""

import pytest

from usher.domain.alert import Condition, Kind, Level
from usher.domain.alert_message import (
    TEST_TEXT,
    Happened,
    Message,
    Taken,
    beginning,
    lasted,
)
from usher.domain.alert_message import test_message as message_of_test

BRAKE = Condition(Kind.BRAKE, "job1", Level.WARNING, "“VIP” waits", "Confirm or keep.", "/jobs/job1/removals")
STARTED = beginning(BRAKE, id_="msg_1", people_url="https://usher.example", at_ms=9_000, began_ms=5_000)


def test_a_beginning_says_what_holds_since_when_and_where_to_look() -> None:
    assert (
        Message(
            id="msg_1",
            happened=Happened.BEGAN,
            kind="brake",
            level=Level.WARNING,
            title="“VIP” waits",
            text="Confirm or keep.",
            url="https://usher.example/jobs/job1/removals",
            at_ms=9_000,
            began_ms=5_000,
        )
        == STARTED
    )


def test_a_test_says_that_it_is_one_and_of_which_channel() -> None:
    told = message_of_test("Ops", id_="msg_2", people_url="https://usher.example", at_ms=7)
    title = "Test of the alert channel Ops"
    url = "https://usher.example/settings/alerts"
    assert told == Message("msg_2", Happened.TEST, "test", Level.INFO, title, TEST_TEXT, url, at_ms=7, began_ms=7)
    assert told.headline == f"[Usher] {title}"


def test_where_nobody_said_how_people_reach_the_dashboard_no_address_is_made_up() -> None:
    assert beginning(BRAKE, id_="m", people_url="", at_ms=0, began_ms=0).url == ""
    assert message_of_test("Ops", id_="m", people_url="", at_ms=0).url == ""


def test_a_headline_says_the_level_or_how_long_it_lasted() -> None:
    ended = Message(
        "m", Happened.ENDED, "brake", Level.WARNING, "“VIP” waits", "", "", at_ms=6_000_000, began_ms=600_000
    )
    assert STARTED.headline == "[Usher] Warning: “VIP” waits"
    assert ended.headline == "[Usher] Over after 1 h 30 min: “VIP” waits"


def test_receivers_are_told_by_these_words() -> None:
    assert [str(one) for one in Happened] == ["began", "ended", "test"]


def test_a_receiver_that_takes_a_message_mostly_says_no_more() -> None:
    assert Taken(200).note == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (40, "40 s"),
        (89, "89 s"),
        (90, "2 min"),
        (720, "12 min"),
        (5_399, "90 min"),
        (5_400, "1 h 30 min"),
        (11_100, "3 h 5 min"),
        (172_799, "47 h 59 min"),
        (172_800, "2 days"),
    ],
)
def test_a_span_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert lasted(seconds) == said

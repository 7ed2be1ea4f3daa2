"""What a channel is told: one message for the beginning of an alert, one for its end, and the words that both share."""

from dataclasses import dataclass
from enum import StrEnum

from usher.domain.alert import Condition, Level

TEST_KIND = "test"
TEST_TEXT = "This is a test. If you can read it, alerts of Usher reach you here."
MINUTE, HOUR, DAY = 60, 3_600, 86_400


class Happened(StrEnum):
    """What a message tells of."""

    BEGAN = "began"
    ENDED = "ended"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Message:
    """
    One message, the same however often it is sent.

    Args:
        id: names the message over all tries, so that a receiver can tell a repeated one.
        kind: of the condition, or "test".
        url: the dashboard's page that helps; "" where nobody said how people reach the dashboard.
        at_ms: when what it tells of happened.
        began_ms: when the condition began.
    """

    id: str
    happened: Happened
    kind: str
    level: Level
    title: str
    text: str
    url: str
    at_ms: int
    began_ms: int

    @property
    def headline(self) -> str:
        """One line that says all that matters."""
        match self.happened:
            case Happened.ENDED:
                return f"[Usher] Over after {lasted((self.at_ms - self.began_ms) / 1000)}: {self.title}"
            case Happened.TEST:
                return f"[Usher] {self.title}"
            case _:
                return f"[Usher] {self.level.capitalize()}: {self.title}"


@dataclass(frozen=True, slots=True)
class Taken:
    """
    A receiver took a message.

    Args:
        status: its code, of HTTP or SMTP.
        note: what a person should know all the same, in a sentence; mostly "".
    """

    status: int
    note: str = ""


def beginning(condition: Condition, *, id_: str, people_url: str, at_ms: int, began_ms: int) -> Message:
    return Message(
        id=id_,
        happened=Happened.BEGAN,
        kind=condition.kind,
        level=condition.level,
        title=condition.title,
        text=condition.text,
        url=f"{people_url}{condition.path}" if people_url else "",
        at_ms=at_ms,
        began_ms=began_ms,
    )


def test_message(channel: str, *, id_: str, people_url: str, at_ms: int) -> Message:
    """Return what the test button sends to the channel of that name."""
    url = f"{people_url}/settings/alerts" if people_url else ""
    title = f"Test of the alert channel {channel}"
    return Message(id_, Happened.TEST, TEST_KIND, Level.INFO, title, TEST_TEXT, url, at_ms, at_ms)


def lasted(seconds: float) -> str:
    """Return a span as people say it: "40 s", "12 min", "3 h 5 min", "2 days"."""
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole} s"
    if whole < 90 * MINUTE:
        return f"{round(whole / MINUTE)} min"
    if whole < 2 * DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
    return f"{round(whole / DAY)} days"

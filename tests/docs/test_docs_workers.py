"""What the page on several workers says in figures is what the rules have."""

from pathlib import Path

from usher.domain.crew import BEAT_SECONDS, LEASE_SLACK_SECONDS, lives_ms, share_of
from usher.settings import Timing

PAGE = Path("docs/explain/workers.md")


def test_the_figures_on_the_page_are_the_rules_own() -> None:
    page = PAGE.read_text(encoding="utf-8")
    room = Timing.model_validate({}).send_room_seconds
    first, second = (share_of(5, rank=rank, of=2) for rank in range(2))
    figures = [
        f"send room + {LEASE_SLACK_SECONDS:.0f} s after its last beat",
        f"{lives_ms(send_room_seconds=room) / 1000:.0f} s as set at first",
        f"Of 5 requests a second, two workers have {first} and {second}.",
    ]
    assert [said for said in figures if said not in page] == []
    assert BEAT_SECONDS == 1
    assert "writes a beat once a second" in page

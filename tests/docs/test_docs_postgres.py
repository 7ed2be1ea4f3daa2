"""What the pages on PostgreSQL say in figures is what the code has."""

import inspect
import re

import pytest

from tests.docs.pages import ROOT, text_of
from usher.cli.postgres_checks import CONNECTIONS
from usher.domain.crew import lives_ms
from usher.settings import Timing
from usher.store import server_mark
from usher.store.migrations import FOLDER
from usher.store.postgres import LINK, OLDEST_VERSION, PATIENCE_SECONDS

DOCS = ROOT / "docs"
TIMING = Timing.model_validate({})
FIVE = {5: "five"}[CONNECTIONS]
SAID = {
    "how-to/several-workers.md": [
        f"version {OLDEST_VERSION} or newer",
        f"A process holds {FIVE} connections",
        f"{TIMING.hold_ms / 1000:.0f} s as set at first",
        f"taken over after about {lives_ms(send_room_seconds=TIMING.send_room_seconds) / 1000:.0f} s",
        f"{lives_ms(send_room_seconds=TIMING.send_room_seconds) / 1000:.0f} s after that one was last seen",
        f"answered 503 after about {PATIENCE_SECONDS:.0f} s",
    ],
    "how-to/failover.md": [
        f"given up after {int(LINK['tcp_user_timeout']) / 1000:.0f} s",
        "`server_changed`",
        "`server_unnamed`",
    ],
    "explain/capacity.md": [f"{FIVE} for each `usher serve` and each `usher worker`"],
    "decisions/0017-postgresql.md": [f"PostgreSQL {OLDEST_VERSION} or newer"],
}


@pytest.mark.parametrize("page", sorted(SAID))
def test_the_figures_on_a_page_are_the_codes_own(page: str) -> None:
    text = text_of(DOCS / page)

    assert [said for said in SAID[page] if said not in text] == []


def test_the_words_of_the_log_that_the_page_on_failover_names_are_logged() -> None:
    logged = set(re.findall(r'logger\.\w+\("(\w+)"', inspect.getsource(server_mark)))

    assert set(re.findall(r"`(server_\w+)`", text_of(DOCS / "how-to/failover.md"))) <= logged


def test_the_settings_in_the_decision_on_storage_are_those_of_the_migration() -> None:
    (settings,) = re.findall(r"ALTER TABLE ledger SET \(([^)]*)\)", text_of(FOLDER / "versions" / "0004_storage.py"))

    assert f"ALTER TABLE ledger SET ({settings})" in text_of(DOCS / "decisions/0018-storage-settings.md")

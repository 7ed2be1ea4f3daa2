"""
Words that are kept in a database, sent to a vendor or shown by the API: none may change, or be lost.

Whoever has to change a line here owes what was kept under the old word a migration.
"""

from enum import StrEnum
from typing import get_args

import pytest

from usher.domain import attention, attribute, notes, scan
from usher.domain.alert import Level
from usher.domain.attention import Group
from usher.domain.observation import Source
from usher.domain.outcome import StopCause
from usher.domain.scan import ScanState

WORDS: list[tuple[type[StrEnum], str]] = [
    (Group, "attention running sleeping paused completed ended"),
    (Level, "info warning critical"),
    (Source, "trigger backfill baseline reconcile person"),
    (StopCause, "credentials integration"),
    (ScanState, "running completed interrupted held"),
]


@pytest.mark.parametrize(("kind", "words"), WORDS, ids=[kind.__name__ for kind, _ in WORDS])
def test_every_word_stays_as_it_is_kept(kind: type[StrEnum], words: str) -> None:
    assert " ".join(kind) == words
    assert " ".join(member.name.lower() for member in kind) == words


def test_words_on_the_wire_to_mapp_stay_as_they_are() -> None:
    assert get_args(attribute.Value) == ("true", "false")
    assert get_args(attribute.IdentifierType) == ("email", "userID", "mobileNumber", "externalID")


def test_words_that_are_looked_for_in_what_was_kept_stay_as_they_are() -> None:
    assert (notes.KEPT, notes.OWED, scan.CHANGED) == ("kept", "owed", "changed_meanwhile")


def test_the_most_urgent_group_stands_first_because_jobs_are_sorted_by_it() -> None:
    assert next(iter(attention.Group)) is Group.ATTENTION

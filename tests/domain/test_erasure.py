"""Who counts as one person when somebody is erased, and which texts name them."""

import pytest

from usher.domain.erasure import erasure_name, mentions, tombstone_of

KEY = b"a key of its own"


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Jo@Example.com", "jo@example.com", True),
        ("JÖ@EXAMPLE.COM", "jö@example.com", True),
        ("jo@example.com", "joe@example.com", False),
        ("user-A", "user-a", False),  # an ID is a person of its own in each letter case
        ("user-a", "user-a", True),
    ],
)
def test_an_address_is_one_person_in_any_case_and_an_id_as_it_is_written(one: str, other: str, is_same: bool) -> None:
    assert (tombstone_of(one, key=KEY) == tombstone_of(other, key=KEY)) is is_same
    assert (erasure_name(one) == erasure_name(other)) is is_same


def test_a_tombstone_says_nothing_without_its_key() -> None:
    assert tombstone_of("jo@example.com", key=b"another") != tombstone_of("jo@example.com", key=KEY)
    assert len(tombstone_of("jo@example.com", key=KEY)) == 64


@pytest.mark.parametrize(
    ("body", "is_named"),
    [
        ('{"email": "JO@example.com"}', True),
        ('{"email": "jo\\u0040example.com"}', True),
        ("email=jo%40example.com&x=1", True),
        ('{"email": "joe@example.com"}', False),
        ("", False),
    ],
)
def test_a_body_names_a_person_however_it_is_escaped(body: str, is_named: bool) -> None:
    assert mentions(body, ["jo@example.com"]) is is_named


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ('{"id": "a\\/b-123"}', "a/b-123"),
        ('"\\ud83d\\ude00-person"', "\U0001f600-person"),
        ("JU\u0308RGEN-1", "jürgen-1"),
    ],
)
def test_slashes_surrogates_and_composed_letters_are_read_too(body: str, member: str) -> None:
    assert mentions(body, [member])


@pytest.mark.parametrize(("body", "is_named"), [('{"id": 17}', True), ('{"id": 171}', False), ('{"id": "a17"}', False)])
def test_a_short_identifier_counts_only_as_a_word_of_its_own(body: str, is_named: bool) -> None:
    assert mentions(body, ["17"]) is is_named

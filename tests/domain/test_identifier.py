"""Which strings name a member, and which of a profile's values do."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.domain.identifier import LONGEST_BYTES, MOST_PER_PROFILE, MOST_READ, members_of, normalise

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("raw", "member"),
    [
        ("jo@example.com", "jo@example.com"),
        ("  jo@example.com\t\r\n", "jo@example.com"),
        ("\u00a0jo\u3000", "jo"),
        ("Jo@Example.COM", "Jo@Example.COM"),
        ("jo smith", "jo smith"),
        ("zoe\u0308@example.com", "zoë@example.com"),
        ("\u1100\u1161\u11a8", "각"),
        ("\u212b", "Å"),
        ("ﬁ", "ﬁ"),
        ("null", "null"),
        ("None", "None"),
        ("NaN", "NaN"),
        ("0", "0"),
        ("007", "007"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
        (0, "0"),
        (-7, "-7"),
        (2324000001, "2324000001"),
        (2**64, "18446744073709551616"),
    ],
)
def test_a_member_is_named_by_its_trimmed_composed_value_in_its_own_letter_case(raw, member):
    assert normalise(raw) == member


@pytest.mark.parametrize(
    "raw",
    [
        None,
        True,
        False,
        1.5,
        3.0,
        float("nan"),
        float("inf"),
        b"jo",
        [],
        {},
        ["jo"],
        {"jo": 1},
        "",
        " \t\n\u00a0\u2003",
        "jo\x00",
        "jo\nsmith",
        "jo\x1bsmith",
        "jo\x7f",
        "jo\x85smith",
        "\ud800",
        "jo\udfff",
        10 ** (LONGEST_BYTES + 1),
        10**5_000,
        -(10**5_000),
    ],
    ids=lambda raw: ascii(raw)[:20] if not isinstance(raw, int) or abs(raw) < 10 else "huge",
)
def test_what_could_name_nobody_names_nobody(raw):
    assert normalise(raw) is None


def test_the_limits_are_those_of_lytics():
    assert (LONGEST_BYTES, MOST_PER_PROFILE) == (256, 50)


@pytest.mark.parametrize("letter", ["a", "é", "字", "👍"])
def test_an_identifier_is_measured_in_bytes_after_it_was_tidied(letter):
    width = len(letter.encode())
    longest = letter * (LONGEST_BYTES // width)

    assert normalise(longest) == longest
    assert normalise(f"  {longest}  ") == longest
    assert normalise(longest + letter) is None


def test_an_identifier_that_is_short_enough_once_composed_is_kept():
    composed = "\u1f82" * (LONGEST_BYTES // 3)

    assert normalise(unicodedata.normalize("NFD", composed)) == composed


def test_padding_of_any_length_does_not_count():
    assert normalise(" " * 10_000 + "jo") == "jo"


def test_a_number_may_have_as_many_digits_as_an_identifier_has_bytes():
    assert normalise(10 ** (LONGEST_BYTES - 1)) == "1" + "0" * (LONGEST_BYTES - 1)


@given(ANY_JSON)
def test_any_value_names_a_member_that_can_be_stored_and_sent_or_nobody(raw):
    member = normalise(raw)

    if member is not None:
        assert 0 < len(member.encode()) <= LONGEST_BYTES
        assert member == member.strip() == unicodedata.normalize("NFC", member)
        assert not any(unicodedata.category(char) in {"Cc", "Cs"} for char in member)


@given(st.text())
def test_a_member_s_name_names_the_same_member(raw):
    member = normalise(raw)

    assert member is None or normalise(member) == member


@given(st.text())
def test_however_a_name_is_composed_it_is_one_member(raw):
    assert normalise(unicodedata.normalize("NFD", raw)) == normalise(unicodedata.normalize("NFC", raw))


@pytest.mark.parametrize(
    ("value", "members"),
    [
        ("jo", ("jo",)),
        (7, ("7",)),
        (None, ()),
        ("", ()),
        (True, ()),
        ([], ()),
        ({}, ()),
        (["b", "a", "b ", " a"], ("b", "a")),
        (["a", None, True, 1.5, ["c"], {"d": 1}, "\x00", 7], ("a", "7")),
        ({"jo@example.com": 3, "": 1, "al@example.com": None}, ("jo@example.com", "al@example.com")),
    ],
)
def test_each_value_of_a_profile_names_one_member_in_order(value, members):
    assert members_of(value) == members


def test_a_profile_names_at_most_so_many_members_and_the_first_ones_count():
    names = [f"u{n}" for n in range(MOST_PER_PROFILE + 1)]

    assert members_of(names) == tuple(names[:MOST_PER_PROFILE])
    assert members_of(names[:1] * 3 + names) == tuple(names[:MOST_PER_PROFILE])


def test_the_last_value_that_is_read_counts_and_the_next_does_not():
    assert members_of([None] * (MOST_READ - 1) + ["jo", "al"]) == ("jo",)


def test_letter_case_is_kept_unless_lower_case_is_asked_for():
    value = ["Jo@Example.COM", "jo@example.com", "JO\u0308@example.com"]

    assert members_of(value) == ("Jo@Example.COM", "jo@example.com", "JÖ@example.com")
    assert members_of(value, lowercase=True) == ("jo@example.com", "jö@example.com")


@given(st.text())
def test_a_name_in_lower_case_names_the_same_member_with_lower_case_and_without(raw):
    member = normalise(raw, lowercase=True)

    assert member is None or normalise(member) == normalise(member, lowercase=True) == member


@given(st.text())
def test_however_a_name_is_composed_it_is_one_member_in_lower_case(raw):
    forms = {normalise(unicodedata.normalize(form, raw), lowercase=True) for form in ("NFC", "NFD")}

    assert len(forms) == 1


def test_a_name_that_only_lower_case_makes_too_long_names_nobody():
    name = "\u0130" * (LONGEST_BYTES // 2)  # its lower case has three bytes

    assert normalise(name) == name
    assert normalise(name, lowercase=True) is None


@given(ANY_JSON)
def test_the_members_of_anything_are_distinct_and_named_as_they_would_be_alone(value):
    members = members_of(value)

    assert len(set(members)) == len(members) <= MOST_PER_PROFILE
    assert all(normalise(member) == member for member in members)


@pytest.mark.parametrize(
    "value", ["e\u0301" * 5_000_000, ["x"] * 2_000_000, 10**200_000], ids=["text", "list", "number"]
)
def test_a_value_made_to_be_slow_is_not(value):
    began = time.process_time()
    members_of(value)

    assert time.process_time() - began < 0.05

"""How a member's identifier may be shown to those who must not see it in full."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.redact import mask_member, without_member


@pytest.mark.parametrize(
    ("member", "masked"),
    [
        ("jo.public@example.com", "j***@e***.com"),
        ("jo@mail.example.co.uk", "j***@m***.uk"),
        ("jo@shop.example", "j***@s***.example"),
        ("jo@localhost", "j***@l***"),
        ("jo@shop.business", "j***@s***"),
        ("jo@v1.johnpublic", "j***@v***"),
        ("user-1234", "u***"),
        ("+491701234567", "+***"),
        ("ödön@example.com", "ö***@e***.com"),
        ("a@b@secret.com", "a***@b***.com"),
        ("@example.com", "***@e***.com"),
        ("jo@", "j***@***"),
        ("", "***"),
    ],
)
def test_a_mask_keeps_enough_for_its_owner_and_too_little_for_anybody_else(member, masked):
    assert mask_member(member) == masked


@given(st.text())
def test_a_mask_never_shows_more_than_two_letters_and_a_short_ending(member):
    masked = mask_member(member)

    assert len(masked) <= len("j***@e***.example")
    assert masked.count("***") == (2 if "@" in member else 1)


@pytest.mark.parametrize(
    ("text", "member", "masked"),
    [
        ("jo@example.com is odd", "jo@example.com", "j***@e***.com is odd"),
        ("JO@Example.com is odd", "jo@example.com", "j***@e***.com is odd"),
        ("an odd one", "n", "an odd one"),
        ("n is odd", "n", "n*** is odd"),
        ("value (2) of 22", "2", "value (2***) of 22"),
        ("a.b", "a+b", "a.b"),
        ("nobody", "", "nobody"),
    ],
)
def test_a_member_is_masked_wherever_it_is_named_and_nothing_else_is(text: str, member: str, masked: str) -> None:
    assert without_member(text, member) == masked

import html
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.http import Reply
from usher.mapp.reason import LONGEST_CHARS, answer_in_words, content_of, reason_of

MEMBER = "jo.public+shop@example.com"


def reason(body, *, member=MEMBER, is_cut=False):
    raw = body if isinstance(body, bytes) else body.encode()
    return reason_of(Reply(400, {}, raw, is_cut), member=member)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"errorCode":"INVALID_PARAMETER","message":"Bad value."}', "INVALID_PARAMETER: Bad value."),
        ('{"errorCode":"MISSING_FIELD","description":"missing: group"}', "MISSING_FIELD: missing: group"),
        ('[{"success":false,"errorCode":"X","errorMessage":"y"}]', "X: y"),
        ('{"error":"Bad Request","status":400}', "Bad Request"),
        ('{"message":"Only words."}', "Only words."),
        ('{"message":7,"errorCode":null}', '{"message":7,"errorCode":null}'),
        ('{"errorCode":"X"', '{"errorCode":"X"'),
        ("Plain words", "Plain words"),
        ("<html><head><style>p{}</style></head><body><p>Not&nbsp;good</p></body></html>", "Not good"),
        ("a\r\n\tb\x00c\x1b[31m", "a b c [31m"),
        (b"\xff\xfe caf\xe9", "\ufffd\ufffd caf\ufffd"),
        ("", ""),
        ("   ", ""),
        ("[]", "[]"),
    ],
)
def test_mapps_own_words_are_found(body, expected):
    assert reason(body) == expected


def test_an_answer_is_told_in_one_sentence():
    assert answer_in_words(Reply(400, {}, b"No.")) == "Mapp answered 400: No."
    assert answer_in_words(Reply(404, {}, b"Unknown integration")) == "Mapp answered 404: Unknown integration."
    assert answer_in_words(Reply(400, {}, b"x" * 999)).endswith("x…")
    assert answer_in_words(Reply(400, {}, b"")) == "Mapp answered 400, no reason given."


@pytest.mark.parametrize(
    "member", [MEMBER, 'o"brien@example.com', "user/77 x", "Jürgen-77", "+49 151 1234567", "a&b<c>"]
)
@pytest.mark.parametrize(
    "spelt",
    [
        str,
        str.upper,
        html.escape,
        quote,
        lambda m: quote(m, safe=""),
        lambda m: json.dumps(m)[1:-1],
        lambda m: m.replace("@", "&#64;"),
    ],
)
@pytest.mark.parametrize("around", ["User {} does not exist", '{{"x": "{}"}}', "<p>{}</p>", "id={},"])
def test_no_spelling_of_the_member_is_kept(member, spelt, around):
    kept = reason(around.format(spelt(member)), member=member)

    for piece in (member, spelt(member)):
        assert piece.lower() not in kept.lower()
    assert "[hidden]" in kept


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("User with email=eve@example.org does not exist.", "eve"),
        ("see eve%40example.org", "eve"),
        ("contact 4915112345678 is gone", "4915112345678"),
        ("call +49 (151) 123-456", "123"),
        ("bad token eyJhbGciOi.eyJyZXF1.c2lnbmF0", "c2lnbmF0"),
    ],
)
def test_other_peoples_identifiers_and_tokens_are_hidden_too(text, secret):
    assert secret not in reason(text)
    assert "[hidden]" in reason(text)


def test_a_short_member_is_hidden_as_a_word_and_leaves_the_sentence_whole():
    assert reason("jo has a bad name", member="jo") == "[hidden] has a bad name"
    assert reason("no joke", member="jo") == "no joke"


def test_ordinary_words_and_short_numbers_stay():
    assert reason("Field 7 of 12 is wrong, code 4711") == "Field 7 of 12 is wrong, code 4711"


@given(length=st.integers(0, 6_000), is_cut=st.booleans())
def test_a_cut_never_leaves_half_a_member_behind(length, is_cut):
    member = "abcdefghijklmnopqrst" * 5
    body = ("x " * length + member * 3).encode()
    if is_cut:
        body = body[:-7]

    kept = reason(body, member=member, is_cut=is_cut)

    assert "abcdef" not in kept


@given(body=st.binary(max_size=600) | st.text(max_size=600).map(lambda text: json.dumps({"message": text}).encode()))
def test_whatever_came_the_words_are_short_printable_and_storable(body):
    kept = reason(body)

    assert len(kept) <= LONGEST_CHARS
    assert "\n" not in kept
    kept.encode()


def test_a_lone_surrogate_in_mapps_json_can_be_stored():
    assert reason(rb'{"message":"a\ud800b"}') == "a b"


@pytest.mark.parametrize("body", [b"[" * 200_000, b"{" * 9, b'{"a":' * 60_000, b"9" * 9_999, b"\xff", b"", b"null"])
def test_odd_bodies_hold_nothing_and_never_raise(body):
    assert content_of(body) is None


@pytest.mark.parametrize("unit", ["<", "<script ", "a", "@", "1.", "eyJ", "&#64;", "%40", '"'])
def test_hostile_bodies_take_no_time(unit):
    began = time.process_time()

    reason(unit * 20_000)

    assert time.process_time() - began < 1

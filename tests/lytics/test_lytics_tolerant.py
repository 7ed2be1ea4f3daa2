import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.lytics.tolerant import NotJsonError, decode, split_array

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": "\\ud83d", "b": 1}', {"a": None, "b": 1}),
        (b'{"a": "x\xe9", "b": 1}', {"a": None, "b": 1}),
        (b'{"\\udc00": 1, "b": 1}', {"b": 1}),
        (b"[1e999, -1e999, 1]", [None, None, 1]),
        (b"[NaN, Infinity, -Infinity, 1]", [None, None, None, 1]),
        (b"[" + b"9" * 5_000 + b", 1]", [None, 1]),
        (b'{"a": 1, "a": 2, "b": NaN}', {"a": 2, "b": None}),
        (b'["\\u0000"]', ["\x00"]),
    ],
)
def test_one_odd_value_becomes_nothing_and_the_rest_is_kept(body: bytes, expected: object) -> None:
    assert decode(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<html>",
        b'{"a":',
        b"[1] x",
        "[1]".encode("utf-16"),
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=["empty", "blank", "html", "half", "more behind", "utf-16", "deep list", "deep object"],
)
def test_what_is_not_json_is_refused_by_one_error(body: bytes) -> None:
    with pytest.raises(NotJsonError):
        decode(body)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    try:
        decode(body)
    except NotJsonError:
        with pytest.raises(ValueError):
            json.loads(body.decode())


@given(ANY_JSON)
def test_sound_json_is_read_as_the_standard_library_reads_it(value: Any) -> None:
    written = json.dumps(value).encode()

    assert decode(written) == json.loads(written)


@given(st.lists(ANY_JSON), st.sampled_from([None, 1]))
def test_an_array_is_split_where_its_items_meet(values: list[Any], indent: int | None) -> None:
    items = split_array(json.dumps(values, indent=indent).encode(), most=10_000)

    assert items is not None
    assert [json.loads(item) for item in items] == json.loads(json.dumps(values))


def test_what_is_beyond_the_most_items_stays_together() -> None:
    assert split_array(b"[1, [2, 2], 3, 4, 5]", most=3) == [b"1", b"[2, 2]", b"3", b"4, 5"]


def test_the_rest_must_end_with_the_array() -> None:
    assert split_array(b"[1, 2, 3", most=1) is None
    assert split_array(b"[1, 2], 3", most=1) is None


def test_an_item_that_nothing_can_read_is_cut_out_whole() -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000

    assert split_array(b'[{"x": "],[\\""},' + deep + b",\xff, 2]", most=10) == [
        b'{"x": "],[\\""}',
        deep,
        b"\xff",
        b"2",
    ]


@pytest.mark.parametrize("body", [b"", b"[", b"[1", b'["a]', b"[1]]", b"[1] 2", b'{"a": [1]}', b"1", b'["a\\', b"]["])
def test_what_is_not_one_array_is_not_split(body: bytes) -> None:
    assert split_array(body, most=10) is None


@pytest.mark.parametrize("unit", [b'"', b'\\"', b'"\\', b"[", b"[]", b'",', b'{"":'])
def test_splitting_takes_time_in_proportion_to_the_body(unit: bytes) -> None:
    """A body of 2 MB costs a good second at most where a quadratic scan would take hours."""
    started = process_time()

    split_array(b"[" + unit * (2_000_000 // len(unit)), most=10_000)

    assert process_time() - started < 10

"""
What hostile, broken or merely odd senders write: kept examples, and strategies for what nobody thought of.

FUZZ_EXAMPLES raises how many are made up for each test.
"""

import json
import os
from typing import Any

from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
MEGABYTE = 1_000_000
IDENTIFIERS = {
    "RTL": "\u202eanna@\u05d3\u05d5\u05d2\u05de\u05d4.example",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467@example.org",
    "NFD": "jose\u0301@example.org",
    "256 bytes": "x" * 244 + "@example.org",
    "257 bytes": "x" * 245 + "@example.org",
    "a NUL": "an\0na@example.org",
    "a line feed": "anna\n@example.org",
    "a quote": "o'hara\"--@example.org",
    "a formula": "=cmd|'/c calc'!A0",
}
# Items that a JSON writer would not write, each with what it stands for.
RAW_ITEMS = {
    "NaN": b'{"data": {"email": NaN, "segment_events": []}}',
    "beyond every float": b'{"data": {"score": 1e999}}',
    "a lone surrogate": rb'{"data": {"email": "a\ud800@example.org"}}',
    "5,000 digits": b'{"data": {"n": ' + b"9" * 5_000 + b"}}",
    "a stray byte": b'{"data": {"email": "a\xff@example.org"}}',
    "duplicate keys": b'{"data": 1, "data": {"segment_events": 1, "segment_events": []}}',
    "a NUL": rb'{"data": {"email": "a\u0000b"}}',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a quote and a bracket": rb'{"data": {"x": "\"]}"}}',
}
BODIES = {
    "nothing": b"",
    "blanks": b" \t\r\n",
    "half an item": b'[{"data": {',
    "an unclosed string": b'["' + b"\\" * 99_999,
    "only quotes": b'"' * 100_000,
    "only brackets, open": b"[" * 100_000,
    "only brackets, closed": b"]" * 100_000,
    "UTF-16": "[]".encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf[]",
    "a number": b"7",
    "a form": b"a=1&b=2",
    "multipart": b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--",
    "gzip": b"\x1f\x8b\x08\x00" + b"\0" * 50,
    "a megabyte of spaces": b" " * MEGABYTE,
    "commas": b"[" + b"," * 100_000 + b"]",
    "10,001 items": b"[" + b"1," * 10_000 + b"1]",
}

texts = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(sorted(IDENTIFIERS.values()))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=20
)
moments = st.sampled_from(
    ["2026-11-20T10:15:02.1Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:60+23:59", "1969-12-31T00:00:00Z", "", "now"]
)


def segment_events(segment: dict[str, str]) -> st.SearchStrategy[Any]:
    """Make events of one audience, each of whose parts may be something else."""
    whole = st.fixed_dictionaries(
        {},
        optional={
            "id": st.just(segment["id"]) | values,
            "slug": st.just(segment["slug"]) | values,
            "event": st.sampled_from(["enter", "exit", "change"]) | values,
            "enter": moments | values,
            "exit": moments | values,
        },
    )
    return st.lists(whole | values, max_size=4) | values


def items(segment: dict[str, str]) -> st.SearchStrategy[bytes]:
    """Make one item of a message, as it is written."""
    data = st.fixed_dictionaries({}, optional={"email": values, "segment_events": segment_events(segment)})
    made = st.fixed_dictionaries({}, optional={"id": values, "data": data | values, "meta": values}) | values
    return made.map(written) | st.sampled_from(sorted(RAW_ITEMS.values()))


def bodies(segment: dict[str, str]) -> st.SearchStrategy[bytes]:
    """Make one message: sound, broken in one place, or no message at all."""
    whole = st.lists(items(segment), max_size=5).map(lambda many: b"[" + b",".join(many) + b"]") | items(segment)
    return whole | st.builds(_broken, whole, st.integers(0, 500), st.binary(max_size=3)) | st.binary(max_size=200)


def written(value: object) -> bytes:
    """Write it as most senders do: with NaN where there is no number, and half an emoji where there is half of one."""
    return json.dumps(value).encode()


def _broken(body: bytes, at: int, put: bytes) -> bytes:
    place = at % (len(body) + 1)
    return body[:place] + put + body[place + len(put) :]


def sound_event(segment: dict[str, str], member: str, *, event: str = "enter") -> dict[str, Any]:
    told = {**segment, "event": event, event: "2026-11-20T10:15:02.1Z"}
    return {"id": "1", "data": {"email": member, "segment_events": [told]}}

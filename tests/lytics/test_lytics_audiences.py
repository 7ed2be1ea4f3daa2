from typing import Any

import pytest

from usher.lytics.audiences import Audience, Field, audience_from, definition_hash, field_from
from usher.lytics.redaction import looks_redacted

VIP = "0b9d6c1f2e7a4f6c8d1e3a5b7c9d0e1f"


def segment(**others: Any) -> dict[str, Any]:
    return {
        "id": VIP,
        "slug_name": "vip_buyers",
        "name": "VIP buyers",
        "kind": "segment",
        "table": "user",
        "segment_ql": "FILTER AND (orders > 5) FROM user ALIAS vip_buyers",
        "invalid": False,
        "size": 1830,
        "updated": "2026-11-01T08:00:00Z",
    } | others


def test_an_audience_is_read_whole() -> None:
    assert audience_from(segment()) == Audience(
        id=VIP,
        slug="vip_buyers",
        name="VIP buyers",
        size=1830,
        is_valid=True,
        invalid_reason="",
        is_deleted=False,
        definition=definition_hash(segment()),
    )


def test_an_invalid_or_deleted_audience_says_so() -> None:
    found = audience_from(segment(invalid=True, invalid_reason="unknown field orders", deleted=True, size=None))

    assert found is not None
    assert (found.is_valid, found.invalid_reason) == (False, "unknown field orders")
    assert (found.is_deleted, found.size) == (True, None)


@pytest.mark.parametrize("nameless", [{}, {"id": None}, {"id": ""}, {"id": 17}])
def test_an_audience_without_an_id_is_none(nameless: dict[str, Any]) -> None:
    assert audience_from({"name": "VIP"} | nameless) is None


def test_the_bare_minimum_still_has_a_name() -> None:
    found = audience_from({"id": VIP})

    assert found is not None
    assert (found.name, found.size, found.definition) == (VIP, None, "")


@pytest.mark.parametrize(
    "change",
    [
        {"segment_ql": "FILTER AND (orders > 6) FROM user ALIAS vip_buyers"},
        {"ql_resolved": "FILTER orders > 5"},
        {"withs_ql": "WITH x"},
        {"ast": {"op": ">", "args": [{"ident": "orders"}, {"val": "5"}]}},
        {"table": "content"},
    ],
)
def test_whatever_decides_who_belongs_changes_the_definition(change: dict[str, Any]) -> None:
    assert definition_hash(segment(**change)) != definition_hash(segment())


@pytest.mark.parametrize(
    "change",
    [{"name": "Very important"}, {"size": 1}, {"updated": "2026-11-02T08:00:00Z"}, {"tags": ["x"]}, {"ast": None}],
)
def test_what_does_not_decide_who_belongs_leaves_the_definition(change: dict[str, Any]) -> None:
    assert definition_hash(segment(**change)) == definition_hash(segment())


def test_the_order_of_keys_leaves_the_definition() -> None:
    one = {"op": "and", "args": [{"ident": "a", "val": "1"}]}
    other = {"args": [{"val": "1", "ident": "a"}], "op": "and"}

    assert definition_hash(segment(ast=one)) == definition_hash(segment(ast=other))


def test_where_no_rule_is_shown_the_last_edit_stands_in() -> None:
    edited = [{"id": VIP, "updated": moment} for moment in ("2026-11-01T08:00:00Z", "2026-11-02T08:00:00Z")]

    assert definition_hash(edited[0]) != definition_hash(edited[1])
    assert definition_hash({"id": VIP}) == ""


def test_a_field_is_read_whole() -> None:
    described = {"id": "email", "type": "string", "is_identifier": True, "is_pii": True, "shortdesc": "E-mail"}

    assert field_from(described) == Field("email", "string", True, True, "E-mail")
    assert field_from({"id": "n", "longdesc": "long"}) == Field("n", "", False, False, "long")
    assert field_from({"type": "string"}) is None


@pytest.mark.parametrize(
    "value",
    [
        "***",
        "j***@e***.com",
        "xxxx",
        "XXXXXXXX",
        "•••••",
        "[REDACTED]",
        "<redacted>",
        "hidden",
        ["ok", "****"],
        {"a": "***"},
    ],
)
def test_the_usual_masks_look_redacted(value: object) -> None:
    assert looks_redacted(value)


@pytest.mark.parametrize(
    "value",
    [
        "ana@example.org",
        "xx",
        "Xavier",
        "user-1234",
        "a*b",
        "",
        None,
        17,
        [],
        ["ana@example.org"],
        "max.xxl@example.org",
    ],
)
def test_an_identifier_does_not_look_redacted(value: object) -> None:
    assert not looks_redacted(value)

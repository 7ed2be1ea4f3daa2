from typing import Any

import pytest

from usher.domain.observation import Observation, Source
from usher.errors import RemoteMissing, RemoteRejected
from usher.lytics.scan import Page, is_expired_cursor, observations_of_page, page_from

PEOPLE = [{"_id": "a1", "email": "ana@example.org"}, {"_id": "a2", "email": "bo@example.org"}]


def envelope(**others: Any) -> dict[str, Any]:
    return {"status": 200, "message": "success", "total": 3, "data": PEOPLE} | others


@pytest.mark.parametrize(
    ("cursors", "next_cursor", "has_end_marker"),
    [
        ({"_next": "c2Nhbi0wMDI"}, "c2Nhbi0wMDI", False),
        ({"next": "c2Nhbi0wMDI"}, "c2Nhbi0wMDI", False),
        ({"_next": ""}, "", True),
        ({"next": ""}, "", True),
        ({"_next": None}, "", True),
        ({"_next": "", "next": "c2"}, "c2", False),
        ({}, "", False),
    ],
)
def test_the_end_of_a_scan_is_said_and_never_guessed(
    cursors: dict[str, Any], next_cursor: str, has_end_marker: bool
) -> None:
    expected = Page(tuple(PEOPLE), next_cursor, 3, has_end_marker)

    assert page_from(envelope(**cursors)) == expected


@pytest.mark.parametrize(
    "odd",
    [
        {"data": None},
        {"data": {}},
        {"data": "none"},
        {"data": [*PEOPLE, None]},
        {"data": ["ana@example.org"]},
        {"_next": 17},
        {"_next": ["c2"]},
    ],
)
def test_a_page_that_makes_no_sense_is_an_error_and_not_an_empty_page(odd: dict[str, Any]) -> None:
    with pytest.raises(RemoteRejected) as caught:
        page_from(envelope(**odd))

    assert "ana@" not in caught.value.message


def test_a_page_without_data_is_an_error() -> None:
    with pytest.raises(RemoteRejected):
        page_from({"status": 200, "total": 0, "_next": ""})


@pytest.mark.parametrize(("total", "expected"), [(0, 0), (3, 3), (None, None), ("3", None), (-1, None), (True, None)])
def test_a_total_that_is_no_count_is_none(total: object, expected: int | None) -> None:
    assert page_from(envelope(total=total)).total == expected


def test_a_page_names_nobody_in_its_repr() -> None:
    assert "ana@" not in repr(page_from(envelope()))


def test_everybody_on_a_page_is_inside_and_those_without_identifier_are_counted() -> None:
    page = page_from(
        envelope(data=[*PEOPLE, {"_id": "a3"}, {"email": ""}, {"email": ["c@example.org", "d@example.org"]}])
    )

    seen = observations_of_page(page, field="email", version=17, source=Source.RECONCILE)

    names = ["ana@example.org", "bo@example.org", "c@example.org", "d@example.org"]
    assert seen.observations == tuple(Observation(name, True, 17, Source.RECONCILE) for name in names)
    assert seen.without_identifier == 2


@pytest.mark.parametrize(
    ("error", "cursor", "is_expired"),
    [
        (RemoteRejected("no", status=400), "c2", True),
        (RemoteRejected("no", status=410), "c2", True),
        (RemoteRejected("no", status=400), "", False),
        (RemoteRejected("no", status=422), "c2", False),
        (RemoteMissing("scan token not found", status=404), "c2", True),
        (RemoteMissing("no such segment", status=404), "c2", False),
    ],
)
def test_only_an_answer_to_a_cursor_can_mean_that_it_expired(
    error: RemoteRejected | RemoteMissing, cursor: str, is_expired: bool
) -> None:
    assert is_expired_cursor(error, cursor=cursor) == is_expired

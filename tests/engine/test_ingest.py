"""What is kept of messages that make no sense: enough to look at, and never much."""

from typing import Any

import msgspec

from tests.store.stores import a_job
from usher.domain.intake import Intake
from usher.domain.job import Job
from usher.engine.ingest import MOST_KEPT, MOST_KEPT_BYTES, MOST_OBSERVATIONS, TOO_MANY, sort_message
from usher.lytics.triggers import EXCERPT_BYTES, read_message

ODD = {"id": "a1b2", "slug": "vip_shoppers", "event": "teleport"}


def sorted_out(message: Any, *jobs: Job) -> Intake:
    read = read_message(msgspec.json.encode(message))
    return sort_message(read, list(jobs), auth_id="lytics1", received_ms=1, seal=lambda raw: raw)


def item(count: int, **told: Any) -> dict[str, Any]:
    return {"data": {"email": "jo@example.com", "note": "x" * EXCERPT_BYTES, "segment_events": [ODD | told] * count}}


def test_a_small_message_with_many_odd_events_keeps_little_and_counts_all() -> None:
    found = sorted_out(item(10_000), a_job())

    (share,) = found.shares
    assert share.unreadable == 10_000
    assert len(found.kept) == MOST_KEPT
    assert sum(entry.body_bytes for entry in found.kept) == EXCERPT_BYTES


def test_a_message_of_many_odd_items_keeps_a_bounded_number_of_bytes() -> None:
    found = sorted_out([item(1)] * 60, a_job())

    assert found.shares[0].unreadable == 60
    assert len(found.kept) == 60
    assert sum(len(entry.body_sealed) for entry in found.kept) == MOST_KEPT_BYTES


def test_many_jobs_of_one_audience_do_not_multiply_what_is_kept() -> None:
    found = sorted_out([item(2)] * 40, *[a_job()] * 30)

    assert {share.unreadable for share in found.shares} == {80}
    assert len(found.kept) == MOST_KEPT
    assert sum(entry.body_bytes for entry in found.kept) == MOST_KEPT_BYTES


def test_what_belongs_to_no_job_is_kept_for_nobody_in_particular() -> None:
    found = sorted_out([item(1, id="elsewhere"), item(1)], a_job())

    assert (found.unreadable, found.unrouted["unreadable_unknown_kind"]) == (1, 1)
    assert [entry.job for entry in found.kept] == [None, a_job().key]


def test_events_with_many_identifiers_are_bounded_and_every_one_is_counted() -> None:
    names = [f"jo{n}@example.com" for n in range(50)]
    event = {"id": "a1b2", "slug": "vip_shoppers", "event": "enter"}
    message = {"data": {"email": names, "segment_events": [event] * 1_000}}
    (share,) = sorted_out(message, a_job()).shares

    assert sum(len(seen) for seen in share.events) == MOST_OBSERVATIONS
    assert len(share.events) + share.ignored[TOO_MANY] == 1_000

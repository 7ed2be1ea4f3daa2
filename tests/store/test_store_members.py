"""Pages of members: each once, newest first, however many share a moment."""

from functools import partial

import pytest

from tests.store.stores import JOB, NO_SUCH_USER, Store, all_in, names, seen
from usher.domain.claim import Settlement
from usher.domain.observation import Source
from usher.domain.outcome import Accepted
from usher.store.members import page_of_members


def pages(store: Store, state: str, *, limit: int) -> list[list[str]]:
    found: list[list[str]] = []
    before: tuple[int, str] | None = None
    while True:
        page = store.read(partial(page_of_members, job=JOB, state=state, before=before, limit=limit))
        if not page:
            return found
        found.append([row.member for _, row in page])
        before = (page[-1][0], page[-1][1].member)


def three_moments(store: Store) -> list[str]:
    """Nine members, three at each of three moments; returned newest first."""
    everybody = names(9)
    for at in range(3):
        store.observe(*all_in(everybody[3 * at : 3 * at + 3]))
        store.clock.pass_ms(1_000)
    return everybody[6:] + everybody[3:6] + everybody[:3]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 9, 10])
def test_every_member_that_is_due_is_on_one_page_newest_first(store: Store, limit: int) -> None:
    newest_first = three_moments(store)

    found = pages(store, "due", limit=limit)

    assert [member for page in found for member in page] == newest_first
    assert all(len(page) == limit for page in found[:-1])


@pytest.mark.parametrize("state", ["accepted", "set_aside"])
def test_members_are_paged_by_when_they_came_into_their_state(store: Store, state: str) -> None:
    newest_first = three_moments(store)
    outcome = Accepted() if state == "accepted" else NO_SUCH_USER
    claims = {claim.member: claim for claim in store.claim()}
    for member in reversed(newest_first):
        store.settle_all([Settlement(claims[member], outcome)])
        store.clock.pass_ms(1)

    assert [member for page in pages(store, state, limit=2) for member in page] == newest_first
    assert pages(store, "due", limit=5) == []


def test_due_members_of_every_lane_are_on_the_same_pages(store: Store) -> None:
    store.observe(seen("live", True, 1))
    store.observe(seen("bulk", True, 1), source=Source.BACKFILL)
    store.observe(seen("held", False, 1), held=True)

    assert pages(store, "due", limit=2) == [["bulk", "held"], ["live"]]


def test_a_member_in_flight_is_due_and_no_longer_accepted(store: Store) -> None:
    store.tell("jo")
    store.observe(seen("jo", False, 2))

    assert pages(store, "accepted", limit=5) == []
    assert pages(store, "due", limit=5) == [["jo"]]

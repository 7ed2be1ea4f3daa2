"""What the ledger makes of what was seen."""

import pytest

from tests.store.stores import NO_SUCH_USER, Store, all_in, names, seen
from usher.domain.observation import Source
from usher.domain.outcome import Accepted
from usher.store.statements import LANE_BULK, LANE_HELD, LANE_LIVE


def test_a_first_sighting_is_owed_at_once(store: Store) -> None:
    result = store.observe(seen("jo", True, 10))

    row = store.row("jo")
    assert (row.is_in, row.version, row.seq, row.due_at, row.lane) == (True, 10, 1, store.clock.now_ms(), LANE_LIVE)
    assert result["jo"].is_new
    assert result["jo"].is_news


def test_somebody_unknown_who_left_is_told_too(store: Store) -> None:
    store.observe(seen("jo", False, 10))

    assert store.row("jo").due_at is not None
    assert store.counters()["members.total"] == 1
    assert store.counters().get("members.in", 0) == 0


@pytest.mark.parametrize(
    ("version", "is_in_after"),
    [(9, True), (10, True), (11, False)],
    ids=["older loses", "equal keeps what is stored", "newer wins"],
)
def test_the_newest_version_wins(store: Store, version: int, is_in_after: bool) -> None:
    store.observe(seen("jo", True, 10))

    result = store.observe(seen("jo", False, version))

    assert store.row("jo").is_in is is_in_after
    assert ("jo" in result) is (version > 10)


def test_within_one_message_the_later_of_equal_versions_wins(store: Store) -> None:
    store.observe(seen("jo", True, 10), seen("jo", False, 10))

    assert store.row("jo").is_in is False


def test_versions_of_nanoseconds_are_kept_to_the_last_digit(store: Store) -> None:
    version = 1_790_000_000_123_456_789
    store.observe(seen("jo", True, version))

    assert store.observe(seen("jo", False, version - 1)) == {}
    assert store.row("jo").version == version


@pytest.mark.parametrize(
    "member", ["123", "0123", "true", "null", '"quoted"', "o'neil@example.com", "größer@例え.jp", "%_"]
)
def test_a_name_is_kept_as_it_is_written(store: Store, member: str) -> None:
    store.observe(seen(member, True, 1))

    assert store.row(member).member == member


def test_due_at_is_set_only_where_it_is_null(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    claim = store.claim_one()
    store.clock.pass_ms(1_000)

    store.observe(seen("jo", False, 2))

    assert store.row("jo").due_at == claim.token


def test_news_is_not_sent_before_a_backoff_ends(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    store.claim_one()
    waits_until = store.row("jo").due_at

    store.observe(seen("jo", False, 2), source=Source.RECONCILE)

    assert store.row("jo").due_at == waits_until
    assert store.claim() == []


def test_the_accepted_value_again_owes_nothing_but_is_remembered(store: Store) -> None:
    store.tell("jo", version=1)

    result = store.observe(seen("jo", True, 5))

    row = store.row("jo")
    assert (row.due_at, row.seq, row.version) == (None, 1, 5)
    assert not result["jo"].is_news


def test_coming_back_to_the_accepted_value_is_sent_all_the_same(store: Store) -> None:
    store.tell("jo", version=1)
    store.observe(seen("jo", False, 2))
    store.observe(seen("jo", True, 3))

    assert store.claim_one().is_in is True


def test_ten_changes_while_nothing_is_sent_are_one_row_and_one_request(store: Store) -> None:
    for version in range(10):
        store.observe(seen("jo", version % 2 == 0, version + 1))

    (claim,) = store.claim()
    assert (claim.is_in, claim.version, claim.seq) == (False, 10, 10)


def test_a_silent_baseline_is_known_and_owes_nothing(store: Store) -> None:
    store.observe(*all_in(names(3)), source=Source.BASELINE)

    assert store.claim(lane=LANE_BULK) == []
    assert store.counters()["members.in"] == 3
    assert store.counters().get("members.due", 0) == 0


@pytest.mark.parametrize(("source", "is_owed"), [
    (Source.TRIGGER, True), (Source.BACKFILL, True), (Source.RECONCILE, False), (Source.BASELINE, False),
])  # fmt: skip
def test_a_member_of_the_silent_baseline_is_told_when_lytics_says_so_itself(
    store: Store, source: Source, is_owed: bool
) -> None:
    store.observe(seen("jo", True, 1), source=Source.BASELINE)

    store.observe(seen("jo", True, 2), source=source)

    assert (store.row("jo").due_at is not None) is is_owed


def test_a_member_of_the_silent_baseline_who_leaves_is_told(store: Store) -> None:
    store.observe(seen("jo", True, 1), source=Source.BASELINE)

    store.observe(seen("jo", False, 2), source=Source.TRIGGER)

    assert store.claim_one().is_in is False


def test_news_ends_being_set_aside(store: Store) -> None:
    store.observe(seen("jo", True, 1))
    store.settle(store.claim_one(), NO_SUCH_USER)
    assert store.row("jo").aside == "no such user"

    store.observe(seen("jo", True, 2))
    assert store.row("jo").aside == "no such user"

    store.observe(seen("jo", False, 3))
    row = store.row("jo")
    assert (row.aside, row.aside_at, row.due_at) == (None, None, store.clock.now_ms())


@pytest.mark.parametrize(
    ("first", "then", "lane"),
    [
        (Source.BACKFILL, Source.TRIGGER, LANE_LIVE),
        (Source.TRIGGER, Source.RECONCILE, LANE_LIVE),
        (Source.BACKFILL, Source.RECONCILE, LANE_BULK),
    ],
)
def test_a_live_change_takes_a_waiting_row_into_the_live_lane(
    store: Store, first: Source, then: Source, lane: int
) -> None:
    store.observe(seen("jo", True, 1), source=first)
    store.observe(seen("jo", False, 2), source=then)

    assert store.row("jo").lane == lane


def test_a_row_at_rest_takes_the_lane_of_what_wakes_it(store: Store) -> None:
    store.tell("jo")

    store.observe(seen("jo", False, 2), source=Source.RECONCILE)

    assert store.row("jo").lane == LANE_BULK


def test_held_exits_wait_while_entries_go_on(store: Store) -> None:
    store.tell("jo")

    store.observe(seen("jo", False, 2), seen("ann", True, 2), held=True)

    assert store.row("jo").lane == LANE_HELD
    assert [claim.member for claim in store.claim()] == ["ann"]
    assert store.claim(lane=LANE_BULK) == []


def test_somebody_held_who_comes_back_goes_on(store: Store) -> None:
    store.tell("jo")
    store.observe(seen("jo", False, 2), held=True)

    store.observe(seen("jo", True, 3), held=True)

    assert store.claim_one().is_in is True


def test_jobs_do_not_see_each_other(store: Store) -> None:
    store.observe(seen("jo", True, 1), job=1)
    store.observe(seen("jo", False, 2), job=2)

    assert store.row("jo", job=1).is_in is True
    assert [claim.job for claim in store.claim(job=2)] == [2]
    assert store.counters(2) == {"members.total": 1, "members.due": 1}


def test_nothing_seen_changes_nothing(store: Store) -> None:
    assert store.observe() == {}


def test_the_same_message_twice_changes_nothing_the_second_time(store: Store) -> None:
    message = [seen("jo", True, 1), seen("ann", False, 2)]
    store.observe(*message)
    store.settle(store.claim(limit=1)[0], Accepted())
    before = (store.fetch("SELECT * FROM ledger"), store.counters())

    assert store.observe(*message) == {}
    assert (store.fetch("SELECT * FROM ledger"), store.counters()) == before

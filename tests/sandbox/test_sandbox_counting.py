"""What the pretend Mapp counts: requests alive at once, for one person and in all, and arrivals within a second."""

import json

import pytest
from running_sandbox import Sandbox

from tests.clocks import ManualClock
from usher.sandbox.exchange import Call
from usher.sandbox.mapp_ledger import Arrival, Busiest, MappLedger


class Record:
    """A ledger, and requests that come and end by a test's word."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ledger = MappLedger(self.clock)

    def come(self, member: str, *, group: str = "1", attribute: str = "vip") -> Call:
        call = Call({}, json.dumps({"email": member, "group": group, attribute: "true"}).encode())
        self.ledger.arrived(call)
        return call

    def accept(self, call: Call, *, is_answered: bool = True) -> Arrival:
        self.ledger.accepted(call.note)
        self.ledger.ended(call, is_answered=is_answered)
        return call.note

    def counted(self, *names: str) -> list[int]:
        summary = self.ledger.summary()
        return [summary[name] for name in names]


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.mark.parametrize(
    ("arrivals_ms", "most"),
    [
        ([], 0),
        ([0], 1),
        ([0, 999], 2),
        ([0, 1000], 1),
        ([0, 500, 999, 1000, 1250], 4),
        ([0, 875, 1000, 1125, 1750, 1875], 4),
        ([0, 0, 0, 5000], 3),
        ([0, 5000, 5000, 9000], 2),
    ],
)
def test_the_busiest_second_is_found_wherever_it_begins(arrivals_ms: list[int], most: int) -> None:
    busiest = Busiest(1.0)
    for at in arrivals_ms:
        busiest.add(at / 1000)

    assert busiest.most == most


def test_every_arrival_counts_toward_its_second_whatever_becomes_of_it(record: Record) -> None:
    record.accept(record.come("al"))
    record.ledger.ended(record.come("bo"), is_answered=True)
    record.ledger.arrived(Call({}, b"not json"))
    record.clock.pass_ms(1000)
    record.come("cy")

    assert record.counted("second_most") == [3]


def test_a_request_whose_answer_was_lost_is_alive_for_its_person_until_it_landed(record: Record) -> None:
    lost = record.accept(record.come("al"), is_answered=False)
    record.come("al")
    assert record.counted("unsettled_most", "unsettled_overlaps") == [2, 1]

    record.ledger.clear()
    record.ledger.applied(lost)
    record.come("bo")
    assert record.counted("unsettled_overlaps", "unsettled_requests_most") == [0, 2]


def test_one_person_in_two_groups_or_with_two_attributes_is_no_overlap(record: Record) -> None:
    record.come("al")
    record.come("al", group="2")
    record.come("al", attribute="night_owls")

    assert record.counted("unsettled_most", "unsettled_overlaps", "unsettled_requests_most") == [1, 0, 3]


def test_what_was_answered_is_settled_but_alive_until_it_is_applied(record: Record) -> None:
    first, second = (record.accept(record.come(member)) for member in ("al", "bo"))
    assert record.counted("unsettled_requests_most", "alive_requests_most", "alive") == [1, 2, 2]

    for arrival in (first, second):
        record.ledger.applied(arrival)
    assert record.counted("alive", "unsettled") == [0, 0]


def test_a_cleared_ledger_counts_anew_but_forgets_nobody_who_is_alive(record: Record) -> None:
    record.come("al")
    record.accept(record.come("bo"))
    record.ledger.clear()

    names = ("second_most", "unsettled_most", "unsettled_requests_most", "alive_requests_most", "requests")
    assert record.counted(*names) == [0, 1, 1, 2, 0]
    record.come("al")
    assert record.counted(*names) == [1, 2, 2, 3, 1]


async def test_the_counts_are_served_and_can_be_reset_over_http(sandbox: Sandbox) -> None:
    await sandbox.event({"email": sandbox.some_email(), "vip_shoppers": "true"})
    await sandbox.applied()
    names = ("second_most", "unsettled_requests_most", "alive_requests_most")
    before = await sandbox.get("/control/mapp/ledger")
    await sandbox.call("DELETE", "/control/mapp/ledger")
    after = await sandbox.get("/control/mapp/ledger")

    assert [before[name] for name in names] == [1, 1, 1]
    assert [after[name] for name in names] == [0, 0, 0]

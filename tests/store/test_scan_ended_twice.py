"""A scan whose end was committed in doubt is ended again by whoever asked: that changes nothing any more."""

import pytest

from tests.store.stores import JOB, Store, all_in, names, run
from usher.domain.absence import Doubt
from usher.domain.observation import Source
from usher.domain.scan import Scan, ScanState
from usher.store import scans
from usher.store.scanning import SqlScans


def begun(store: Store) -> Scan:
    store.add_job()
    store.observe(*all_in(names(5)), source=Source.BASELINE)
    return run(SqlScans(store.database, store.sql).begin_scan(JOB, definition="d1", expected=5))


def decide(store: Store, scan: Scan) -> None:
    """Let a person say that those whom it did not find stay as they are."""
    store.write(lambda txn: scans.end_scan(txn, scan.id, state=ScanState.COMPLETED, reason="jo kept them", leaving=5))


@pytest.mark.parametrize("doubt", [None, Doubt.SHORT])
def test_an_end_that_is_repeated_overrules_nobody_who_decided_since(store: Store, doubt: Doubt | None) -> None:
    scan = begun(store)
    ending = SqlScans(store.database, store.sql)
    run(ending.finish_scan(scan, doubt=doubt, version=10_000))
    store.write(lambda txn: scans.drop_sweeps(txn, JOB))
    decide(store, scan)

    run(ending.finish_scan(scan, doubt=doubt, version=10_000))

    assert store.read(lambda txn: scans.scan_by_id(txn, scan.id)).reason == "jo kept them"
    assert store.read(scans.open_sweeps) == []


def test_an_interruption_that_is_repeated_wants_no_further_scan(store: Store) -> None:
    scan = begun(store)
    ending = SqlScans(store.database, store.sql)
    run(ending.interrupt_scan(scan, reason="the cursor expired", starts_again=True))
    again = run(ending.begin_scan(JOB, definition="d1", expected=5))

    run(ending.interrupt_scan(scan, reason="the cursor expired", starts_again=True))

    assert store.job().scan_wanted == ""
    assert store.read(lambda txn: scans.scan_by_id(txn, again.id)).state == ScanState.RUNNING

"""What a record says of itself where nothing was said: nothing happened, nothing is owed, nobody is to blame."""

from collections import Counter

import pytest

from usher.domain.claim import Claim, Settlement
from usher.domain.intake import Intake, JobIntake
from usher.domain.job import Cause, Job, JobConfig, Status, Webhook
from usher.domain.notes import HistoryEntry, LogEntry
from usher.domain.outcome import Accepted, RetryLater
from usher.domain.scan import CHANGED, Scan, ScanState, kind_of_scan
from usher.domain.worker import Standing, Stay, Worker


def claim(*, told: bool | None = None) -> Claim:
    return Claim(
        1, "m", is_in=True, seq=1, token=1, attempts=0, version=1, lane=0, was_claimed=False, told=told, told_at_ms=None
    )


def job(*, withbackfill: bool = False, is_baselined: bool = False, scan_wanted: str = "") -> Job:
    return Job(
        key=1,
        id="j",
        name="VIP",
        description="",
        mapp_auth="m",
        lytics_auth="l",
        config=JobConfig("s", "email", "1", withbackfill=withbackfill),
        audience_slug="vip",
        audience_name="VIP",
        status=Status.RUNNABLE,
        cause=Cause.NONE,
        reason="",
        sleep_until_ms=None,
        is_baselined=is_baselined,
        scan_wanted=scan_wanted,
        next_reconcile_ms=None,
        exits_held=False,
        webhook=Webhook(),
        first_trigger_ms=None,
        last_trigger_ms=None,
        created_ms=1,
        updated_ms=1,
    )


def scan(*, state: ScanState = ScanState.COMPLETED, leaving: int = 1, reason: str = "by ana") -> Scan:
    return Scan(1, 1, "reconcile", state, reason, "", "", 9, 9, 0, 9, 1, leaving, started_ms=1, finished_ms=2)


@pytest.mark.parametrize(("told", "was_told"), [(True, True), (False, True), (None, False)])
def test_whom_mapp_was_told_false_of_was_told_too(told: bool | None, was_told: bool) -> None:
    assert claim(told=told).was_told is was_told


def test_an_attempt_was_made_and_failed_by_nobody_unless_it_is_said() -> None:
    plain = Settlement(claim(), Accepted())
    assert (plain.delay_ms, plain.is_failure, plain.was_sent) == (0, False, True)
    assert RetryLater("busy").is_throttle is False


def test_a_message_counts_nothing_of_its_own_accord() -> None:
    share = JobIntake(job(), ())
    assert (share.ignored, share.unreadable, share.clamped) == (Counter(), 0, 0)
    assert (Intake().shares, Intake().unrouted, Intake().unreadable, Intake().kept) == ((), Counter(), 0, ())


def test_an_entry_has_its_time_and_number_from_whoever_keeps_it() -> None:
    history, log = HistoryEntry(1, "m", "enter"), LogEntry(1, "info", "Begun.", "JOB-CREATE")
    assert (history.note, history.at_ms, log.at_ms, log.id) == ("", 0, 0, 0)


def test_triggers_of_a_new_job_are_a_person_s_to_set_up_until_usher_has_done_so() -> None:
    assert Webhook() == Webhook(state="manual", job_id="", auth_id="", note="", is_tried_again=False)
    assert job().created_by == ""


def test_a_worker_that_said_nothing_yet_has_nothing_in_flight_and_was_never_seen() -> None:
    assert Standing().in_flight == 0
    assert Worker(Stay(1, "a"), "serve", "h", 1, lives_ms=7_000).seen_ms == 0


def test_a_job_s_first_scan_tells_everybody_only_where_existing_users_are_on() -> None:
    assert kind_of_scan(job(withbackfill=True)) == "backfill"
    assert kind_of_scan(job()) == "baseline"
    assert kind_of_scan(job(scan_wanted="reconcile")) == "baseline"


def test_any_later_scan_is_the_one_that_is_wanted() -> None:
    assert kind_of_scan(job(is_baselined=True)) == "reconcile"
    assert kind_of_scan(job(is_baselined=True, withbackfill=True)) == "reconcile"
    assert kind_of_scan(job(is_baselined=True, scan_wanted="backfill")) == "backfill"


def test_after_a_baseline_in_doubt_the_next_comparison_is_a_baseline_and_a_backfill_is_one_all_the_same():
    doubted = {"is_baseline_doubted": True}
    assert kind_of_scan(job(is_baselined=True), **doubted) == "baseline"
    assert kind_of_scan(job(is_baselined=True, scan_wanted="reconcile"), **doubted) == "baseline"
    assert kind_of_scan(job(is_baselined=True, scan_wanted="backfill"), **doubted) == "backfill"
    assert kind_of_scan(job(withbackfill=True), **doubted) == "backfill"


def test_a_person_has_kept_those_whom_a_scan_did_not_find_only_where_its_reason_says_who() -> None:
    assert scan().is_discarded
    for other in (scan(state=ScanState.HELD), scan(leaving=0), scan(reason=""), scan(reason=CHANGED)):
        assert not other.is_discarded

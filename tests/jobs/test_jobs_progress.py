"""The sums that a page and the API both show."""

from dataclasses import replace

from tests.jobs.test_saying import standing


def test_who_is_neither_owed_nor_set_aside_is_in_step() -> None:
    progress = standing(total=100, due=30, aside=8, held=20).progress
    assert (progress.in_step, progress.waiting) == (62, 10)


def test_every_request_counts_whatever_became_of_it() -> None:
    sent = {"accepted": 1, "retried": 20, "rejected": 300, "unknown": 4_000}
    progress = replace(standing().progress, sent=sent)  # type: ignore[arg-type] # its keys are a TypedDict's
    assert progress.requests == 4_321

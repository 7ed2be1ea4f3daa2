"""The codes of a job's log."""

import pytest

from usher.domain.notes import LogCode

ROOM = 32  # characters that a log's column has for it


@pytest.mark.parametrize("code", LogCode)
def test_a_code_fits_the_column_it_is_kept_in(code: LogCode) -> None:
    assert 0 < len(code) <= ROOM


def test_codes_that_are_looked_for_in_what_was_kept_before_stay_as_they_are() -> None:
    assert (LogCode.FAULT, LogCode.RESENT) == ("JOB-FAULT-022", "JOB-RESEND")

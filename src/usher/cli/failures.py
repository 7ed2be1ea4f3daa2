"""
How a command that fails says so: one line what happened, one line what to do, and the exit code.

0 done, 1 failed, 2 wrong usage or configuration. A traceback is never printed; an unexpected one goes to a file.
"""

import os
import re
import sys
import tempfile
import traceback
from pathlib import Path

from usher.errors import InvalidInput, UsherError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
NEXT_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z`])")


def report(error: UsherError) -> int:
    """Tell the person what went wrong; return the exit code."""
    from usher.cli.api import Refused  # noqa: PLC0415 - keeps `usher --help` fast

    if isinstance(error, InvalidInput):
        _print([str(problem) for problem in error.problems])
        return MISUSED
    if isinstance(error, Refused):
        _print(error.messages)
        return MISUSED if error.status == 400 else FAILED
    _print([error.message])
    return FAILED


def report_unexpected(error: BaseException) -> int:
    """Keep what went wrong for whoever mends it; return the exit code."""
    opened, name = tempfile.mkstemp(prefix="usher-error-", suffix=".log")
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    _print([f"Something unexpected went wrong ({type(error).__name__}). The details are in {Path(name)}."])
    return FAILED


def _print(messages: list[str]) -> None:
    from usher.cli.output import console  # noqa: PLC0415 - keeps `usher --help` fast

    out = console(is_error=True)
    for message in messages:
        happened, *rest = NEXT_SENTENCE.split(message, maxsplit=1)
        out.print(f"error: {happened}", style="bold red" if sys.stderr.isatty() else "", soft_wrap=True)
        for mend in rest:
            out.print(f"       {mend}", soft_wrap=True)

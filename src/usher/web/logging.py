"""
How the service writes down what it does: JSON lines to stderr, or readable ones on a terminal.

Everything goes through structlog; what libraries log by the standard library joins it at warning and above.
"""

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import Processor


def configure_logging(*, stream: TextIO | None = None, is_quiet: bool = False) -> None:
    """
    Set logging up for this process. Safe to repeat; the last call holds.

    Args:
        stream: where to; by default standard error.
        is_quiet: whether to leave out requests and other routine, and write only what a person should know.
    """
    out = stream or sys.stderr
    level = logging.WARNING if is_quiet else logging.INFO
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *_ending(is_console=out.isatty())],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_IntoStructlog()], level=logging.WARNING, force=True)


def _ending(*, is_console: bool) -> list[Processor]:
    if is_console:
        # Plain, because the prettier ones show the local variables of every frame, and those hold members and secrets.
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(sort_keys=False, exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


class _IntoStructlog(logging.Handler):
    """Passes on what libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        about: dict[str, Any] = {"library": record.name}
        if record.exc_info:
            about["exc_info"] = record.exc_info
        structlog.get_logger("usher.library").log(max(record.levelno, logging.WARNING), record.getMessage(), **about)

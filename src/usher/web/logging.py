"""
How the service writes down what it does: JSON lines to stderr, or readable ones on a terminal.

Everything goes through structlog; what libraries log by the standard library joins it at warning and above.
"""

import logging
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from usher.redact import without_addresses


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
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Expendable(out))),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_IntoStructlog()], level=logging.WARNING, force=True)


def _ending(*, is_console: bool) -> list[Processor]:
    if is_console:
        # Plain, because the prettier ones show the local variables of every frame, and those hold members and secrets.
        plain = structlog.dev.plain_traceback
        renderer: Processor = structlog.dev.ConsoleRenderer(sort_keys=False, exception_formatter=plain)
    else:
        renderer = structlog.processors.JSONRenderer()
    return [structlog.processors.format_exc_info, _mask_people, renderer]


def _mask_people(_logger: object, _method: str, entry: EventDict) -> EventDict:
    """Nothing of ours logs people; an error of a library, or a fault of ours, may quote what it choked on."""
    return {name: without_addresses(value) if isinstance(value, str) else value for name, value in entry.items()}


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)  # structlog keeps a lock for each stream
class _Expendable:
    """A stream that loses what it cannot write: with the disk full, whoever logs of that must go on."""

    stream: TextIO

    def write(self, text: str) -> None:
        with suppress(OSError):
            self.stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self.stream.flush()


class _IntoStructlog(logging.Handler):
    """Passes on what libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        about: dict[str, Any] = {"library": record.name}
        if record.exc_info:
            about["exc_info"] = record.exc_info
        structlog.get_logger("usher.library").log(max(record.levelno, logging.WARNING), record.getMessage(), **about)

"""
How the command line shows things: tables and sentences for people, JSON for programs.

Colour is used on a terminal only. Times are shown in the local zone. What vendors and people wrote is printed as it
is, never read as markup.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 160  # columns, where no terminal says how wide it is
STYLES = {
    "runnable": "green",
    "completed": "green",
    "healthy": "green",
    "ok": "green",
    "accepted": "green",
    "sleeping": "yellow",
    "paused": "yellow",
    "due": "yellow",
    "warn": "yellow",
    "unknown": "yellow",
    "fault": "red",
    "failed": "red",
    "unhealthy": "red",
    "set_aside": "red",
    "error": "red",
    "bad": "red",
    "killed": "dim",
    "deleted": "dim",
}


def console(*, is_error: bool = False) -> "Console":
    from rich.console import Console  # noqa: PLC0415 - keeps `usher --help` fast

    stream = sys.stderr if is_error else sys.stdout
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_json_line(value: Any) -> None:
    """Print *value* as one line, at once: one of several (JSON Lines)."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def say(text: str = "", *, style: str = "") -> None:
    console().print(text, style=style, soft_wrap=True)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[Any]], *, nothing: str) -> None:
    """Print *rows* under *heads*, or the sentence *nothing* where there are none."""
    from rich import box  # noqa: PLC0415 - keeps `usher --help` fast
    from rich.table import Table  # noqa: PLC0415 - as above

    shown = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for head in heads:
        shown.add_column(head, overflow="fold")
    for row in rows:
        shown.add_row(*(_cell(value) for value in row))
    if shown.row_count:
        console().print(shown)
    else:
        say(nothing)


def print_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """Print names and values beside each other; those without a value are left out."""
    from rich.table import Table  # noqa: PLC0415 - keeps `usher --help` fast

    shown = Table.grid(padding=(0, 2))
    shown.add_column(style="dim", no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in facts:
        if value not in (None, "", [], {}):
            shown.add_row(name, _cell(value))
    console().print(shown)


def _cell(value: Any) -> Any:
    from rich.text import Text  # noqa: PLC0415 - keeps `usher --help` fast

    text = shown(value)
    return Text(text, style=STYLES.get(text, ""))


def shown(value: Any) -> str:
    """Return *value* as people write it."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,g}"
        case list():
            return ", ".join(shown(item) for item in value)
        case _:
            return str(value)


def local_time(iso: str | None) -> str | None:
    """Return an API's moment in the local zone, to the second."""
    if not iso:
        return None
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float | None) -> str:
    """Return a stretch of time in the two units that matter: "2 min 5 s"."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    for size, big, small_size, small in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {big} {whole % size // small_size} {small}"
    return f"{whole} s"

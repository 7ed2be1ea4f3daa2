"""How generated pages are spelled in Markdown."""

from collections.abc import Iterable, Sequence

WRITTEN = "<!-- Written by `python -m tools.reference`; change the code it names, then run `make fix`. -->"


def page(title: str, *blocks: str) -> str:
    """Join *blocks* under *title*, with a blank line between; one line feed at the end."""
    return "\n\n".join([f"# {title}", WRITTEN, *(block.strip("\n") for block in blocks if block)]) + "\n"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table; cells are escaped, so they may hold anything but line feeds that matter."""
    lines = [_line(headings), _line(["---"] * len(headings))]
    return "\n".join([*lines, *(_line([_cell(cell) for cell in row]) for row in rows)])


def code(text: object) -> str:
    """Return *text* as code, or nothing where it is blank."""
    return f"`{text}`" if str(text) else ""


def anchor(heading: str) -> str:
    """Return the address that a heading of plain words has on its page."""
    kept = (char for char in heading.lower() if char.isalnum() or char in " -_")
    return "".join(kept).replace(" ", "-")


def paragraph(text: str | None) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join((text or "").strip().split("\n\n")[0].split())


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

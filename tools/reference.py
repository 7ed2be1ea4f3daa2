"""
Writes docs/reference from the code, so that it cannot say anything else: `python -m tools.reference`.

With `--check` it writes nothing and fails where a page is not what the code would write now.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.cli_page import cli_page
from tools.configuration_page import configuration_page
from tools.errors_page import errors_page
from tools.metrics_page import metrics_page
from tools.rest_page import rest_page
from tools.settings_page import settings_page

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "cli.md": cli_page,
    "rest.md": rest_page,
    "configuration.md": configuration_page,
    "metrics.md": metrics_page,
    "errors.md": errors_page,
}


def written() -> dict[str, str]:
    """Return what each page should hold now, by its name."""
    return {name: write() for name, write in PAGES.items()}


def stale_pages(folder: Path) -> list[str]:
    """Return the names of the pages in *folder* that are missing, or not what the code would write now."""
    return [name for name, text in written().items() if _held(folder / name) != text]


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """Write the pages, or check them; return the exit code."""
    if list(arguments) == ["--check"]:
        stale = stale_pages(folder)
        for name in stale:
            sys.stderr.write(f"{folder / name} is not what the code says. Run `make fix`.\n")
        return 1 if stale else 0
    if arguments:
        sys.stderr.write("Usage: python -m tools.reference [--check]\n")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in written().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


def _held(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

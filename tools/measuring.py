"""
Figures that are taken while something is proven, kept for the page that states what was proven.

Each is one JSON line in a file of the folder that MEASURED names; without one, nothing is kept.
`python -m tools.measuring simulation.long_seeds=seeds` keeps what a JSON object on standard input holds under "seeds".
"""

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

Measured = Callable[[str, float], None]
NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


def keep(name: str, value: float) -> None:
    """Keep the figure *name* ("crash.places"); several of one name in one run are the page's to add up or compare."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a figure: write it like crash.places")
    folder = os.environ.get("MEASURED")
    if folder is None:
        return
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    with (path / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"name": name, "value": value}) + "\n")


def main(arguments: Sequence[str]) -> int:
    """Keep what is named in *arguments* of the object on standard input, and pass that on."""
    text = sys.stdin.read()
    sys.stdout.write(text)
    found = json.loads(text)
    for name, _, key in (argument.partition("=") for argument in arguments):
        keep(name, found[key])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

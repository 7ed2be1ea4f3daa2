"""
Figures that tests take while they prove something, kept for the page that states what was proven.

Each is one JSON line in a file of the folder that MEASURED names; without one, nothing is kept.
"""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

Measured = Callable[[str, float], None]
NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


def keep(name: str, value: float) -> None:
    """Keep the figure *name* ("crash.places"); several of one name in one run are the page's to add up or compare."""
    assert NAME.fullmatch(name), f"{name!r} is no name of a figure: write it like crash.places"
    folder = os.environ.get("MEASURED")
    if folder is None:
        return
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    with (path / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"name": name, "value": value}) + "\n")

"""
Whether any pinned package has a known weakness: `python -m tools.audit`.

Asks pip-audit, which asks a public service, so it needs that program and a network; nothing else here does.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
SETS = ("build", "runtime", "dev")
MISSING = "pip-audit is not installed. Install it beside Usher (pipx install pip-audit), then ask again."

Run = Callable[[list[str]], int]


def command_for(pins: Path) -> list[str]:
    """Return what asks about every pin of one file, as it stands: nothing is resolved or installed."""
    return ["pip-audit", "--strict", "--disable-pip", "--require-hashes", "--requirement", str(pins)]


def _run(command: list[str]) -> int:
    return subprocess.run(command, check=False).returncode  # noqa: S603 - the words are this file's own


def main(*, run: Run = _run) -> int:
    """Ask about each list of pins; return 0 for nothing known, 1 for a find or no answer, 2 without the program."""
    try:
        codes = [run(command_for(ROOT / "requirements" / f"{name}.txt")) for name in SETS]
    except FileNotFoundError:
        sys.stderr.write(f"{MISSING}\n")
        return 2
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())

"""
Proves what Usher promises, and writes down what came of it: `python -m tools.trust`.

docs/trust.toml names for each promise its tests and the figures they take. Here these tests are run, their results and
figures kept in docs/trust-figures.json, and docs/trust.md written from both. With `--check` nothing is run or written:
it fails where the page is not what the two would write. With `--page` only the page is written anew. Figures that take
hours (a soak, a long simulation) are taken by their own targets, which leave them in the folder that MEASURED names.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from tools.trust_page import Promise, promises_of, trust_page

ROOT = Path(__file__).parent.parent
TABLE, FIGURES, PAGE = ROOT / "docs/trust.toml", ROOT / "docs/trust-figures.json", ROOT / "docs/trust.md"
TAKEN = ROOT / ".artifacts/measured"  # by targets that run for hours
IN_BROWSER = "tests/ui/"  # apart from all others: a browser's loop and asyncio tests do not share a process well
TOGETHER: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "most": max,
    "least": min,
}  # what one figure is that was taken several times

Kept = dict[str, Any]


def main(arguments: Sequence[str]) -> int:
    """Prove and write, or check; return the exit code."""
    table = TABLE.read_text(encoding="utf-8")
    match list(arguments):
        case ["--check"]:
            return _checked(trust_page(table, _kept()))
        case ["--page"]:
            return _written(table, _kept())
        case []:
            return _proven(table)
    sys.stderr.write("Usage: python -m tools.trust [--check | --page]\n")
    return 2


def _proven(table: str) -> int:
    promises = promises_of(table)
    kept = _kept()
    with tempfile.TemporaryDirectory() as folder:
        has_passed = _run(sorted({test for one in promises for test in one.tests}), Path(folder))
        kept["tests"] = _results(Path(folder).glob("*.xml"))
        kept["figures"] |= _figures(promises, [Path(folder), TAKEN])
    kept["run"] = {
        "on": _day(time.time()),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    if not has_passed:
        sys.stderr.write("A promise does not hold: see above. docs/trust.md was left as it was.\n")
        return 1
    return _written(table, kept)


def _run(tests: Sequence[str], folder: Path) -> bool:
    in_browser = [test for test in tests if test.startswith(IN_BROWSER)]
    parts = {"plain": [test for test in tests if test not in in_browser], "browser": in_browser}
    results = [_passes(chosen, folder / f"{name}.xml") for name, chosen in parts.items() if chosen]
    return all(results)


def _passes(tests: Sequence[str], report: Path) -> bool:
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadfile", f"--junitxml={report}", *tests]
    surroundings = os.environ | {"MEASURED": str(report.parent)}
    return subprocess.run(command, cwd=ROOT, env=surroundings, check=False).returncode == 0  # noqa: S603 - our own table


def _results(reports: Iterable[Path]) -> dict[str, int]:
    """Return how many cases of each test passed."""
    passed: dict[str, int] = defaultdict(int)
    for report in reports:
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it a moment ago
            if all(case.find(end) is None for end in ("failure", "error", "skipped")):
                path = (case.get("classname") or "").replace(".", "/") + ".py"
                passed[f"{path}::{(case.get('name') or '').partition('[')[0]}"] += 1
    return dict(sorted(passed.items()))


def _figures(promises: Sequence[Promise], folders: Iterable[Path]) -> Kept:
    """Return each promise's figures with the day they were taken; those that were not are left out."""
    taken: dict[str, list[float]] = defaultdict(list)
    days: dict[str, str] = {}
    for file in (file for folder in folders for file in sorted(folder.glob("*.jsonl"))):
        day = _day(file.stat().st_mtime)
        for line in file.read_text(encoding="utf-8").splitlines():
            figure = json.loads(line)
            taken[figure["name"]].append(figure["value"])
            days[figure["name"]] = max(day, days.get(figure["name"], day))
    wanted = {figure.name: figure.of for promise in promises for figure in promise.figures}
    return {
        name: {"value": TOGETHER[of](taken[name]), "on": days[name]} for name, of in wanted.items() if name in taken
    }


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _kept() -> Kept:
    if not FIGURES.exists():
        return {"run": {}, "tests": {}, "figures": {}}
    kept: Kept = json.loads(FIGURES.read_text(encoding="utf-8"))
    return kept


def _written(table: str, kept: Kept) -> int:
    wanted = {figure.name for promise in promises_of(table) for figure in promise.figures}
    kept["figures"] = {name: value for name, value in sorted(kept["figures"].items()) if name in wanted}
    FIGURES.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(trust_page(table, kept), encoding="utf-8")
    return 0


def _checked(text: str) -> int:
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{PAGE} is not what {TABLE.name} and {FIGURES.name} say. Run `make trust`, or --page.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

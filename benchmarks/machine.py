"""The machine that a figure was taken on, without which it says little."""

import os
import platform
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Machine:
    """
    Where and when a run was made.

    Args:
        cores: those that this process may use.
        memory_gib: in GiB, rounded.
        commit: of Usher; "+" follows it where files differ from that commit.
        on: the day, as 2026-01-31 (UTC).
    """

    cpu: str
    cores: int
    memory_gib: int
    python: str
    kernel: str
    sqlite: str
    commit: str
    on: str

    def __str__(self) -> str:
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory_gib} GiB; Linux {self.kernel}, Python {self.python},"
            f" SQLite {self.sqlite}; Usher {self.commit}, {self.on}"
        )


def this_machine() -> Machine:
    return Machine(
        cpu=cpu_model(_text("/proc/cpuinfo")) or platform.processor() or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        python=platform.python_version(),
        kernel=platform.release(),
        sqlite=sqlite3.sqlite_version,
        commit=_commit(),
        on=datetime.now(UTC).date().isoformat(),
    )


def cpu_model(cpuinfo: str) -> str | None:
    """Return the name of the first processor in the text of /proc/cpuinfo."""
    found = (line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith("model name"))
    return next(found, None)


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8") if Path(path).exists() else ""


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return UNKNOWN
    command = [git, "describe", "--always", "--abbrev=10", "--exclude=*", "--dirty=+"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip() or UNKNOWN

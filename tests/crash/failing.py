"""Ways to let the system calls of another process fail, and to let them work again."""

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

TOLD_TO_NEED = "NEED_STRACE"
NO_STRACE = f"strace is not installed, so single system calls were not made to fail ({TOLD_TO_NEED}=1 insists)."
PAGE_BYTES = 4096


@contextlib.contextmanager
def limited(pid: int, what: int, soft: int) -> Iterator[None]:
    """Hold the process to *soft* of a resource (resource.RLIMIT_*) for a while."""
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (soft, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, what, before)


def lowest_free_file(pid: int) -> int:
    """The lowest number that no open file of the process has: with that as its limit, it can open no more."""
    taken = {int(file.name) for file in Path(f"/proc/{pid}/fd").iterdir()}
    return next(number for number in range(len(taken) + 1) if number not in taken)


@contextlib.contextmanager
def small_disk(at: Path, *, kib: int) -> Iterator[bool]:
    """Mount a disk of that size; yield whether this system let us."""
    at.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", at], capture_output=True, check=False)
    try:
        yield made.returncode == 0
    finally:
        if made.returncode == 0:
            subprocess.run(["umount", "--lazy", at], check=True)


def fill(disk: Path) -> Path:
    """Take every byte that is left; return the file that holds them."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(PAGE_BYTES)):
            pass
    return ballast


def has_strace() -> bool:
    """Whether single calls can be made to fail here; where they must be, say so by failing."""
    found = shutil.which("strace") is not None
    assert found or os.environ.get(TOLD_TO_NEED) != "1", NO_STRACE
    return found


@asynccontextmanager
async def injected(pid: int, calls: str, error: str, *, nth: str, log: Path) -> AsyncIterator[None]:
    """
    Let the *nth* of the process's *calls* from now on fail with *error*; each that did is a line of *log*.

    Args:
        calls: names of system calls, separated by commas.
        nth: as strace counts: "3" is the third call of each name in each thread, "1+" is every one.
    """
    rules = ("-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={nth}")
    command = ("strace", "-f", "-qq", "-p", str(pid), *rules, "-o", str(log))
    tracer = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
    try:
        await _until_traced(pid)
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        await tracer.communicate()


async def _until_traced(pid: int) -> None:
    def is_traced() -> bool:
        threads = Path(f"/proc/{pid}/task").iterdir()
        return not any("TracerPid:\t0\n" in (thread / "status").read_text() for thread in threads)

    async with asyncio.timeout(10):
        while not is_traced():  # noqa: ASYNC110 - another process sets it
            await asyncio.sleep(0.01)


def failed_calls(log: Path) -> int:
    return log.read_text().count("(INJECTED)")

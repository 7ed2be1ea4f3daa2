"""The soak's processes: how they are started and ended, and what the system says of their memory and time."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 90.0
PAGE_BYTES, TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Running:
    """One process; *name* is what the table calls it."""

    name: str
    process: asyncio.subprocess.Process

    def resident_bytes(self) -> int:
        return int(_read(self.process.pid, "statm").split()[1]) * PAGE_BYTES

    def cpu_seconds(self) -> float:
        """Processor seconds of the process so far, all threads, user and system."""
        after_name = _read(self.process.pid, "stat").rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS

    async def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def running(
    name: str, *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Running]:
    """Run `python -m` with *arguments* until the end of the block; what it says goes to *name*.log in *folder*."""
    with (folder / f"{name}.log").open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=None if environment is None else dict(environment),
            start_new_session=True,
        )
    _share_priority(process.pid)
    one = Running(name, process)
    try:
        yield one
    finally:
        await one.stop()


def _share_priority(pid: int) -> None:
    """Give the process's session the niceness of this one: Linux weighs sessions first, and this is a new one."""
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(os.nice(0)), encoding="ascii")


def _read(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8")

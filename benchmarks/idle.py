"""
Idle: a service with 50 running jobs of which nobody enters or exits: processor time, and resident memory at the end.

A process of its own, beside a sandbox; it is measured once every job knows who is inside.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from benchmarks.figures import Figure, Goal
from benchmarks.serving import sandboxed, serving, until
from benchmarks.size import Size
from benchmarks.soak_processes import Running
from usher.cli.api import Api
from usher.cli.demo_sandbox import AUDIENCE, IDENTIFIER
from usher.sandbox.options import SandboxOptions

JOBS, SETTLING_SECONDS = 50, 10.0
CORE_PERCENT, MEGABYTES = Goal("value", "at most", 1, 1), Goal("value", "at most", 100, 100)


async def measure(size: Size) -> AsyncIterator[Figure]:
    seconds, members = size.pick(60, 5), size.pick(1_000, 50)
    with tempfile.TemporaryDirectory(prefix="usher-bench-") as name:
        folder, options = Path(name), SandboxOptions(members=members)
        async with sandboxed(folder, options) as sandbox, serving(folder) as served:
            await _make_jobs(served.api, sandbox, options)
            await until(lambda: _all_run(served.api), served.service, look_seconds=0.5)
            await asyncio.sleep(SETTLING_SECONDS)
            turns = [await _idle(served.service, seconds) for _ in range(size.runs)]
    core_percent, megabytes = zip(*turns, strict=True)
    yield Figure("idle", f"{JOBS} running jobs: processor", "% of a core", core_percent, goal=CORE_PERCENT)
    yield Figure("idle", f"{JOBS} running jobs: resident memory", "MB", megabytes, goal=MEGABYTES)


async def _make_jobs(api: Api, sandbox: str, options: SandboxOptions) -> None:
    mapp_config = {"api_url": f"{sandbox}/mapp", "integration_id": options.integration_id, "secret": options.secret}
    lytics_config = {"api_url": f"{sandbox}/lytics", "token": options.lytics_token}
    mapp = await api.post("/v2/auth/integration-secret", {"label": "Mapp", "config": mapp_config})
    lytics = await api.post("/v2/auth/lytics-token", {"label": "Lytics", "config": lytics_config})
    for number in range(JOBS):
        config = {
            "segment_id": AUDIENCE,
            "uid_field": IDENTIFIER,
            "group_id": options.home_group,
            "mapp_attribute_name": f"attribute_{number}",
        }
        body = {"name": f"Job {number}", "auth_ids": [mapp["id"], lytics["id"]], "config": config}
        await api.post("/v2/job/mapp-trigger-export", body)


async def _all_run(api: Api) -> bool:
    """Whether every job runs and knows who is inside."""
    made = await api.get("/v2/job", {"limit": str(2 * JOBS)})
    if [job["status"] for job in made] != ["runnable"] * JOBS:
        return False
    scans = [(await api.get(f"/v2/job/{job['id']}/progress"))["scan"] for job in made]
    return all(scan and scan["state"] == "completed" for scan in scans)


async def _idle(service: Running, seconds: float) -> tuple[float, float]:
    """Leave it alone for so long; return what it used of a core in %, and its memory in MB."""
    began, cpu = time.monotonic(), service.cpu_seconds()
    await asyncio.sleep(seconds)
    used = (service.cpu_seconds() - cpu) / (time.monotonic() - began)
    return used * 100, service.resident_bytes() / 1e6

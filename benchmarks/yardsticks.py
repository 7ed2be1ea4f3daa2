"""
What delivery is compared with, each in a process of its own; none of them keeps a ledger.

The bare loop is Usher's own client. The others are written as a user would write them: PyJWT to sign, and the usual
way of each library to send. wrk says what the sink can take.
"""

import asyncio
import gc
import importlib.util
import json
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from hashlib import sha1
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.delivering import local_http, mapp_client
from benchmarks.owed import IN_FLIGHT, INTEGRATION, SECRET, TARGET, email_of
from benchmarks.stopwatch import Measured, Stopwatch, apart, cpu_seconds
from usher.clock import SystemClock
from usher.domain.outcome import Accepted

PATH, QUERY = f"/api/v1/integration/{INTEGRATION}/event", "subtype=user"
WRK_SECONDS = 5
WRK_SCRIPT = 'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = %s\n'
WRK_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)$", re.MULTILINE)


async def bare_loop(url: str, people: int) -> Measured:
    """IN_FLIGHT senders that share one list of people: Usher's client and signing, nothing else."""
    return await apart(_run_bare_loop, url, people)


async def requests_loop(url: str, people: int) -> Measured:
    return await apart(_run_requests, url, people)


async def aiohttp_script(url: str, people: int) -> Measured:
    return await apart(_run_aiohttp, url, people)


async def dlt_pipeline(url: str, people: int) -> Measured:
    return await apart(_run_dlt, url, people)


async def wrk(url: str, people: int) -> Measured:
    """As many requests as wrk can make in WRK_SECONDS, unsigned; *people* is not asked for."""
    return await apart(_run_wrk, url)


def has_dlt() -> bool:
    return importlib.util.find_spec("dlt") is not None


def has_wrk() -> bool:
    return shutil.which("wrk") is not None


def wrk_rate(printed: str) -> float:
    """
    Return the requests a second in what wrk printed.

    Raises:
        RuntimeError: it names none, or some answers were errors.
    """
    found = WRK_RATE.search(printed)
    if found is None or "Non-2xx" in printed:
        raise RuntimeError(f"wrk did not measure: {printed}")
    return float(found[1])


def signed(member: str) -> tuple[bytes, dict[str, str]]:
    """Return the body and headers of one event, made as a user's script makes them."""
    import jwt  # noqa: PLC0415 - of the development requirements

    event = {
        "email": member,
        "group": TARGET.group_id,
        "vip": "true",
        "updateonly": "true",
        "skipUnsubscribers": "true",
    }
    body = json.dumps(event).encode()
    digest = sha1(b"|".join([PATH.encode(), body, QUERY.encode()]), usedforsecurity=False).hexdigest()
    token = jwt.encode({"request-hash": digest, "exp": int(time.time()) + 15}, SECRET, algorithm="HS256")
    return body, {"auth-token": token, "Content-Type": "application/json"}


def _people(count: int) -> Iterator[str]:
    return map(email_of, range(count))


def _run_bare_loop(url: str, people: int) -> Measured:
    async def whole() -> Measured:
        http, waiting = local_http(), _people(people)
        client = mapp_client(url, http)

        async def send() -> None:
            for member in waiting:
                expires_at_ms = SystemClock().now_ms() + 15_000
                assert isinstance(await client.send(TARGET, member, True, expires_at_ms=expires_at_ms), Accepted)

        gc.freeze()  # as for the ledger's
        watch = Stopwatch()
        await asyncio.gather(*(send() for _ in range(IN_FLIGHT)))
        measured = watch.measured(people)
        await http.close()
        return measured

    return uvloop.run(whole())


def _run_requests(url: str, people: int) -> Measured:
    watch = Stopwatch()
    _post_with_requests(url, _people(people))
    return watch.measured(people)


def _post_with_requests(url: str, members: Iterable[str]) -> None:
    import requests  # noqa: PLC0415 - of the development requirements

    with requests.Session() as session:
        for member in members:
            body, headers = signed(member)
            session.post(f"{url}{PATH}?{QUERY}", data=body, headers=headers, timeout=10).raise_for_status()


def _run_aiohttp(url: str, people: int) -> Measured:
    import aiohttp  # noqa: PLC0415 - beside its likes

    async def whole() -> None:
        waiting = _people(people)
        async with aiohttp.ClientSession() as session:

            async def send() -> None:
                for member in waiting:
                    body, headers = signed(member)
                    async with session.post(f"{url}{PATH}?{QUERY}", data=body, headers=headers) as answer:
                        answer.raise_for_status()
                        await answer.read()

            await asyncio.gather(*(send() for _ in range(IN_FLIGHT)))

    watch = Stopwatch()
    asyncio.run(whole())
    return watch.measured(people)


def _run_dlt(url: str, people: int) -> Measured:
    import dlt  # type: ignore[import-not-found]  # noqa: PLC0415 - only where it is installed

    @dlt.destination(batch_size=100)  # type: ignore[untyped-decorator]
    def mapp(items: Any, table: Any) -> None:
        _post_with_requests(url, (item["email"] for item in items))

    with tempfile.TemporaryDirectory(prefix="usher-bench-") as folder:
        pipeline = dlt.pipeline("people", destination=mapp, pipelines_dir=folder)
        watch = Stopwatch()
        pipeline.run(({"email": member} for member in _people(people)), table_name="people").raise_on_failed_jobs()
        return watch.measured(people)


def _run_wrk(url: str) -> Measured:
    body, _ = signed(email_of(0))
    with tempfile.TemporaryDirectory(prefix="usher-bench-") as folder:
        script = Path(folder) / "post.lua"
        script.write_text(WRK_SCRIPT % json.dumps(body.decode()), encoding="utf-8")
        address = f"{url}{PATH}?{QUERY}"
        command = ["wrk", "-t1", f"-c{IN_FLIGHT}", f"-d{WRK_SECONDS}s", "-s", str(script), address]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    per_second = wrk_rate(printed)
    return Measured(per_second, cpu_seconds(resource.RUSAGE_CHILDREN) / (per_second * WRK_SECONDS) * 1e6)

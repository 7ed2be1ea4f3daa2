"""A page of an audience that is odd, endless or torn: the scan waits or ends, and nobody's leaving is guessed."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.hostile.answers import CHUNKED, GZIP_BOMB, PAGE, bomb, endless, raw, refused, then
from tests.hostile.house import AUDIENCE, House, house, until
from tests.hostile.proxy import FaultProxy, Weather, constantly, proxy_to
from tests.hostile.scripted import Asked, Script, answer, fine, scripted
from tools.measuring import Measured
from usher.domain.job import Cause, Job, Status

PAGES = 3
EMPTY = answer(b'{"status":200,"data":[],"_next":""}')
NOBODY = answer(b'{"status":200,"data":null,"_next":""}')
ODD = {
    "half a JSON document": raw(answer(b'{"status": 200, "data": [{"email": "a@')),
    "a page for people": raw(answer(PAGE, headers="Content-Type: text/html\r\n")),
    "nothing": raw(answer()),
    "204": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "null": raw(answer(b"null")),
    "no list": raw(NOBODY),
    "a list of numbers": raw(answer(b'{"status":200,"data":[1,2],"_next":""}')),
    "a cursor that is none": raw(answer(b'{"status":200,"data":[],"_next":{"a":1}}')),
    "nobody, and the end": raw(EMPTY),
    "nobody, and no end": raw(answer(b'{"status":200,"data":[]}')),
    "its first cursor again": raw(answer(b'{"status":200,"data":[],"_next":"page-1"}')),
    "deep JSON": raw(answer(b"[" * 100_000)),
    "NULs": raw(answer(b"\x00" * 5_000)),
    "gzip bomb": bomb("gzip", GZIP_BOMB),
    "gzip that breaks off": raw(answer(gzip.compress(EMPTY)[:-8], headers="Content-Encoding: gzip\r\n")),
    "brotli": bomb("br", b"\x0b\x02\x80{}\x03"),
    "no end": endless,
    "half a page": then(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"data": [', "end"),
    "reset": then(CHUNKED + b"2\r\n{}\r\n", "reset"),
    "a byte now and then": then(CHUNKED, "drip"),
    "silence": then(b"", "silence"),
    "a redirect": refused("302 Found", headers="Location: http://127.0.0.1:9/\r\n"),
    "429 for a second": refused("429 Slow down", headers="Retry-After: 1\r\n"),
    "500": refused("500 Oops"),
    "502 with a page": refused("502 Oops", body=PAGE),
    "404 of a proxy's": refused("404 Not Found", body=PAGE),
    "410": refused("410 Gone", body=b'{"status":410,"message":"cursor expired"}'),
}


@dataclass
class HostileLytics:
    """Three pages of people; the second is *odd* for the next *times*, and what it is meant to be afterwards."""

    odd: Script = fine
    times: int = 0
    inside: list[str] = field(default_factory=lambda: [f"p{number}@example.com" for number in range(PAGES * 100)])

    async def play(self, asked: Asked) -> None:
        path = asked.line.split()[1]
        if "/schema/" in path:
            await asked.say(_json({"status": 200, "data": [{"id": "email", "type": "string"}]}))
        elif "/scan" not in path:
            segment = {"id": AUDIENCE, "slug_name": "vip", "name": "VIP", "size": len(self.inside), "segment_ql": "x"}
            await asked.say(_json({"status": 200, "data": segment}))
        elif "start=page-1" in path and self.times:
            self.times -= 1
            await self.odd(asked)
        else:
            await asked.say(self._page(int(path.partition("start=page-")[2] or 0)))

    def _page(self, number: int) -> bytes:
        people = self.inside[number * 100 : number * 100 + 100]
        cursor = f"page-{number + 1}" if (number + 1) * 100 < len(self.inside) else ""
        data = [{"email": member} for member in people]
        return _json({"status": 200, "data": data, "_next": cursor, "total": len(self.inside)})


def _json(content: object) -> bytes:
    return answer(json.dumps(content).encode(), headers="Content-Type: application/json\r\n")


class Told:
    """A Mapp that takes everything, and keeps whom it was told to set to "false"."""

    def __init__(self) -> None:
        self.out: set[str] = set()
        self.within: set[str] = set()

    async def play(self, asked: Asked) -> None:
        event = json.loads(asked.body)
        (self.within if event["vip"] == "true" else self.out).add(event["email"])
        await asked.say(answer())


async def has_completed(standing: House, job: Job, count: int) -> bool:
    is_told = all(row.due_at is None for row in await standing.rows(job.key))
    completed = [scan for scan in await standing.scans_of(job.key) if scan.state == "completed"]
    return is_told and len(completed) >= count


@pytest.mark.parametrize("name", ODD)
async def test_a_page_gone_wrong_lets_nobody_leave_and_the_job_goes_on_by_itself(
    tmp_path: Path, name: str, measured: Measured
) -> None:
    lytics, mapp = HostileLytics(), Told()
    async with (
        scripted(lytics.play) as theirs,
        scripted(mapp.play) as server,
        house(tmp_path, {"m": server.port}, lytics_port=theirs.port) as standing,
    ):
        job = await standing.add_job(mapp_attribute_name="vip", withbackfill=True)
        await until(lambda: has_completed(standing, job, 1), what="the backfill never ended")
        left = lytics.inside.pop()
        lytics.odd, lytics.times = ODD[name], 1

        await standing.jobs.change(job.key, scan_wanted="reconcile")
        standing.engine.refresh()
        await until(lambda: once(lambda: lytics.times == 0), what="the odd page was never asked for")
        await until(lambda: has_left(standing, job, mapp, left), what="who left was never told")

    assert mapp.out == {left}
    measured("hostile.lytics_pages", 1)


async def once(is_so: Callable[[], bool]) -> bool:
    return is_so()


async def has_left(standing: House, job: Job, mapp: Told, left: str) -> bool:
    """Whether *left* was told; one that ended in doubt is asked for again, as the schedule does."""
    states = [scan.state for scan in await standing.scans_of(job.key)]
    if "running" not in states and not (await standing.job(job.key)).scan_wanted and left not in mapp.out:
        await standing.jobs.change(job.key, scan_wanted="reconcile")
        standing.engine.refresh()
    return left in mapp.out


async def test_while_mapp_is_cut_off_the_job_sleeps_and_it_goes_on_by_itself(tmp_path: Path) -> None:
    mapp = Told()
    everybody = {f"p{number}@example.com": True for number in range(60)}
    for weather, is_cut in ((Weather(), True), (Weather(knock="reset"), False)):
        mapp.within.clear()
        folder = tmp_path / str(is_cut)
        folder.mkdir()
        async with (
            scripted(mapp.play) as server,
            proxy_to(server.port, constantly(weather)) as proxy,
            house(folder, {"m": proxy.port}) as standing,
        ):
            proxy.partition(up=is_cut, down=is_cut)
            job = await standing.add_job(mapp_attribute_name="vip")
            await standing.trigger(everybody)
            await until(lambda: sleeps(standing, job), what="the job never slept")  # noqa: B023 - awaited here
            assert mapp.within == set()

            heal(proxy)

            await until(lambda: once(lambda: mapp.within == set(everybody)), what="it never went on")
            await until(lambda: runs(standing, job), what="it never woke")  # noqa: B023 - awaited here


def heal(proxy: FaultProxy) -> None:
    proxy.weather = constantly(Weather())
    proxy.partition()


async def sleeps(standing: House, job: Job) -> bool:
    found = await standing.job(job.key)
    return found.status is Status.SLEEPING and found.cause is Cause.OUTAGE


async def runs(standing: House, job: Job) -> bool:
    return (await standing.job(job.key)).status is Status.RUNNABLE

"""
The service killed at one place after another, in a life that does everything a job can need; each time started again.

Each place is one run of its own. CRASH_ALL=1 takes them all; otherwise one of each kind.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.crash.places import Place
from tests.crash.world import World, Zygote, world, zygote
from tests.postgres import PostgresServer
from tools.measuring import Measured

CRASH_ALL = os.environ.get("CRASH_ALL") == "1"
pytestmark = [pytest.mark.process, pytest.mark.timeout(7200 if CRASH_ALL else 600)]
AT_ONCE = 14  # most of a run is waiting until a claim that died with its worker is due again
OTHER = "vip_renamed"
AT_THE_DATABASE = ("commit", "send", "settle", "trigger")
NOT_AT_REST = """
    SELECT COUNT(*) FROM ledger
    WHERE due_at IS NOT NULL OR aside IS NOT NULL OR accepted IS DISTINCT FROM is_in
"""
COUNTED = "SELECT COUNT(*), SUM(is_in), COUNT(due_at), COUNT(aside) FROM ledger"
KEPT = "SELECT name, value FROM counters WHERE job > 0"
Fetch = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def warm() -> Iterator[Zygote]:
    with zygote() as made:
        yield made


async def live_a_life(one: World) -> None:
    """Backfill, triggers with a lost answer and a rejection, a scan that finds who left, an edit, a pause."""
    await one.survive(one.ensure_export)
    await one.come_to_rest()
    await one.control("POST", "/faults", {"where": "mapp.event", "kind": "reset_after", "times": 1})
    await one.move("exit", 4)
    await one.move("enter", 3)
    await one.come_to_rest()
    await one.move("exit", 2, silent=True)
    await one.ask("reconcile")
    await one.come_to_rest()
    await one.rename_attribute(OTHER)
    await one.come_to_rest(OTHER)
    await one.ask("pause")
    await one.move("enter", 3)
    await one.ask("resume")
    await one.come_to_rest(OTHER)


async def assert_nothing_was_lost(one: World, fetch: Fetch) -> None:
    told = await one.progress(one.job)
    taken = told["triggers"]
    assert taken["received"] == taken["applied"] + sum(taken["ignored"].values()) + taken["unreadable"]
    assert taken["received"] >= await one.acknowledged_events() > 0
    most = await one.control("GET", "/mapp/ledger")
    assert (most["unsettled_most"], most["unsettled_overlaps"], most["order_violations"]) == (1, 0, 0)
    await one.kill()
    assert fetch(NOT_AT_REST) == [(0,)]
    kept: dict[str, int] = dict(fetch(KEPT))
    assert fetch(COUNTED) == [tuple(kept.get(f"members.{name}", 0) for name in ("total", "in", "due", "aside"))]


def fetch_from(data: Path | str) -> Fetch:
    """Return what runs one statement on a file, or on a database of PostgreSQL."""

    def fetch(statement: str) -> list[tuple[Any, ...]]:
        connect: Any = sqlite3.connect if isinstance(data, Path) else psycopg.connect
        with contextlib.closing(connect(data)) as conn:
            return list(conn.execute(statement).fetchall())

    return fetch


async def one_life(folder: Path, warm: Zygote, *, url: str = "", **fatal: Any) -> list[Place]:
    """Live one life; return the places it came by, or only the fatal one, once it was reached."""
    async with world(folder, warm, database_url=url) as one:
        await one.start_service(**fatal)
        await live_a_life(one)
        fetch = fetch_from(url or folder / "data" / "usher.db")
        await assert_nothing_was_lost(one, fetch)
        assert url or fetch("PRAGMA integrity_check") == [("ok",)]
        return one.places_passed()


def one_of_each_kind(places: list[Place]) -> list[Place]:
    """The middle one of each kind."""
    alike: dict[tuple[str, str], list[Place]] = {}
    for place in places:
        alike.setdefault(place[:2], []).append(place)
    return [same[len(same) // 2] for same in alike.values()]


async def killed_at_each(places: list[Place], live: Callable[[Place], Any]) -> set[Place]:
    """Live a life for each of *places*, a few at once; return where the service really died."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(place: Place) -> list[Place]:
        async with turn:
            try:
                died: list[Place] = await live(place)
            except BaseException as error:
                error.add_note(f"killed at {place}")
                raise
            return died

    ended = await asyncio.gather(*map(one, places), return_exceptions=True)
    if failed := [error for error in ended if isinstance(error, BaseException)]:
        raise BaseExceptionGroup(f"{len(failed)} of {len(places)} lives went wrong", failed)
    return {place for died in ended if isinstance(died, list) for place in died}


async def test_killed_anywhere_it_loses_nothing_and_comes_to_the_right_end(
    tmp_path: Path, warm: Zygote, measured: Measured
) -> None:
    passed = await one_life(tmp_path / "whole", warm)
    chosen = passed if CRASH_ALL else one_of_each_kind(passed)
    died_at = await killed_at_each(
        chosen, lambda place: one_life(tmp_path / f"life{chosen.index(place)}", warm, fatal=str(place))
    )
    measured("crash.places.sqlite", len(died_at))
    assert len(died_at) >= 40


@pytest.mark.parametrize("ends_backends", [False, True], ids=["the_process", "its_connections"])
async def test_on_postgresql_too(
    tmp_path: Path, warm: Zygote, postgres: PostgresServer, measured: Measured, ends_backends: bool
) -> None:
    async def live(name: str, fatal: str = "") -> list[Place]:
        url = postgres.fresh_database()
        try:
            return await one_life(tmp_path / name, warm, url=url, fatal=fatal, ends_backends=ends_backends)
        finally:
            postgres.drop_database(url)

    passed = await live("whole")
    told = [place for place in passed if place.kind.startswith(AT_THE_DATABASE)]
    chosen = told if CRASH_ALL else one_of_each_kind(told)[ends_backends::3]
    died_at = await killed_at_each(chosen, lambda place: live(f"life{chosen.index(place)}", str(place)))
    measured("crash.places.postgresql", len(died_at))
    assert len(died_at) >= 10

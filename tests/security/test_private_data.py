"""Whom Usher knows of is told by no log, no metric and no error, whatever goes wrong."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from starlette.requests import Request
from starlette.responses import Response

from tests.clocks import ManualClock
from tests.dashboard.visiting import House, visiting
from tests.store.stores import open_both_ways
from tests.web.service import Running
from tools.measuring import Measured
from usher.access.roles import Role
from usher.redact import without_addresses
from usher.sandbox.faults import Rule
from usher.store.database import Txn
from usher.web.bare_route import BareRoute
from usher.web.logging import configure_logging

PEOPLE = 1_000
SENT = 40
MARK = "canary"
FAULTS = ("reject", "throttle_500", "throttle_429", "reset_after", "reset_before", "status")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything that is logged, at the lowest level."""
    out, before = io.StringIO(), structlog.get_config()
    handlers, level = logging.root.handlers[:], logging.root.level
    configure_logging(stream=out)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    yield out
    structlog.configure(**before)
    logging.basicConfig(handlers=handlers, level=level, force=True)


@pytest.fixture
async def place(written: io.StringIO) -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="usher-") as folder:
        async with visiting(Path(folder), with_engine=True) as house:
            await house.running.authorize()
            yield house


def person(number: int) -> str:
    return f"{MARK}{number:04}.jo+x@{MARK}-{number % 7}.example.org"


async def let_deliveries_fail(usher: Running, people: list[str]) -> None:
    """Have Mapp refuse, throttle, lose and misunderstand people, naming them in its answers."""
    usher.world.faults.add(
        [
            Rule(where="mapp.event", kind=kind, share=0.1, status=400, body={"message": f"no such user {one}"})
            for kind, one in zip(FAULTS, people, strict=False)
        ]
    )
    job = await usher.create_job(mapp_attribute_name="one", exit_brake_people=50, exit_brake_percent=1.0)
    for at in range(0, len(people), 50):
        events = [usher.event(one, is_in=bool(at % 100)) for one in people[at : at + 50]]
        assert (await usher.trigger(events)).status == 200
    sent: dict[str, int] = {}
    for _ in range(200):
        sent = (await usher.ask("GET", f"/v2/job/{job['id']}/progress")).data["sent"]
        if sum(sent.values()) >= SENT:
            break
        await usher.service.store.clock.sleep(0.02)
    assert sum(sent.values()) >= SENT, sent
    assert sent["rejected"], sent


async def send_what_makes_no_sense(usher: Running, people: list[str]) -> None:
    token = await usher.trigger_token()
    for number, one in enumerate(people):
        event = usher.event(one)
        moment = event["data"]["segment_events"][0]
        odd: list[Any] = [
            b'{"data": {"email": "' + one.encode(),
            event | {"data": {"email": [one] * 60, "segment_events": [moment]}},
            event | {"data": {"email": one, "segment_events": [moment | {"event": one, "enter": one}]}},
            event | {"data": {"email": {one: one}, "segment_events": one}},
            event | {"data": {"email": one + "\u0000\ud800", "segment_events": [moment | {"slug": one, "id": one}]}},
            [one, [[one]], {one: None}],
        ]
        body = odd[number % len(odd)]
        packed = body if isinstance(body, bytes) else json.dumps(body).encode()
        assert (await usher.trigger(packed, token=token)).status == 200
        await usher.trigger(event, token=one.encode().hex() if number % 2 else "wrong")


async def ask_in_vain(place: House, people: list[str]) -> None:
    """Name people wherever an address or a body takes words, so that each is refused or not found."""
    usher, viewer = place.running, await place.visitor(Role.VIEWER)
    job = await usher.create_job(mapp_attribute_name="two")
    for number, one in enumerate(people):
        name = quote(one, safe="")
        asked = [
            ("GET", f"/v2/job/{job['id']}/members/{name}", None),
            ("GET", f"/v2/job/{name}/members/{name}?cursor={name}", None),
            ("GET", f"/v2/member/{name}%00", None),
            ("POST", f"/v2/job/{job['id']}/retry", {"members": [one, 7], "reason": one}),
            ("DELETE", f"/v2/member/{name}{'x' * 300}", None),
            ("POST", f"/v2/member/{name}/lift-erasure", None),
            ("GET", f"/{name}?m={name}", None),
            ("POST", "/v2/job/mapp-trigger-export", {"name": one, "config": {one: one}}),
            ("GET", f"/v2/segment/{name}", None),
        ]
        method, path, body = asked[number % len(asked)]
        assert (await usher.ask(method, path, body)).status < 500 or method == "GET"
        await viewer.get(f"/members?q={name}")
        await viewer.get(f"/jobs/{job['id']}/member?m={name}")


@asynccontextmanager
async def broken(usher: Running, table: str) -> AsyncIterator[None]:
    async def rename(one: str, other: str) -> None:
        statement = f"ALTER TABLE {one} RENAME TO {other}"
        await usher.deps.desk.database.write(lambda txn: txn.conn.exec_driver_sql(statement))

    await rename(table, f"{table}_gone")
    yield
    await rename(f"{table}_gone", table)


async def ask_while_the_database_is_broken(usher: Running, people: list[str]) -> None:
    jobs = (await usher.ask("GET", "/v2/job")).data
    token = await usher.trigger_token()
    for table in ("ledger", "history"):
        async with broken(usher, table):
            for number, one in enumerate(people):
                if number % 2:
                    answer = await usher.trigger(usher.event(one), token=token)
                else:
                    answer = await usher.ask("GET", f"/v2/job/{jobs[0]['id']}/members/{quote(one, safe='')}")
                assert answer.status >= 500
                assert MARK not in answer.text


async def let_our_own_code_fail(usher: Running, people: list[str]) -> None:
    """A fault of ours that carries whom it was about, as a KeyError does."""

    async def fail(request: Request) -> Response:
        raise KeyError(people[int(request.query_params["n"])])

    usher.service.app.router.routes.insert(0, BareRoute("/fail", fail, methods=["GET"]))  # type: ignore[attr-defined]
    for number, _ in enumerate(people):
        answer = await usher.ask("GET", f"/fail?n={number}")
        assert (answer.status, MARK in answer.text) == (500, False)


async def test_a_thousand_people_are_in_no_log_metric_or_trail(
    place: House, written: io.StringIO, capfd: pytest.CaptureFixture[str], measured: Measured
) -> None:
    usher, people = place.running, [person(number) for number in range(PEOPLE)]
    await let_deliveries_fail(usher, people[:400])
    await send_what_makes_no_sense(usher, people[400:600])
    await ask_in_vain(place, people[600:800])
    await ask_while_the_database_is_broken(usher, people[800:900])
    await let_our_own_code_fail(usher, people[900:])
    shown = [written.getvalue(), (await usher.ask("GET", "/metrics")).text, *capfd.readouterr()]
    shown += [str((await usher.ask("GET", path)).data) for path in ("/v2/audit", "/v2/overview", "/v2/health")]
    for job in (await usher.ask("GET", "/v2/job")).data:
        shown.append((await usher.ask("GET", f"/v2/job/{job['id']}/logs", role=Role.VIEWER)).text)
    found = [text[max(0, text.find(MARK) - 300) :][:400] for text in shown if MARK in text]
    assert found == []
    assert shown[0].count("\n") > 500, "the log was written"
    assert "KeyError" in shown[0]
    assert "trigger_message_" in shown[0], "what the database refused is in it"
    measured("security.canary_people", PEOPLE)
    measured("security.canaries_shown", len(found))


async def test_whoever_asks_hears_of_a_refusal_without_the_words_of_the_database(postgres_url: str) -> None:
    """PostgreSQL quotes the row that it refused; what is raised of it does not, nor does what stands behind it."""
    store = open_both_ways(postgres_url, ManualClock())

    def twice(txn: Txn) -> None:
        for _ in range(2):
            txn.conn.exec_driver_sql(f"INSERT INTO facts (name, value) VALUES ('{person(1)}', '1')")

    def odd(txn: Txn) -> None:
        txn.conn.exec_driver_sql(f"SELECT CAST('{person(2)}' AS BIGINT)")

    for work in (twice, odd):
        with pytest.raises(Exception) as raised:
            await store.pages.write(work)
        error: BaseException | None = raised.value
        while error is not None:
            assert MARK not in str(error).replace(f"'{person(1)}'", "").replace(f"'{person(2)}'", "")
            error = error.__cause__ or error.__context__
    await store.close()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("KeyError: 'jo.public@example.com'", "KeyError: 'j***@e***.com'"),
        ("members/jo@example.com?x=a@b.de&c", "members/j***@e***.com?x=a***@b***.de&c"),
        ("nobody here", "nobody here"),
        ("@ alone, a@ and @b", "@ alone, a@ and @b"),
        ("jo@exämple.org,ann@example.org", "j***@e***.org,a***@e***.org"),
    ],
)
def test_an_address_is_masked_wherever_it_stands(text: str, masked: str) -> None:
    assert without_addresses(text) == masked


def test_masking_a_long_line_takes_no_longer_than_its_length_is_worth() -> None:
    assert without_addresses("x" * 200_000 + "@").endswith("@")


async def test_the_broken_log_would_be_found(written: io.StringIO) -> None:
    structlog.get_logger().error("odd", about={"nested": person(3)})
    assert MARK in written.getvalue(), "what is captured is what is written"

"""`usher admin`, and the link that `usher serve` prints while nobody can sign in."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.cli.test_cli_processes import serving
from usher.access.entering import use_link
from usher.cli.serve import _first_link
from usher.settings import settings_from
from usher.wiring import local_service

LINK = re.compile(r"http://127\.0\.0\.1:8080/welcome/[\w-]{43}\n")


def test_a_link_is_printed_alone_and_the_hint_beside_it(terminal: Terminal) -> None:
    made = terminal.done("admin", "create", "Jo Public", "--role", "operator")
    again = terminal.done("admin", "reset", "jo public")

    for said in (made, again):
        assert LINK.fullmatch(said.out)
        assert "Jo Public (operator)" in said.err
        assert "usher serve" in said.err
        assert said.out.strip().rpartition("/")[2] not in said.err
    assert made.out != again.out


def test_the_list_names_everybody_and_shows_no_link(terminal: Terminal) -> None:
    assert "usher admin create" in terminal.done("admin", "list").out
    terminal.done("admin", "create", "Jo")
    made = terminal.done("admin", "create", "[red]Bo", "--role", "viewer", "--json").json

    (jo, bo) = terminal.done("admin", "list", "--json").json
    assert (jo["role"], bo["role"], bo["name"], "link" in bo) == ("admin", "viewer", "[red]Bo", False)
    table = terminal.done("admin", "list").out
    assert "[red]Bo" in table
    assert made["link"] not in table


def test_a_removed_person_is_gone(terminal: Terminal) -> None:
    terminal.done("admin", "create", "Jo/Public")
    terminal.done("admin", "remove", "jo/public")

    assert terminal.done("admin", "list", "--json").json == []
    said = terminal.run("admin", "remove", "Jo")
    assert (said.code, "usher admin list" in said.err) == (1, True)


def test_a_wrong_name_is_wrong_usage(terminal: Terminal) -> None:
    assert terminal.run("admin", "create", " ").code == 2
    assert terminal.run("admin", "create", "Jo", "--role", "king").code == 2


def test_links_lead_where_people_reach_the_dashboard_and_not_where_lytics_does(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USHER_BASE_URL", "https://public.example.com")
    monkeypatch.setenv("USHER_DASHBOARD_URL", "https://inner.example.com/")
    assert terminal.done("admin", "create", "Jo").out.startswith("https://inner.example.com/welcome/")


@pytest.mark.process
def test_serve_prints_a_link_and_links_made_beside_it_lead_to_where_it_listens(terminal: Terminal) -> None:
    with serving(terminal.folder) as (process, url):
        assert process.stdout is not None
        said = "".join(process.stdout.readline() for _ in range(4))
        assert re.search(rf"^Sign in: {re.escape(url)}/welcome/[\w-]{{43}} ", said, re.MULTILINE)
        made = terminal.done("admin", "create", "Jo")
        assert made.out.startswith(f"{url}/welcome/")
        assert "usher serve" not in made.err


def test_the_first_link_is_printed_until_somebody_can_sign_in(tmp_path: Path) -> None:
    async def whole() -> list[bool]:
        settings = settings_from({"USHER_DATA_DIR": str(tmp_path)})
        async with local_service(settings, with_engine=False) as app:
            first = await _first_link(app, "http://here")
            assert first is not None
            token = first.removeprefix("http://here/welcome/")
            desk = app.state.deps.desk  # type: ignore[attr-defined]
            await use_link(desk, token, name="Anna", password="four brown foxes jumped", browser="")
            return [bool(first), bool(await _first_link(app, "http://here"))]

    assert asyncio.run(whole()) == [True, False]

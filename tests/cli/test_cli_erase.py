"""`usher erase`: asks first, prints a receipt, and lifts it with --undo."""

from tests.cli.terminal import Terminal

JO = "jo.public@example.com"


def test_nobody_is_erased_unasked(terminal: Terminal) -> None:
    said = terminal.run("erase", JO)
    assert (said.code, "--yes" in said.err) == (2, True)


def test_the_receipt_is_text_and_json_and_names_nobody(terminal: Terminal) -> None:
    as_text = terminal.done("erase", JO, "--yes").out
    for part in ("receipt", "Removed", "What Mapp still holds", "What is left to do"):
        assert part in as_text

    as_json = terminal.done("erase", JO, "--yes", "--json").json
    assert set(as_json) == {
        *("receipt", "at", "actor", "hash", "removed", "held", "unopened", "erased_before", "to_do"),
    }
    assert as_json["erased_before"]["receipt"] in as_text
    assert "jo.public" not in as_text + str(as_json)


def test_it_is_lifted_once_no_old_request_can_land(terminal: Terminal) -> None:
    terminal.done("erase", JO, "--yes")
    early = terminal.run("erase", JO, "--undo")
    assert (early.code, "may still land" in early.err) == (1, True)

    unknown = terminal.run("erase", "amy@example.com", "--undo")
    assert (unknown.code, "Nobody is erased" in unknown.err) == (1, True)

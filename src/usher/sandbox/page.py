"""One page for people: what each side holds. It reloads by itself and needs no script."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from usher.sandbox.control import state_of
from usher.sandbox.exchange import Answer
from usher.sandbox.world import World

RELOAD_SECONDS = 3
STYLE = """
:root { color-scheme: light dark; --line: #d5d9e0; --soft: #5c6675; --paper: #fff; --ink: #1b2330; }
@media (prefers-color-scheme: dark) { :root { --line: #39414e; --soft: #9aa5b5; --paper: #14181f; --ink: #e6eaf0; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem;
  background: var(--paper); color: var(--ink); }
h1 { font-size: 1.4rem; margin-bottom: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
p { color: var(--soft); margin: .2rem 0; } .wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; } td.number, th.number { text-align: right; }
"""


def page(world: World) -> Answer:
    """The whole page, everything in it escaped."""
    state = state_of(world)
    parts = [
        _audiences(state["lytics"]),
        _jobs(state["lytics"]["jobs"]),
        _attributes(state["mapp"]),
        _traffic(state["traffic"]),
        _faults(state["faults"]),
    ]
    return Answer(body=_whole("".join(parts)).encode(), content_type=b"text/html; charset=utf-8")


def _whole(content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="{RELOAD_SECONDS}">'
        f"<title>Usher sandbox</title><style>{STYLE}</style></head><body><main>"
        "<h1>Usher sandbox</h1>"
        "<p>A pretend Lytics at <code>/lytics</code> and a pretend Mapp at <code>/mapp</code>. "
        "Nobody here is real.</p>"
        f"{content}</main></body></html>"
    )


def _audiences(lytics: dict[str, Any]) -> str:
    rows = [
        (a["name"], slug, a["size"], "deleted" if a["deleted"] else "invalid" if a["invalid"] else "valid")
        for slug, a in lytics["audiences"].items()
    ]
    return _table("Lytics: audiences", ("Name", "Slug", "People", "State"), rows, f"{lytics['people']} people")


def _jobs(jobs: list[dict[str, Any]]) -> str:
    names = ("queued", "delivered", "omitted", "pending", "requests", "failures")
    rows = [(job["name"], job["status"], *(job[name] for name in names)) for job in jobs]
    return _table("Lytics: webhook jobs", ("Name", "Status", *(name.capitalize() for name in names)), rows)


def _attributes(mapp: dict[str, Any]) -> str:
    rows = [
        (mapp["groups"].get(held["group"], held["group"]), held["attribute"], held["value"], held["contacts"])
        for held in mapp["attributes"]
    ]
    feedback = ", ".join(f"{code} {count}" for code, count in mapp["feedback"].items()) or "none"
    counts = f"{mapp['contacts']} contacts; {mapp['applied']} events applied, {mapp['pending']} waiting"
    note = f"{counts}; feedback: {feedback}"
    return _table("Mapp: member attributes", ("Group", "Attribute", "Value", "Contacts"), rows, note)


def _traffic(places: dict[str, dict[str, int]]) -> str:
    rows = [(place, status, count) for place, counts in places.items() for status, count in counts.items()]
    return _table("Requests", ("Place", "Status", "Count"), rows)


def _faults(rules: list[dict[str, Any]]) -> str:
    rows = [(rule["where"], rule["kind"], rule["share"], rule["hits"]) for rule in rules]
    return _table("Faults in force", ("Where", "Kind", "Share", "Hits"), rows)


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], note: str = "") -> str:
    kept = list(rows)
    lines = [f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in kept]
    first = kept[0] if kept else [""] * len(heads)
    head = "".join(
        f'<th scope="col"{_number(value)}>{escape(name)}</th>' for name, value in zip(heads, first, strict=True)
    )
    table = f'<div class="wide"><table><tr>{head}</tr>{"".join(lines)}</table></div>' if lines else "<p>None.</p>"
    return f"<section><h2>{escape(title)}</h2>{f'<p>{escape(note)}</p>' if note else ''}{table}</section>"


def _number(value: Any) -> str:
    """The class that sets a number, and the head of its column, to the right."""
    return ' class="number"' if isinstance(value, int | float) else ""


def _cell(value: Any) -> str:
    kind = _number(value)
    return f"<td{kind}>{escape(str(value))}</td>"

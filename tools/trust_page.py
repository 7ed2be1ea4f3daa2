"""
The page of promises: what each says, which tests prove it, and what was measured.

The table is TOML: `[[section]]` with a title and words, in it `[[section.promise]]` with `says`, `rules`, `tests` and
`figures`; `[[limit]]` says what is not promised.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.markdown import code

WRITTEN = "<!-- Written by `make trust` from docs/trust.toml and docs/trust-figures.json; change the former. -->"
NOT_YET = "not measured yet"


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One measured figure.

    Args:
        says: a phrase with {} for the value ("{} places where the process was killed").
        of: what it is when a run takes it several times: "sum", "most" or "least".
    """

    name: str
    says: str
    of: str = "sum"


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised, by which rules, and which tests ("tests/path.py::name") show it."""

    says: str
    rules: str
    tests: tuple[str, ...]
    figures: tuple[Figure, ...]


def promises_of(table: str) -> list[Promise]:
    """Return every promise of *table*, in order."""
    return [_promise(raw) for section in tomllib.loads(table)["section"] for raw in section["promise"]]


def trust_page(table: str, kept: Mapping[str, Any]) -> str:
    """Return the page; *kept* holds the results of tests and the figures of the last run."""
    told = tomllib.loads(table)
    blocks = [f"# {told['title']}", WRITTEN, told["opening"].strip(), _run(kept["run"])]
    for section in told["section"]:
        blocks += [f"## {section['title']}", section.get("words", "").strip()]
        blocks += [_said(_promise(raw), kept) for raw in section["promise"]]
    blocks += ["## What is not promised", "\n".join(f"- {limit['says'].strip()}" for limit in told["limit"])]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _promise(raw: Mapping[str, Any]) -> Promise:
    return Promise(
        says=raw["says"],
        rules=raw.get("rules", ""),
        tests=tuple(raw.get("tests", ())),
        figures=tuple(Figure(**figure) for figure in raw.get("figures", ())),
    )


def _run(run: Mapping[str, Any]) -> str:
    if not run:
        return "No run is kept yet."
    return f"Last proven on {run['on']} with Python {run['python']} on a machine of {run['cores']} cores."


def _said(promise: Promise, kept: Mapping[str, Any]) -> str:
    rules = f" ({promise.rules})" if promise.rules else ""
    lines = [f"### {promise.says}{rules}"]
    measured = [_figure(figure, kept["figures"]) for figure in promise.figures]
    if measured:
        lines.append("\n".join(f"- {one}" for one in measured))
    if promise.tests:
        lines.append(_tests(promise.tests, kept["tests"]))
    return "\n\n".join(lines)


def _figure(figure: Figure, figures: Mapping[str, Any]) -> str:
    taken = figures.get(figure.name)
    if taken is None:
        return f"{figure.says.format(NOT_YET)}."
    return f"{figure.says.format(_number(taken['value']))} ({taken['on']})."


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.3g}"


def _tests(tests: Sequence[str], results: Mapping[str, int]) -> str:
    lines = []
    for test in tests:
        passed = sum(count for name, count in results.items() if name == test or name.startswith(f"{test}::"))
        cases = f", {passed:,} {'case' if passed == 1 else 'cases'}" if passed else f", {NOT_YET}"
        lines.append(f"- {code(test)}{cases}")
    return "<details><summary>Proof</summary>\n\n" + "\n".join(lines) + "\n\n</details>"

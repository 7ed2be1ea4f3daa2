"""The words that the dashboard shows: whatever a page may set in bold as the label of something to read or press."""

import ast
import html
import re

from tests.docs.pages import FENCED, INLINE, ROOT

DASHBOARD = ROOT / "src" / "usher" / "web" / "dashboard"
BOLD = re.compile(r"\*\*(.+?)\*\*")
REMARK = re.compile(r"\{#.*?#\}", re.DOTALL)
CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
QUOTED = re.compile(r"""(["'])(.*?)\1""")
TAG = re.compile(r"<[^>]*>")
SPOKEN = re.compile(r'(?:aria-label|placeholder|title)="([^"]*)"')
GAP = "\0"  # where a template's code stood; no label goes across it


def bold_of(text: str) -> list[str]:
    """Everything that is set in bold, code left out."""
    return BOLD.findall(INLINE.sub("", FENCED.sub("", text)))


def labels() -> frozenset[str]:
    """Every whole text of a template and every string of the code beside it, as it stands there."""
    found: set[str] = set()
    for template in (DASHBOARD / "templates").glob("*.html"):
        found |= _of_template(template.read_text(encoding="utf-8"))
    for module in DASHBOARD.glob("*.py"):
        found |= _of_module(module.read_text(encoding="utf-8"))
    return frozenset(found)


def _of_template(text: str) -> set[str]:
    text = REMARK.sub("", text)
    literals = {literal for code in CODE.findall(text) for _, literal in QUOTED.findall(code)}
    markup = CODE.sub(GAP, text)
    shown = GAP.join((TAG.sub(GAP, markup), *SPOKEN.findall(markup)))
    return literals | {html.unescape(piece).strip() for piece in shown.split(GAP)}


def _of_module(text: str) -> set[str]:
    strings = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
    return {string.strip(" ,") for string in strings if isinstance(string, str)}

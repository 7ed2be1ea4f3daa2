"""The pages that people read, taken apart into what can be checked."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PROMPT = "$ "


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def links_of(text: str) -> list[str]:
    """Every address that is linked to, code left out."""
    return LINK.findall(INLINE.sub("", FENCED.sub("", text)))


def anchors_of(text: str) -> set[str]:
    """The addresses of a page's headings, as the web's usual readers of Markdown make them."""
    plain = (heading.replace("`", "").lower() for heading in HEADING.findall(FENCED.sub("", text)))
    return {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in plain}


def typed_of(text: str) -> list[str]:
    """Every command that a block shows: after a prompt where the block has one, else every line."""
    typed: list[str] = []
    for block in FENCED.findall(text):
        lines = block.splitlines()
        prompted = [line.removeprefix(PROMPT) for line in lines if line.startswith(PROMPT)]
        typed += prompted or [line for line in lines if line]
    return typed


def said_of(text: str) -> list[str]:
    """Everything that is set as code within a sentence."""
    return INLINE.findall(FENCED.sub("", text))


def words_of(command: str, program: str) -> list[str] | None:
    """Return the words of *command* after *program*, or None where another program is called."""
    found = re.match(rf"(?:\.venv/bin/)?{program}(?: |$)", command)
    return None if found is None else shlex.split(command[found.end() :])

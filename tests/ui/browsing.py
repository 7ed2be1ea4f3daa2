"""One browser window, watched: whatever it complains of, and whatever breaks its policy, fails the test."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page

AXE = Path(__file__).parent / "vendor/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})"
SHOTS = os.environ.get("SCREENS")  # a folder; taking hundreds of pictures takes longer than all else
PASSWORD = "a long enough password"
SIDEWAYS = """() => new Promise((done) => {  // a chart follows its box a frame later
  const page = document.documentElement;
  requestAnimationFrame(() => requestAnimationFrame(() => done(page.scrollWidth > page.clientWidth)));
})"""
EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")


@dataclass
class Window:
    """A page in a browser, and how a person uses it."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(path if path.startswith("http") else self.url + path)

    def shoot(self, name: str) -> None:
        """Keep a screenshot of the whole page, where somebody wants them."""
        if SHOTS:
            self.page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)

    def barriers(self, *rules: str) -> list[Any]:
        """Return what axe-core finds against WCAG 2.2 AA (or against some rules of it): rule and places."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(RUN, list(rules) or RULES)
        return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found["violations"]]

    @property
    def scrolls_sideways(self) -> bool:
        return bool(self.page.evaluate(SIDEWAYS))

    @property
    def text(self) -> str:
        return self.page.inner_text("main")

    def press(self, word: str, *, within: str = "main") -> None:
        """Press the button or link that says *word*."""
        both = self.page.locator(within).get_by_role("button", name=word, exact=True)
        link = self.page.locator(within).get_by_role("link", name=word, exact=True)
        both.or_(link).first.click()

    def type(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).first.fill(text)


@contextmanager
def window(
    browser: Browser,
    url: str,
    *,
    theme: str = "light",
    width: int = 1440,
    has_script: bool = True,
    is_judged: bool = False,
) -> Iterator[Window]:
    """
    Open a window of its own, cookies and all; what its console says against us fails the test.

    Args:
        is_judged: brings axe-core into every page as it loads, which is faster where each is looked at.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        java_script_enabled=has_script,
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    )
    context.set_default_timeout(15_000)
    if is_judged:
        context.add_init_script(path=AXE)
    seen = Window(context.new_page(), url)

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not EXPECTED.match(message.text):
            seen.complaints.append(message.text)

    seen.page.on("console", hear)
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    try:
        yield seen
        assert not seen.complaints, seen.complaints
    finally:
        context.close()


def enter(seen: Window, link: str, *, name: str = "") -> None:
    """Use a one-time link; *name* only for the first administrator."""
    seen.open(link)
    if name:
        seen.type("Name", name)
    seen.type("Password", PASSWORD)
    seen.page.locator("main form button").last.click()
    seen.page.wait_for_url("**/jobs")

"""What a person does on a page, counted: every click, choice and check is a click, every text field filled is typed."""

from dataclasses import dataclass

from tests.ui.browsing import Window


@dataclass
class Hand:
    """One person at one window."""

    seen: Window
    clicks: int = 0
    typed: int = 0

    def press(self, word: str, *, within: str = "main") -> None:
        self.clicks += 1
        self.seen.press(word, within=within)

    def choose(self, word: str) -> None:
        """Click the choice whose label begins with *word*."""
        self.clicks += 1
        self.seen.page.locator("main label").filter(has_text=word).first.click()

    def type(self, field: str, text: str) -> None:
        """Fill in the text field with the id *field*, and leave it."""
        self.typed += 1
        self.seen.page.locator(f"#{field}").fill(text)

    def enter(self) -> None:
        """Press Enter where the cursor is; it is neither a click nor a field."""
        self.seen.page.keyboard.press("Enter")

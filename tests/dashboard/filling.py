"""Forms as a person without script fills them in: found on the page, changed, sent by one of their buttons."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from tests.dashboard.visiting import Page, Visitor

TYPED = frozenset({"text", "password", "search"})


@dataclass
class Button:
    word: str
    pair: tuple[str, str] | None
    action: str


@dataclass
class Form:
    """One form; *fields* holds what would be sent, *choices* what each select and radio offers."""

    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    boxes: set[str] = field(default_factory=set)
    kinds: dict[str, str] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects the forms of a page; what stands in a select or a text area is its value."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._inside: Form | None = None
        self._select = self._area = ""
        self._button: Button | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = Form(given.get("method", "get"), given.get("action", ""))
            self.forms.append(self._inside)
        form = self._inside
        if form is None:
            return
        if tag == "input":
            self._input(form, given)
        elif tag == "select":
            self._select = given["name"]
            form.choices[self._select] = []
        elif tag == "option" and self._select:
            form.choices[self._select].append(given["value"])
            if "selected" in given or self._select not in form.fields:
                form.fields[self._select] = given["value"]
        elif tag == "textarea":
            self._area = given["name"]
            form.fields[self._area], form.kinds[self._area] = "", "text"
        elif tag == "button" and given.get("type", "submit") == "submit":
            pair = (given["name"], given["value"]) if "name" in given else None
            self._button = Button("", pair, given.get("formaction", ""))
            form.buttons.append(self._button)

    def _input(self, form: Form, given: dict[str, str]) -> None:
        name, kind, value = given.get("name", ""), given.get("type", "text"), given.get("value", "on")
        if not name:
            return
        if kind == "checkbox":
            form.boxes.add(name)
        elif kind == "radio":
            form.choices.setdefault(name, []).append("" if "disabled" in given else value)
        else:
            form.fields[name], form.kinds[name] = given.get("value", ""), kind
        if kind in {"checkbox", "radio"} and "checked" in given:
            form.fields[name] = value

    def handle_data(self, data: str) -> None:
        if self._area and self._inside is not None:
            self._inside.fields[self._area] += data
        if self._button is not None:
            self._button.word += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""
        elif tag == "button":
            self._button = None


def forms_on(page: Page) -> list[Form]:
    reader = _Reader()
    reader.feed(page.text)
    return reader.forms


@dataclass
class Person:
    """Somebody with one page open, who counts clicks and the fields typed into."""

    visitor: Visitor
    page: Page
    clicks: int = 0
    typed: int = 0
    held: dict[str, Any] = field(default_factory=dict)

    async def open(self, path: str) -> Page:
        self.page, self.held = await self.visitor.get(path), {}
        await self._follow()
        return self.page

    def type(self, **texts: str) -> None:
        for name, text in texts.items():
            assert any(form.kinds.get(name) in TYPED for form in forms_on(self.page)), f"nowhere to type {name}"
            self.held[name] = text
            self.typed += 1

    def pick(self, name: str, value: str) -> None:
        """Click a radio button, an option (two clicks), or a button that fills a field in."""
        form = next((form for form in forms_on(self.page) if name in form.choices), None)
        if form is None:
            assert f'data-fill="{name}" data-value="{value}"' in self.page.text
        else:
            assert value in form.choices[name], form.choices[name]
        self.held[name] = value
        self.clicks += 1

    def switch(self, name: str, *, on: bool) -> None:
        assert any(name in form.boxes for form in forms_on(self.page)), f"no box {name}"
        self.held[name] = "on" if on else None
        self.clicks += 1

    async def press(self, word: str) -> Page:
        """Press a button by its word, as sent without script; redirects are followed."""
        form, button = next(
            (form, button)
            for form in forms_on(self.page)
            for button in form.buttons
            if button.word.strip() == word and "aria-hidden" not in button.word
        )
        fields = form.fields | {name: value for name, value in self.held.items() if self._belongs(form, name)}
        sent = {name: value for name, value in fields.items() if value is not None}
        if button.pair is not None:
            sent[button.pair[0]] = button.pair[1]
        self.clicks += 1
        await self._send(form.method, button.action or form.action, sent)
        return self.page

    def _belongs(self, form: Form, name: str) -> bool:
        return name in form.fields or name in form.choices or name in form.boxes

    async def _send(self, method: str, action: str, sent: dict[str, str]) -> None:
        if method.lower() == "post":
            self.page = await self.visitor.post(action, sent)
        else:
            self.page = await self.visitor.get(f"{action}?{urlencode(sent)}")
        self.held = {}
        await self._follow()

    async def _follow(self) -> None:
        while self.page.status == 303:
            self.page = await self.visitor.get(self.page.leads_to)

    def shown(self, name: str) -> str:
        """Return what a field of the page holds; "" for a box that is off."""
        return next((form.fields.get(name, "") for form in forms_on(self.page) if self._has(form, name)), "")

    def _has(self, form: Form, name: str) -> bool:
        return form.kinds.get(name) not in (None, "hidden") or name in form.boxes or name in form.choices

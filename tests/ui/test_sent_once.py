"""A form whose answer takes long is sent once, however often and however late its button is pressed."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.ui.browsing import Window

MINUTE_MS = 60_000


@pytest.fixture
def held_back(entered: str, open_window: Callable[..., Window]) -> tuple[Window, list[Route]]:
    """A window on the sign-in page whose forms reach nobody, and what was sent."""
    assert entered, "somebody can sign in"
    seen, sent = open_window(), list[Route]()

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            sent.append(route)
        else:
            route.continue_()

    seen.page.clock.install()
    seen.page.route("**/sign-in", hold)
    seen.open("/sign-in")
    seen.type("Name", "somebody@example.org")
    seen.type("Password", "a long enough password")
    return seen, sent


def press_sign_in(seen: Window) -> None:
    """Press as a person does, who waits for nothing."""
    seen.page.get_by_role("button", name="Sign in", exact=True).dispatch_event("click")


def test_a_form_whose_answer_is_awaited_is_not_sent_again_even_after_a_minute(
    held_back: tuple[Window, list[Route]],
) -> None:
    seen, sent = held_back
    press_sign_in(seen)
    expect(seen.page.locator("form[data-sent]")).to_have_count(1)
    seen.page.clock.fast_forward(MINUTE_MS)
    press_sign_in(seen)
    expect(seen.page.locator("form[data-sent]")).to_have_count(1)
    assert len(sent) == 1


def test_a_page_that_is_shown_again_may_send_its_form_again(held_back: tuple[Window, list[Route]]) -> None:
    seen, _ = held_back
    press_sign_in(seen)
    expect(seen.page.locator("form[data-sent]")).to_have_count(1)
    seen.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(seen.page.locator("form[data-sent]")).to_have_count(0)

"""A form whose answer takes long is sent once, however often and however late its button is pressed."""

from collections.abc import Callable

from tests.ui.browsing import Window

MINUTE_MS = 60_000
HEAR = """() => {
  window.let_through = [];
  addEventListener("submit", (e) => { let_through.push(!e.defaultPrevented); e.preventDefault(); });
}"""  # heard after the page's own script, so that nothing leaves and the page stays
SHOW_AGAIN = "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true})) && null"


def test_a_form_is_sent_once_until_its_page_is_shown_again(entered: str, open_window: Callable[..., Window]) -> None:
    assert entered, "somebody can sign in"
    seen = open_window()
    seen.page.clock.install()
    seen.open("/sign-in")
    seen.type("Name", "somebody@example.org")
    seen.type("Password", "a long enough password")
    seen.page.evaluate(HEAR)
    seen.press("Sign in")
    seen.press("Sign in")
    seen.page.clock.fast_forward(MINUTE_MS)
    seen.press("Sign in")
    assert seen.page.evaluate("let_through") == [True, False, False]
    seen.page.evaluate(SHOW_AGAIN)
    seen.press("Sign in")
    assert seen.page.evaluate("let_through") == [True, False, False, True]

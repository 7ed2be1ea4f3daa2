"""What a person is asked: a secret that came by no option nor the environment, and whether to go on."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from usher.errors import Conflict, InvalidInput, Problem


def asked_secret(given: str | None, option: str, words: str) -> str:
    """
    Return the secret, asking for it on a terminal where it was not given.

    Raises:
        InvalidInput: it was not given, and there is nobody to ask.
    """
    if given is not None:
        return given
    if not may_ask():
        raise InvalidInput(Problem(option, "is needed, and there is no terminal to ask on.", f"Give {option}."))
    with interruptible():
        return str(typer.prompt(words, hide_input=True))


def agreed(question: str, *, yes: bool) -> None:
    """
    Ask whether to go on, unless *yes* was given with the command.

    Raises:
        Conflict: the person said no.
        InvalidInput: there is nobody to ask.
    """
    if yes:
        return
    if not may_ask():
        raise InvalidInput(Problem("--yes", "is needed, because there is no terminal to ask on.", "Give --yes."))
    with interruptible():
        if not typer.confirm(question):
            raise Conflict("Nothing was changed.")


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a prompt at once: a running event loop would keep it back, and take what is typed next."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def may_ask() -> bool:
    return sys.stdin.isatty()

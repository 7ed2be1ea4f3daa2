"""A secret is asked for without an echo, and Ctrl-C at the prompt saves nothing."""

import os
import pty
import signal
import sys
import time

PROGRAM = """
import asyncio, sys
from usher.cli.secrets import asked_secret

async def main():
    print("got", asked_secret(None, "--secret", "Secret"))

try:
    asyncio.run(main())
except BaseException as error:
    print("ended by", type(error).__name__)
"""


def read_until(terminal: int, words: bytes) -> bytes:
    seen = b""
    deadline = time.monotonic() + 20
    while words not in seen:
        assert time.monotonic() < deadline, seen
        seen += os.read(terminal, 1024)
    return seen


def test_ctrl_c_at_a_secret_prompt_ends_the_command_at_once():
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM])
    try:
        read_until(terminal, b"Secret")
        os.write(terminal, b"\x03")
        assert b"got" not in read_until(terminal, b"ended by")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)

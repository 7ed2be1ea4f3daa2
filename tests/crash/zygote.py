"""
A process that has everything imported, opened nothing, and becomes a service or a sandbox by forking.

Orders come as JSON lines: {"kind", "env", "port", ...}; each is answered with the new process's id. When the orders
end, so do all of them.
"""

import json
import os
import random
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

import usher.web.logging
import usher.wiring  # imported once here, so that no child has to
from tests.crash.places import Places, end_backends, watch
from usher.cli.serve import run_service
from usher.cli.serving import network_socket, served, told_to_stop
from usher.clock import SystemClock
from usher.engine import supervise
from usher.sandbox.app import create_app
from usher.sandbox.options import SandboxOptions
from usher.settings import settings_from
from usher.store import sqlite

HOST = "127.0.0.1"


def serve_orders() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
    os.killpg(0, signal.SIGKILL)


def _become(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
    try:
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for stream in (1, 2):
            os.dup2(log, stream)
        (_service if order["kind"] == "service" else _sandbox)(order)
        code = 0
    except BaseException:  # noqa: BLE001 - the end of a process, which says what it ended of
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _service(order: dict[str, Any]) -> None:
    sqlite.CHECKPOINT_PAGES = order["checkpoint_pages"]
    supervise.SCAN_AGAIN_SECONDS = 0.5  # nothing here can spin, and nobody should wait for it
    places = Places(Path(order["places"]), order["fatal"])
    if order["ends_backends"]:
        places.end = partial(end_backends, order["env"]["USHER_DATABASE_URL"])
    watch(places)
    usher.web.logging.configure_logging(is_quiet=True)
    uvloop.run(run_service(settings_from(order["env"]), host=HOST, port=order["port"]))


def _sandbox(order: dict[str, Any]) -> None:
    async def main() -> None:
        app = create_app(SandboxOptions(**order["options"]), clock=SystemClock(), rng=random.Random(1))
        async with served(app, [network_socket(HOST, order["port"])], lifespan=True):
            await told_to_stop()

    uvloop.run(main())


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them, so none stays behind
    serve_orders()

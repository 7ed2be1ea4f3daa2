"""A sandbox and a service, each a real process as a user would start it, and how a test looks behind the pages."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from usher.cli.local_socket import SOCKET_NAME

LINK = re.compile(r"http://\S+/welcome/\S+")
GROUP, INTEGRATION, SECRET = "2324000001", "5a4d7b0e-1f7c-4b6d-9d0e-2c8f3a61b7e4", "sandbox-secret"
LYTICS_TOKEN = "sandbox-lytics-token"
SHORT = {  # a lost answer is waited out in seconds, so that a test need not take minutes
    "USHER_SEND_ROOM_SECONDS": "3",
    "USHER_REQUEST_TIMEOUT_SECONDS": "1.5",
    "USHER_QUARANTINE_SECONDS": "1.5",
    "USHER_CLOCK_MARGIN_SECONDS": "0.5",
    "USHER_SCAN_GUARD_SECONDS": "2",
}


def until(is_so: Callable[[], Any], *, seconds: float = 30) -> Any:
    """Return what *is_so* gives once it is true; the test fails when it never is."""
    end = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
    return found


def free_port() -> int:
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        port: int = asking.getsockname()[1]
        return port


class Local(http.client.HTTPConnection):
    """A connection to the Unix socket in the data folder."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class House:
    """One sandbox, one service; their output is kept beside their data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url, self.sandbox = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("USHER_")}
        self.env = {
            **kept,
            **SHORT,
            "USHER_DATA_DIR": str(folder / "data"),
            "USHER_ALLOW_HTTP": "1",
            "USHER_ALLOW_PRIVATE": "1",
            "USHER_BASE_URL": self.url,
        }

    def start(self, *, members: int = 60) -> None:
        self._start("sandbox", "--port", self.sandbox.rpartition(":")[2], "--members", str(members))
        self.start_service()
        until(lambda: self._answers(f"{self.sandbox}/control/faults"))

    def start_service(self) -> None:
        self._start("serve", "--port", self.url.rpartition(":")[2])
        until(lambda: self._answers(f"{self.url}/healthz"))

    def stop(self, name: str) -> None:
        process = self._running.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()

    def stop_all(self) -> None:
        for name in list(self._running):
            self.stop(name)

    def output(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def first_link(self) -> str:
        """Return the one-time link that the service printed when it started."""
        return str(until(lambda: LINK.findall(self.output("serve")))[-1])

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the REST API as whoever operates the service beside it; return the answer's data."""
        with contextlib.closing(Local(self.folder / "data" / SOCKET_NAME)) as asking:
            asking.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            reply = asking.getresponse()
            text = reply.read().decode()
        assert reply.status < 300, text
        return json.loads(text)["data"]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Tell the sandbox what to do."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.sandbox}/control{path}", data, headers, method=method)
        with urllib.request.urlopen(asked, timeout=30) as reply:
            return json.loads(reply.read())

    def authorize(self) -> tuple[str, str]:
        """Save one authorization of each provider; return their ids, Mapp's first."""
        mapp = {"api_url": f"{self.sandbox}/mapp", "integration_id": INTEGRATION, "secret": SECRET}
        lytics = {"api_url": f"{self.sandbox}/lytics", "token": LYTICS_TOKEN}
        made = (
            self.api("POST", f"/v2/auth/{kind}", {"label": label, "config": config})
            for label, kind, config in (
                ("Mapp sandbox", "integration-secret", mapp),
                ("Lytics sandbox", "lytics-token", lytics),
            )
        )
        first, second = (one["id"] for one in made)
        return first, second

    def create_job(self, name: str, auth_ids: tuple[str, str], **config: Any) -> str:
        base = {"segment_id": "vip_shoppers", "uid_field": "email", "group_id": GROUP}
        body = {"name": name, "auth_ids": list(auth_ids), "config": base | config}
        return str(self.api("POST", "/v2/job/mapp-trigger-export", body)["id"])

    def progress(self, job: str) -> Any:
        return self.api("GET", f"/v2/job/{job}/progress")

    def until_quiet(self, job: str) -> Any:
        """Wait until the job has seen people and owes nothing; return its progress."""

        def is_quiet() -> Any:
            found = self.progress(job)
            return found if found["members"]["total"] and not found["members"]["due"] else None

        return until(is_quiet)

    def members(self, job: str, state: str) -> list[str]:
        return [one["member"] for one in self.api("GET", f"/v2/job/{job}/members?state={state}")]

    def _start(self, name: str, *options: str) -> None:
        command = [sys.executable, "-m", "usher.cli.main", name, *options]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)

    def _answers(self, url: str) -> bool:
        with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(url, timeout=2):
            return True
        return False


@contextlib.contextmanager
def running_house(*, members: int = 60) -> Iterator[House]:
    # pytest's own folders can have longer paths than a Unix socket may.
    with TemporaryDirectory(prefix="usher-") as folder:
        house = House(Path(folder))
        try:
            house.start(members=members)
            yield house
        finally:
            house.stop_all()

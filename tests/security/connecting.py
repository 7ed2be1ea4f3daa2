"""
Hears every connection that this process tries to make, wherever it leads.

A listener hears who comes to its own address. This hears an attempt at 10.0.0.1 or 169.254.169.254 too, before a packet
leaves: whatever connects by Python's sockets, as asyncio's own loop, aiohttp on it and smtplib do, and uvloop does not.
"""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from ipaddress import ip_address
from typing import Any

_listening: list[list[str]] = []


@contextmanager
def connects_heard() -> Iterator[list[str]]:
    """Yield a list that takes the host of every attempt; one that leads off this machine is refused besides."""
    _hook_once()
    heard: list[str] = []
    _listening.append(heard)
    try:
        yield heard
    finally:
        _listening.remove(heard)


@cache
def _hook_once() -> None:
    sys.addaudithook(_hear)  # Python knows no way to take a hook away


def _hear(event: str, details: tuple[Any, ...]) -> None:
    if event != "socket.connect" or not _listening:
        return
    reaching, address = details
    if reaching.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    host = str(address[0])
    for heard in _listening:
        heard.append(host)
    if not _is_this_machine(host):
        raise ConnectionRefusedError(f"A test tried to connect to {host}, which is off this machine.")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"

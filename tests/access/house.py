"""A desk for people over a real database, with a clock to move and passwords that cost nothing."""

import itertools
from dataclasses import dataclass, field
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import text

from tests.clocks import ManualClock
from usher.access.entering import sign_in, use_link
from usher.access.links import first_link
from usher.access.passwords import Passwords
from usher.access.people import create_person
from usher.access.roles import Actor, Role
from usher.access.sessions import Session, session_of
from usher.store.database import Database

ROOT = Actor("root", Role.ADMIN)
GOOD = "four brown foxes jumped"
BETTER = "five green frogs slept in"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


@dataclass
class House:
    """Implements PeopleDesk."""

    database: Database
    clock: ManualClock
    passwords: Passwords = field(default_factory=lambda: Passwords(CHEAP))
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def new_id(self) -> str:
        return f"{next(self.numbers):032x}"

    def new_token(self) -> str:
        return f"token-{next(self.numbers)}-{'x' * 32}"

    async def first_admin(self, name: str = "Anna") -> Session:
        token = await first_link(self)
        assert token is not None
        return await session_of(self, await use_link(self, token, name=name, password=GOOD, browser="first"))

    async def add(self, name: str, role: Role = Role.VIEWER, *, password: str = GOOD) -> Session:
        """Invite somebody, who takes the invitation."""
        _, token = await create_person(self, ROOT, name=name, role=role)
        return await session_of(self, await use_link(self, token, name="", password=password, browser="link"))

    async def enter(self, name: str, password: str = GOOD, **more: str) -> Session:
        given = {"address": "192.0.2.1", "browser": "Firefox"} | more
        return await session_of(self, await sign_in(self, name=name, password=password, **given))

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return await self.database.read(lambda txn: [tuple(row) for row in txn.conn.execute(text(statement))])

    async def actions(self) -> list[tuple[str, str, str]]:
        return await self.rows("SELECT actor, action, object FROM audit ORDER BY id")

    async def everything_kept(self) -> str:
        tables = ("people", "one_time_links", "sessions", "sign_in_failures", "audit")
        return repr([await self.rows(f"SELECT * FROM {table}") for table in tables])

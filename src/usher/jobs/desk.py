"""What every service works with, put together once by whoever wires the program."""

from collections.abc import Callable
from dataclasses import dataclass, field

from usher.access.passwords import Passwords
from usher.access.roles import Actor, Role
from usher.alerts.sending import NoSender, SendsAlerts
from usher.clock import Clock
from usher.domain.alert import Thresholds
from usher.jobs.trigger_tokens import TokenCache
from usher.jobs.vendors import Vendors
from usher.settings import Retention, Timing
from usher.store.database import Database
from usher.store.statements import Statements
from usher.vault import Vault

__all__ = ["Actor", "Desk", "Role"]

USUAL_TIMING = Timing.model_validate({})
USUAL_RETENTION = Retention.model_validate({})


@dataclass(frozen=True)
class Desk:
    """
    The services' tools; they own none of them.

    Args:
        new_id: makes 32 hex digits.
        new_token: makes 256 random bits, safe in a URL.
        refresh: tells the engine that jobs or authorizations changed.
        pace_of: the rate in force (None: unlimited) and the requests alive, of a Mapp authorization.
        base_url: how Lytics reaches this service; "" means that it cannot.
        people_url: how people reach its pages; "" means that nobody said.
        guard_seconds: G of design rule 1, as the engine has it.
        timing: how long a request may live, as the engine has it.
        retention: for how long records are kept, as whoever prunes them has it.
        alert_sender: the way out for alerts; thresholds: when a figure becomes one.
    """

    database: Database
    statements: Statements
    vendors: Vendors
    vault: Vault = field(repr=False)
    clock: Clock
    new_id: Callable[[], str]
    new_token: Callable[[], str]
    refresh: Callable[[], None]
    pace_of: Callable[[str], tuple[float | None, int]]
    base_url: str
    allow_http: bool
    allow_private: bool
    guard_seconds: float = 120.0
    timing: Timing = USUAL_TIMING
    people_url: str = ""
    retention: Retention = USUAL_RETENTION
    alert_sender: SendsAlerts = field(default_factory=NoSender, repr=False)
    thresholds: Thresholds = field(default_factory=Thresholds)
    trigger_tokens: TokenCache = field(default_factory=TokenCache, repr=False, compare=False)
    passwords: Passwords = field(default_factory=Passwords, repr=False, compare=False)

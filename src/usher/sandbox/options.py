"""What a sandbox is made of; everything a test may want to set before it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from usher.errors import InvalidInput, Problem

MOST_MEMBERS = 1_000_000  # about a gigabyte of made-up people; more is surely a slip of the keyboard
DEFAULT_GROUP = "2324000001"


def _groups() -> Mapping[str, str]:
    return {DEFAULT_GROUP: "Customers", "2324000002": "Newsletter"}


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """
    How the sandbox starts.

    Args:
        members: people in the audience `vip_shoppers`, 0 to 1,000,000.
        seed: the same seed makes the same people.
        groups: Mapp group id -> name; the first one is the group that people already belong to.
        apply_delay_ms: how long Mapp takes to apply what it has accepted; 0 applies at once.
        missing_contacts_share: share of the people (0..1) whom Mapp does not know.
        group_key_subscribes: whether a `group` key adds a known contact to that group (inferred of Mapp).
        time_scale: every wait of Lytics (retry, sleep, flush, Retry-After) is multiplied by this.
        scan_token_seconds: age at which a scan's page token expires; None means never.
        requests_per_second: what Mapp Connect takes before it answers 429; None means any rate.
        allow_http_webhooks: Lytics insists on https; a sandbox on one machine cannot.

    Raises:
        InvalidInput: a value is out of its range; mend the named option.
    """

    members: int = 1000
    seed: int = 1
    lytics_token: str = "sandbox-lytics-token"  # noqa: S105 - opens nothing but the sandbox
    integration_id: str = "5a4d7b0e-1f7c-4b6d-9d0e-2c8f3a61b7e4"
    secret: str = "sandbox-secret"  # noqa: S105 - opens nothing but the sandbox
    engage_user: str = "api@sandbox.example"
    engage_password: str = "sandbox-password"  # noqa: S105 - opens nothing but the sandbox
    groups: Mapping[str, str] = field(default_factory=_groups)
    apply_delay_ms: int = 20
    missing_contacts_share: float = 0.0
    group_key_subscribes: bool = True
    time_scale: float = 1.0
    scan_token_seconds: float | None = None
    requests_per_second: float | None = None
    allow_http_webhooks: bool = True

    def __post_init__(self) -> None:
        problems = [
            Problem(name, "is out of range.", mend)
            for name, is_fine, mend in (
                ("members", 0 <= self.members <= MOST_MEMBERS, f"Give 0 to {MOST_MEMBERS}."),
                ("apply_delay_ms", self.apply_delay_ms >= 0, "Give 0 or more."),
                ("missing_contacts_share", 0 <= self.missing_contacts_share <= 1, "Give 0 to 1."),
                ("time_scale", self.time_scale >= 0, "Give 0 or more."),
                ("groups", bool(self.groups), "Name at least one group."),
            )
            if not is_fine
        ]
        if problems:
            raise InvalidInput(*problems)

    @property
    def home_group(self) -> str:
        return next(iter(self.groups))

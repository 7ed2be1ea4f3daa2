"""Who is acting, and what a role allows. Each role may do everything that the roles before it may."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Viewers look, operators run jobs, admins hold the secrets. In this order."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever asks for something; *name* goes into the audit trail."""

    name: str
    role: Role


def allows(role: Role, needed: Role) -> bool:
    """Return whether somebody with *role* may do what needs *needed*."""
    ranks = list(Role)
    return ranks.index(role) >= ranks.index(needed)

"""
An authorization and an API token as the API shows them: never a secret.

The published keys are Lytics' (models.AuthResponse, confirmed: it returns no configuration); ours are under `meta`.
"""

from typing import Any

from pydantic import BaseModel

from usher.clock import iso_from_ms, iso_or_none
from usher.store.access import ApiToken
from usher.store.authorizations import Authorization


class AuthMeta(BaseModel):
    """What is not secret of an authorization, and what its last test found."""

    config: dict[str, Any]
    note: str | None = None
    tested: str | None = None
    notes: list[str] | None = None


class AuthBody(BaseModel):
    """One authorization."""

    id: str
    label: str
    description: str
    type: str
    provider_slug: str
    status: str
    unhealthy: bool
    user_id: str | None = None
    created: str
    updated: str
    meta: AuthMeta


class TokenBody(BaseModel):
    """One API token; *token* itself is there once, when it was just made."""

    id: str
    name: str
    role: str
    created: str
    expires: str | None = None
    last_used: str | None = None
    token: str | None = None


def auth_body(auth: Authorization, *, notes: list[str] | None = None) -> AuthBody:
    """
    Return *auth* in the published shape.

    Args:
        notes: what the caller should know about what was just done.
    """
    return AuthBody(
        id=auth.id,
        label=auth.label,
        description=auth.description,
        type=auth.type,
        provider_slug=auth.provider,
        status=auth.status,
        unhealthy=auth.status == "unhealthy",
        user_id=auth.created_by or None,
        created=iso_from_ms(auth.created_ms),
        updated=iso_from_ms(auth.updated_ms),
        meta=AuthMeta(
            config=auth.config,
            note=auth.status_note or None,
            tested=iso_or_none(auth.tested_ms),
            notes=notes or None,
        ),
    )


def token_body(token: ApiToken, *, plain: str | None = None) -> TokenBody:
    """
    Return *token* without its hash.

    Args:
        plain: the token itself, when it was just made; it cannot be shown again.
    """
    return TokenBody(
        id=token.id,
        name=token.name,
        role=token.role,
        created=iso_from_ms(token.created_ms),
        expires=iso_or_none(token.expires_ms),
        last_used=iso_or_none(token.last_used_ms),
        token=plain,
    )

"""Where each secret is sealed to, and what is inside: one JSON object for an authorization, one text for a token."""

import msgspec

from usher.store.authorizations import Authorization, TriggerToken
from usher.vault import Vault

UNREADABLE_PLACE = "unreadable"
KEY_CHECK = "key_check"  # in facts: something known, by which a process that has another key is told
KEY_CHECK_PLACE = f"facts/{KEY_CHECK}"


def seal_secrets(vault: Vault, secrets: dict[str, str], *, auth_id: str) -> str:
    return vault.seal(msgspec.json.encode(secrets), place=secrets_place(auth_id))


def open_secrets(vault: Vault, auth: Authorization) -> dict[str, str]:
    """
    Return the secrets of *auth* by name; never log or return them to anybody outside.

    Raises:
        VaultLocked: they cannot be opened; put the key back, or enter them again.
    """
    return msgspec.json.decode(vault.open(auth.secrets, place=secrets_place(auth.id)), type=dict[str, str])


def seal_trigger_token(vault: Vault, token: str, *, token_id: str) -> str:
    return vault.seal(token.encode(), place=trigger_token_place(token_id))


def open_trigger_token(vault: Vault, token: TriggerToken) -> str:
    """Return the token that Lytics presents. Raises VaultLocked: make a new token."""
    return vault.open(token.token_sealed, place=trigger_token_place(token.id)).decode()


def secrets_place(auth_id: str) -> str:
    return f"authorization/{auth_id}/secrets"


def trigger_token_place(token_id: str) -> str:
    return f"trigger-token/{token_id}"


def alert_channel_place(channel_id: str) -> str:
    return f"alert-channel/{channel_id}/secrets"

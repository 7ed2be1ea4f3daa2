"""What is secret of an alert channel, sealed and opened, and for how long the secret before goes on signing."""

import msgspec

from usher.jobs.sealing import alert_channel_place
from usher.store.alert_channels import Channel
from usher.vault import Vault

OLD_SECRET_MS = 24 * 3_600_000
SECRET, OLD_SECRET, OLD_UNTIL = "secret", "old_secret", "old_until_ms"


def sealed(vault: Vault, secrets: dict[str, str], *, channel_id: str) -> str:
    return vault.seal(msgspec.json.encode(secrets), place=alert_channel_place(channel_id))


def opened(vault: Vault, channel: Channel, *, now_ms: int) -> dict[str, str]:
    """
    Return the secrets that are in force, by name; never log them or return them to anybody outside.

    Raises:
        VaultLocked: they cannot be opened; put the key back, or enter them again.
    """
    plain = vault.open(channel.secrets, place=alert_channel_place(channel.id))
    secrets = msgspec.json.decode(plain, type=dict[str, str])
    if int(secrets.pop(OLD_UNTIL, "0")) <= now_ms:
        secrets.pop(OLD_SECRET, None)
    return secrets


def rotated(before: dict[str, str], secret: str, *, now_ms: int) -> dict[str, str]:
    """Return the secrets of a webhook with a new one, beside which the one before signs for a day."""
    if before.get(SECRET, secret) == secret:
        return {SECRET: secret}
    return {SECRET: secret, OLD_SECRET: before[SECRET], OLD_UNTIL: str(now_ms + OLD_SECRET_MS)}

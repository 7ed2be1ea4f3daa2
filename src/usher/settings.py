"""
What the environment may set; read once, passed on in slices.

The reference in docs/ is written from the descriptions here.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from usher.errors import InvalidInput, Problem

PREFIX = "USHER_"
ADDRESSES = ("base_url", "url")


class Timing(BaseModel):
    """How long a claim holds: room + request timeout + quarantine + clock margin."""

    model_config = ConfigDict(frozen=True)

    send_room_seconds: float = Field(15, ge=2, le=600)
    request_timeout_seconds: float = Field(10, gt=0, le=300)
    quarantine_seconds: float = Field(30, ge=0, le=3600)
    clock_margin_seconds: float = Field(5, ge=0, le=600)

    @property
    def hold_ms(self) -> int:
        total = (
            self.send_room_seconds + self.request_timeout_seconds + self.quarantine_seconds + self.clock_margin_seconds
        )
        return round(total * 1000)


class Settings(BaseModel):
    """Everything USHER_* may set. Names below are written in capitals with the prefix USHER_."""

    model_config = ConfigDict(frozen=True)

    data_dir: Path = Field(Path("usher-data"), description="Folder for the database, the key and the local socket.")
    database_url: str = Field("", description="Where the ledger lives; blank means SQLite in the data folder.")
    secret_key: SecretStr = Field(SecretStr(""), description="Key that encrypts secrets at rest: base64 of 32 bytes.")
    secret_key_file: Path | None = Field(
        None, description="File that holds the key; made on first start (mode 0600) when neither is given."
    )
    base_url: str = Field(
        "", description="How Lytics and Mapp reach this service; blank means they cannot: poll instead."
    )
    allow_http: bool = Field(False, description="Allow plain http for vendors' URLs (sandboxes and tests only).")
    allow_private: bool = Field(
        False, description="Allow private and loopback addresses for vendors' URLs (sandboxes and tests only)."
    )
    trusted_proxies: str = Field(
        "", description="Comma-separated addresses or networks whose X-Forwarded-For is believed."
    )
    ca_file: Path | None = Field(None, description="Extra certificate authorities to trust, as a PEM file.")
    send_room_seconds: float = Field(
        15, ge=2, le=600, description="Seconds between claiming a row and the last moment it may be sent."
    )
    request_timeout_seconds: float = Field(
        10, gt=0, le=300, description="Seconds a request to Mapp may take before its outcome is unknown."
    )
    quarantine_seconds: float = Field(
        30, ge=0, le=3600, description="Seconds after its timeout in which a lost request may still land."
    )
    clock_margin_seconds: float = Field(
        5, ge=0, le=600, description="Seconds by which Mapp's clock and ours may differ."
    )
    scan_guard_seconds: float = Field(
        120, ge=0, le=86400, description="Seconds by which a scan of Lytics may lag behind its triggers (G)."
    )
    url: str = Field("", description="Command line only: the service to speak to.")
    token: SecretStr = Field(SecretStr(""), description="Command line only: the API token to present.")

    @property
    def timing(self) -> Timing:
        return Timing(
            send_room_seconds=self.send_room_seconds,
            request_timeout_seconds=self.request_timeout_seconds,
            quarantine_seconds=self.quarantine_seconds,
            clock_margin_seconds=self.clock_margin_seconds,
        )


def settings_from(environ: Mapping[str, str]) -> Settings:
    """
    Read the settings from *environ*; unset and blank variables keep their defaults.

    Raises:
        InvalidInput: every variable that is unknown or out of range, named with its mend.
    """
    given = {
        key.removeprefix(PREFIX).lower(): value.strip()
        for key, value in environ.items()
        if key.startswith(PREFIX) and value.strip()
    }
    problems = [
        Problem(f"{PREFIX}{name.upper()}", "is not a setting of Usher.", "Unset it or check its spelling.")
        for name in given
        if name not in Settings.model_fields
    ]
    problems += [
        Problem(f"{PREFIX}{name.upper()}", "is not a web address.", "Write it as https://host or http://host:port.")
        for name in ADDRESSES
        if name in given and not _is_web_address(given[name])
    ]
    try:
        settings = Settings.model_validate({k: v for k, v in given.items() if k in Settings.model_fields})
    except ValidationError as error:
        problems += [
            Problem(f"{PREFIX}{str(e['loc'][0]).upper()}", f"{e['msg']}.", "See docs/reference/settings.md.")
            for e in error.errors()
        ]
    if problems:
        raise InvalidInput(*problems)
    return settings


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port  # an impossible port raises only when it is read
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)

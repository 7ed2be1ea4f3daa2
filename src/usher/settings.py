"""
What the environment may set; read once, passed on in slices.

The reference in docs/ is written from the descriptions here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from usher.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PREFIX = "USHER_"
ADDRESSES = ("base_url", "dashboard_url", "url")
MOST_DAYS = 3_650
LONGEST_URL = 8_000  # characters; a longer file is some other one
PLAIN_WORDS = {
    "int_parsing": "is not a whole number.",
    "int_parsing_size": "is too large a number.",
    "float_parsing": "is not a number.",
    "greater_than": "must be more than {gt:g}.",
    "greater_than_equal": "must be {ge:g} or more.",
    "less_than_equal": "must be {le:g} or less.",
    "bool_parsing": "is neither true nor false.",
}  # by the kind of Pydantic's error


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


class Retention(BaseModel):
    """For how many days each kind of record is kept; 0, which only the audit log takes, is for ever."""

    model_config = ConfigDict(frozen=True)

    history_days: int = Field(90, ge=1, le=MOST_DAYS)
    logs_days: int = Field(90, ge=1, le=MOST_DAYS)
    unreadable_days: int = Field(30, ge=1, le=MOST_DAYS)
    audit_days: int = Field(730, ge=0, le=MOST_DAYS)


class Settings(BaseModel):
    """Everything USHER_* may set. Names below are written in capitals with the prefix USHER_."""

    model_config = ConfigDict(frozen=True)

    data_dir: Path = Field(Path("usher-data"), description="Folder for the database, the key and the local socket.")
    database_url: str = Field(
        "", repr=False, description="Where the ledger lives; blank means SQLite in the data folder."
    )
    database_url_file: Path | None = Field(None, description="File that holds the database's URL, instead of it.")
    secret_key: SecretStr = Field(SecretStr(""), description="Key that encrypts secrets at rest: base64 of 32 bytes.")
    secret_key_file: Path | None = Field(
        None, description="File that holds the key; made on first start (mode 0600) when neither is given."
    )
    base_url: str = Field(
        "", description="How Lytics and Mapp reach this service; blank means they cannot: poll instead."
    )
    dashboard_url: str = Field(
        "", description="How people reach the dashboard, where that is another address; blank means USHER_BASE_URL."
    )
    allow_http: bool = Field(False, description="Allow plain http for vendors' URLs (sandboxes and tests only).")
    allow_private: bool = Field(
        False, description="Allow private and loopback addresses for vendors' URLs (sandboxes and tests only)."
    )
    trusted_proxies: str = Field(
        "", description="Comma-separated addresses or networks whose X-Forwarded-For is believed."
    )
    ca_file: Path | None = Field(None, description="Extra certificate authorities to trust, as a PEM file.")
    proxy_url: SecretStr = Field(
        SecretStr(""),
        description="HTTP proxy for all requests to vendors: `http://[user:password@]host:port`; blank means none.",
    )
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
    keep_history_days: int = Field(
        90, ge=1, le=MOST_DAYS, description="Days for which what happened to members is kept."
    )
    keep_logs_days: int = Field(90, ge=1, le=MOST_DAYS, description="Days for which the logs of jobs are kept.")
    keep_unreadable_days: int = Field(
        30, ge=1, le=MOST_DAYS, description="Days for which unreadable trigger messages are kept."
    )
    keep_audit_days: int = Field(
        730, ge=0, le=MOST_DAYS, description="Days for which the audit log is kept; 0 is for ever."
    )
    alert_set_aside_percent: float = Field(
        5, gt=0, le=100, description="Percent of a job's people set aside (at least 20) from which an alert is sent."
    )
    alert_waiting_minutes: float = Field(
        15, ge=1, le=1440, description="Minutes a live change may wait to be sent before an alert is."
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

    @property
    def retention(self) -> Retention:
        return Retention(
            history_days=self.keep_history_days,
            logs_days=self.keep_logs_days,
            unreadable_days=self.keep_unreadable_days,
            audit_days=self.keep_audit_days,
        )


def settings_from(environ: Mapping[str, str]) -> Settings:
    """
    Read the settings from *environ*; unset and blank variables keep their defaults.

    Raises:
        InvalidInput: every variable that is unknown or out of range, or names a file that holds no database's URL.
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
            Problem(f"{PREFIX}{str(e['loc'][0]).upper()}", _in_plain_words(e), "See docs/reference/settings.md.")
            for e in error.errors()
        ]
    if problems:
        raise InvalidInput(*problems)
    return _with_database_url(settings)


def _in_plain_words(error: "ErrorDetails") -> str:
    words = PLAIN_WORDS.get(error["type"])
    return f"{error['msg']}." if words is None else words.format_map(error.get("ctx", {}))


def _with_database_url(settings: Settings) -> Settings:
    """Take the database's URL from its file where one is named, and refuse one that would show its password."""
    variable, url = f"{PREFIX}DATABASE_URL", settings.database_url
    if settings.database_url_file is not None:
        variable = f"{variable}_FILE"
        if url:
            raise InvalidInput(Problem(variable, f"is given beside {PREFIX}DATABASE_URL.", "Unset one of the two."))
        url = _url_in(settings.database_url_file, variable)
    refuse_showing_password(url, variable)
    return settings.model_copy(update={"database_url": url})


def _url_in(file: Path, variable: str) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            url = opened.read(LONGEST_URL).strip()
    except (OSError, ValueError):
        # Not chained: what the file holds instead may be a secret too.
        raise InvalidInput(Problem(variable, "names a file that cannot be read.", "Check the path.")) from None
    if "://" not in url or not url.isprintable():
        raise InvalidInput(Problem(variable, "names a file that holds no URL.", "Write the URL alone into it."))
    return url


def refuse_showing_password(url: str, named: str) -> None:
    """
    Let pass a database's *url* whose password every reader finds, so that none shows a part of it.

    Args:
        named: what the person who typed it calls it.

    Raises:
        InvalidInput: it would show its password; percent-encode it.
    """
    if not _hides_its_password(url):
        mend = "Percent-encode its user name and password: @ is %40, [ is %5B."
        raise InvalidInput(Problem(named, "is not the address of a database.", mend))


def _hides_its_password(url: str) -> bool:
    """Whether every reader finds the password where it is; with a second @, some take its end for the host."""
    try:
        urlsplit(url)
    except ValueError:
        return False
    return url.startswith("sqlite:") or url.count("@") <= 1


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port  # an impossible port raises only when it is read
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)

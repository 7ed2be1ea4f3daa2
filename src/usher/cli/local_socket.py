"""Where the service of a data folder listens for this machine's own commands."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usher.settings import Settings

SOCKET_NAME = "usher.sock"


def socket_path(settings: "Settings") -> Path:
    return settings.data_dir.absolute() / SOCKET_NAME


def own_socket_path(settings: "Settings") -> Path:
    """Return where a command listens that is its own service; one owner at a time needs no name of its own."""
    from usher.store.postgres import is_postgres  # noqa: PLC0415 - keeps `usher --help` fast

    path = socket_path(settings)
    return path.with_name(f"cmd-{os.getpid()}.sock") if is_postgres(settings.database_url) else path

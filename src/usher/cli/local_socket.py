"""Where the service of a data folder listens for this machine's own commands."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usher.settings import Settings

SOCKET_NAME = "usher.sock"


def socket_path(settings: "Settings") -> Path:
    return settings.data_dir.absolute() / SOCKET_NAME

"""How a database of any age is brought to the shape that this version of Usher reads."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from usher.errors import Conflict

FOLDER = Path(__file__).parent


def upgrade(conn: Connection, *, to: str = "head") -> None:
    """
    Bring the database behind *conn* to the newest shape, or to *to*, in the transaction that is open on it.

    Idempotent: yes; a database in the newest shape is left as it is.

    Raises:
        Conflict: a newer Usher made it; install that version, or restore a backup.
    """
    refuse_newer(MigrationContext.configure(conn).get_current_revision())
    config = _config()
    config.attributes["connection"] = conn
    command.upgrade(config, to)


def refuse_newer(revision: str | None) -> None:
    """
    Let pass what this version of Usher can read or upgrade; *revision* is None for an empty database.

    Raises:
        Conflict: a newer Usher made it.
    """
    if revision is not None and revision not in known_revisions():
        raise Conflict(
            f"A newer Usher made this database (its shape is {revision!r}). Nothing was changed."
            " Install that version again, or restore a backup that this one made."
        )


def known_revisions() -> tuple[str, ...]:
    """Every shape that this version knows, newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config

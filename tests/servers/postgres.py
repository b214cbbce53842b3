"""A real PostgreSQL for the tests: thrown away afterwards, on the loopback, stopped and started at will."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.servers.ports import free_port

MISSING = "no PostgreSQL server here; on Debian and Ubuntu: apt-get install postgresql"
SUPERUSER = "owner"
MEMORY = Path("/dev/shm")
_numbers = count(1)
_ROOM = 1 << 30
_AT_ONCE = 16  # more databases than any test uses; each has some 300 files


def binaries() -> Path | None:
    """Return the folder of ``initdb`` and ``postgres``, of the newest version; None where there is none."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parent.parent.name
    )
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class Server:
    """A cluster of one's own, with the superuser ``owner`` and trust on the loopback."""

    def __init__(self, programs: Path, folder: Path, settings: dict[str, str]) -> None:
        self.programs = programs
        self.folder = folder
        self.port = free_port()
        self._settings = settings
        self._passing: list[str] = []
        self._as = _unprivileged(folder)
        initdb = ["-D", str(folder / "data"), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync"]
        self._command("initdb", [*initdb, "--locale=C.UTF-8"])

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        settings = {"listen_addresses": "127.0.0.1", "port": str(self.port), **self._settings}
        settings["unix_socket_directories"] = str(self.folder)
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        log = str(self.folder / "log")
        arguments = ["-D", str(self.folder / "data"), "-l", log, "-w", "-t", "30", "-o", options, "start"]
        for attempts in range(20, -1, -1):
            try:
                self._command("pg_ctl", arguments)
                return
            except AssertionError:
                if not attempts:
                    raise
                time.sleep(0.2)  # after a kill its children may still hold the shared memory

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: ``fast`` ends its connections, ``immediate`` is as a crash."""
        if self.pid is not None:
            self._command("pg_ctl", ["-D", str(self.folder / "data"), "-w", "-t", "30", "-m", mode, "stop"])

    def kill(self) -> None:
        """End the postmaster by SIGKILL; its children follow. ``start`` recovers from it."""
        pid = self.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while _alive(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    @property
    def pid(self) -> int | None:
        """The postmaster's pid; None when it is not running."""
        with suppress(FileNotFoundError, ValueError, IndexError):
            pid = int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
            return pid if _alive(pid) else None
        return None

    def url(self, database: str = "postgres", user: str = SUPERUSER) -> str:
        """Return SQLAlchemy's URL of a database, for psycopg."""
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str, database: str = "postgres", user: str = SUPERUSER) -> str:
        """Run statements through ``psql`` and return what it printed, one unadorned line a row."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", user, "-d", database]
        return self._command(
            "psql", [*where, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement]
        )

    def database(self, owner: str = SUPERUSER, template: str = "template1", *, kept: bool = False) -> str:
        """Make a database, empty or a copy of *template*, and return its URL, with *owner* as its user.

        Unless it is *kept*, as one for more than one test has to be, it is dropped when many others came after it.
        """
        name = f"d{next(_numbers)}_{os.getpid()}"
        self._manage(f"CREATE DATABASE {name} OWNER {owner} TEMPLATE {template}")
        if not kept:
            self._passing.append(name)
        if len(self._passing) > _AT_ONCE:
            with suppress(psycopg.Error):  # a transaction left prepared holds it: it goes with the server
                self._manage(f"DROP DATABASE {self._passing.pop(0)} WITH (FORCE)")
        return self.url(name, owner)

    def _manage(self, statement: str) -> None:
        where = f"host=127.0.0.1 port={self.port} user={SUPERUSER} dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(statement)

    def _command(self, program: str, arguments: Sequence[str]) -> str:
        # To a file: a server started by pg_ctl inherits the pipe and would keep it open.
        with tempfile.TemporaryFile("w+") as told:
            command = [*self._as, str(self.programs / program), *arguments]
            environment = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
            ended = subprocess.run(
                command, check=False, stdout=told, stderr=subprocess.STDOUT, cwd=self.folder, env=environment
            )
            told.seek(0)
            text = told.read()
        assert ended.returncode == 0, f"{program} {' '.join(arguments)}: {text}"
        return text.strip()


@contextmanager
def running(**settings: str) -> Iterator[Server]:
    """Run a PostgreSQL of one's own; skip the test where none is installed.

    Args:
        settings: Of ``postgresql.conf``; without any, what is written need not survive a crash of the machine.
    """
    programs = binaries()
    if programs is None:
        pytest.skip(MISSING)
    # Not pytest's own folder, which other users cannot enter.
    folder = Path(tempfile.mkdtemp(prefix="flowstone-pg-", dir=None if settings else _fast_place()))
    try:
        server = Server(programs, folder, settings or {"fsync": "off", "max_prepared_transactions": "8"})
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fast_place() -> Path | None:
    """Return a folder in memory, where making and deleting thousands of files costs nothing; None: the usual one."""
    with suppress(OSError):
        if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > _ROOM:
            return MEMORY
    return None


def _unprivileged(folder: Path) -> list[str]:
    """Return the words that run a command as somebody else: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    user = next((name for name in ("postgres", "nobody") if _exists(name)), getpass.getuser())
    found = pwd.getpwnam(user)
    os.chown(folder, found.pw_uid, found.pw_gid)
    return ["setpriv", f"--reuid={found.pw_uid}", f"--regid={found.pw_gid}", "--clear-groups"]


def _exists(user: str) -> bool:
    with suppress(KeyError):
        pwd.getpwnam(user)
        return True
    return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with suppress(OSError):  # where nobody reaps it, it stays as a zombie
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return True

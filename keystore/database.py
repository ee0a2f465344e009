"""One SQLite file, one writer, consistent readers."""

import contextlib
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from keystore.errors import DatabaseError

_log = logging.getLogger(__name__)

_BUSY_SECONDS = 10.0
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA cache_size = -256",  # KiB: a camera has little memory, and the whole store is small
    "PRAGMA wal_autocheckpoint = 250",
)


class Database:
    """A SQLite file of mode 0600 that survives power cuts, with one writing and one reading connection.

    All methods may be called from any thread. Raises DatabaseError when the file can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._write_lock = threading.RLock()
        self._read_lock = threading.RLock()
        self._owner: int | None = None  # the thread that holds the write lock
        self._depth = 0
        self._reading = 0
        self._callbacks: list[Callable[[], None]] = []
        self._watchers: list[Callable[[], None]] = []
        self._closed = False
        self._components: set[str] = set()
        try:
            _create(path)
            self._writer = _connect(path)
            self._reader = _connect(path)
            self._reader.execute("PRAGMA query_only = ON")
        except (OSError, sqlite3.Error) as error:
            raise DatabaseError(f"The database {path} can't be opened: {error}") from error

    def migrate(self, component: str, scripts: Sequence[str]) -> None:
        """Bring the tables of a component up to date: script n leads from version n to version n + 1.

        Each script is one transaction together with the version that it reaches. Raises DatabaseError when
        the database was written by a newer program.
        """
        with self.transaction() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migration"
                " (component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT"
            )
            row = connection.execute(
                "SELECT version FROM migration WHERE component = ?", (component,)
            ).fetchone()
        version = row[0] if row else 0
        self._components.add(component)
        if version > len(scripts):
            raise DatabaseError(
                f"The database {self.path} holds version {version} of {component}, and this program knows"
                f" versions up to {len(scripts)}: install the newer program again"
            )
        for number, script in enumerate(scripts[version:], version + 1):
            with self.transaction() as connection:
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute("INSERT OR REPLACE INTO migration VALUES (?, ?)", (component, number))

    def refuse_unknown(self) -> None:
        """Raise DatabaseError if the database has a component that nobody has brought up to date.

        To be called when everybody has. A newer program has written it, and what it refers to would be
        changed behind its back.
        """
        with self.read() as connection:
            found = connection.execute("SELECT component, version FROM migration").fetchall()
        for component, version in found:
            if component not in self._components:
                raise DatabaseError(
                    f"The database {self.path} holds version {version} of {component}, which this program"
                    " does not know: install the newer program again"
                )

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The one writing transaction: waits for that of another thread, joins that of this thread.

        Every block is all or nothing. An inner block that raises is undone alone, with the callbacks that it
        registered; the outer one may catch the exception and go on. Commits at the end of the outermost
        block. Errors of SQLite leave as DatabaseError, and then nothing of the block has happened.
        """
        with self._write_lock:
            if self._closed:
                raise DatabaseError(f"The database {self.path} is closed")
            level, owner, pending = self._depth, self._owner, len(self._callbacks)
            try:
                self._begin(level)
                self._owner = threading.get_ident()
                self._depth = level + 1
                yield self._writer
                self._writer.execute(f"RELEASE level_{level}")
                if level == 0:
                    self._writer.execute("COMMIT")
            except BaseException as error:
                del self._callbacks[pending:]
                self._roll_back(level)
                self._owner = owner
                if isinstance(error, sqlite3.Error):
                    raise DatabaseError(f"The database {self.path} can't be used: {error}") from error
                raise
            finally:
                self._depth = level
            try:
                if level == 0:
                    self._run_callbacks()
            finally:
                self._owner = owner

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A consistent snapshot that does not wait for a writer of another thread.

        Inside a transaction of this thread it is that transaction, with what it has written so far.
        """
        if self._owner == threading.get_ident():
            yield self._writer
            return
        with self._read_lock:
            if self._closed:
                raise DatabaseError(f"The database {self.path} is closed")
            outermost = self._reading == 0
            try:
                if outermost:
                    self._reader.execute("BEGIN")
                self._reading += 1
                try:
                    yield self._reader
                finally:
                    self._reading -= 1
                    if outermost and self._reader.in_transaction:
                        self._reader.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise DatabaseError(f"The database {self.path} can't be used: {error}") from error

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back once the outermost transaction of this thread has committed; at once if there is none.

        A rollback drops the callback. Callbacks run in the order of the commits: no other thread writes
        before they have returned, so they must be short and must not wait for another thread. Their
        exceptions are logged; what was committed stays.
        """
        if self._owner == threading.get_ident() and self._depth:
            self._callbacks.append(callback)
        else:
            callback()

    def watch(self, callback: Callable[[], None]) -> None:
        """Call back after every commit, under the conditions of `after_commit`."""
        self._watchers.append(callback)

    def close(self) -> None:
        """Wait for the current transaction and snapshot, then close the file. Closing twice is no error."""
        with self._write_lock, self._read_lock:
            if not self._closed:
                self._closed = True
                self._reader.close()
                self._writer.close()

    def _begin(self, level: int) -> None:
        if level == 0:
            self._writer.execute("BEGIN IMMEDIATE")
        elif not self._writer.in_transaction:
            raise DatabaseError("The transaction was rolled back by an earlier error")
        # Some errors (a full disk) make SQLite roll back all by itself, and what the body then writes would
        # be a transaction of its own. The savepoint is gone in that case, so releasing it fails and nothing
        # is kept.
        self._writer.execute(f"SAVEPOINT level_{level}")

    def _roll_back(self, level: int) -> None:
        if not self._writer.in_transaction:
            return
        if level == 0:
            self._writer.execute("ROLLBACK")
            return
        with contextlib.suppress(sqlite3.Error):  # no such savepoint: the outermost block will find that too
            self._writer.execute(f"ROLLBACK TO level_{level}")
            self._writer.execute(f"RELEASE level_{level}")

    def _run_callbacks(self) -> None:
        callbacks, self._callbacks = self._callbacks, []
        for callback in (*callbacks, *self._watchers):
            try:
                callback()
            except Exception:
                _log.exception("a callback after a commit failed")


def snapshot(path: Path, copy: Path) -> None:
    """Copy a database that may be in use, or lie on a medium taken from a device that lost power.

    Nothing beside the original is created or changed. Raises DatabaseError.
    """
    try:
        if not path.is_file():
            raise DatabaseError(f"The database {path} does not exist")
        # A process has it open, or died with it open: SQLite must sort it out.
        if _beside(path, "-shm").exists():
            uri = f"{path.absolute().as_uri()}?mode=ro"
            with (
                contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS)) as source,
                contextlib.closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
            return
        shutil.copyfile(path, copy)
        if _beside(path, "-wal").exists():
            shutil.copyfile(_beside(path, "-wal"), _beside(copy, "-wal"))
    except (OSError, sqlite3.Error) as error:
        raise DatabaseError(f"The database {path} can't be read: {error}") from error


def sync_directory(directory: Path) -> None:
    """Make the names of new and renamed files in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create(path: Path) -> None:
    """Make the file before SQLite does: SQLite gives its log files the mode of the database."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    sync_directory(path.parent)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level="IMMEDIATE", check_same_thread=False
    )
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise ValueError(f"a migration ends in the middle of a statement: {statement.strip()}")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)

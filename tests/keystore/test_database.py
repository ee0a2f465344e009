"""One SQLite file, one writer, consistent readers."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from keystore import Database
from keystore.errors import DatabaseError


@pytest.fixture
def table(database: Database) -> Database:
    database.migrate("test", ["CREATE TABLE t (x INTEGER UNIQUE);"])
    return database


def rows(database: Database) -> list[int]:
    with database.read() as connection:
        return [x for (x,) in connection.execute("SELECT x FROM t ORDER BY x")]


def insert(database: Database, x: int) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (?)", (x,))


def test_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        database = Database(tmp_path / "store.db")
        database.migrate("test", ["CREATE TABLE t (x);"])
    finally:
        os.umask(previous)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}
    database.close()


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch(0o644)
    Database(tmp_path / "store.db").close()
    assert stat.S_IMODE((tmp_path / "store.db").stat().st_mode) == 0o600


def test_every_commit_is_durable(database: Database) -> None:
    with database.transaction() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"no database" * 100)
    with pytest.raises(DatabaseError, match=r"store\.db can't be opened"):
        Database(tmp_path / "store.db")


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="can't be opened"):
        Database(tmp_path / "missing" / "store.db")


def test_migrations_are_applied_once_and_in_order(database: Database) -> None:
    first, second = "CREATE TABLE t (x);\nINSERT INTO t VALUES (1);", "INSERT INTO t VALUES (2);"
    database.migrate("test", [first])
    database.migrate("test", [first, second])
    database.migrate("test", [first, second])
    assert rows(database) == [1, 2]


def test_a_failed_migration_leaves_nothing_of_itself(database: Database) -> None:
    with pytest.raises(DatabaseError):
        database.migrate(
            "test", ["CREATE TABLE t (x);", "INSERT INTO t VALUES (1);\nINSERT INTO nowhere VALUES (1);"]
        )
    assert rows(database) == []


def test_components_migrate_apart(database: Database) -> None:
    database.migrate("test", ["CREATE TABLE t (x);"])
    database.migrate("other", ["CREATE TABLE u (x);"])
    database.migrate("test", ["CREATE TABLE t (x);", "INSERT INTO t VALUES (1);"])
    assert rows(database) == [1]


def test_a_database_of_a_newer_program_is_refused(database: Database) -> None:
    database.migrate("test", ["CREATE TABLE t (x);", "CREATE TABLE u (x);"])
    with pytest.raises(DatabaseError, match="install the newer program again"):
        database.migrate("test", ["CREATE TABLE t (x);"])


def test_an_exception_rolls_everything_back(table: Database) -> None:
    with pytest.raises(KeyError), table.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        raise KeyError
    assert rows(table) == []


def test_an_inner_transaction_joins_the_outer(table: Database) -> None:
    with pytest.raises(KeyError), table.transaction():
        insert(table, 1)
        raise KeyError
    assert rows(table) == []


def test_a_failed_inner_transaction_is_undone_alone(table: Database) -> None:
    called: list[str] = []
    with table.transaction():
        insert(table, 1)
        with pytest.raises(KeyError), table.transaction():
            insert(table, 2)
            table.after_commit(lambda: called.append("inner"))
            raise KeyError
        insert(table, 3)
        table.after_commit(lambda: called.append("outer"))
    assert rows(table) == [1, 3]
    assert called == ["outer"]


def test_sql_errors_leave_as_our_own(table: Database) -> None:
    insert(table, 1)
    with pytest.raises(DatabaseError, match="UNIQUE"):
        insert(table, 1)
    with pytest.raises(DatabaseError, match="no such table"), table.read() as connection:
        connection.execute("SELECT * FROM nowhere")


def fill_the_disk(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")


def test_a_full_disk_leaves_the_old_state(table: Database) -> None:
    table.migrate("big", ["CREATE TABLE big (x BLOB);"])
    insert(table, 1)
    with pytest.raises(DatabaseError, match="full"), table.transaction() as connection:
        fill_the_disk(connection)
        insert(table, 2)
        connection.execute("INSERT INTO big VALUES (zeroblob(100000))")
    assert rows(table) == [1]
    insert(table, 3)
    assert rows(table) == [1, 3]


@pytest.mark.parametrize("statement", ["ROLLBACK", "ROLLBACK TO level_0; RELEASE level_0"])
def test_a_transaction_that_sqlite_gave_up_is_never_half_committed(table: Database, statement: str) -> None:
    """Some errors roll the whole transaction back; a body that goes on must not commit its second half."""
    with pytest.raises(DatabaseError), table.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        for part in statement.split(";"):
            connection.execute(part)
        connection.execute("INSERT INTO t VALUES (2)")
    with pytest.raises(DatabaseError), table.transaction() as connection:
        connection.execute("ROLLBACK")
        insert(table, 3)
    assert rows(table) == []


def test_a_write_error_of_the_file_system_leaves_the_old_state(tmp_path: Path) -> None:
    """A real EFBIG from the kernel, in a process with a limit on the size of files."""
    program = """
import resource, sys
from pathlib import Path
from keystore import Database, errors
database = Database(Path(sys.argv[1]))
database.migrate("test", ["CREATE TABLE t (x);"])
with database.transaction() as connection:
    connection.execute("INSERT INTO t VALUES ('old')")
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    with database.transaction() as connection:
        connection.execute("UPDATE t SET x = 'new'")
        connection.execute("INSERT INTO t VALUES (zeroblob(1000000))")
except errors.DatabaseError as error:
    print(type(error).__name__)
with database.read() as connection:
    print(connection.execute("SELECT x FROM t").fetchall())
"""
    result = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "store.db"], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines() == ["DatabaseError", "[('old',)]"]
    database = Database(tmp_path / "store.db")
    with database.read() as connection:
        assert connection.execute("SELECT x FROM t").fetchall() == [("old",)]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_readers_do_not_wait_for_a_writer_of_another_thread(table: Database) -> None:
    seen: list[list[int]] = []
    insert(table, 1)
    with table.transaction():
        insert(table, 2)
        reader = threading.Thread(target=lambda: seen.append(rows(table)))
        reader.start()
        reader.join(5)
        assert not reader.is_alive()
        assert rows(table) == [1, 2], "inside the transaction"
    assert seen == [[1]]
    assert rows(table) == [1, 2]


def test_a_snapshot_does_not_change_while_others_write(table: Database) -> None:
    insert(table, 1)
    with table.read() as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)
        writer = threading.Thread(target=insert, args=(table, 2))
        writer.start()
        writer.join(5)
        assert not writer.is_alive()
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)
        assert rows(table) == [1], "an inner read is the same snapshot"
    assert rows(table) == [1, 2]


def test_a_reader_can_not_write(table: Database) -> None:
    with pytest.raises(DatabaseError, match="readonly"), table.read() as connection:
        connection.execute("INSERT INTO t VALUES (1)")


def test_writers_of_many_threads_take_turns(table: Database) -> None:
    insert(table, 0)

    def count() -> None:
        for _ in range(20):
            with table.transaction() as connection:
                (x,) = connection.execute("SELECT x FROM t").fetchone()
                connection.execute("UPDATE t SET x = ?", (x + 1,))

    threads = [threading.Thread(target=count) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(table) == [100]


def test_callbacks_run_once_after_the_commit_in_order(table: Database) -> None:
    called: list[object] = []
    with table.transaction():
        table.after_commit(lambda: called.append(1))
        with table.transaction():
            insert(table, 5)
            table.after_commit(lambda: called.append(rows(table)))
        assert called == []
    assert called == [1, [5]]
    insert(table, 6)
    assert called == [1, [5]]


def test_callbacks_of_a_rolled_back_transaction_are_dropped(table: Database) -> None:
    called: list[int] = []
    with pytest.raises(KeyError), table.transaction():
        table.after_commit(lambda: called.append(1))
        raise KeyError
    insert(table, 1)
    assert called == []


def test_a_callback_outside_of_a_transaction_runs_at_once(table: Database) -> None:
    called: list[int] = []
    table.after_commit(lambda: called.append(1))
    assert called == [1]


def test_a_failing_callback_harms_nobody(table: Database, caplog: pytest.LogCaptureFixture) -> None:
    called: list[int] = []
    with table.transaction():
        insert(table, 1)
        table.after_commit(lambda: [][0])
        table.after_commit(lambda: called.append(1))
    assert rows(table) == [1]
    assert called == [1]
    assert "callback" in caplog.text


def test_a_callback_may_write(table: Database) -> None:
    with table.transaction():
        table.after_commit(lambda: insert(table, 7))
    assert rows(table) == [7]


def test_a_callback_may_read_while_another_thread_reads_and_waits_to_write(table: Database) -> None:
    reading, finished = threading.Event(), threading.Event()

    def read_then_write() -> None:
        with table.read():
            reading.set()
            insert(table, 2)
        finished.set()

    other = threading.Thread(target=read_then_write)
    seen: list[list[int]] = []

    def callback() -> None:
        other.start()
        assert reading.wait(5)
        seen.append(rows(table))

    with table.transaction():
        insert(table, 1)
        table.after_commit(callback)
    assert finished.wait(5)
    other.join()
    assert seen == [[1]]
    assert rows(table) == [1, 2]


def test_a_closed_database_is_refused(table: Database) -> None:
    table.close()
    table.close()
    with pytest.raises(DatabaseError, match="closed"):
        insert(table, 1)
    with pytest.raises(DatabaseError, match="closed"):
        rows(table)

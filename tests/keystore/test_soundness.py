"""verify(), and `python -m keystore`."""

from __future__ import annotations

import doctest
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import keystore
from keystore import Database, Keystore, Limits, Sealer, file_key
from keystore.errors import DatabaseError
from tests.keystore.stores import CAMERA, SHA256_RSA, Store
from tests.pki import Authority, rsa_key

ROOT = Authority.root()

OTHER_KEY = rsa_key(9).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def damage(store: Store, statement: str, *values: object) -> list[str]:
    with store.database.transaction() as connection:
        connection.execute(statement, values)  # type: ignore[arg-type]
    before = store.content()
    findings = store.keystore.verify()
    assert store.content() == before, "verifying changes nothing"
    return findings


@pytest.fixture
def full(store: Store) -> Store:
    store.keystore.assign_server_certificate(store.put_path())
    ids = [store.keystore.upload_certificate(der)[0] for der in (ROOT.intermediate().der, ROOT.der)]
    store.keystore.create_certification_path(ids)
    store.keystore.create_rsa_key_pair(2048)
    return store


def test_a_sound_store_has_no_findings(full: Store) -> None:
    assert full.keystore.verify() == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE key_pair SET private_key = zeroblob(50) WHERE private_key IS NOT NULL", ["does not open"]),
        (
            "UPDATE key_pair SET status = 'corrupt' WHERE private_key IS NOT NULL",
            ["is corrupt", "assigned to the TLS server"],
        ),
        (
            "UPDATE key_pair SET private_key = NULL WHERE private_key IS NOT NULL",
            ["assigned to the TLS server"],
        ),
        ("UPDATE certificate SET der = x'3000' WHERE number = 3", ["can't be read", "can't be read"]),
        ("DELETE FROM certification_path_member WHERE path_id LIKE '%'", ["is empty", "is empty"]),
        ("UPDATE certification_path_member SET position = 5 - position", ["is not signed with the key of"]),
    ],
)
def test_what_is_wrong_is_found(full: Store, statement: str, expected: list[str]) -> None:
    findings = damage(full, statement)
    assert len(findings) == len(expected)
    for finding, text in zip(findings, expected, strict=True):
        assert text in finding


def test_a_public_key_that_is_not_that_of_private_key_and_certificate(full: Store) -> None:
    findings = damage(full, "UPDATE key_pair SET public_key = ? WHERE private_key IS NOT NULL", OTHER_KEY)
    assert ["does not match the public key" in findings[0], "is not that of key-" in findings[1]] == [
        True,
        True,
    ]
    assert len(findings) == 2


def test_rows_that_refer_to_nothing_are_found(full: Store) -> None:
    """As another program could leave them that writes without foreign keys."""
    import sqlite3

    with sqlite3.connect(full.database.path) as connection:
        connection.execute("DELETE FROM certificate WHERE number = 3")
    connection.close()
    assert any("missing row of certificate" in finding for finding in full.keystore.verify())


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "keystore", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def state(directory: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A state directory as the service leaves it, closed."""
    directory = tmp_path / "state"
    directory.mkdir()
    sealer = Sealer(file_key(directory / "onvifd.kek"))
    database = Database(directory / "onvifd.db")
    store = Store(Keystore(database, sealer, Limits()), database, sealer)
    certificate_id = store.keystore.create_self_signed_certificate(
        store.put_key(), CAMERA, SHA256_RSA, alias="HTTPS \x1b[31m"
    )
    store.keystore.assign_server_certificate(
        store.keystore.create_certification_path([certificate_id], "path")
    )
    store.keystore.upload_certificate(ROOT.der, key_alias="root key")
    database.close()
    return directory


def test_the_command_lists_and_verifies(directory: Path) -> None:
    before = state(directory)
    for path in (directory, directory / "onvifd.db"):
        result = run(path)
        assert result.returncode == 0, result.stderr
        lines = [line.split() for line in result.stdout.splitlines()]
        assert sum(line[:1] != [] and line[0].startswith("key-") for line in lines) == 2
        assert sum(line[:1] != [] and line[0].startswith("certificate-") for line in lines) == 2
        assert any(
            line[:1] != [] and line[0].startswith("path-") and line[1:3] == ["assigned", "1"]
            for line in lines
        )
        assert "root key" in result.stdout
        assert "The store is sound." in result.stdout
        assert "\x1b" not in result.stdout, "an alias does not steer the terminal"
    assert state(directory) == before, "nothing is created or changed"


def test_the_command_takes_another_key_file(directory: Path, tmp_path: Path) -> None:
    shutil.move(directory / "onvifd.kek", tmp_path / "kek")
    assert run(directory).returncode == 2
    assert run(directory, "--key-file", tmp_path / "kek").returncode == 0


def test_the_command_works_while_the_store_is_in_use(directory: Path) -> None:
    database = Database(directory / "onvifd.db")
    store = Keystore(database, Sealer(file_key(directory / "onvifd.kek")), Limits())
    with database.transaction():
        store.create_rsa_key_pair(2048, "not committed")
    key_id, _ = store.create_rsa_key_pair(2048, "in the log")
    with database.transaction():
        store.delete_key(key_id)
        names = {path.name for path in directory.iterdir()}
        result = run(directory)
        assert result.returncode == 0, result.stderr
        assert "in the log" in result.stdout
        assert {path.name for path in directory.iterdir()} == names
    database.close()


@pytest.mark.parametrize(
    "files", [["onvifd.db", "onvifd.db-wal"], ["onvifd.db", "onvifd.db-wal", "onvifd.db-shm"]]
)
def test_the_command_works_after_power_was_lost(directory: Path, tmp_path: Path, files: list[str]) -> None:
    """The log is read too, and nothing is created beside it."""
    database = Database(directory / "onvifd.db")
    Keystore(database, Sealer(file_key(directory / "onvifd.kek")), Limits()).create_rsa_key_pair(
        2048, "in the log"
    )
    medium = tmp_path / "medium"
    medium.mkdir()
    for file in [*files, "onvifd.kek"]:
        shutil.copy2(directory / file, medium)
    database.close()
    names = {path.name for path in medium.iterdir()}
    result = run(medium)
    assert result.returncode == 0, result.stderr
    assert "in the log" in result.stdout
    assert {path.name for path in medium.iterdir()} == names


def test_the_command_reports_findings(directory: Path) -> None:
    database = Database(directory / "onvifd.db")
    with database.transaction() as connection:
        connection.execute("UPDATE key_pair SET private_key = zeroblob(50) WHERE private_key IS NOT NULL")
    database.close()
    result = run(directory)
    assert result.returncode == 1
    assert "finding: key-" in result.stdout
    assert "1 findings" in result.stdout


def no_store(directory: Path) -> None:
    (directory / "onvifd.db").unlink()


def no_key(directory: Path) -> None:
    (directory / "onvifd.kek").unlink()


def other_key(directory: Path) -> None:
    (directory / "onvifd.kek").write_bytes(os.urandom(32))


def no_database(directory: Path) -> None:
    (directory / "onvifd.db").write_bytes(b"nonsense" * 1000)


def empty_database(directory: Path) -> None:
    (directory / "onvifd.db").write_bytes(b"")


@pytest.mark.parametrize(
    ("breakage", "reason"),
    [
        (no_store, "does not exist"),
        (no_key, "can't be read"),
        (other_key, "restore the right one"),
        (no_database, "onvifd.db is not a sound database: file is not a database"),
        (empty_database, "holds no keystore"),
    ],
)
def test_the_command_says_in_one_line_why_it_can_not_open(
    directory: Path, breakage: Callable[[Path], None], reason: str
) -> None:
    breakage(directory)
    before = state(directory)
    result = run(directory)
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert reason in result.stderr
    assert state(directory) == before


def test_a_store_of_a_newer_program_is_refused(directory: Path) -> None:
    database = Database(directory / "onvifd.db")
    with database.transaction() as connection:
        connection.execute("UPDATE migration SET version = 99")
    with pytest.raises(DatabaseError):
        Keystore(database, Sealer(bytes(32)), Limits())
    database.close()
    assert "newer" in run(directory).stderr


def test_the_example_of_the_package(tmp_path: Path) -> None:
    names = {**vars(keystore), "directory": tmp_path, "time": time}
    test = doctest.DocTestFinder(recurse=False).find(keystore, "keystore", extraglobs=names)[0]
    assert doctest.DocTestRunner().run(test).failed == 0


def test_the_store_is_the_same_after_it_was_closed_and_opened(database: Database, sealer: Sealer) -> None:
    """Keys, certificates, paths and assignments."""
    first = Store(Keystore(database, sealer, Limits()), database, sealer)
    first.keystore.assign_server_certificate(first.put_path())
    content = first.content()
    database.close()
    again = Database(database.path)
    second = Store(Keystore(again, sealer, Limits()), again, sealer)
    assert second.content() == content
    assert len(second.keystore.server_credentials()) == 1
    again.close()

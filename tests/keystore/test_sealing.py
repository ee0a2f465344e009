"""Secrets at rest."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystore import Database, Keystore, Limits, Sealer, file_key
from keystore.errors import SealingError


@settings(max_examples=50)
@given(st.binary(max_size=300), st.text(max_size=20))
def test_a_sealed_value_opens_to_what_it_was(plaintext: bytes, context: str) -> None:
    sealer = Sealer(bytes(32))
    sealed = sealer.seal(plaintext, context)
    assert sealer.open(sealed, context) == plaintext
    assert sealer.seal(plaintext, context) != sealed, "a nonce is never used twice"


def test_a_value_opens_only_in_its_own_context() -> None:
    sealer = Sealer(bytes(32))
    with pytest.raises(SealingError):
        sealer.open(sealer.seal(b"secret", "key/1"), "key/2")


def test_a_value_opens_only_with_its_own_key() -> None:
    with pytest.raises(SealingError):
        Sealer(b"\1" * 32).open(Sealer(bytes(32)).seal(b"secret", "key/1"), "key/1")


def test_every_octet_of_a_sealed_value_is_protected() -> None:
    sealer = Sealer(bytes(32))
    sealed = sealer.seal(b"secret", "key/1")
    for position in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[position] ^= 1
        with pytest.raises(SealingError):
            sealer.open(bytes(damaged), "key/1")
    for length in range(len(sealed)):
        with pytest.raises(SealingError):
            sealer.open(sealed[:length], "key/1")


def test_a_key_encryption_key_of_another_size_is_refused() -> None:
    with pytest.raises(SealingError, match="32 octets"):
        Sealer(bytes(16))


def test_the_key_file_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        key = file_key(tmp_path / "kek")
    finally:
        os.umask(previous)
    assert len(key) == 32
    assert key != bytes(32)
    assert stat.S_IMODE((tmp_path / "kek").stat().st_mode) == 0o600
    assert file_key(tmp_path / "kek") == key
    assert [path.name for path in tmp_path.iterdir()] == ["kek"]


def test_processes_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(file_key, [tmp_path / "kek"] * 8))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["kek"]


def test_what_a_power_cut_left_of_making_a_key_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / ".kek.abcdef").write_bytes(b"half")
    assert file_key(tmp_path / "kek") == file_key(tmp_path / "kek")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_key_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    file_key(tmp_path / "kek")
    (tmp_path / "kek").chmod(mode)
    with pytest.raises(SealingError, match="set its mode to 0600"):
        file_key(tmp_path / "kek")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_file_of_another_size_is_refused(tmp_path: Path, size: int) -> None:
    (tmp_path / "kek").touch(0o600)
    (tmp_path / "kek").write_bytes(bytes(size))
    with pytest.raises(SealingError, match="exactly 32 octets"):
        file_key(tmp_path / "kek")


def test_a_key_file_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SealingError, match="can't be made"):
        file_key(tmp_path / "missing" / "kek")


def test_a_store_tells_that_its_key_encryption_key_was_lost(database: Database) -> None:
    """It must not look as if each single key were damaged."""
    Keystore(database, Sealer(bytes(32)), Limits())
    with pytest.raises(SealingError, match="restore the right one"):
        Keystore(database, Sealer(b"\1" * 32), Limits())

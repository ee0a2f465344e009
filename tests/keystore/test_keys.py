"""Key pairs: generation in the background, status, deletion (Security 5.2.4, 5.2.5, 5.2.6.2, 5.5.8.1)."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

import keystore.generation
from keystore import KeyStatus, Limits
from keystore.errors import (
    InvalidKeyStatus,
    KeyNotFound,
    MaximumNumberOfKeysReached,
    ReferenceExists,
    UnsupportedKeyLength,
)
from keystore.generation import KeyPair, generate_rsa
from tests.keystore.stores import CAMERA, SHA256_RSA, Store
from tests.pki import Authority
from tests.support import wait_until


class Gate:
    """Stands in for the generation of keys, which then takes as long as a test wants."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.started: list[int] = []
        self.niceness = 0

    def __call__(self, key_length: int) -> KeyPair:
        self.started.append(key_length)
        self.niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        assert self.open.wait(20)
        return generate_rsa(2048)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    monkeypatch.setattr(keystore.generation, "generate_rsa", gate)
    return gate


def status(store: Store, key_id: str) -> KeyStatus:
    return store.keystore.get_key(key_id).status


def wait_for(store: Store, key_id: str, wanted: KeyStatus = KeyStatus.OK) -> None:
    wait_until(lambda: status(store, key_id) is wanted, 30)


@pytest.mark.parametrize("key_length", [2048, 3072, 4096])
def test_a_key_pair_is_generated_in_the_background(store: Store, key_length: int) -> None:
    store.keystore.start()
    key_id, estimate = store.keystore.create_rsa_key_pair(key_length, "HTTPS")
    assert estimate >= timedelta(seconds=1)
    wait_for(store, key_id)
    key = store.keystore.get_key(key_id)
    assert key.id == key_id
    assert key.alias == "HTTPS"
    assert key.has_private_key
    assert not key.externally_generated
    assert not key.securely_stored
    assert key.algorithm == "RSA"
    assert key.public_key is not None
    public_key = load_der_public_key(key.public_key)
    assert isinstance(public_key, rsa.RSAPublicKey)
    assert public_key.key_size == key_length
    assert store.keystore.verify() == []


def test_ids_are_ncnames_that_never_come_again(store: Store) -> None:
    """tas:KeyID: an NCName of at most 64 characters."""
    first, _ = store.keystore.create_rsa_key_pair(2048)
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.\-]{0,63}", first)
    store.keystore.delete_key(first)
    second, _ = store.keystore.create_rsa_key_pair(2048)
    assert first != second


def test_a_key_that_is_being_generated(store: Store) -> None:
    key_id, _ = store.keystore.create_rsa_key_pair(2048)
    key = store.keystore.get_key(key_id)
    assert key.status is KeyStatus.GENERATING
    assert not key.has_private_key
    assert key.public_key is None
    assert store.keystore.verify() == []


@pytest.mark.parametrize("key_length", [0, 1024, 2047, 8192])
def test_an_unsupported_length_is_refused(store: Store, key_length: int) -> None:
    """Security 5.2.6.2.1: ter:KeyLength."""
    before = store.content()
    with pytest.raises(UnsupportedKeyLength, match="2048, 3072, 4096"):
        store.keystore.create_rsa_key_pair(key_length)
    assert store.content() == before


def test_the_maximum_number_of_keys(open_store: Callable[..., Store]) -> None:
    """Security 5.2.6.2.1: ter:MaximumNumberOfKeysReached, and no key pair is generated."""
    store = open_store(keys=2)
    store.keystore.create_rsa_key_pair(2048)
    key_id, _ = store.keystore.create_rsa_key_pair(2048)
    before = store.content()
    with pytest.raises(MaximumNumberOfKeysReached, match="room for 2"):
        store.keystore.create_rsa_key_pair(2048)
    assert store.content() == before
    store.keystore.delete_key(key_id)
    store.keystore.create_rsa_key_pair(2048)


def test_all_keys_in_the_order_of_their_creation(store: Store) -> None:
    """Security 5.2.6.2.5."""
    assert store.keystore.keys() == []
    ids = [store.keystore.create_rsa_key_pair(2048, alias)[0] for alias in ("one", None, "three")]
    assert [(key.id, key.alias) for key in store.keystore.keys()] == list(
        zip(ids, ["one", None, "three"], strict=True)
    )


def test_an_unknown_key(store: Store) -> None:
    """Security 5.2.6.2.3 and 5.2.6.2.6: ter:KeyID."""
    with pytest.raises(KeyNotFound, match="key-none"):
        store.keystore.get_key("key-none")
    with pytest.raises(KeyNotFound, match="key-none"):
        store.keystore.delete_key("key-none")


def test_a_key_is_deleted(store: Store) -> None:
    key_id = store.put_key()
    store.keystore.delete_key(key_id)
    with pytest.raises(KeyNotFound):
        store.keystore.get_key(key_id)


def test_nothing_of_a_deleted_private_key_remains_in_the_files(store: Store) -> None:
    key_id = store.put_key()
    with store.database.read() as connection:
        (sealed,) = connection.execute("SELECT private_key FROM key_pair").fetchone()
    store.keystore.delete_key(key_id)
    store.database.close()
    assert sealed[:64] not in store.database.path.read_bytes()


def test_a_key_that_a_certificate_uses_is_not_deleted(store: Store) -> None:
    """Security 5.2.4: a key shall not be deleted if it is referenced by a certificate."""
    certificate_id, key_id = store.keystore.upload_certificate(Authority.root().der)
    before = store.content()
    with pytest.raises(ReferenceExists, match=certificate_id):
        store.keystore.delete_key(key_id)
    assert store.content() == before
    store.keystore.delete_certificate(certificate_id)
    store.keystore.delete_key(key_id)


def test_status_changes_are_told_once_after_their_commit(store: Store, gate: Gate) -> None:
    """Security 5.5.8.1."""
    store.keystore.start()
    key_id, _ = store.keystore.create_rsa_key_pair(2048)
    assert store.events == [(key_id, None, KeyStatus.GENERATING)]
    gate.open.set()
    wait_for(store, key_id)
    wait_until(lambda: len(store.events) == 2)
    assert store.events[1] == (key_id, KeyStatus.GENERATING, KeyStatus.OK)


def test_a_key_pair_that_is_rolled_back_is_not_told(store: Store) -> None:
    with pytest.raises(KeyError), store.database.transaction():
        store.keystore.create_rsa_key_pair(2048)
        raise KeyError
    assert store.events == []
    assert store.keystore.keys() == []


def test_a_failed_generation_leaves_a_corrupt_key(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Security 5.2.6.2.1: if the key generation fails, the key is assigned the status corrupt."""

    def fail(key_length: int) -> KeyPair:
        raise ValueError("no entropy")

    monkeypatch.setattr(keystore.generation, "generate_rsa", fail)
    store.keystore.start()
    key_id, _ = store.keystore.create_rsa_key_pair(2048)
    wait_for(store, key_id, KeyStatus.CORRUPT)
    wait_until(lambda: len(store.events) == 2)
    assert store.events[1] == (key_id, KeyStatus.GENERATING, KeyStatus.CORRUPT)
    assert not store.keystore.get_key(key_id).has_private_key
    with pytest.raises(InvalidKeyStatus, match="corrupt"):
        store.keystore.create_pkcs10_csr(CAMERA, key_id, [], SHA256_RSA)
    store.keystore.delete_key(key_id)


def test_one_key_is_generated_at_a_time_in_order(store: Store, gate: Gate) -> None:
    store.keystore.start()
    ids = [store.keystore.create_rsa_key_pair(length)[0] for length in (3072, 2048, 4096)]
    wait_until(lambda: gate.started)
    assert [status(store, key_id) for key_id in ids] == [KeyStatus.GENERATING] * 3
    assert gate.started == [3072]
    gate.open.set()
    wait_for(store, ids[2])
    assert gate.started == [3072, 2048, 4096]


def test_generation_lets_requests_go_first(store: Store, gate: Gate) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    gate.open.set()
    store.keystore.start()
    wait_for(store, store.keystore.create_rsa_key_pair(2048)[0])
    assert gate.niceness == min(19, before + 5)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_deleting_a_key_discards_its_generation(store: Store, gate: Gate) -> None:
    """Security 5.2.6.2.6: the generation is aborted and all its data deleted."""
    store.keystore.start()
    deleted, _ = store.keystore.create_rsa_key_pair(2048)
    wait_until(lambda: gate.started)
    store.keystore.delete_key(deleted)
    kept, _ = store.keystore.create_rsa_key_pair(2048)
    gate.open.set()
    wait_for(store, kept)
    assert [key.id for key in store.keystore.keys()] == [kept]
    wait_until(lambda: len(store.events) == 3)
    assert (deleted, KeyStatus.GENERATING, KeyStatus.OK) not in store.events


def test_a_key_that_waits_for_its_turn_can_be_deleted(store: Store, gate: Gate) -> None:
    store.keystore.start()
    store.keystore.create_rsa_key_pair(2048)
    wait_until(lambda: gate.started)
    waiting, _ = store.keystore.create_rsa_key_pair(3072)
    store.keystore.delete_key(waiting)
    last, _ = store.keystore.create_rsa_key_pair(4096)
    gate.open.set()
    wait_for(store, last)
    assert gate.started == [2048, 4096]


def test_a_key_found_generating_at_start_is_generated_anew(
    open_store: Callable[..., Store], gate: Gate
) -> None:
    first = open_store()
    first.keystore.start()
    key_id, _ = first.keystore.create_rsa_key_pair(2048)
    wait_until(lambda: gate.started)
    threading.Timer(0.05, gate.open.set).start()
    first.keystore.close()
    assert status(first, key_id) is KeyStatus.GENERATING
    second = open_store()
    second.keystore.start()
    wait_for(second, key_id)
    wait_until(lambda: second.events == [(key_id, KeyStatus.GENERATING, KeyStatus.OK)])


def test_close_leaves_no_thread_behind(open_store: Callable[..., Store]) -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        store = open_store()
        store.keystore.start()
        store.keystore.create_rsa_key_pair(2048)
        store.keystore.close()
        store.keystore.close()
    assert set(threading.enumerate()) == before


def test_a_store_that_was_never_started_closes(store: Store) -> None:
    store.keystore.close()


def test_generation_goes_on_after_the_store_could_not_be_written(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk is no reason to lose the thread, nor to call the key corrupt."""
    monkeypatch.setattr(keystore.generation, "_RETRY_SECONDS", 0.05)
    with store.database.transaction() as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON key_pair BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        )
    store.keystore.start()
    key_id, _ = store.keystore.create_rsa_key_pair(2048)
    wait_until(lambda: "disk is full" in caplog.text)
    assert status(store, key_id) is KeyStatus.GENERATING
    with store.database.transaction() as connection:
        connection.execute("DROP TRIGGER full")
    wait_for(store, key_id)


def test_the_estimate_follows_measured_times_and_the_queue(store: Store, gate: Gate) -> None:
    """Security 5.2.6.2.1: the average elapsed time of a number of key generation operations."""
    with store.database.transaction() as connection:
        connection.execute("INSERT INTO generation_time VALUES (2048, 4.2), (4096, 60)")
    assert store.keystore.create_rsa_key_pair(2048)[1] == timedelta(seconds=5)
    assert store.keystore.create_rsa_key_pair(4096)[1] == timedelta(seconds=65)
    gate.open.set()
    store.keystore.start()
    wait_until(lambda: all(key.status is KeyStatus.OK for key in store.keystore.keys()))
    with store.database.read() as connection:
        measured = dict(connection.execute("SELECT key_length, seconds FROM generation_time"))
    assert measured[2048] < 4.2
    assert measured[4096] < 60


def test_private_keys_are_sealed(store: Store) -> None:
    store.keystore.start()
    key_id, _ = store.keystore.create_rsa_key_pair(2048)
    wait_for(store, key_id)
    with store.database.read() as connection:
        (sealed,) = connection.execute("SELECT private_key FROM key_pair").fetchone()
    private_key = store.sealer.open(sealed, f"key/{key_id}")
    store.database.close()
    assert private_key[-64:] not in store.database.path.read_bytes()


def test_nothing_secret_is_shown() -> None:
    pair = generate_rsa(2048)
    assert "private_key" not in repr(pair)


def test_a_damaged_private_key_becomes_corrupt_when_it_is_used(store: Store) -> None:
    """Security 5.2.5: a hardware fault corrupted a key that was ready to be used."""
    key_id = store.put_key()
    with store.database.transaction() as connection:
        connection.execute("UPDATE key_pair SET private_key = substr(private_key, 1, 100)")
    assert len(store.keystore.verify()) == 1
    assert status(store, key_id) is KeyStatus.OK, "verifying changes nothing"
    with pytest.raises(InvalidKeyStatus, match="corrupt"):
        store.keystore.create_pkcs10_csr(CAMERA, key_id, [], SHA256_RSA)
    assert status(store, key_id) is KeyStatus.CORRUPT
    assert store.events == [(key_id, KeyStatus.OK, KeyStatus.CORRUPT)]
    with pytest.raises(InvalidKeyStatus, match="corrupt"):
        store.keystore.create_self_signed_certificate(key_id, CAMERA, SHA256_RSA)


def test_limits_hold_when_many_threads_create_keys(open_store: Callable[..., Store]) -> None:
    store = open_store(keys=5)
    refused: list[Exception] = []

    def create() -> None:
        for _ in range(3):
            try:
                store.keystore.create_rsa_key_pair(2048)
            except MaximumNumberOfKeysReached as error:
                refused.append(error)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.keystore.keys()) == 5
    assert len(refused) == 7


def test_the_defaults_are_what_the_service_needs() -> None:
    assert Limits() == Limits(32, 32, 16, 2, (2048, 3072, 4096))

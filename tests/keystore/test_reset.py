"""Factory default (Core 8.3.8): nothing that a client stored is left."""

from collections.abc import Callable

from keystore import KeyStatus
from tests.keystore.stores import Store
from tests.support import wait_until


def test_a_reset_leaves_nothing(store: Store) -> None:
    store.keystore.assign_server_certificate(store.put_path())
    store.keystore.reset()
    assert store.keystore.keys() == []
    assert store.keystore.certificates() == []
    assert store.keystore.certification_paths() == []
    assert store.keystore.assigned_server_certificates() == []
    assert store.keystore.verify() == []


def test_a_key_in_the_making_is_discarded(open_store: Callable[..., Store]) -> None:
    keystore = open_store().keystore
    keystore.start()
    keystore.create_rsa_key_pair(4096)
    keystore.reset()
    key_id, _ = keystore.create_rsa_key_pair(2048)
    wait_until(lambda: keystore.get_key(key_id).status is KeyStatus.OK, timeout=60)
    assert [key.id for key in keystore.keys()] == [key_id]

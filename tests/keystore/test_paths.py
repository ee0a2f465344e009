"""Certification paths and their assignment to the TLS server (Security 5.2.6.3.8 ff., 5.3.3.1 ff.)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from keystore import KeyStatus
from keystore.errors import (
    AssignmentNotFound,
    CertificateNotFound,
    CertificationPathNotFound,
    InvalidCertificationPath,
    InvalidKeyStatus,
    MaximumNumberOfCertificationPathsReached,
    MaximumNumberOfTLSCertificationPathsReached,
    NewCertificationPathNotFound,
    NoPrivateKey,
    ReferenceExists,
)
from tests.keystore.stores import Store
from tests.pki import Authority, ec_key, rsa_key

ROOT = Authority.root()
INTERMEDIATE = ROOT.intermediate()


@pytest.fixture
def chain(store: Store) -> list[str]:
    """The IDs of leaf, intermediate and root; the device has the leaf's private key."""
    store.put_key(1)
    leaf = INTERMEDIATE.issue(rsa_key(1).public_key())
    return [store.keystore.upload_certificate(encoded)[0] for encoded in (leaf, INTERMEDIATE.der, ROOT.der)]


def public_path(store: Store) -> str:
    """A path whose first certificate has no private key on the device."""
    return store.keystore.create_certification_path([store.keystore.upload_certificate(ROOT.der)[0]])


def test_a_path_keeps_its_order_and_alias(store: Store, chain: list[str]) -> None:
    path_id = store.keystore.create_certification_path(chain, "HTTPS")
    path = store.keystore.get_certification_path(path_id)
    assert (path.id, path.alias, path.certificate_ids) == (path_id, "HTTPS", tuple(chain))
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.\-]{0,63}", path_id)
    assert store.keystore.certification_paths() == [path]
    assert store.keystore.verify() == []


def test_a_certificate_may_be_in_several_paths(store: Store, chain: list[str]) -> None:
    paths = [store.keystore.create_certification_path(chain[:length]) for length in (1, 2, 3)]
    assert [path.id for path in store.keystore.certification_paths()] == paths


def test_a_path_across_key_types(store: Store) -> None:
    leaf = ROOT.issue(ec_key(1).public_key())
    ids = [store.keystore.upload_certificate(encoded)[0] for encoded in (leaf, ROOT.der)]
    store.keystore.create_certification_path(ids)
    with pytest.raises(InvalidCertificationPath):
        store.keystore.create_certification_path(ids[::-1])


@pytest.mark.parametrize("order", [(1, 0), (0, 2), (2, 1), (0, 1, 2, 0), ()])
def test_a_path_that_is_not_signed_with_the_next_key(
    store: Store, chain: list[str], order: tuple[int, ...]
) -> None:
    """Security 5.2.6.3.8: ter:InvalidCertificationPath."""
    before = store.content()
    with pytest.raises(InvalidCertificationPath):
        store.keystore.create_certification_path([chain[index] for index in order])
    assert store.content() == before


def test_a_path_is_bounded(store: Store) -> None:
    with pytest.raises(InvalidCertificationPath, match="1 to 32"):
        store.keystore.create_certification_path([store.put_self_signed()] * 33)


def test_an_unknown_certificate(store: Store, chain: list[str]) -> None:
    """Security 5.2.6.3.8: ter:CertificateID."""
    with pytest.raises(CertificateNotFound, match="certificate-none"):
        store.keystore.create_certification_path([*chain, "certificate-none"])
    assert store.keystore.certification_paths() == []


def test_the_maximum_number_of_paths(open_store: Callable[..., Store]) -> None:
    """Security 5.2.6.3.8: ter:MaximumNumberOfCertificationPathsReached."""
    store = open_store(certification_paths=1)
    certificate_id = store.put_self_signed()
    store.keystore.create_certification_path([certificate_id])
    with pytest.raises(MaximumNumberOfCertificationPathsReached):
        store.keystore.create_certification_path([certificate_id])


def test_an_unknown_path(store: Store) -> None:
    """Security 5.2.6.3.9, 5.2.6.3.12 and 5.3.3.1: ter:CertificationPathID."""
    for operation in (
        store.keystore.get_certification_path,
        store.keystore.delete_certification_path,
        store.keystore.assign_server_certificate,
    ):
        with pytest.raises(CertificationPathNotFound, match="path-none"):
            operation("path-none")


def test_deleting_a_path_keeps_its_certificates(store: Store, chain: list[str]) -> None:
    """Security 5.2.6.3.12."""
    store.keystore.delete_certification_path(store.keystore.create_certification_path(chain))
    assert store.keystore.certification_paths() == []
    assert [certificate.id for certificate in store.keystore.certificates()] == chain


def test_an_assigned_path_is_not_deleted(store: Store) -> None:
    """Security 5.2.4: ter:ReferenceExists."""
    path_id = store.put_path()
    store.keystore.assign_server_certificate(path_id)
    before = store.content()
    with pytest.raises(ReferenceExists):
        store.keystore.delete_certification_path(path_id)
    assert store.content() == before
    store.keystore.remove_server_certificate(path_id)
    store.keystore.delete_certification_path(path_id)


def test_assignments_in_their_order(store: Store) -> None:
    """Security 5.3.3.4."""
    assert store.keystore.assigned_server_certificates() == []
    first, second = store.put_path(0), store.put_path(1)
    store.keystore.assign_server_certificate(second)
    store.keystore.assign_server_certificate(first)
    assert store.keystore.assigned_server_certificates() == [second, first]


def test_assigning_twice_has_no_effect(open_store: Callable[..., Store]) -> None:
    """Security 5.3.3.1, also when there is room for no more."""
    store = open_store(tls_certification_paths=1)
    path_id = store.put_path()
    store.keystore.assign_server_certificate(path_id)
    store.keystore.assign_server_certificate(path_id)
    assert store.keystore.assigned_server_certificates() == [path_id]


def test_a_path_without_private_key_is_not_assigned(store: Store) -> None:
    """Security 5.3.3.1: ter:NoPrivateKey."""
    with pytest.raises(NoPrivateKey):
        store.keystore.assign_server_certificate(public_path(store))
    assert store.keystore.assigned_server_certificates() == []


def test_a_path_with_a_corrupt_key_is_not_assigned(store: Store) -> None:
    path_id = store.put_path()
    with store.database.transaction() as connection:
        connection.execute("UPDATE key_pair SET status = 'corrupt'")
    with pytest.raises(NoPrivateKey, match="corrupt"):
        store.keystore.assign_server_certificate(path_id)


def test_the_maximum_number_of_assignments(open_store: Callable[..., Store]) -> None:
    """Security 5.3.3.1: ter:MaximumNumberOfTLSCertificationPathsReached."""
    store = open_store(tls_certification_paths=1)
    store.keystore.assign_server_certificate(store.put_path(0))
    with pytest.raises(MaximumNumberOfTLSCertificationPathsReached):
        store.keystore.assign_server_certificate(store.put_path(1))


def test_removing_what_is_not_assigned(store: Store) -> None:
    """Security 5.3.3.2: ter:OldCertificationPathID."""
    for path_id in ("path-none", store.put_path()):
        with pytest.raises(AssignmentNotFound):
            store.keystore.remove_server_certificate(path_id)


def test_a_replacement_takes_the_same_place(store: Store) -> None:
    """Security 5.3.3.3."""
    first, second, third = (store.put_path(number) for number in range(3))
    store.keystore.assign_server_certificate(first)
    store.keystore.assign_server_certificate(second)
    store.keystore.replace_server_certificate(first, third)
    assert store.keystore.assigned_server_certificates() == [third, second]


def test_replacing_a_path_by_itself_has_no_effect(store: Store) -> None:
    path_id = store.put_path()
    store.keystore.assign_server_certificate(path_id)
    store.keystore.replace_server_certificate(path_id, path_id)
    assert store.keystore.assigned_server_certificates() == [path_id]


def test_a_replacement_that_is_assigned_already_moves(store: Store) -> None:
    first, second = store.put_path(0), store.put_path(1)
    store.keystore.assign_server_certificate(first)
    store.keystore.assign_server_certificate(second)
    store.keystore.replace_server_certificate(first, second)
    assert store.keystore.assigned_server_certificates() == [second]


def test_replacing_what_is_not_assigned(store: Store) -> None:
    """Security 5.3.3.3: ter:OldCertificationPathID."""
    with pytest.raises(AssignmentNotFound):
        store.keystore.replace_server_certificate(store.put_path(0), store.put_path(1))
    assert store.keystore.assigned_server_certificates() == []


def test_replacing_by_what_is_not_there(store: Store) -> None:
    """Security 5.3.3.3: ter:NewCertificationPathID."""
    path_id = store.put_path()
    store.keystore.assign_server_certificate(path_id)
    with pytest.raises(NewCertificationPathNotFound, match="path-none"):
        store.keystore.replace_server_certificate(path_id, "path-none")
    assert store.keystore.assigned_server_certificates() == [path_id]


def test_replacing_by_a_path_without_private_key(store: Store) -> None:
    """Security 5.3.3.3: ter:NoPrivateKey."""
    path_id = store.put_path()
    store.keystore.assign_server_certificate(path_id)
    with pytest.raises(NoPrivateKey):
        store.keystore.replace_server_certificate(path_id, public_path(store))
    assert store.keystore.assigned_server_certificates() == [path_id]


def test_credentials_for_the_web_server(store: Store, chain: list[str]) -> None:
    """Security 5.3.3.1: the path is transmitted as it is."""
    path_id = store.keystore.create_certification_path(chain)
    store.keystore.assign_server_certificate(path_id)
    (credential,) = store.keystore.server_credentials()
    assert credential.path_id == path_id
    assert credential.algorithm == "RSA"
    assert credential.certificates_der == tuple(store.keystore.get_certificate(id_).der for id_ in chain)
    key = load_pem_private_key(credential.private_key_pem, None)
    assert key.public_key() == rsa_key(1).public_key()
    assert "PRIVATE" not in repr(credential)


def test_credentials_inside_a_transaction_are_those_to_be(store: Store) -> None:
    """The web server is configured before the change is committed."""
    path_id = store.put_path()
    with pytest.raises(KeyError), store.database.transaction():
        store.keystore.assign_server_certificate(path_id)
        assert [credential.path_id for credential in store.keystore.server_credentials()] == [path_id]
        raise KeyError
    assert store.keystore.server_credentials() == []


def test_credentials_with_a_damaged_key_are_refused(store: Store) -> None:
    """Security 5.2.5: the key is corrupt from then on."""
    store.keystore.assign_server_certificate(store.put_path())
    with store.database.transaction() as connection:
        connection.execute("UPDATE key_pair SET private_key = zeroblob(100)")
    for _ in range(2):
        with pytest.raises(InvalidKeyStatus, match="corrupt"):
            store.keystore.server_credentials()
    assert store.keystore.keys()[0].status is KeyStatus.CORRUPT
    assert len(store.events) == 1

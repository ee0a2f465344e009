"""UploadCertificate, GetCertificate, GetAllCertificates, DeleteCertificate (Security 5.2.6.3.3 ff.)."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keystore import BASELINE, SHA1_WITH_RSA, KeyStatus, der
from keystore.errors import (
    BadCertificate,
    CertificateNotFound,
    DuplicateCertificate,
    InvalidKeyStatus,
    KeystoreError,
    MaximumNumberOfCertificatesReached,
    MaximumNumberOfKeysReached,
    NoMatchingPrivateKey,
    ReferenceExists,
    UnsupportedPublicKeyAlgorithm,
    UnsupportedSignatureAlgorithm,
)
from tests.keystore.encoding import NULL, UNREADABLE_EXTENSIONS, bit_string, object_identifier, parts
from tests.keystore.stores import CAMERA, SHA256_RSA, Store
from tests.pki import Authority, ec_key, name, rsa_key

ROOT = Authority.root()


def refused(store: Store, error: type[KeystoreError], certificate: bytes, **options: bool) -> str:
    """Nothing is stored on any fault. The reason."""
    before, events = store.content(), list(store.events)
    with pytest.raises(error) as caught:
        store.keystore.upload_certificate(certificate, **options)  # type: ignore[arg-type]
    assert store.content() == before
    assert store.events == events
    return str(caught.value)


def test_the_workflow_of_a_signed_certificate(store: Store) -> None:
    key_id = store.put_key(1)
    csr = store.keystore.create_pkcs10_csr(CAMERA, key_id, [], SHA256_RSA)
    certificate = ROOT.sign_request(csr)
    certificate_id, linked = store.keystore.upload_certificate(
        certificate, alias="leaf", key_alias="ignored", private_key_required=True
    )
    assert linked == key_id
    stored = store.keystore.get_certificate(certificate_id)
    assert (stored.id, stored.key_id, stored.alias) == (certificate_id, key_id, "leaf")
    assert stored.der == certificate
    assert stored.has_private_key
    assert store.keystore.get_key(key_id).alias is None, "KeyAlias is ignored for an existing key pair"
    assert store.events == []


def test_a_new_key_pair_is_made_for_an_unknown_public_key(store: Store) -> None:
    certificate_id, key_id = store.keystore.upload_certificate(ROOT.der, alias="root", key_alias="root key")
    key = store.keystore.get_key(key_id)
    assert (key.alias, key.status, key.algorithm) == ("root key", KeyStatus.OK, "RSA")
    assert not key.has_private_key
    assert key.externally_generated
    assert store.events == [(key_id, None, KeyStatus.OK)]
    assert not store.keystore.get_certificate(certificate_id).has_private_key
    assert store.keystore.verify() == []


def test_ids_are_ncnames(store: Store) -> None:
    for id_ in store.keystore.upload_certificate(ROOT.der):
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.\-]{0,63}", id_)


def test_a_second_certificate_is_linked_to_the_same_key_pair(store: Store) -> None:
    _, first = store.keystore.upload_certificate(ROOT.issue(rsa_key(1).public_key()))
    _, second = store.keystore.upload_certificate(ROOT.issue(rsa_key(1).public_key()), key_alias="ignored")
    assert first == second
    assert [key.alias for key in store.keystore.keys()] == [None]


def test_a_key_pair_with_private_key_is_preferred(store: Store) -> None:
    _, public_only = store.keystore.upload_certificate(ROOT.issue(rsa_key(1).public_key()))
    corrupt, complete = store.put_key(1, status="corrupt"), store.put_key(1)
    for required in (True, False):
        certificate = ROOT.issue(rsa_key(1).public_key())
        _, linked = store.keystore.upload_certificate(certificate, private_key_required=required)
        assert linked == complete
    assert {public_only, corrupt, complete} == {key.id for key in store.keystore.keys()}


def test_no_matching_private_key(store: Store) -> None:
    """ter:NoMatchingPrivateKey, also if a key pair with the public key alone is there."""
    refused(store, NoMatchingPrivateKey, ROOT.der, private_key_required=True)
    store.keystore.upload_certificate(ROOT.issue(rsa_key(1).public_key()))
    refused(store, NoMatchingPrivateKey, ROOT.issue(rsa_key(1).public_key()), private_key_required=True)


@pytest.mark.parametrize("required", [True, False])
def test_a_matching_key_that_is_not_ok(store: Store, required: bool) -> None:
    """ter:InvalidKeyStatus."""
    store.put_key(1, status="corrupt")
    certificate = ROOT.issue(rsa_key(1).public_key())
    assert "corrupt" in refused(store, InvalidKeyStatus, certificate, private_key_required=required)


def test_the_same_certificate_twice(store: Store) -> None:
    """ter:Duplicate."""
    certificate_id, _ = store.keystore.upload_certificate(ROOT.der, alias="one")
    assert certificate_id in refused(store, DuplicateCertificate, ROOT.der)
    store.keystore.delete_certificate(certificate_id)
    store.keystore.upload_certificate(ROOT.der)


def test_a_self_signed_certificate_can_not_be_uploaded_again(store: Store) -> None:
    certificate_id = store.put_self_signed()
    refused(store, DuplicateCertificate, store.keystore.get_certificate(certificate_id).der)


@pytest.mark.parametrize(
    "certificate",
    [
        b"",
        b"\0",
        b"no certificate",
        ROOT.der + b"\0",
        ROOT.der[:-1],
        ROOT.pem,
        der.sequence(ROOT.der),
        b"\x30\x80" + ROOT.der[4:] + b"\0\0",
    ],
)
def test_a_malformed_certificate(store: Store, certificate: bytes) -> None:
    """ter:BadCertificate."""
    refused(store, BadCertificate, certificate)


@pytest.mark.parametrize("position", [-1, -200, 250, 400])
def test_a_damaged_self_signed_certificate(store: Store, position: int) -> None:
    """ter:BadCertificate, ADVANCED_SECURITY-2-1-23: its own key shows that octets were changed."""
    damaged = bytearray(ROOT.der)
    damaged[position] ^= 1
    refused(store, BadCertificate, bytes(damaged))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, len(ROOT.der) - 1), st.integers(1, 255))
def test_any_changed_octet_is_stored_as_it_is_or_refused(store: Store, position: int, change: int) -> None:
    damaged = bytearray(ROOT.der)
    damaged[position] ^= change
    try:
        certificate_id, _ = store.keystore.upload_certificate(bytes(damaged))
    except KeystoreError:
        return
    assert store.keystore.get_certificate(certificate_id).der == damaged
    store.keystore.delete_certificate(certificate_id)


def certificate(
    public_key: CertificatePublicKeyTypes,
    algorithm: hashes.SHA256 | None = None,
    subject: str = "leaf",
    issuer: str = "issuer",
    extensions: tuple[x509.ExtensionType, ...] = (),
    signer: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(public_key)
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer or rsa_key(100), algorithm or hashes.SHA256()).public_bytes(Encoding.DER)


def test_another_version_than_3(store: Store) -> None:
    """ter:BadCertificate: the X.509Versions capability says 3."""
    to_be_signed, *signature = parts(ROOT.der)
    version_1 = der.sequence(der.sequence(*parts(to_be_signed)[1:-1]), *signature)
    assert x509.load_der_x509_certificate(version_1).version is x509.Version.v1
    assert "version 3" in refused(store, BadCertificate, version_1)


@pytest.mark.parametrize(("oid", "value"), [("2.5.29.19", b"\x30\x05"), *UNREADABLE_EXTENSIONS.items()])
def test_a_malformed_extension(store: Store, oid: str, value: bytes) -> None:
    """ter:BadCertificate."""
    malformed = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
    refused(store, BadCertificate, certificate(rsa_key(1).public_key(), extensions=(malformed,)))


def test_an_unknown_extension_is_no_reason_to_refuse(store: Store) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"anything")
    store.keystore.upload_certificate(certificate(rsa_key(1).public_key(), extensions=(unknown,)))


@pytest.mark.parametrize("years", [(1970, 1980), (2080, 2090)])
def test_dates_are_no_reason_to_refuse(store: Store, years: tuple[int, int]) -> None:
    """ADVANCED_SECURITY-2-1-24: an expired certificate is stored."""
    begin, end = (datetime(year, 1, 1, tzinfo=UTC) for year in years)
    store.keystore.upload_certificate(ROOT.issue(rsa_key(1).public_key(), not_before=begin, not_after=end))


@pytest.mark.parametrize(
    "public_key",
    [
        rsa.generate_private_key(65537, 1024).public_key(),
        ec.generate_private_key(ec.SECP521R1()).public_key(),
        ec.generate_private_key(ec.SECP256K1()).public_key(),
        ed25519.Ed25519PrivateKey.generate().public_key(),
        dsa.generate_private_key(1024).public_key(),
    ],
    ids=["RSA-1024", "P-521", "secp256k1", "Ed25519", "DSA"],
)
def test_an_unsupported_public_key(store: Store, public_key: CertificatePublicKeyTypes) -> None:
    """ter:UnsupportedPublicKeyAlgorithm."""
    assert "RSA" in refused(store, UnsupportedPublicKeyAlgorithm, certificate(public_key))


@pytest.mark.parametrize(
    ("public_key", "algorithm"),
    [
        (rsa_key(1).public_key(), "RSA"),
        (rsa_key(1, 3072).public_key(), "RSA"),
        (ec_key(1).public_key(), "EC"),
        (ec.generate_private_key(ec.SECP384R1()).public_key(), "EC"),
    ],
    ids=["RSA-2048", "RSA-3072", "P-256", "P-384"],
)
def test_supported_public_keys(store: Store, public_key: CertificatePublicKeyTypes, algorithm: str) -> None:
    _, key_id = store.keystore.upload_certificate(certificate(public_key))
    assert store.keystore.get_key(key_id).algorithm == algorithm


def sha1_signed() -> bytes:
    """cryptography's builders make none: identifiers and signature are exchanged in another one."""
    sha1, sha256 = object_identifier(SHA1_WITH_RSA), object_identifier("1.2.840.113549.1.1.11")
    to_be_signed = parts(ROOT.der)[0].replace(sha256, sha1)
    signature = rsa_key(100).sign(to_be_signed, padding.PKCS1v15(), hashes.SHA1())
    return der.sequence(to_be_signed, der.sequence(sha1, NULL), bit_string(signature))


def test_an_unsupported_signature_algorithm(store: Store) -> None:
    """ter:UnsupportedSignatureAlgorithm, also for a root: the specification exempts none."""
    assert SHA1_WITH_RSA in refused(store, UnsupportedSignatureAlgorithm, sha1_signed())


def test_sha1_is_accepted_where_the_caller_lists_it(open_store: Callable[..., Store]) -> None:
    """ADVANCED_SECURITY annex A.4 makes its authority like that."""
    store = open_store(signature_algorithms=(*BASELINE, SHA1_WITH_RSA))
    store.keystore.upload_certificate(sha1_signed())


def test_the_certificates_by_which_an_authority_changes_its_key_are_accepted(store: Store) -> None:
    """RFC 5280 3.2: self-issued, and signed with another key than their own."""
    old, new = rsa_key(100).public_key(), rsa_key(2).public_key()
    extensions = (
        x509.AuthorityKeyIdentifier.from_issuer_public_key(old),
        x509.SubjectKeyIdentifier.from_public_key(new),
    )
    store.keystore.upload_certificate(certificate(new, subject="root", issuer="root", extensions=extensions))
    refused(store, BadCertificate, certificate(new, subject="root", issuer="root"))


def test_the_maximum_number_of_certificates(open_store: Callable[..., Store]) -> None:
    """ter:MaximumNumberOfCertificatesReached."""
    store = open_store(certificates=1)
    store.keystore.upload_certificate(ROOT.der)
    refused(store, MaximumNumberOfCertificatesReached, ROOT.intermediate().der)


def test_the_maximum_number_of_keys(open_store: Callable[..., Store]) -> None:
    """ter:MaximumNumberOfKeysReached, if a key pair would have to be made; nothing is stored."""
    store = open_store(keys=1)
    store.put_key(1)
    refused(store, MaximumNumberOfKeysReached, ROOT.der)
    store.keystore.upload_certificate(ROOT.issue(rsa_key(1).public_key()))


def test_an_unknown_certificate(store: Store) -> None:
    """Security 5.2.6.3.5 and 5.2.6.3.7: ter:CertificateID."""
    with pytest.raises(CertificateNotFound):
        store.keystore.get_certificate("certificate-none")
    with pytest.raises(CertificateNotFound):
        store.keystore.delete_certificate("certificate-none")


def test_all_certificates_in_the_order_of_their_creation(store: Store) -> None:
    """Security 5.2.6.3.6."""
    assert store.keystore.certificates() == []
    first, _ = store.keystore.upload_certificate(ROOT.der, alias="root")
    second = store.put_self_signed()
    assert [certificate.id for certificate in store.keystore.certificates()] == [first, second]
    assert store.keystore.certificates()[0] == store.keystore.get_certificate(first)


def test_deleting_a_certificate_keeps_its_key_pair(store: Store) -> None:
    """Security 5.2.6.3.7, ADVANCED_SECURITY-2-1-21: AutoDeleteKey is not signalled."""
    certificate_id, key_id = store.keystore.upload_certificate(ROOT.der)
    store.keystore.delete_certificate(certificate_id)
    assert [key.id for key in store.keystore.keys()] == [key_id]
    assert store.keystore.certificates() == []


def test_a_certificate_of_a_path_is_not_deleted(store: Store) -> None:
    """Security 5.2.4: ter:ReferenceExists."""
    certificate_id = store.put_self_signed()
    path_id = store.keystore.create_certification_path([certificate_id])
    before = store.content()
    with pytest.raises(ReferenceExists, match=path_id):
        store.keystore.delete_certificate(certificate_id)
    assert store.content() == before
    store.keystore.delete_certification_path(path_id)
    store.keystore.delete_certificate(certificate_id)


def test_many_threads_upload_at_once(open_store: Callable[..., Store]) -> None:
    """Limits hold, one public key makes one key pair, and of one certificate one is stored."""
    store = open_store(certificates=6)
    uploads = [ROOT.issue(rsa_key(1).public_key()) for _ in range(8)] + [ROOT.der] * 4
    results: list[object] = []

    def upload(encoded: bytes) -> None:
        try:
            results.append(store.keystore.upload_certificate(encoded))
        except (DuplicateCertificate, MaximumNumberOfCertificatesReached) as error:
            results.append(type(error))

    threads = [threading.Thread(target=upload, args=(encoded,)) for encoded in uploads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 12
    assert sum(isinstance(result, tuple) for result in results) == 6
    stored = store.keystore.certificates()
    assert len({certificate.der for certificate in stored}) == 6
    assert len({key.public_key for key in store.keystore.keys()}) == len(store.keystore.keys()) <= 2
    assert store.keystore.verify() == []

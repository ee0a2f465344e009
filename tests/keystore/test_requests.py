"""CreatePKCS10CSR (Security 5.2.6.3.1, RFC 2986)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AttributeOID, ExtensionOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keystore import SHA1_WITH_RSA, AlgorithmIdentifier, DistinguishedName, Extension, RequestAttribute, der
from keystore.errors import (
    CSRCreationFailed,
    InvalidAttribute,
    InvalidKeyStatus,
    InvalidSubject,
    KeyNotFound,
    KeySignatureAlgorithmMismatch,
    UnsupportedSignatureAlgorithm,
)
from tests.keystore.encoding import (
    OCTET_STRING,
    UNREADABLE_EXTENSIONS,
    UTF8_STRING,
    bit_string,
    object_identifier,
)
from tests.keystore.stores import CAMERA, SHA256_ECDSA, SHA256_RSA, Store
from tests.keystore.test_algorithms import pss
from tests.pki import Authority, PrivateKey, ec_key, rsa_key

ALTERNATIVE = x509.SubjectAlternativeName([x509.DNSName("camera.test")])
SAN = Extension("2.5.29.17", False, ALTERNATIVE.public_bytes())
UNKNOWN = Extension("1.3.6.1.4.1.50000.1", True, der.sequence(der.integer(7), bit_string(b"\1")))
PASSWORD = RequestAttribute("1.2.840.113549.1.9.7", der.element(UTF8_STRING, b"challenge"))


def create(store: Store, *attributes: RequestAttribute | Extension) -> x509.CertificateSigningRequest:
    request = x509.load_der_x509_csr(
        store.keystore.create_pkcs10_csr(CAMERA, store.put_key(), attributes, SHA256_RSA)
    )
    assert request.is_signature_valid
    return request


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(rsa_key(0), SHA256_RSA), (rsa_key(0), pss()), (ec_key(0), SHA256_ECDSA)],
    ids=["rsa", "pss", "ec"],
)
def test_a_request_as_openssl_verifies_it(
    store: Store, tmp_path: Path, key: PrivateKey, algorithm: AlgorithmIdentifier
) -> None:
    request = tmp_path / "request.der"
    attributes = [SAN, UNKNOWN, PASSWORD]
    request.write_bytes(store.keystore.create_pkcs10_csr(CAMERA, store.put_key(key), attributes, algorithm))
    shown = subprocess.run(
        ["openssl", "req", "-inform", "DER", "-in", request, "-noout", "-verify", "-text", "-pubkey"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "verify OK" in shown.stderr + shown.stdout
    assert "CN = camera.test" in shown.stdout
    assert "DNS:camera.test" in shown.stdout
    assert "challengePassword        :challenge" in shown.stdout
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert public.strip() in shown.stdout


def test_a_request_without_attributes(store: Store) -> None:
    request = create(store)
    assert list(request.attributes) == []
    assert request.subject.rfc4514_string() == "CN=camera.test"


def test_extensions_become_an_extension_request_octet_for_octet(store: Store) -> None:
    extensions = create(store, SAN, UNKNOWN).extensions
    assert extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value == ALTERNATIVE
    unknown = extensions.get_extension_for_oid(x509.ObjectIdentifier(UNKNOWN.oid))
    assert unknown.critical
    assert isinstance(unknown.value, x509.UnrecognizedExtension)
    assert unknown.value.value == UNKNOWN.value


def test_attributes_are_honoured_octet_for_octet(store: Store) -> None:
    other = RequestAttribute("1.3.6.1.4.1.50000.2", der.sequence(der.integer(1)))
    request = create(store, PASSWORD, other, SAN)
    assert request.attributes.get_attribute_for_oid(AttributeOID.CHALLENGE_PASSWORD).value == b"challenge"
    encoded = request.public_bytes(Encoding.DER)
    assert der.sequence(object_identifier(other.oid), der.set_of([other.value])) in encoded
    assert len(request.extensions) == 1


def test_the_extension_request_may_come_as_a_plain_attribute(store: Store) -> None:
    extension = der.sequence(object_identifier(SAN.oid), der.element(OCTET_STRING, SAN.value))
    request = create(store, RequestAttribute("1.2.840.113549.1.9.14", der.sequence(extension)))
    assert request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == ALTERNATIVE


@pytest.mark.parametrize(
    "attributes",
    [
        [PASSWORD, PASSWORD],
        [SAN, SAN],
        [SAN, RequestAttribute("1.2.840.113549.1.9.14", der.sequence())],
        [RequestAttribute("1.2.3.4", b"")],
        [RequestAttribute("1.2.3.4", b"\x0c\x05a")],
        [RequestAttribute("1.2.3.4", PASSWORD.value + b"\0")],
        [RequestAttribute("1.2.3.4", b"\x30\x80\0\0")],
        [RequestAttribute("1.2.3.x", PASSWORD.value)],
        [RequestAttribute("", PASSWORD.value)],
        [Extension("5.5", False, SAN.value)],
        [Extension(SAN.oid, False, b"")],
        [Extension(SAN.oid, False, SAN.value[:-1])],
        [Extension(SAN.oid, False, der.integer(1))],
        [Extension("2.5.29.19", True, der.sequence(der.integer(1)))],
        *([Extension(oid, False, value)] for oid, value in UNREADABLE_EXTENSIONS.items()),
    ],
)
def test_an_invalid_attribute(store: Store, attributes: list[RequestAttribute | Extension]) -> None:
    """Security 5.2.6.3.1: ter:InvalidAttribute."""
    with pytest.raises(InvalidAttribute):
        create(store, *attributes)


def test_an_exotic_alternative_name_is_passed_on(store: Store) -> None:
    x400 = der.sequence(der.element(0xA3, der.sequence()))
    request = create(store, Extension(SAN.oid, False, x400))
    assert x400 in request.public_bytes(Encoding.DER)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from([SAN.oid, "2.5.29.19", "2.5.29.15", "2.5.29.37", UNKNOWN.oid]), st.binary(max_size=30))
def test_any_octets_as_an_extension_are_passed_on_or_refused(store: Store, oid: str, value: bytes) -> None:
    try:
        request = store.keystore.create_pkcs10_csr(
            CAMERA, ec_key_id(store), [Extension(oid, False, value)], SHA256_ECDSA
        )
    except InvalidAttribute:
        return
    assert value in request


def ec_key_id(store: Store) -> str:
    keys = store.keystore.keys()
    return keys[0].id if keys else store.put_key(ec_key(0))


def test_an_unknown_key(store: Store) -> None:
    """Security 5.2.6.3.1: ter:KeyID."""
    with pytest.raises(KeyNotFound):
        store.keystore.create_pkcs10_csr(CAMERA, "key-none", [], SHA256_RSA)


def test_a_key_that_is_being_generated_is_reported_before_the_algorithm(store: Store) -> None:
    """ter:InvalidKeyStatus, also for SHA-1, which the test ADVANCED_SECURITY-2-1-20 asks for."""
    key_id, _ = store.keystore.create_rsa_key_pair(2048)
    with pytest.raises(InvalidKeyStatus, match="generated"):
        store.keystore.create_pkcs10_csr(CAMERA, key_id, [], AlgorithmIdentifier(SHA1_WITH_RSA))


def test_an_unsupported_algorithm(store: Store) -> None:
    """Security 5.2.6.3.1: ter:UnsupportedSignatureAlgorithm."""
    with pytest.raises(UnsupportedSignatureAlgorithm):
        store.keystore.create_pkcs10_csr(CAMERA, store.put_key(), [], AlgorithmIdentifier("1.2.3"))


def test_a_key_that_is_no_input_of_the_algorithm(store: Store) -> None:
    """Security 5.2.6.3.1: ter:KeySignatureAlgorithmMismatch."""
    with pytest.raises(KeySignatureAlgorithmMismatch):
        store.keystore.create_pkcs10_csr(CAMERA, store.put_key(), [], SHA256_ECDSA)


def test_an_invalid_subject(store: Store) -> None:
    """Security 5.2.6.3.1: ter:InvalidSubject."""
    with pytest.raises(InvalidSubject):
        store.keystore.create_pkcs10_csr(DistinguishedName(country=("DEU",)), store.put_key(), [], SHA256_RSA)


def test_a_key_pair_without_private_key(store: Store) -> None:
    """Security 5.2.6.3.1: CSRCreationFailed."""
    _, key_id = store.keystore.upload_certificate(Authority.root().der)
    with pytest.raises(CSRCreationFailed, match="no private key"):
        store.keystore.create_pkcs10_csr(CAMERA, key_id, [], SHA256_RSA)


def test_requests_change_nothing(store: Store) -> None:
    key_id = store.put_key(ec.generate_private_key(ec.SECP384R1()))
    before = store.content()
    store.keystore.create_pkcs10_csr(CAMERA, key_id, [SAN], SHA256_ECDSA)
    assert store.content() == before

"""CreateSelfSignedCertificate (Security 5.2.6.3.2, RFC 5280)."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from keystore import AlgorithmIdentifier, DistinguishedName, Extension, certificates, der
from keystore.errors import (
    CertificateCreationFailed,
    InvalidDateTime,
    InvalidKeyStatus,
    InvalidSubject,
    KeyNotFound,
    KeySignatureAlgorithmMismatch,
    MaximumNumberOfCertificatesReached,
    UnsupportedSignatureAlgorithm,
    UnsupportedX509Version,
    X509VersionExtensionsMismatch,
)
from tests.keystore.encoding import UNREADABLE_EXTENSIONS
from tests.keystore.stores import CAMERA, SHA256_ECDSA, SHA256_RSA, Store
from tests.keystore.test_algorithms import pss
from tests.keystore.test_requests import SAN, UNKNOWN
from tests.pki import Authority, PrivateKey, ec_key, rsa_key

NAMES = (x509.DNSName("device.local"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


def create(
    store: Store, key: PrivateKey | int = 0, subject: DistinguishedName = CAMERA, **options: object
) -> x509.Certificate:
    algorithm = options.pop("algorithm", SHA256_RSA)
    certificate_id = store.keystore.create_self_signed_certificate(
        store.put_key(key),
        subject,
        algorithm,  # type: ignore[arg-type]
        **options,  # type: ignore[arg-type]
    )
    return x509.load_der_x509_certificate(store.keystore.get_certificate(certificate_id).der)


def alternative_names(certificate: x509.Certificate) -> list[x509.GeneralName]:
    return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def test_a_certificate_of_version_3_for_the_key(store: Store) -> None:
    certificate = create(store)
    assert certificate.version is x509.Version.v3
    assert certificate.public_key() == rsa_key(0).public_key()
    assert certificate.subject == certificate.issuer
    assert certificate.subject.rfc4514_string() == "CN=camera.test"
    certificate.verify_directly_issued_by(certificate)


def test_it_is_stored_under_its_alias_and_linked_to_its_key(store: Store) -> None:
    key_id = store.put_key()
    certificate_id = store.keystore.create_self_signed_certificate(key_id, CAMERA, SHA256_RSA, alias="mine")
    certificate = store.keystore.get_certificate(certificate_id)
    assert (certificate.key_id, certificate.alias, certificate.has_private_key) == (key_id, "mine", True)
    assert store.keystore.verify() == []


def test_serial_numbers_are_unique_for_a_subject(store: Store) -> None:
    """RFC 5280 4.1.2.2: positive and at most 20 octets."""
    serials = {create(store).serial_number for _ in range(5)}
    assert len(serials) == 5
    assert all(0 < serial < 2**159 for serial in serials)


def test_validity_by_default_begins_now_or_before_and_never_ends(store: Store) -> None:
    certificate = create(store)
    now = datetime.now(UTC)
    assert now - timedelta(hours=2) < certificate.not_valid_before_utc <= now
    assert certificate.not_valid_after_utc == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert b"\x18\x0f99991231235959Z" in certificate.tbs_certificate_bytes


def test_validity_as_the_client_wants_it_in_utc(store: Store) -> None:
    begin = datetime(2049, 12, 31, 23, 30, 0, 999999, tzinfo=timezone(timedelta(hours=-1)))
    certificate = create(store, not_before=begin, not_after=datetime(2051, 1, 1, tzinfo=UTC))
    assert certificate.not_valid_before_utc == datetime(2050, 1, 1, 0, 30, tzinfo=UTC)
    assert certificate.not_valid_after_utc == datetime(2051, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("not_before", "not_after"),
    [
        (datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)),
        (datetime(2030, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)),
        (datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, 0, 0, 0, 5, tzinfo=UTC)),
        (None, datetime(2020, 1, 1, tzinfo=UTC)),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), None),
        (datetime(1949, 12, 31, tzinfo=UTC), None),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))), None),
        (None, datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-5)))),
    ],
)
def test_an_invalid_date(store: Store, not_before: datetime | None, not_after: datetime | None) -> None:
    """Security 5.2.6.3.2: ter:InvalidDateTime."""
    with pytest.raises(InvalidDateTime):
        create(store, not_before=not_before, not_after=not_after)
    assert store.keystore.certificates() == []


@pytest.mark.parametrize(("key", "encipherment"), [(rsa_key(0), True), (ec_key(0), False)], ids=["rsa", "ec"])
def test_the_extensions_of_a_tls_server(store: Store, key: PrivateKey, encipherment: bool) -> None:
    algorithm = SHA256_RSA if encipherment else SHA256_ECDSA
    certificate = create(store, key, default_names=NAMES, algorithm=algorithm)
    found = certificate.extensions
    constraints = found.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert not constraints.value.ca
    usage = found.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.key_encipherment is encipherment
    assert not usage.value.key_cert_sign
    assert ExtendedKeyUsageOID.SERVER_AUTH in found.get_extension_for_class(x509.ExtendedKeyUsage).value
    identifier = found.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert identifier == x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    assert alternative_names(certificate) == [x509.DNSName("camera.test"), *NAMES]
    assert len(found) == 5


@pytest.mark.parametrize(
    ("common_name", "expected"),
    [
        ("camera", x509.DNSName("camera")),
        ("Camera-1.Example.COM", x509.DNSName("Camera-1.Example.COM")),
        ("192.0.2.7", x509.IPAddress(ipaddress.ip_address("192.0.2.7"))),
        ("2001:db8::7", x509.IPAddress(ipaddress.ip_address("2001:db8::7"))),
        ("Front door", None),
        ("-camera", None),
        ("kamera.münchen", None),
        ("192.0.2.300", None),
        ("#0c0161", None),
        ("a..b", None),
        ("camera.test\n", None),
    ],
)
def test_the_common_name_is_an_alternative_name_if_it_is_a_host_or_address(
    store: Store, common_name: str, expected: x509.GeneralName | None
) -> None:
    certificate = create(store, subject=DistinguishedName(common_name=(common_name,)), default_names=NAMES)
    assert alternative_names(certificate) == [*([expected] if expected else []), *NAMES]


def test_a_name_is_there_once(store: Store) -> None:
    certificate = create(store, default_names=[*NAMES, x509.DNSName("camera.test"), *NAMES])
    assert alternative_names(certificate) == [x509.DNSName("camera.test"), *NAMES]


def test_without_any_name_there_is_no_alternative_name(store: Store) -> None:
    certificate = create(store, subject=DistinguishedName(organization=("Test",)))
    with pytest.raises(x509.ExtensionNotFound):
        alternative_names(certificate)


def test_what_the_client_sends_stands(store: Store) -> None:
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    extensions = [
        Extension("2.5.29.19", False, constraints.public_bytes()),
        Extension("2.5.29.37", True, usage.public_bytes()),
        Extension("2.5.29.14", False, x509.SubjectKeyIdentifier(b"mine").public_bytes()),
        SAN,
        UNKNOWN,
    ]
    certificate = create(store, extensions=extensions, default_names=NAMES)
    found = certificate.extensions
    assert found.get_extension_for_class(x509.BasicConstraints).value == constraints
    assert not found.get_extension_for_class(x509.BasicConstraints).critical
    assert found.get_extension_for_class(x509.ExtendedKeyUsage).value == usage
    assert found.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest == b"mine"
    assert alternative_names(certificate) == [x509.DNSName("camera.test")]
    unknown = found.get_extension_for_oid(x509.ObjectIdentifier(UNKNOWN.oid))
    assert unknown.critical
    assert unknown.value == x509.UnrecognizedExtension(x509.ObjectIdentifier(UNKNOWN.oid), UNKNOWN.value)
    assert len(found) == 5, "the usage of an authority's key is not for the device to restrict"


def test_a_key_usage_of_the_client_stands(store: Store) -> None:
    usage = Extension("2.5.29.15", True, bytes.fromhex("03020780"))
    certificate = create(store, extensions=[usage])
    assert not certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_encipherment


@pytest.mark.parametrize(
    "extensions",
    [
        [SAN, SAN],
        [Extension("2.5.29.19", True, b"")],
        [Extension("2.5.29.19", True, der.integer(1))],
        [Extension("2.5.29.19", True, der.sequence() + b"\0")],
        [Extension("no", True, der.sequence())],
        *([Extension(oid, False, value)] for oid, value in UNREADABLE_EXTENSIONS.items()),
    ],
)
def test_a_malformed_extension(store: Store, extensions: list[Extension]) -> None:
    """Security 5.2.6.3.2: ter:CertificateCreationFailed."""
    with pytest.raises(CertificateCreationFailed, match="extension"):
        create(store, extensions=extensions)
    assert store.keystore.certificates() == []


def test_version_3_may_be_asked_for(store: Store) -> None:
    assert create(store, x509_version=3).version is x509.Version.v3


@pytest.mark.parametrize("version", [0, 1, 2, 4, 2**70])
def test_another_version_is_unsupported(store: Store, version: int) -> None:
    """Security 5.2.6.3.2: ter:UnsupportedX509Version."""
    with pytest.raises(UnsupportedX509Version, match="version 3"):
        create(store, x509_version=version)


@pytest.mark.parametrize("version", [1, 2])
def test_a_version_that_has_no_extensions(store: Store, version: int) -> None:
    """Security 5.2.6.3.2: ter:X509VersionExtensionsMismatch."""
    with pytest.raises(X509VersionExtensionsMismatch, match="no extensions"):
        create(store, x509_version=version, extensions=[SAN])


def test_an_unknown_key(store: Store) -> None:
    """Security 5.2.6.3.2: ter:KeyID."""
    with pytest.raises(KeyNotFound):
        store.keystore.create_self_signed_certificate("key-none", CAMERA, SHA256_RSA)


def test_a_key_that_is_not_ok(store: Store) -> None:
    """Security 5.2.6.3.2: ter:InvalidKeyStatus."""
    key_id, _ = store.keystore.create_rsa_key_pair(2048)
    for unusable in (key_id, store.put_key(status="corrupt")):
        with pytest.raises(InvalidKeyStatus):
            store.keystore.create_self_signed_certificate(unusable, CAMERA, SHA256_RSA)


@pytest.mark.parametrize("subject", [DistinguishedName(), DistinguishedName(common_name=("x" * 65,))])
def test_an_invalid_subject(store: Store, subject: DistinguishedName) -> None:
    """Security 5.2.6.3.2: ter:InvalidSubject."""
    with pytest.raises(InvalidSubject):
        create(store, subject=subject)


def test_an_unsupported_algorithm(store: Store) -> None:
    """Security 5.2.6.3.2: ter:UnsupportedSignatureAlgorithm."""
    with pytest.raises(UnsupportedSignatureAlgorithm):
        create(store, algorithm=AlgorithmIdentifier("1.2.840.113549.1.1.5"))


def test_a_key_that_is_no_input_of_the_algorithm(store: Store) -> None:
    """Security 5.2.6.3.2: ter:KeySignatureAlgorithmMismatch."""
    with pytest.raises(KeySignatureAlgorithmMismatch):
        create(store, algorithm=SHA256_ECDSA)


def test_a_key_pair_without_private_key(store: Store) -> None:
    """Security 5.2.6.3.2: ter:CertificateCreationFailed."""
    _, key_id = store.keystore.upload_certificate(Authority.root().der)
    with pytest.raises(CertificateCreationFailed, match="no private key"):
        store.keystore.create_self_signed_certificate(key_id, CAMERA, SHA256_RSA)


def test_the_maximum_number_of_certificates(open_store: Callable[..., Store]) -> None:
    """Security 5.2.6.3.2: ter:MaximumNumberOfCertificatesReached."""
    store = open_store(certificates=1)
    create(store)
    key_id = store.put_key(1)
    before = store.content()
    with pytest.raises(MaximumNumberOfCertificatesReached):
        store.keystore.create_self_signed_certificate(key_id, CAMERA, SHA256_RSA)
    assert store.content() == before


def test_a_key_that_is_deleted_while_it_signs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is not locked meanwhile."""
    key_id, sign = store.put_key(), certificates.create_self_signed

    def delete_and_sign(*arguments: Any) -> bytes:
        store.keystore.delete_key(key_id)
        return sign(*arguments)

    monkeypatch.setattr(certificates, "create_self_signed", delete_and_sign)
    with pytest.raises(KeyNotFound):
        store.keystore.create_self_signed_certificate(key_id, CAMERA, SHA256_RSA)
    assert store.keystore.certificates() == []


@contextlib.contextmanager
def server(store: Store, directory: Path) -> Iterator[int]:
    """A real TLS server with the assigned credential, on a free port."""
    (credential,) = store.keystore.server_credentials()
    pem = "".join(map(ssl.DER_cert_to_PEM_cert, credential.certificates_der))
    (directory / "chain.pem").write_text(pem)
    (directory / "key.pem").write_bytes(credential.private_key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "chain.pem", directory / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
                    tls.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(rsa_key(0), SHA256_RSA), (rsa_key(0), pss()), (ec_key(0), SHA256_ECDSA)],
    ids=["rsa", "pss", "ec"],
)
def test_clients_that_trust_only_it_verify_it_and_its_host_name(
    store: Store, tmp_path: Path, key: PrivateKey, algorithm: AlgorithmIdentifier
) -> None:
    certificate_id = store.keystore.create_self_signed_certificate(
        store.put_key(key), CAMERA, algorithm, default_names=NAMES
    )
    store.keystore.assign_server_certificate(store.keystore.create_certification_path([certificate_id]))
    certificate = store.keystore.get_certificate(certificate_id).der
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(ssl.DER_cert_to_PEM_cert(certificate))
    with server(store, tmp_path) as port:
        for strict in (ssl.VerifyFlags(0), ssl.VERIFY_X509_STRICT):
            context = ssl.create_default_context(cafile=str(trusted))
            context.verify_flags |= strict
            for host in ("camera.test", "device.local", "127.0.0.1"):
                with (
                    socket.create_connection(("127.0.0.1", port)) as connection,
                    context.wrap_socket(connection, server_hostname=host) as tls,
                ):
                    assert tls.getpeercert(binary_form=True) == certificate
            with (
                socket.create_connection(("127.0.0.1", port)) as connection,
                pytest.raises(ssl.SSLCertVerificationError),
            ):
                context.wrap_socket(connection, server_hostname="other.test")
        shown = subprocess.run(
            [
                "openssl",
                "s_client",
                "-connect",
                f"127.0.0.1:{port}",
                "-CAfile",
                trusted,
                "-no-CApath",
                "-no-CAstore",
                "-verify_hostname",
                "camera.test",
                "-verify_return_error",
                "-x509_strict",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "Verify return code: 0 (ok)" in shown.stdout
    subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", trusted, trusted], check=True, capture_output=True
    )

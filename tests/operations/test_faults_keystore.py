"""Every fault of the keystore's operations is answered where it should be, and changes nothing (Security 5.2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from onvifd.config import KeystoreConfig
from tests import pki
from tests.operations import asn1
from tests.operations.camera import (
    CAMERA,
    RSASSA_PSS,
    SHA256_ECDSA,
    Camera,
    algorithm,
    certificate_list,
    der,
    leaf,
    values,
)
from tests.operations.claims import provokes

VALUE = ("env:Sender", "ter:InvalidArgVal")
ACTION = ("env:Receiver", "ter:Action")
UNKNOWN = "key-0123456789abcdef0123"
SIGNERS = ("tas:CreatePKCS10CSR", "tas:CreateSelfSignedCertificate")
SHA1_RSA = "1.2.840.113549.1.1.5"


def signing(key_id: str, subject: str = CAMERA, more: str = "", algo: str = "") -> str:
    """The content of CreatePKCS10CSR and of CreateSelfSignedCertificate."""
    return subject + leaf("KeyID", key_id) + more + (algo or algorithm())


def subject(content: str) -> str:
    return f"<Subject>{content}</Subject>"


@pytest.fixture
def full(make_camera: Callable[..., Camera]) -> Camera:
    """A device with room for one key, one certificate and one certification path."""
    return make_camera(keystore=KeystoreConfig(None, 1, 1, 1, 1))


# Keys (Security 5.2.6.2)


@provokes("tas:CreateRSAKeyPair", *ACTION, "ter:MaximumNumberOfKeysReached")
def test_no_room_for_another_key(full: Camera) -> None:
    full.put_key()
    codes = (*ACTION, "ter:MaximumNumberOfKeysReached")
    full.refuse("tas:CreateRSAKeyPair", leaf("KeyLength", 2048), codes, "room for 1 key")


@provokes("tas:CreateRSAKeyPair", *VALUE, "ter:KeyLength")
@pytest.mark.parametrize("length", [0, 1, 1024, 2047, 2049, 8192, 2**31, 10**400])
def test_a_key_length_that_is_not_supported(camera: Camera, length: int) -> None:
    camera.refuse(
        "tas:CreateRSAKeyPair", leaf("KeyLength", length), (*VALUE, "ter:KeyLength"), "2048, 3072, 4096"
    )


@provokes("tas:CreateRSAKeyPair", *VALUE, "ter:KeyLength")
def test_a_key_length_that_the_configuration_leaves_out(make_camera: Callable[..., Camera]) -> None:
    camera = make_camera(keystore=KeystoreConfig(rsa_key_lengths=(3072,)))
    camera.refuse("tas:CreateRSAKeyPair", leaf("KeyLength", 2048), (*VALUE, "ter:KeyLength"), "2048")


@provokes("tas:GetKeyStatus", *VALUE, "ter:KeyID")
@provokes("tas:GetPrivateKeyStatus", *VALUE, "ter:KeyID")
@provokes("tas:DeleteKey", *VALUE, "ter:KeyID")
def test_a_key_that_there_is_not(camera: Camera) -> None:
    """An unknown ID, a certificate's, a deleted key's, one in the wrong case."""
    deleted, key_id = camera.put_key(0), camera.put_key(1)
    camera.do("tas:DeleteKey", leaf("KeyID", deleted))
    for each in (UNKNOWN, camera.self_sign(key_id), deleted, key_id.upper()):
        for operation in ("tas:GetKeyStatus", "tas:GetPrivateKeyStatus", "tas:DeleteKey"):
            camera.refuse(operation, leaf("KeyID", each), (*VALUE, "ter:KeyID"), each)


@provokes("tas:DeleteKey", *VALUE, "ter:ReferenceExists")
def test_a_key_that_a_certificate_uses(camera: Camera) -> None:
    """Security 5.2.4: with or without its private key."""
    key_id = camera.put_key()
    codes = (*VALUE, "ter:ReferenceExists")
    certificate_id = camera.self_sign(key_id)
    camera.refuse("tas:DeleteKey", leaf("KeyID", key_id), codes, certificate_id)
    camera.upload(pki.Authority.root().der)
    foreign = values(camera.do("tas:GetAllKeys"), "tas:KeyID")[1]
    camera.refuse("tas:DeleteKey", leaf("KeyID", foreign), codes, "certificate")


@provokes("tas:DeleteKey", *ACTION, "ter:KeyDeletionFailed")
def test_a_key_that_can_not_be_deleted(camera: Camera) -> None:
    key_id = camera.put_key()
    with camera.read_only("key_pair"):
        camera.refuse("tas:DeleteKey", leaf("KeyID", key_id), (*ACTION, "ter:KeyDeletionFailed"), key_id)


# What signs: CreatePKCS10CSR (Security 5.2.6.3.1) and CreateSelfSignedCertificate (5.2.6.3.2)


@provokes("tas:CreatePKCS10CSR", *VALUE, "ter:KeyID")
@provokes("tas:CreateSelfSignedCertificate", *VALUE, "ter:KeyID")
def test_signing_with_a_key_that_there_is_not(camera: Camera) -> None:
    camera.put_key()
    for operation in SIGNERS:
        camera.refuse(operation, signing(UNKNOWN), (*VALUE, "ter:KeyID"), UNKNOWN)


@provokes("tas:CreatePKCS10CSR", *VALUE, "ter:InvalidKeyStatus")
@provokes("tas:CreateSelfSignedCertificate", *VALUE, "ter:InvalidKeyStatus")
def test_signing_with_a_key_that_is_not_ok(camera: Camera) -> None:
    codes = (*VALUE, "ter:InvalidKeyStatus")
    for operation in SIGNERS:
        camera.refuse(operation, signing(camera.put_generating()), codes, "generated")
        camera.refuse(operation, signing(camera.put_key(0, "corrupt")), codes, "corrupt")


@provokes("tas:CreatePKCS10CSR", *VALUE, "ter:InvalidKeyStatus")
@provokes("tas:CreateSelfSignedCertificate", *VALUE, "ter:InvalidKeyStatus")
def test_signing_with_a_key_that_turns_out_to_be_damaged(camera: Camera) -> None:
    """Security 5.2.5: the first use finds it and marks the key corrupt, and later ones change nothing more."""
    for first, then in (SIGNERS, SIGNERS[::-1]):
        key_id = camera.put_key()
        camera.damage_private_key(key_id)
        assert camera.call(first, signing(key_id)).subcodes == [*VALUE, "ter:InvalidKeyStatus"]
        assert values(camera.do("tas:GetKeyStatus", leaf("KeyID", key_id)), "tas:KeyStatus") == ["corrupt"]
        camera.refuse(then, signing(key_id), (*VALUE, "ter:InvalidKeyStatus"), key_id)


@provokes("tas:CreatePKCS10CSR", *VALUE, "ter:UnsupportedSignatureAlgorithm")
@provokes("tas:CreateSelfSignedCertificate", *VALUE, "ter:UnsupportedSignatureAlgorithm")
@pytest.mark.parametrize(
    ("oid", "parameters"),
    [
        ("1.2.3", None),
        (SHA1_RSA, None),
        ("1.2.840.113549.1.1.1", None),
        ("1.3.101.112", None),
        ("9", None),
        ("1.2.840.113549.1.1.11" + ".0" * 1000, None),
        ("1.2.840.113549.1.1.11", b"\x04\x00"),
        ("1.2.840.113549.1.1.11", b"garbage"),
        (RSASSA_PSS, asn1.sequence()),  # which means SHA-1
        (RSASSA_PSS, asn1.pss_parameters(asn1.SHA256, 32, asn1.SHA384)),
        (RSASSA_PSS, asn1.pss_parameters("1.3.14.3.2.26", 20)),
        (RSASSA_PSS, asn1.pss_parameters(asn1.SHA256, -1)),
        (RSASSA_PSS, asn1.pss_parameters(asn1.SHA256, 2**64)),
        (RSASSA_PSS, b"\x30\x80\x00\x00"),
        (RSASSA_PSS, b"\x30"),
        (RSASSA_PSS, b"\x05\x00"),
        (RSASSA_PSS, b"\xff" * 40),
    ],
)
def test_a_signature_algorithm_that_is_not_supported(
    camera: Camera, oid: str, parameters: bytes | None
) -> None:
    content = signing(camera.put_key(), algo=algorithm(oid, parameters))
    for operation in SIGNERS:
        camera.refuse(operation, content, (*VALUE, "ter:UnsupportedSignatureAlgorithm"))


@provokes("tas:CreatePKCS10CSR", *VALUE, "ter:KeySignatureAlgorithmMismatch")
@provokes("tas:CreateSelfSignedCertificate", *VALUE, "ter:KeySignatureAlgorithmMismatch")
def test_a_key_that_is_no_input_of_the_algorithm(camera: Camera) -> None:
    """RSA for ECDSA, EC for RSA, and a salt that an RSA key of 2048 bits has no room for."""
    codes = (*VALUE, "ter:KeySignatureAlgorithmMismatch")
    long_salt = asn1.pss_parameters(asn1.SHA512, 1024)
    rsa_key, ec_key = camera.put_key(), camera.put_key(pki.ec_key(0))
    for operation in SIGNERS:
        camera.refuse(operation, signing(rsa_key, algo=algorithm(SHA256_ECDSA)), codes, "RSA")
        camera.refuse(operation, signing(ec_key), codes, "EC")
        camera.refuse(operation, signing(rsa_key, algo=algorithm(RSASSA_PSS, long_salt)), codes, "2048")


def _generic(type_: str, value: str) -> str:
    return f"<GenericAttribute><Type>{type_}</Type><Value>{value}</Value></GenericAttribute>"


@provokes("tas:CreatePKCS10CSR", *VALUE, "ter:InvalidSubject")
@provokes("tas:CreateSelfSignedCertificate", *VALUE, "ter:InvalidSubject")
@pytest.mark.parametrize(
    ("content", "culprit"),
    [
        ("", "empty"),
        ("<CommonName/>", "2.5.4.3"),
        (leaf("CommonName", "c" * 65), "64"),
        ("<Country>DEU</Country>", "2.5.4.6"),
        ("<Country>Ü</Country>", "Ü"),
        ("<SerialNumber>№ 1</SerialNumber>", "PrintableString"),
        ("<CommonName>#</CommonName>", "#"),
        ("<CommonName>#0C0</CommonName>", "#"),
        ("<CommonName>#xyz</CommonName>", "#"),
        ("<CommonName>#0C0261</CommonName>", "DER"),
        ("<CommonName>#3080</CommonName>", "DER"),
        (_generic("shoeSize", "43"), "shoeSize"),
        (_generic("", "43"), "attribute type"),
        (_generic("1", "43"), "object identifier"),
        (_generic("1.99", "43"), "1.99"),
        (_generic("1.2." + "9" * 200, "43"), "object identifier"),
        (_generic("1.2" + ".3" * 100, "43"), "object identifier"),
        (_generic("2.5.4.3", ""), "2.5.4.3"),
        (_generic("emailAddress", "ü@x"), "ASCII"),
        ("<MultiValuedRDN/>", "empty"),
        ("<anyAttribute><DomainComponent>ü</DomainComponent></anyAttribute>", "ASCII"),
        ("<anyAttribute><DomainComponent/></anyAttribute>", "0.9.2342"),
        ("<anyAttribute/>", "empty"),
    ],
)
def test_an_invalid_subject(camera: Camera, content: str, culprit: str) -> None:
    key_id = camera.put_key()
    for operation in SIGNERS:
        request = signing(key_id, subject(content))
        camera.refuse(operation, request, (*VALUE, "ter:InvalidSubject"), culprit)


@provokes("tas:CreatePKCS10CSR", *VALUE, "ter:InvalidSubject")
def test_an_attribute_type_twice_in_one_relative_name(camera: Camera) -> None:
    attribute = "<Attribute><Type>CN</Type><Value>x</Value></Attribute>"
    content = signing(camera.put_key(), subject(f"<MultiValuedRDN>{attribute * 2}</MultiValuedRDN>"))
    camera.refuse("tas:CreatePKCS10CSR", content, (*VALUE, "ter:InvalidSubject"), "twice")


def csr_extension(oid: str, value: bytes) -> str:
    return (
        f"<CSRAttribute><X509v3Extension>{leaf('extnOID', oid)}<critical>false</critical>{der('extnValue', value)}"
        "</X509v3Extension></CSRAttribute>"
    )


def csr_attribute(oid: str, value: bytes) -> str:
    content = leaf("OID", oid) + der("value", value)
    return f"<CSRAttribute><BasicRequestAttribute>{content}</BasicRequestAttribute></CSRAttribute>"


BAD_EXTENSIONS = [
    ("2.5.29.17", b""),
    ("2.5.29.17", b"garbage"),
    ("2.5.29.17", asn1.integer(1)),
    ("2.5.29.19", asn1.sequence(asn1.integer(1))),
    ("2.5.29.15", asn1.sequence()),
    ("2.5.29.37", asn1.sequence(asn1.integer(1))),
    ("1.3.6.1.4.1.99999.1", b"\x30\x80\x00\x00"),
    ("9.9", asn1.integer(1)),
    ("1", asn1.integer(1)),
    ("1x2", asn1.integer(1)),
]


@provokes("tas:CreatePKCS10CSR", *VALUE, "ter:InvalidAttribute")
@pytest.mark.parametrize(
    "attributes",
    [
        *(csr_extension(*each) for each in BAD_EXTENSIONS),
        csr_attribute("1.2.840.113549.1.9.7", b""),
        csr_attribute("1.2.840.113549.1.9.7", b"\x0c\x05a"),
        csr_attribute("1.2.840.113549.1.9.7", b"\x0c\x01\xff"),
        csr_attribute("1.2.840.113549.1.9.14", asn1.integer(1)),
        csr_attribute("5.1", b"\x0c\x01a"),
        csr_attribute("1.2.3", b"\x0c\x01a") * 2,
        csr_extension("2.5.29.17", asn1.sequence(asn1.element(0x82, b"a.test"))) * 2,
        "<CSRAttribute/>",
        "<CSRAttribute><anyAttribute/></CSRAttribute>",
    ],
)
def test_an_invalid_attribute(camera: Camera, attributes: str) -> None:
    content = signing(camera.put_key(), more=attributes)
    camera.refuse("tas:CreatePKCS10CSR", content, (*VALUE, "ter:InvalidAttribute"), "attribute")


@provokes("tas:CreatePKCS10CSR", *ACTION, "ter:CSRCreationFailed")
@provokes("tas:CreateSelfSignedCertificate", *ACTION, "ter:CertificateCreationFailed")
def test_signing_without_a_private_key(camera: Camera) -> None:
    """The key pair is the public key of a certificate that was made elsewhere."""
    camera.upload(pki.Authority.root().der)
    (key_id,) = values(camera.do("tas:GetAllKeys"), "tas:KeyID")
    content = signing(key_id)
    camera.refuse("tas:CreatePKCS10CSR", content, (*ACTION, "ter:CSRCreationFailed"), key_id)
    codes = (*ACTION, "ter:CertificateCreationFailed")
    camera.refuse("tas:CreateSelfSignedCertificate", content, codes, "private key")


def extension(oid: str, value: bytes) -> str:
    return f"<Extension>{leaf('extnOID', oid)}<critical>true</critical>{der('extnValue', value)}</Extension>"


@provokes("tas:CreateSelfSignedCertificate", *ACTION, "ter:CertificateCreationFailed")
@pytest.mark.parametrize(("oid", "value"), BAD_EXTENSIONS)
def test_an_extension_that_is_none(camera: Camera, oid: str, value: bytes) -> None:
    """Security 5.2.6.3.2 has no fault of its own for it."""
    content = signing(camera.put_key()) + extension(oid, value)
    codes = (*ACTION, "ter:CertificateCreationFailed")
    camera.refuse("tas:CreateSelfSignedCertificate", content, codes, "extension")


@provokes("tas:CreateSelfSignedCertificate", *ACTION, "ter:CertificateCreationFailed")
def test_an_extension_twice(camera: Camera) -> None:
    content = signing(camera.put_key()) + extension("1.2.3", asn1.integer(1)) * 2
    codes = (*ACTION, "ter:CertificateCreationFailed")
    camera.refuse("tas:CreateSelfSignedCertificate", content, codes, "twice")


@provokes("tas:CreateSelfSignedCertificate", *ACTION, "ter:CertificateCreationFailed")
def test_a_certificate_that_can_not_be_stored(camera: Camera) -> None:
    content = signing(camera.put_key())
    with camera.read_only("certificate"):
        codes = (*ACTION, "ter:CertificateCreationFailed")
        camera.refuse("tas:CreateSelfSignedCertificate", content, codes, "certificate")


@provokes("tas:CreateSelfSignedCertificate", *ACTION, "ter:MaximumNumberOfCertificatesReached")
@provokes("tas:UploadCertificate", *ACTION, "ter:MaximumNumberOfCertificatesReached")
def test_no_room_for_another_certificate(full: Camera) -> None:
    key_id = full.put_key()
    full.self_sign(key_id)
    codes = (*ACTION, "ter:MaximumNumberOfCertificatesReached")
    full.refuse("tas:CreateSelfSignedCertificate", signing(key_id), codes, "room for 1 certificate")
    certificate = pki.Authority.root().issue(pki.rsa_key(0).public_key())
    full.refuse("tas:UploadCertificate", der("Certificate", certificate), codes, "room for 1 certificate")


@provokes("tas:CreateSelfSignedCertificate", *VALUE, "ter:UnsupportedX509Version")
@pytest.mark.parametrize("version", [1, 2, 4, 99999999999999999999])
def test_an_x509_version_that_is_not_supported(camera: Camera, version: int) -> None:
    content = leaf("X509Version", version) + signing(camera.put_key())
    codes = (*VALUE, "ter:UnsupportedX509Version")
    camera.refuse("tas:CreateSelfSignedCertificate", content, codes, f"version {version} ")


@provokes("tas:CreateSelfSignedCertificate", *VALUE, "ter:X509VersionExtensionsMismatch")
@pytest.mark.parametrize("version", [1, 2])
def test_an_x509_version_without_extensions(camera: Camera, version: int) -> None:
    more = extension("1.2.3", asn1.integer(1))
    content = leaf("X509Version", version) + signing(camera.put_key()) + more
    codes = (*VALUE, "ter:X509VersionExtensionsMismatch")
    camera.refuse("tas:CreateSelfSignedCertificate", content, codes, f"version {version} ")


@provokes("tas:CreateSelfSignedCertificate", *VALUE, "ter:InvalidDateTime")
@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("2030-01-01T00:00:00Z", "2029-12-31T23:59:59Z"),
        ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z"),
        ("2030-01-01T01:00:00+02:00", "2029-12-31T23:00:00Z"),
        ("1949-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"),
        ("9999-12-31T23:59:59Z", None),
        (None, "2000-01-01T00:00:00Z"),
    ],
)
def test_an_invalid_validity_period(camera: Camera, begin: str | None, end: str | None) -> None:
    more = (leaf("notValidBefore", begin) if begin else "") + (leaf("notValidAfter", end) if end else "")
    content = signing(camera.put_key(), more=more)
    codes = (*VALUE, "ter:InvalidDateTime")
    camera.refuse("tas:CreateSelfSignedCertificate", content, codes, "valid")


# UploadCertificate (Security 5.2.6.3.3)


@provokes("tas:UploadCertificate", *ACTION, "ter:NoMatchingPrivateKey")
def test_an_upload_that_requires_a_private_key_that_there_is_not(camera: Camera) -> None:
    """No key pair at all, and one that holds the public key only."""
    camera.put_key(1)
    root = pki.Authority.root()
    content = der("Certificate", root.der) + leaf("PrivateKeyRequired", "true")
    codes = (*ACTION, "ter:NoMatchingPrivateKey")
    camera.refuse("tas:UploadCertificate", content, codes, "private key")
    camera.do("tas:DeleteCertificate", leaf("CertificateID", camera.upload(root.der)))
    camera.refuse("tas:UploadCertificate", content, codes, "private key")


def _certificate(key: object, hash_algorithm: hashes.HashAlgorithm | None = None) -> bytes:
    """A certificate for a public key of any kind."""
    authority = pki.Authority.root()
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        pki.name("Test Root"),
        pki.name("other"),
        key,
        1,
        now,
        now.replace(year=now.year + 1),  # type: ignore[arg-type]
    )
    return builder.sign(authority.key, hash_algorithm or hashes.SHA256()).public_bytes(
        serialization.Encoding.DER
    )


def _bad_certificates() -> dict[str, bytes]:
    good = pki.Authority.root().der
    pem = x509.load_der_x509_certificate(good).public_bytes(serialization.Encoding.PEM)
    version_1 = good.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x00", 1)
    version_9 = good.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x08", 1)
    return {
        "empty": b"",
        "text": b"not a certificate",
        "PEM": pem,
        "cut": good[:-1],
        "surplus": good + b"\x00",
        "damaged": good[:-1] + bytes([good[-1] ^ 1]),
        "version 1": version_1,
        "version 9": version_9,
        "request": x509.CertificateSigningRequestBuilder(pki.name("x"))
        .sign(pki.rsa_key(0), hashes.SHA256())
        .public_bytes(serialization.Encoding.DER),
        "key": pki.rsa_key(0)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    }


@provokes("tas:UploadCertificate", *VALUE, "ter:BadCertificate")
@pytest.mark.parametrize("kind", sorted(_bad_certificates()))
def test_a_certificate_that_can_not_be_processed(camera: Camera, kind: str) -> None:
    content = der("Certificate", _bad_certificates()[kind])
    camera.refuse("tas:UploadCertificate", content, (*VALUE, "ter:BadCertificate"), "certificate")


@provokes("tas:UploadCertificate", *VALUE, "ter:UnsupportedPublicKeyAlgorithm")
@pytest.mark.parametrize(
    "key",
    [
        lambda: ed25519.Ed25519PrivateKey.generate(),
        lambda: dsa.generate_private_key(1024),
        lambda: rsa.generate_private_key(65537, 1024),
        lambda: ec.generate_private_key(ec.SECP521R1()),
        lambda: ec.generate_private_key(ec.SECP256K1()),
    ],
    ids=["Ed25519", "DSA", "RSA 1024", "P-521", "secp256k1"],
)
def test_a_public_key_that_is_not_supported(
    camera: Camera, key: Callable[[], ed25519.Ed25519PrivateKey]
) -> None:
    content = der("Certificate", _certificate(key().public_key()))
    codes = (*VALUE, "ter:UnsupportedPublicKeyAlgorithm")
    camera.refuse("tas:UploadCertificate", content, codes, "public key")


def _sha1_certificate() -> bytes:
    """A certificate whose signature claims to be SHA-1's: no library of today makes one."""
    content = _certificate(pki.rsa_key(0).public_key())
    return content.replace(asn1.oid("1.2.840.113549.1.1.11"), asn1.oid(SHA1_RSA))


@provokes("tas:UploadCertificate", *VALUE, "ter:UnsupportedSignatureAlgorithm")
def test_a_certificate_signed_with_an_algorithm_that_is_not_supported(camera: Camera) -> None:
    codes = (*VALUE, "ter:UnsupportedSignatureAlgorithm")
    camera.refuse("tas:UploadCertificate", der("Certificate", _sha1_certificate()), codes, SHA1_RSA)
    sha224 = _certificate(pki.rsa_key(0).public_key(), hashes.SHA224())
    camera.refuse("tas:UploadCertificate", der("Certificate", sha224), codes, "1.2.840.113549.1.1.14")


@provokes("tas:UploadCertificate", *VALUE, "ter:InvalidKeyStatus")
@pytest.mark.parametrize("more", ["", leaf("PrivateKeyRequired", "true")])
def test_a_certificate_whose_key_pair_is_corrupt(camera: Camera, more: str) -> None:
    key_id = camera.put_key(0, "corrupt")
    content = der("Certificate", pki.Authority.root().issue(pki.rsa_key(0).public_key())) + more
    camera.refuse("tas:UploadCertificate", content, (*VALUE, "ter:InvalidKeyStatus"), key_id)


@provokes("tas:UploadCertificate", *VALUE, "ter:Duplicate")
def test_a_certificate_that_is_there_already(camera: Camera) -> None:
    certificate = pki.Authority.root().der
    certificate_id = camera.upload(certificate)
    content = der("Certificate", certificate) + leaf("Alias", "another name")
    camera.refuse("tas:UploadCertificate", content, (*VALUE, "ter:Duplicate"), certificate_id)


@provokes("tas:UploadCertificate", *ACTION, "ter:MaximumNumberOfKeysReached")
def test_no_room_for_the_key_pair_of_a_certificate(full: Camera) -> None:
    """Security 5.2.6.3.3: in its text, not in its list."""
    full.put_key(0)
    content = der("Certificate", pki.Authority.root().der)
    codes = (*ACTION, "ter:MaximumNumberOfKeysReached")
    full.refuse("tas:UploadCertificate", content, codes, "room for 1 key")


# Certificates and certification paths


@provokes("tas:GetCertificate", *VALUE, "ter:CertificateID")
@provokes("tas:DeleteCertificate", *VALUE, "ter:CertificateID")
@provokes("tas:CreateCertificationPath", *VALUE, "ter:CertificateID")
def test_a_certificate_that_there_is_not(camera: Camera) -> None:
    """An unknown ID, a key's, a path's, and that of a certificate that was deleted."""
    codes = (*VALUE, "ter:CertificateID")
    good = camera.self_sign(camera.put_key())
    deleted = camera.upload(pki.Authority.root().der)
    camera.do("tas:DeleteCertificate", leaf("CertificateID", deleted))
    (key_id, _) = values(camera.do("tas:GetAllKeys"), "tas:KeyID")
    for each in ("certificate-0", key_id, camera.path_of(good), deleted, good.upper()):
        camera.refuse("tas:GetCertificate", leaf("CertificateID", each), codes, each)
        camera.refuse("tas:DeleteCertificate", leaf("CertificateID", each), codes, each)
        camera.refuse("tas:CreateCertificationPath", certificate_list(good, each), codes, each)


@provokes("tas:DeleteCertificate", *VALUE, "ter:ReferenceExists")
def test_a_certificate_in_a_path(camera: Camera) -> None:
    """Security 5.2.4: any member of any path."""
    root = pki.Authority.root()
    members = [camera.upload(root.intermediate().der), camera.upload(root.der)]
    path_id = camera.path_of(*members)
    for each in members:
        content = leaf("CertificateID", each)
        camera.refuse("tas:DeleteCertificate", content, (*VALUE, "ter:ReferenceExists"), path_id)


@provokes("tas:DeleteCertificate", *ACTION, "ter:CertificateDeletionFailed")
def test_a_certificate_that_can_not_be_deleted(camera: Camera) -> None:
    certificate_id = camera.self_sign(camera.put_key())
    with camera.read_only("certificate"):
        codes = (*ACTION, "ter:CertificateDeletionFailed")
        camera.refuse("tas:DeleteCertificate", leaf("CertificateID", certificate_id), codes, certificate_id)


@provokes("tas:CreateCertificationPath", *ACTION, "ter:MaximumNumberOfCertificationPathsReached")
def test_no_room_for_another_path(full: Camera) -> None:
    certificate_id = full.self_sign(full.put_key())
    full.path_of(certificate_id)
    codes = (*ACTION, "ter:MaximumNumberOfCertificationPathsReached")
    full.refuse("tas:CreateCertificationPath", certificate_list(certificate_id), codes, "room for 1 cert")


@provokes("tas:CreateCertificationPath", *VALUE, "ter:InvalidCertificationPath")
def test_a_path_in_which_a_certificate_is_not_signed_by_the_next(camera: Camera) -> None:
    """Wrong order, a gap, a stranger, one certificate twice, and more members than there can be certificates."""
    root = pki.Authority.root()
    intermediate = root.intermediate()
    ders = (intermediate.issue(pki.rsa_key(0).public_key()), intermediate.der, root.der)
    leaf_id, intermediate_id, root_id = map(camera.upload, ders)
    stranger = camera.self_sign(camera.put_key(1))
    codes = (*VALUE, "ter:InvalidCertificationPath")
    for members, culprit in (
        ((intermediate_id, leaf_id), intermediate_id),
        ((leaf_id, root_id), leaf_id),
        ((leaf_id, intermediate_id, stranger), intermediate_id),
        ((leaf_id, leaf_id), leaf_id),
        ((leaf_id, intermediate_id, *[root_id] * 31), "32"),
    ):
        camera.refuse("tas:CreateCertificationPath", certificate_list(*members), codes, culprit)


@provokes("tas:CreateCertificationPath", *ACTION, "ter:CertificationPathCreationFailed")
@pytest.mark.parametrize("table", ["certification_path", "certification_path_member"])
def test_a_path_that_can_not_be_stored(camera: Camera, table: str) -> None:
    content = certificate_list(camera.self_sign(camera.put_key()))
    with camera.read_only(table):
        codes = (*ACTION, "ter:CertificationPathCreationFailed")
        camera.refuse("tas:CreateCertificationPath", content, codes, "certification path")


@provokes("tas:GetCertificationPath", *VALUE, "ter:CertificationPathID")
@provokes("tas:DeleteCertificationPath", *VALUE, "ter:CertificationPathID")
def test_a_path_that_there_is_not(camera: Camera) -> None:
    certificate_id = camera.self_sign(camera.put_key())
    deleted = camera.path_of(certificate_id)
    camera.do("tas:DeleteCertificationPath", leaf("CertificationPathID", deleted))
    for operation in ("tas:GetCertificationPath", "tas:DeleteCertificationPath"):
        for each in ("path-0", certificate_id, deleted):
            content = leaf("CertificationPathID", each)
            camera.refuse(operation, content, (*VALUE, "ter:CertificationPathID"), each)


@provokes("tas:DeleteCertificationPath", *VALUE, "ter:ReferenceExists")
def test_a_path_that_is_assigned(camera: Camera) -> None:
    """Security 5.2.4: whether HTTPS is on or not; and what it is made of can't be deleted either."""
    path_id, _ = camera.self_signed_path()
    camera.assign(path_id)
    codes = (*VALUE, "ter:ReferenceExists")
    for enabled in (False, True):
        camera.set_https(enabled)
        camera.refuse("tas:DeleteCertificationPath", leaf("CertificationPathID", path_id), codes, "assigned")
    (certificate_id,) = values(camera.do("tas:GetAllCertificates"), "tas:CertificateID")
    camera.refuse("tas:DeleteCertificate", leaf("CertificateID", certificate_id), codes, path_id)
    (key_id,) = values(camera.do("tas:GetAllKeys"), "tas:KeyID")
    camera.refuse("tas:DeleteKey", leaf("KeyID", key_id), codes, certificate_id)


@provokes("tas:DeleteCertificationPath", *ACTION, "ter:CertificationPathDeletionFailed")
@pytest.mark.parametrize("table", ["certification_path", "certification_path_member"])
def test_a_path_that_can_not_be_deleted(camera: Camera, table: str) -> None:
    path_id, _ = camera.self_signed_path()
    with camera.read_only(table):
        codes = (*ACTION, "ter:CertificationPathDeletionFailed")
        camera.refuse("tas:DeleteCertificationPath", leaf("CertificationPathID", path_id), codes, path_id)

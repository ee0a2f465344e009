"""Signature algorithms of the Security Baseline (section 8), and what of them a client may leave out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from keystore import BASELINE, SHA1_WITH_RSA, AlgorithmIdentifier, der
from keystore.algorithms import RSASSA_PSS, signature_scheme
from keystore.errors import KeySignatureAlgorithmMismatch, UnsupportedSignatureAlgorithm
from tests.keystore.encoding import NULL, object_identifier
from tests.keystore.stores import CAMERA, SHA256_ECDSA, SHA256_RSA, Store
from tests.pki import Authority, ec_key, rsa_key

HASHES = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256,
    "2.16.840.1.101.3.4.2.2": hashes.SHA384,
    "2.16.840.1.101.3.4.2.3": hashes.SHA512,
}
SHA256, SHA384, SHA512 = HASHES
SHA1 = "1.3.14.3.2.26"
MGF1 = "1.2.840.113549.1.1.8"


def pss(
    hash_oid: str | None = SHA256,
    mask_oid: str | None = SHA256,
    salt: int | None = 32,
    trailer: int | None = None,
    null: bytes = NULL,
    mask: str = MGF1,
) -> AlgorithmIdentifier:
    fields = []
    if hash_oid:
        fields.append(der.element(0xA0, der.sequence(object_identifier(hash_oid), null)))
    if mask_oid:
        fields.append(
            der.element(
                0xA1, der.sequence(object_identifier(mask), der.sequence(object_identifier(mask_oid), null))
            )
        )
    if salt is not None:
        fields.append(der.element(0xA2, der.integer(salt)))
    if trailer is not None:
        fields.append(der.element(0xA3, der.integer(trailer)))
    return AlgorithmIdentifier(RSASSA_PSS, der.sequence(*fields))


def request_with(
    store: Store, algorithm: AlgorithmIdentifier, key_id: str | None = None
) -> x509.CertificateSigningRequest:
    csr = store.keystore.create_pkcs10_csr(CAMERA, key_id or store.put_key(), [], algorithm)
    request = x509.load_der_x509_csr(csr)
    assert request.is_signature_valid
    return request


def test_the_baseline_begins_with_what_most_keys_can_sign() -> None:
    """Clients take the first signature algorithm of the capabilities."""
    assert (
        *(f"1.2.840.113549.1.1.{n}" for n in (11, 12, 13, 10)),
        *(f"1.2.840.10045.4.3.{n}" for n in (2, 3, 4)),
    ) == BASELINE


def test_the_order_of_the_caller_stays(store: Store, open_store: Callable[..., Store]) -> None:
    assert store.keystore.signature_algorithms == BASELINE
    listed = (SHA256_ECDSA.oid, SHA256_RSA.oid, SHA256_ECDSA.oid)
    assert open_store(signature_algorithms=listed).keystore.signature_algorithms == listed[:2]


@pytest.mark.parametrize(
    ("oid", "hash_type"),
    [
        ("1.2.840.113549.1.1.11", hashes.SHA256),
        ("1.2.840.113549.1.1.12", hashes.SHA384),
        ("1.2.840.113549.1.1.13", hashes.SHA512),
    ],
)
@pytest.mark.parametrize("parameters", [None, b"", NULL])
def test_rsa_pkcs1(
    store: Store, oid: str, hash_type: type[hashes.HashAlgorithm], parameters: bytes | None
) -> None:
    request = request_with(store, AlgorithmIdentifier(oid, parameters))
    assert request.signature_algorithm_oid.dotted_string == oid
    assert isinstance(request.signature_hash_algorithm, hash_type)
    assert isinstance(request.signature_algorithm_parameters, padding.PKCS1v15)
    assert der.sequence(object_identifier(oid), NULL) in request.public_bytes(Encoding.DER), (
        "RFC 4055: NULL is written"
    )


@pytest.mark.parametrize(
    ("oid", "hash_type"),
    [
        ("1.2.840.10045.4.3.2", hashes.SHA256),
        ("1.2.840.10045.4.3.3", hashes.SHA384),
        ("1.2.840.10045.4.3.4", hashes.SHA512),
    ],
)
@pytest.mark.parametrize("parameters", [None, NULL])
def test_ecdsa(
    store: Store, oid: str, hash_type: type[hashes.HashAlgorithm], parameters: bytes | None
) -> None:
    request = request_with(store, AlgorithmIdentifier(oid, parameters), store.put_key(ec_key(1)))
    assert request.signature_algorithm_oid.dotted_string == oid
    assert isinstance(request.signature_hash_algorithm, hash_type)
    assert der.sequence(object_identifier(oid)) in request.public_bytes(Encoding.DER), (
        "RFC 5758 3.2: no parameters"
    )


@pytest.mark.parametrize("null", [NULL, b""])
@pytest.mark.parametrize("hash_oid", HASHES)
@pytest.mark.parametrize("salt", [0, 20, 32, 64])
def test_pss_with_parameters(store: Store, hash_oid: str, salt: int, null: bytes) -> None:
    request = request_with(store, pss(hash_oid, hash_oid, salt, null=null))
    assert isinstance(request.signature_hash_algorithm, HASHES[hash_oid])
    parameters = request.signature_algorithm_parameters
    assert isinstance(parameters, padding.PSS)
    assert parameters._salt_length == salt


@pytest.mark.parametrize("parameters", [None, b""])
def test_pss_without_parameters_is_that_of_the_baseline(store: Store, parameters: bytes | None) -> None:
    """RFC 4055 3.1 wants parameters in a signature: the device supplies SHA-256."""
    request = request_with(store, AlgorithmIdentifier(RSASSA_PSS, parameters))
    assert isinstance(request.signature_hash_algorithm, hashes.SHA256)
    assert pss().parameters is not None
    assert pss().parameters in request.public_bytes(Encoding.DER)


def test_pss_without_salt_length_has_20_octets(store: Store) -> None:
    """RFC 4055 3.1: the default of saltLength."""
    parameters = request_with(store, pss(salt=None)).signature_algorithm_parameters
    assert isinstance(parameters, padding.PSS)
    assert parameters._salt_length == 20


def test_pss_with_the_default_trailer_spelled_out(store: Store) -> None:
    request_with(store, pss(trailer=1))


@pytest.mark.parametrize(
    "algorithm",
    [
        AlgorithmIdentifier(RSASSA_PSS, der.sequence()),
        pss(hash_oid=None),
        pss(mask_oid=None),
        pss(hash_oid=SHA1, mask_oid=SHA1),
        pss(hash_oid=SHA256, mask_oid=SHA512),
        pss(hash_oid=SHA256, mask_oid=SHA1),
        pss(mask="1.2.3.4"),
    ],
)
def test_pss_with_sha1_or_two_hashes_is_refused(algorithm: AlgorithmIdentifier) -> None:
    with pytest.raises(UnsupportedSignatureAlgorithm, match="SHA-256"):
        signature_scheme(algorithm, BASELINE)


@pytest.mark.parametrize(
    "algorithm",
    [
        pss(trailer=2),
        pss(salt=-1),
        pss(salt=5000),
        AlgorithmIdentifier(RSASSA_PSS, NULL),
        AlgorithmIdentifier(RSASSA_PSS, b"\x30\x05"),
        AlgorithmIdentifier(RSASSA_PSS, der.sequence(b"\xa0\x00")),
    ],
)
def test_pss_with_malformed_parameters_is_refused(algorithm: AlgorithmIdentifier) -> None:
    with pytest.raises(UnsupportedSignatureAlgorithm, match="RSASSA-PSS"):
        signature_scheme(algorithm, BASELINE)


@settings(max_examples=200)
@given(st.binary(min_size=1, max_size=40))
def test_any_parameters_are_followed_or_refused(parameters: bytes) -> None:
    for oid in (*BASELINE, SHA1_WITH_RSA):
        try:
            signature_scheme(AlgorithmIdentifier(oid, parameters), BASELINE)
        except UnsupportedSignatureAlgorithm:
            continue
        assert parameters == NULL


@pytest.mark.parametrize(
    "oid", [SHA1_WITH_RSA, "1.2.840.113549.1.1.4", "1.3.101.112", "1.2.840.10045.4.1", "nonsense"]
)
def test_what_is_not_listed_is_not_supported(oid: str) -> None:
    with pytest.raises(UnsupportedSignatureAlgorithm, match=r"1\.2\.840\.113549\.1\.1\.11"):
        signature_scheme(AlgorithmIdentifier(oid), BASELINE)


@pytest.mark.parametrize("oid", BASELINE)
def test_superfluous_parameters_are_refused(oid: str) -> None:
    with pytest.raises(UnsupportedSignatureAlgorithm):
        signature_scheme(AlgorithmIdentifier(oid, der.integer(1)), BASELINE)


def test_sha1_is_there_where_the_caller_lists_it(open_store: Callable[..., Store]) -> None:
    store = open_store(signature_algorithms=(*BASELINE, SHA1_WITH_RSA))
    csr = store.keystore.create_pkcs10_csr(CAMERA, store.put_key(), [], AlgorithmIdentifier(SHA1_WITH_RSA))
    assert isinstance(x509.load_der_x509_csr(csr).signature_hash_algorithm, hashes.SHA1)
    key_id = store.put_key()
    certificate_id = store.keystore.create_self_signed_certificate(
        key_id, CAMERA, AlgorithmIdentifier(SHA1_WITH_RSA)
    )
    store.keystore.create_certification_path([certificate_id, certificate_id])
    assert store.keystore.verify() == []


def test_what_the_caller_does_not_list_is_not_supported(open_store: Callable[..., Store]) -> None:
    store = open_store(signature_algorithms=(SHA256_RSA.oid,))
    with pytest.raises(UnsupportedSignatureAlgorithm):
        request_with(store, pss())
    request_with(store, SHA256_RSA)


def test_an_rsa_key_does_not_sign_with_ecdsa(store: Store) -> None:
    with pytest.raises(KeySignatureAlgorithmMismatch, match="RSA"):
        request_with(store, SHA256_ECDSA)


@pytest.mark.parametrize("algorithm", [SHA256_RSA, pss()])
def test_an_ec_key_does_not_sign_with_rsa(store: Store, algorithm: AlgorithmIdentifier) -> None:
    with pytest.raises(KeySignatureAlgorithmMismatch, match="ECDSA"):
        request_with(store, algorithm, store.put_key(ec_key(1)))


def test_a_key_that_is_too_short_for_the_salt(store: Store) -> None:
    with pytest.raises(KeySignatureAlgorithmMismatch, match="too short"):
        request_with(store, pss(salt=300))


@pytest.mark.parametrize("hash_oid", HASHES)
def test_certificates_signed_with_pss_are_accepted_and_verify(store: Store, hash_oid: str) -> None:
    root = Authority.root()
    leaf = reissue(root, padding.PSS(padding.MGF1(HASHES[hash_oid]()), 32), HASHES[hash_oid]())
    leaf_id, _ = store.keystore.upload_certificate(leaf)
    root_id, _ = store.keystore.upload_certificate(root.der)
    store.keystore.create_certification_path([leaf_id, root_id])


def test_a_certificate_signed_with_pss_and_sha3_is_refused(store: Store) -> None:
    """Security 5.2.6.3.3: UnsupportedSignatureAlgorithm."""
    root = Authority.root()
    with pytest.raises(UnsupportedSignatureAlgorithm):
        store.keystore.upload_certificate(
            reissue(root, padding.PSS(padding.MGF1(hashes.SHA3_256()), 32), hashes.SHA3_256())
        )


def reissue(root: Authority, rsa_padding: padding.PSS, algorithm: hashes.SHA256 | hashes.SHA3_256) -> bytes:
    now = root.certificate.not_valid_before_utc
    return (
        x509.CertificateBuilder()
        .subject_name(root.certificate.subject)
        .issuer_name(x509.Name([]))
        .public_key(rsa_key(7).public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now.replace(year=now.year + 1))
        .sign(rsa_key(100), algorithm, rsa_padding=rsa_padding)
        .public_bytes(Encoding.DER)
    )

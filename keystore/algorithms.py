"""Signature algorithms: what a client may ask for, and how it is carried out and checked."""

from collections.abc import Collection
from dataclasses import dataclass

from asn1crypto import core
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from keystore import der
from keystore.errors import KeySignatureAlgorithmMismatch, UnsupportedSignatureAlgorithm

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

SHA1_WITH_RSA = "1.2.840.113549.1.1.5"
RSASSA_PSS = "1.2.840.113549.1.1.10"

_MGF1 = "1.2.840.113549.1.1.8"
_SHA256 = "2.16.840.1.101.3.4.2.1"
_PSS_TAGS = {der.CONTEXT | number for number in range(4)}
_DEFAULT_SALT_LENGTH, _DEFAULT_TRAILER_FIELD = 20, 1  # RFC 4055 3.1
_HASHES: dict[str, hashes.HashAlgorithm] = {
    _SHA256: hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
_RSA: dict[str, hashes.HashAlgorithm] = {
    "1.2.840.113549.1.1.11": hashes.SHA256(),
    "1.2.840.113549.1.1.12": hashes.SHA384(),
    "1.2.840.113549.1.1.13": hashes.SHA512(),
    SHA1_WITH_RSA: hashes.SHA1(),  # noqa: S303 (only where the configuration lists it, for old clients)
}
_ECDSA: dict[str, hashes.HashAlgorithm] = {
    "1.2.840.10045.4.3.2": hashes.SHA256(),
    "1.2.840.10045.4.3.3": hashes.SHA384(),
    "1.2.840.10045.4.3.4": hashes.SHA512(),
}

#: The signature algorithms of the Security Baseline, section 8, in the order in which a client should prefer
#: them: many take the first that a device lists, and most keys are RSA keys.
BASELINE = (*(oid for oid in _RSA if oid != SHA1_WITH_RSA), RSASSA_PSS, *_ECDSA)


@dataclass(frozen=True)
class AlgorithmIdentifier:
    """A signature algorithm as a client names it: dotted OID, and the parameters in DER if there are any."""

    oid: str
    parameters: bytes | None = None


@dataclass(frozen=True)
class SignatureScheme:
    """A signature algorithm in full: the DER AlgorithmIdentifier to write, and how to sign."""

    identifier: bytes
    hash: hashes.HashAlgorithm
    padding: padding.AsymmetricPadding | None
    """None for ECDSA."""

    def sign(self, key: PrivateKey, data: bytes) -> bytes:
        """Raises KeySignatureAlgorithmMismatch if the algorithm isn't one for this key."""
        if isinstance(key, ec.EllipticCurvePrivateKey):
            if self.padding is not None:
                raise KeySignatureAlgorithmMismatch(
                    "The key is an EC key: choose an ECDSA signature algorithm"
                )
            return key.sign(data, ec.ECDSA(self.hash))
        if self.padding is None:
            raise KeySignatureAlgorithmMismatch("The key is an RSA key: choose an RSA signature algorithm")
        try:
            return key.sign(data, self.padding, self.hash)
        except ValueError as error:
            raise KeySignatureAlgorithmMismatch(
                f"An RSA key of {key.key_size} bits is too short for this hash and salt"
            ) from error


def signature_scheme(algorithm: AlgorithmIdentifier, supported: Collection[str]) -> SignatureScheme:
    """What a client's algorithm means on this device, where `supported` are the OIDs that it offers.

    RSASSA-PSS without parameters means SHA-256, MGF1 with SHA-256 and 32 octets of salt: the client left the
    choice to the device, and this is the baseline's. With parameters they are followed, and what they leave
    out has the defaults of RFC 4055 3.1; those hash with SHA-1, which is refused. The hash and that of MGF1
    must be equal. Raises UnsupportedSignatureAlgorithm.
    """
    oid = algorithm.oid
    if oid not in supported:
        raise UnsupportedSignatureAlgorithm(
            f"The signature algorithm {oid} is not supported: use one of {', '.join(supported)}"
        )
    if oid == RSASSA_PSS:
        return _pss(algorithm.parameters or None)
    if algorithm.parameters not in (None, b"", der.NULL):
        raise UnsupportedSignatureAlgorithm(
            f"The signature algorithm {oid} takes no parameters: leave them out"
        )
    if oid in _ECDSA:
        return SignatureScheme(_identifier(oid), _ECDSA[oid], None)
    return SignatureScheme(_identifier(oid, der.NULL), _RSA[oid], padding.PKCS1v15())


def check_signature_algorithm(certificate: x509.Certificate, supported: Collection[str]) -> None:
    """Raise UnsupportedSignatureAlgorithm unless a certificate is signed with one of the supported OIDs."""
    oid = certificate.signature_algorithm_oid.dotted_string
    if oid not in supported:
        raise UnsupportedSignatureAlgorithm(
            f"The certificate is signed with {oid}, which is not supported: have it signed with one of"
            f" {', '.join(supported)}"
        )
    try:
        parameters, hash_algorithm = (
            certificate.signature_algorithm_parameters,
            certificate.signature_hash_algorithm,
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnsupportedSignatureAlgorithm(
            f"The certificate is signed with {oid} and parameters that are not supported"
        ) from error
    if isinstance(parameters, padding.PSS) and not isinstance(
        hash_algorithm, tuple(map(type, _HASHES.values()))
    ):
        raise UnsupportedSignatureAlgorithm(
            "The certificate is signed with RSASSA-PSS and a hash other than SHA-256, SHA-384 and SHA-512"
        )


def is_signed_by(certificate: x509.Certificate, issuer_key: PublicKey) -> bool:
    """Whether a certificate's signature verifies with a public key (Security 5.2.6.3.8). Ignores names."""
    signature, data = certificate.signature, certificate.tbs_certificate_bytes
    try:
        parameters = certificate.signature_algorithm_parameters
        if isinstance(parameters, ec.ECDSA) and isinstance(issuer_key, ec.EllipticCurvePublicKey):
            issuer_key.verify(signature, data, parameters)
            return True
        if isinstance(parameters, padding.AsymmetricPadding) and isinstance(issuer_key, rsa.RSAPublicKey):
            assert certificate.signature_hash_algorithm is not None  # noqa: S101 (an RSA signature has one)
            issuer_key.verify(signature, data, parameters, certificate.signature_hash_algorithm)
            return True
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return False


def _identifier(oid: str, parameters: bytes = b"") -> bytes:
    """The DER AlgorithmIdentifier (RFC 5280 4.1.1.2)."""
    return der.sequence(der.object_identifier(oid), parameters)


def _pss(parameters: bytes | None) -> SignatureScheme:
    hash_oid, salt_length = (_SHA256, 32) if parameters is None else _pss_parameters(parameters)
    chosen = _HASHES[hash_oid]
    hash_algorithm = _identifier(hash_oid, der.NULL)
    fields = [hash_algorithm, _identifier(_MGF1, hash_algorithm)]
    if salt_length != _DEFAULT_SALT_LENGTH:
        fields.append(der.integer(salt_length))
    written = der.sequence(*(der.element(der.CONTEXT | tag, field) for tag, field in enumerate(fields)))
    return SignatureScheme(
        _identifier(RSASSA_PSS, written), chosen, padding.PSS(padding.MGF1(chosen), salt_length)
    )


def _pss_parameters(encoded: bytes) -> tuple[str, int]:
    """The hash and the octets of salt in RSASSA-PSS-params (RFC 4055 3.1)."""
    try:
        fields = _pss_fields(encoded)
        salt_length, trailer_field = (
            core.Integer.load(fields.get(der.CONTEXT | number, der.integer(default)), strict=True).native
            for number, default in ((2, _DEFAULT_SALT_LENGTH), (3, _DEFAULT_TRAILER_FIELD))
        )
    except ValueError as error:
        raise UnsupportedSignatureAlgorithm(
            "The parameters of RSASSA-PSS are not those of RFC 4055, or not DER"
        ) from error
    hash_oid = _hash_of(fields.get(der.CONTEXT), fields.get(der.CONTEXT | 1))
    if hash_oid is None:
        raise UnsupportedSignatureAlgorithm(
            "The parameters of RSASSA-PSS must name SHA-256, SHA-384 or SHA-512 both as the hash and as the"
            " hash of MGF1 (left out, RFC 4055 makes them SHA-1); without parameters the device takes SHA-256"
        )
    if not 0 <= salt_length <= 1024 or trailer_field != _DEFAULT_TRAILER_FIELD:
        raise UnsupportedSignatureAlgorithm(
            "The salt of RSASSA-PSS must have 0 to 1024 octets, and its trailer field must be 1"
        )
    return hash_oid, salt_length


def _pss_fields(encoded: bytes) -> dict[int, bytes]:
    """What the explicit tags hold, in their order: all fields are optional. Raises ValueError.

    Clients spell defaults out, although DER leaves them out.
    """
    der.check(encoded)
    tags, fields = [], {}
    for field in der.elements(encoded):
        tags.append(field[0])
        (fields[field[0]],) = der.elements(field)
    if encoded[0] != der.SEQUENCE or tags != sorted(fields) or not fields.keys() <= _PSS_TAGS:
        raise ValueError("it is no SEQUENCE of fields with the tags [0] to [3]")
    return fields


def _hash_of(hash_algorithm: bytes | None, mask: bytes | None) -> str | None:
    """The hash that both algorithms name, whose parameters are NULL or left out (RFC 4055 2.1)."""
    for oid in _HASHES:
        spellings = [_identifier(oid, der.NULL), _identifier(oid)]
        if hash_algorithm in spellings and mask in [_identifier(_MGF1, each) for each in spellings]:
            return oid
    return None

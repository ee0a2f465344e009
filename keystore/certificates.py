"""Certification requests and certificates: making and reading them."""

import ipaddress
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from keystore import der
from keystore.algorithms import (
    PrivateKey,
    PublicKey,
    SignatureScheme,
    check_signature_algorithm,
    is_signed_by,
)
from keystore.errors import (
    BadCertificate,
    CertificateCreationFailed,
    InvalidAttribute,
    InvalidDateTime,
    UnsupportedPublicKeyAlgorithm,
    UnsupportedX509Version,
    X509VersionExtensionsMismatch,
)
from keystore.names import DistinguishedName, Extension, RequestAttribute, encode_name

_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
_RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
_KEY_USAGE = "2.5.29.15"
_SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
_BASIC_CONSTRAINTS = "2.5.29.19"
_EXTENDED_KEY_USAGE = "2.5.29.37"

_MEND = "its value must be the DER that its object identifier prescribes, and stand there once"
"""What the parser says instead is for programmers."""

_RSA_PUBLIC_SIZES = range(2048, 8193)
_CURVES = (ec.SECP256R1, ec.SECP384R1)

# Client clocks run behind: a certificate that starts a little early is valid for them at once.
_EARLIER_START = timedelta(hours=1)
_NO_EXPIRATION = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_FIRST_DATE = datetime(1950, 1, 1, tzinfo=UTC)


def create_request(
    subject: DistinguishedName,
    attributes: Sequence[RequestAttribute | Extension],
    key: PrivateKey,
    scheme: SignatureScheme,
) -> bytes:
    """A DER certification request (RFC 2986) with attributes and requested extensions exactly as given.

    Raises InvalidSubject, InvalidAttribute and KeySignatureAlgorithmMismatch.
    """
    extensions = [attribute for attribute in attributes if isinstance(attribute, Extension)]
    plain = [attribute for attribute in attributes if isinstance(attribute, RequestAttribute)]
    try:
        if extensions:
            plain.append(RequestAttribute(_EXTENSION_REQUEST, _extensions(extensions)))
        _refuse_twice([attribute.oid for attribute in plain])
        encoded = [_attribute(attribute) for attribute in plain]
    except ValueError as error:
        raise InvalidAttribute(f"An attribute of the request is invalid: {error}") from error
    information = der.sequence(
        der.integer(0),
        encode_name(subject),
        subject_public_key_info(key.public_key()),
        der.set_of(encoded, der.CONTEXT),
    )
    request = _signed(information, key, scheme)
    try:
        _check_extensions(x509.load_der_x509_csr(request))
    except ValueError as error:
        raise InvalidAttribute(f"An attribute or extension of the request is malformed: {_MEND}") from error
    return request


def create_self_signed(
    subject: DistinguishedName,
    extensions: Sequence[Extension],
    default_names: Sequence[x509.GeneralName],
    validity: tuple[datetime, datetime],
    key: PrivateKey,
    scheme: SignatureScheme,
) -> bytes:
    """A DER certificate of X.509 version 3 (RFC 5280), fit for a TLS server by default.

    Raises InvalidSubject, KeySignatureAlgorithmMismatch and CertificateCreationFailed.
    """
    name = encode_name(subject)
    not_before, not_after = validity
    try:
        chosen = [*extensions, *_default_extensions(subject, extensions, default_names, key.public_key())]
        encoded_extensions = _extensions(chosen)
    except ValueError as error:
        raise CertificateCreationFailed(f"An extension of the certificate is invalid: {error}") from error
    to_be_signed = der.sequence(
        der.element(der.CONTEXT, der.integer(2)),
        der.integer(x509.random_serial_number()),
        scheme.identifier,
        name,
        der.sequence(der.time(not_before), der.time(not_after)),
        name,
        subject_public_key_info(key.public_key()),
        der.element(der.CONTEXT | 3, encoded_extensions),
    )
    certificate = _signed(to_be_signed, key, scheme)
    try:
        _check_extensions(x509.load_der_x509_certificate(certificate))
    except ValueError as error:
        raise CertificateCreationFailed(f"An extension of the certificate is malformed: {_MEND}") from error
    return certificate


def check_version(version: int | None, extensions: Sequence[Extension]) -> None:
    """Raise UnsupportedX509Version or X509VersionExtensionsMismatch for anything but version 3 or None."""
    if version in (1, 2) and extensions:
        raise X509VersionExtensionsMismatch(
            f"X.509 version {version} has no extensions: ask for version 3 or leave X509Version out"
        )
    if version not in (None, 3):
        raise UnsupportedX509Version(f"X.509 version {version} is not supported: ask for version 3")


def validity_period(not_before: datetime | None, not_after: datetime | None) -> tuple[datetime, datetime]:
    """Both ends in UTC and whole seconds; by default from an hour ago, and for ever (Security 5.2.6.3.2).

    Raises InvalidDateTime for an empty period and for dates that a certificate can't hold.
    """
    try:
        begin = (not_before or datetime.now(UTC) - _EARLIER_START).astimezone(UTC).replace(microsecond=0)
        end = (not_after or _NO_EXPIRATION).astimezone(UTC).replace(microsecond=0)
    except OverflowError as error:
        raise InvalidDateTime("The validity period must lie between the years 1950 and 9999") from error
    if min(begin, end) < _FIRST_DATE:
        raise InvalidDateTime("The validity period must lie between the years 1950 and 9999")
    if end <= begin:
        raise InvalidDateTime(
            f"The validity period is empty: notValidAfter ({end:%FT%TZ}) must be later than notValidBefore"
            f" ({begin:%FT%TZ})"
        )
    return begin, end


def public_key_of_upload(encoded: bytes, signature_algorithms: Collection[str]) -> PublicKey:
    """The public key of a certificate that a client uploads, if the device can use both.

    Dates are not looked at. The signature of a self-signed certificate is: it is all that shows damage.

    Raises BadCertificate, UnsupportedSignatureAlgorithm and UnsupportedPublicKeyAlgorithm.
    """
    try:
        certificate = x509.load_der_x509_certificate(encoded)
        _check_extensions(certificate)
    except (ValueError, x509.InvalidVersion) as error:
        raise BadCertificate(
            "The certificate can't be processed: send one of X.509 version 3 in DER, not PEM, and no more"
        ) from error
    if certificate.version is not x509.Version.v3:
        raise BadCertificate("The certificate is not of X.509 version 3")
    check_signature_algorithm(certificate, signature_algorithms)
    public_key = public_key_of(certificate)
    if _claims_self_signed(certificate) and not is_signed_by(certificate, public_key):
        raise BadCertificate("The certificate is damaged: its signature is not that of its own key")
    return public_key


def public_key_of(certificate: x509.Certificate) -> PublicKey:
    """The certificate's public key: RSA of 2048 to 8192 bits, or EC on P-256 or P-384.

    Raises UnsupportedPublicKeyAlgorithm for any other, and BadCertificate if the key is malformed.
    """
    oid = certificate.public_key_algorithm_oid.dotted_string
    if oid not in (_RSA_ENCRYPTION, _EC_PUBLIC_KEY):
        raise UnsupportedPublicKeyAlgorithm(
            f"Public keys of the algorithm {oid} are not supported: use RSA or EC"
        )
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm as error:
        raise UnsupportedPublicKeyAlgorithm(
            "The curve of the certificate's public key is not supported"
        ) from error
    except ValueError as error:
        raise BadCertificate("The certificate's public key can't be processed: it is malformed") from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_PUBLIC_SIZES:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        return key
    raise UnsupportedPublicKeyAlgorithm(
        "The certificate's public key is not supported: use RSA of 2048 to 8192 bits, or EC on P-256 or P-384"
    )


def subject_public_key_info(key: PublicKey) -> bytes:
    """The DER SubjectPublicKeyInfo: what public keys are compared by."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _claims_self_signed(certificate: x509.Certificate) -> bool:
    """Whether issuer and subject are equal, and the key identifiers do not tell of another key.

    They do in the certificates by which an authority changes its key (RFC 5280 3.2, "self-issued").
    """
    # The octets are compared: not every name that is allowed can be read as text.
    fields = der.elements(certificate.tbs_certificate_bytes)
    _version, _serial_number, _signature, issuer, _validity, subject, *_ = fields
    if issuer != subject:
        return False
    try:
        extensions = certificate.extensions
        authority_key = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        subject_key = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except (x509.ExtensionNotFound, x509.UnsupportedGeneralNameType):
        return True
    return authority_key.key_identifier in (None, subject_key.digest)


def _signed(to_be_signed: bytes, key: PrivateKey, scheme: SignatureScheme) -> bytes:
    return der.sequence(to_be_signed, scheme.identifier, der.bit_string(scheme.sign(key, to_be_signed)))


def _check_extensions(signed: x509.Certificate | x509.CertificateSigningRequest) -> None:
    """Raise ValueError if an extension is malformed, or is there twice."""
    try:
        _ = signed.extensions
    except x509.UnsupportedGeneralNameType:
        pass  # an exotic but correct name
    except x509.DuplicateExtension as error:
        raise ValueError(f"the extension {error.oid.dotted_string} is there twice") from error
    except (
        KeyError,
        TypeError,
    ) as error:  # for a value that it has no name for, and for a name of a wrong type
        raise ValueError(f"an extension has a value that can't be read: {error}") from error


def _refuse_twice(oids: Sequence[str]) -> None:
    if len(set(oids)) < len(oids):
        raise ValueError("one object identifier is given twice")


def _attribute(attribute: RequestAttribute) -> bytes:
    """The DER Attribute (RFC 2986 4.1). Raises ValueError."""
    der.check(attribute.value)
    return der.sequence(der.object_identifier(attribute.oid), der.set_of([attribute.value]))


def _extensions(extensions: Sequence[Extension]) -> bytes:
    """The DER Extensions (RFC 5280 4.1). Raises ValueError."""
    _refuse_twice([extension.oid for extension in extensions])
    return der.sequence(*map(_extension, extensions))


def _extension(extension: Extension) -> bytes:
    der.check(extension.value)
    return der.sequence(
        der.object_identifier(extension.oid),
        der.TRUE if extension.critical else b"",
        der.element(der.OCTET_STRING, extension.value),
    )


def _default_extensions(
    subject: DistinguishedName,
    given: Sequence[Extension],
    default_names: Sequence[x509.GeneralName],
    public_key: PublicKey,
) -> Iterable[Extension]:
    """What a TLS server's certificate wants and the client did not send."""
    types = {extension.oid for extension in given}
    if _BASIC_CONSTRAINTS not in types:
        constraints = x509.BasicConstraints(ca=False, path_length=None)
        yield Extension(_BASIC_CONSTRAINTS, True, constraints.public_bytes())
        if _KEY_USAGE not in types:  # a client that sends BasicConstraints may mean an authority
            yield Extension(_KEY_USAGE, True, _server_key_usage(public_key).public_bytes())
    if _EXTENDED_KEY_USAGE not in types:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        yield Extension(_EXTENDED_KEY_USAGE, False, usage.public_bytes())
    if _SUBJECT_KEY_IDENTIFIER not in types:
        identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
        yield Extension(_SUBJECT_KEY_IDENTIFIER, False, identifier.public_bytes())
    if _SUBJECT_ALTERNATIVE_NAME not in types:
        names = [*filter(None, map(_host_name, subject.common_name)), *default_names]
        if names:
            alternative = x509.SubjectAlternativeName(dict.fromkeys(names))
            yield Extension(_SUBJECT_ALTERNATIVE_NAME, False, alternative.public_bytes())


def _server_key_usage(public_key: PublicKey) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=isinstance(public_key, rsa.RSAPublicKey),
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host_name(common_name: str) -> x509.GeneralName | None:
    """A common name as an alternative name, if it is an IP address or a host name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(common_name))
    except ValueError:
        pass
    label = r"[A-Za-z0-9]([A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
    if len(common_name) < 254 and re.fullmatch(rf"({label}\.)*(?!\d+$){label}", common_name):
        return x509.DNSName(common_name)
    return None

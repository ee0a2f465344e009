"""What the client makes for the cases: certificates, CRLs, PKCS#8 and PKCS#12 (chapter 6 of the specification).

The specification (22.12) signs all of it with sha1WithRSAEncryption, which the newer Security Baseline no
longer has: it is SHA-256 here. RFC 5280 asks CRLs for a nextUpdate, which the specification leaves out, and a
CRL's issuer is the one of the certificates that it revokes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from tests.pki import rsa_key

PASSPHRASES = ("Passphrase for ONVIF", "AdditionalPassphrase")
"""6.24: passphrase1 and passphrase2."""
ALIAS = b"testAlias"
"""friendlyName in PKCS#12 files."""
OLDEST = datetime(1970, 1, 1, tzinfo=UTC)
NEWEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

_KEYS: dict[str, int] = {}


@dataclass(frozen=True)
class Certified:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate and the key, as a TLS client loads them."""
        return self.certificate.public_bytes(Encoding.PEM) + self.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )


def name(common_name: str) -> x509.Name:
    """`CN=...,C=US`."""
    return x509.Name(
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "US"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )


@functools.cache
def ca_certificate(length: int, common_name: str = "ONVIF TT", not_after: datetime = NEWEST) -> Certified:
    """6.4 HelperCreateCACertificate, and 6.22 HelperCreateExpiredCACertificate with a `not_after`.

    The same in subsequent invocations for the same subject, as the specification allows.
    """
    key = _key(common_name, length)
    subject = name(common_name)
    return Certified(_certificate(subject, key.public_key(), subject, key, not_after=not_after, ca=True), key)


@functools.cache
def signed_certificate(issuer: Certified, common_name: str) -> Certified:
    """6.43 HelperCreateSignedCertificate: for a TLS client, signed by the private key of another one."""
    key = _key(common_name, issuer.key.key_size)
    certificate = _certificate(
        name(common_name), key.public_key(), issuer.certificate.subject, issuer.key, client=True
    )
    return Certified(certificate, key)


def certificate_from_request(request: bytes, issuer: Certified) -> bytes:
    """6.3 HelperCreateCertificateFromPKCS10CSR: the certificate (DER) for a PKCS#10 request (DER)."""
    csr = x509.load_der_x509_csr(request)
    assert csr.is_signature_valid, "the signature of the PKCS#10 request is not that of its key"
    certificate = _certificate(
        csr.subject,
        csr.public_key(),
        issuer.certificate.subject,
        issuer.key,
        extensions=csr.extensions,
    )
    return certificate.public_bytes(Encoding.DER)


def crl(issuer: Certified, revoked: x509.Certificate | None = None) -> bytes:
    """6.37 HelperCreateCRL and 6.45 HelperCreateCRLForCertificate: a CRL (DER) that revokes a certificate.

    Without one it revokes some number.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    this_update = now - timedelta(days=1) if revoked is not None else now
    serial_number = revoked.serial_number if revoked is not None else x509.random_serial_number()
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(serial_number)
        .revocation_date(this_update - timedelta(hours=1))
        .build()
    )
    built = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(this_update)
        .next_update(now + timedelta(days=30))
        .add_revoked_certificate(entry)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False
        )
        .sign(issuer.key, hashes.SHA256())
    )
    return built.public_bytes(Encoding.DER)


def pkcs8(length: int, passphrase: str | None = None) -> bytes:
    """6.25 and 6.28: a PKCS#8 structure with a new key pair, encrypted with a passphrase if there is one.

    As PrivateKeyInfo (RFC 5208), which readers of RFC 5958 read too. It is encrypted with PBES2, which the
    Security Baseline asks for; the specification's pbeWithSHAAnd3-KeyTripleDES-CBC is gone from it.
    """
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return new_rsa_key(length).private_bytes(Encoding.DER, PrivateFormat.PKCS8, encryption)


def new_rsa_key(length: int) -> rsa.RSAPrivateKey:
    """6.26 HelperGenerateRSAKeyPair."""
    return rsa.generate_private_key(65537, length)


def pkcs12_file(content: Certified, passphrase: str | None = None, *, triple_des: bool = False) -> bytes:
    """6.32 and 6.33: a PKCS#12 file of a CA certificate and its private key.

    Without a passphrase the bags are not encrypted, and the MAC is that of an empty password. With one they
    are encrypted with PBES2 (AES), or as the specification of 22.12 says with
    pbeWithSHAAnd3-KeyTripleDES-CBC, for a device that signals it.
    """
    algorithm = (
        pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC if triple_des else pkcs12.PBES.PBESv2SHA256AndAES256CBC
    )
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2048)
        .key_cert_algorithm(algorithm)
        .build(passphrase.encode())
        if passphrase
        else NoEncryption()
    )
    return pkcs12.serialize_key_and_certificates(ALIAS, content.key, content.certificate, None, encryption)


def _key(label: str, length: int) -> rsa.RSAPrivateKey:
    """A key for each label: generating one is what takes time."""
    return rsa_key(1000 + _KEYS.setdefault(label, len(_KEYS)), length)


def _certificate(
    subject: x509.Name,
    public_key: rsa.RSAPublicKey,
    issuer: x509.Name,
    issuer_key: rsa.RSAPrivateKey,
    *,
    not_after: datetime = NEWEST,
    ca: bool = False,
    client: bool = False,
    extensions: x509.Extensions | tuple[()] = (),
) -> x509.Certificate:
    """A certificate by RFC 5280, with the extensions that it asks for and those of a request."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(OLDEST)
        .not_valid_after(not_after)
    )
    issuer_public_key = issuer_key.public_key()
    wanted: list[tuple[x509.ExtensionType, bool]] = [
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_public_key), False),
        (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
    ]
    if ca:
        wanted += [
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (_usage("key_cert_sign", "crl_sign"), True),
        ]
    if client:
        wanted += [
            (_usage("digital_signature"), True),
            (x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        ]
    wanted += [(extension.value, extension.critical) for extension in extensions]
    for value, critical in {value.oid: (value, critical) for value, critical in wanted}.values():
        builder = builder.add_extension(value, critical)
    return builder.sign(issuer_key, hashes.SHA256())


def _usage(*bits: str) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{each: each in bits for each in names})

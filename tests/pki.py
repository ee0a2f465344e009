"""The certification authority of the tests: a root and an intermediate, as a company has them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@functools.cache
def rsa_key(number: int, size: int = 2048) -> rsa.RSAPrivateKey:
    """The same key for the same number within one test run: generating is what costs."""
    return rsa.generate_private_key(65537, size)


@functools.cache
def ec_key(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@dataclass(frozen=True)
class Authority:
    """A certification authority: its certificate, its key, and what it signs."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return der(self.certificate)

    @classmethod
    def root(cls, common_name: str = "Test Root", number: int = 100) -> Authority:
        key = rsa_key(number)
        return cls(_certificate(name(common_name), key.public_key(), name(common_name), key, ca=True), key)

    def intermediate(self, common_name: str = "Test Intermediate", number: int = 101) -> Authority:
        key = rsa_key(number)
        certificate = _certificate(
            name(common_name), key.public_key(), self.certificate.subject, self.key, ca=True
        )
        return Authority(certificate, key)

    def issue(
        self,
        public_key: CertificatePublicKeyTypes,
        subject: x509.Name | str = "camera.test",
        *,
        addresses: tuple[str, ...] = ("localhost", "127.0.0.1", "::1"),
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> bytes:
        """A TLS server certificate (DER) for a public key."""
        subject = name(subject) if isinstance(subject, str) else subject
        return der(
            _certificate(
                subject,
                public_key,
                self.certificate.subject,
                self.key,
                ca=False,
                addresses=addresses,
                not_before=not_before,
                not_after=not_after,
            )
        )

    def sign_request(
        self, csr: bytes, addresses: tuple[str, ...] = ("localhost", "127.0.0.1", "::1")
    ) -> bytes:
        """The TLS server certificate (DER) for a PKCS#10 request (DER), whose signature is checked first."""
        request = x509.load_der_x509_csr(csr)
        assert request.is_signature_valid
        return self.issue(request.public_key(), request.subject, addresses=addresses)


def _certificate(
    subject: x509.Name,
    public_key: CertificatePublicKeyTypes,
    issuer: x509.Name,
    issuer_key: PrivateKey,
    *,
    ca: bool,
    addresses: tuple[str, ...] = (),
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> x509.Certificate:
    now = datetime.now(UTC).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before or now - timedelta(hours=1))
        .not_valid_after(not_after or now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=not ca,
                key_cert_sign=ca,
                crl_sign=ca,
                content_commitment=False,
                key_encipherment=not ca,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if not ca:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        ).add_extension(x509.SubjectAlternativeName([_general_name(a) for a in addresses]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _general_name(address: str) -> x509.GeneralName:
    import ipaddress

    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)

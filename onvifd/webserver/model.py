"""What the web server is to serve."""

from dataclasses import dataclass, field
from typing import Literal

TLS_VERSIONS = ("1.2", "1.3")
"""The TLS versions that are served (SecurityBaseline 12)."""

KeyAlgorithm = Literal["RSA", "EC"]


@dataclass(frozen=True)
class ServerCertificate:
    """An assigned certification path with its private key."""

    chain_pem: bytes
    """The server certificate first, then each one's issuer."""
    key_pem: bytes = field(repr=False)
    """The private key of the server certificate: PKCS#8, unencrypted."""
    certificates_der: tuple[bytes, ...]
    """The same certificates as chain_pem: exactly what a handshake must present."""
    algorithm: KeyAlgorithm


@dataclass(frozen=True)
class ServerConfiguration:
    """The ports and the certificates in the order of their assignment.

    A handshake has room for one certificate of each key algorithm: of several, the one assigned last is
    presented.
    """

    http_ports: tuple[int, ...] = ()
    https_ports: tuple[int, ...] = ()
    certificates: tuple[ServerCertificate, ...] = ()

    @property
    def ports(self) -> frozenset[int]:
        return frozenset(self.http_ports + self.https_ports)

    @property
    def presented(self) -> dict[KeyAlgorithm, ServerCertificate]:
        """What a client sees that accepts keys of one algorithm only."""
        return {certificate.algorithm: certificate for certificate in self.certificates}

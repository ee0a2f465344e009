"""What the keystore answers."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

KeyAlgorithm = Literal["RSA", "EC"]


class KeyStatus(StrEnum):
    """Security 5.2.5: every key is in exactly one of these states."""

    OK = "ok"
    GENERATING = "generating"
    CORRUPT = "corrupt"


@dataclass(frozen=True)
class Limits:
    """How much the keystore takes."""

    keys: int = 32
    """Key pairs, with or without a private key."""
    certificates: int = 32
    certification_paths: int = 16
    tls_certification_paths: int = 2
    """Certification paths that are assigned to the TLS server."""
    rsa_key_lengths: tuple[int, ...] = (2048, 3072, 4096)
    """In bits: what create_rsa_key_pair takes."""


@dataclass(frozen=True)
class Key:
    """A key pair (tas:KeyAttribute)."""

    id: str
    alias: str | None
    status: KeyStatus
    has_private_key: bool
    externally_generated: bool
    securely_stored: bool
    algorithm: KeyAlgorithm
    public_key: bytes | None
    """SubjectPublicKeyInfo in DER; None while generating, and for ever if that failed."""


@dataclass(frozen=True)
class Certificate:
    """A certificate and the key pair that it is linked to (tas:X509Certificate)."""

    id: str
    key_id: str
    alias: str | None
    der: bytes
    has_private_key: bool


@dataclass(frozen=True)
class CertificationPath:
    """A sequence of certificates, each signed with the key of the next (tas:CertificationPath)."""

    id: str
    alias: str | None
    certificate_ids: tuple[str, ...]


@dataclass(frozen=True)
class ServerCredential:
    """What a TLS server needs of one assigned certification path."""

    path_id: str
    certificates_der: tuple[bytes, ...]
    """The server's own first."""
    private_key_pem: bytes = field(repr=False)
    """PKCS#8, not encrypted."""
    algorithm: KeyAlgorithm

"""A store under test, and shortcuts to put keys into it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from keystore import AlgorithmIdentifier, Database, DistinguishedName, KeyStatus, Keystore, Sealer
from tests.pki import PrivateKey, rsa_key

SHA256_RSA = AlgorithmIdentifier("1.2.840.113549.1.1.11")
SHA256_ECDSA = AlgorithmIdentifier("1.2.840.10045.4.3.2")
CAMERA = DistinguishedName(common_name=("camera.test",))

Events = list[tuple[str, KeyStatus | None, KeyStatus]]


@dataclass
class Store:
    keystore: Keystore
    database: Database
    sealer: Sealer
    events: Events = field(default_factory=list)

    def put_key(self, key: PrivateKey | int = 0, status: str = "ok") -> str:
        """A key pair in the form that generation leaves it in, without the wait."""
        key = rsa_key(key) if isinstance(key, int) else key
        key_id = f"key-{secrets.token_hex(10)}"
        private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        algorithm = "RSA" if isinstance(key, rsa.RSAPrivateKey) else "EC"
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT INTO key_pair (id, status, algorithm, public_key, private_key, externally_generated)"
                " VALUES (?, ?, ?, ?, ?, 0)",
                (key_id, status, algorithm, public, self.sealer.seal(private, f"key/{key_id}")),
            )
        return key_id

    def put_self_signed(self, key: PrivateKey | int = 0, subject: DistinguishedName = CAMERA) -> str:
        """A certificate ID."""
        return self.keystore.create_self_signed_certificate(self.put_key(key), subject, SHA256_RSA)

    def put_path(self, key: PrivateKey | int = 0) -> str:
        """A certification path ID."""
        return self.keystore.create_certification_path([self.put_self_signed(key)])

    def content(self) -> list[str]:
        """Everything that is stored, to compare before with after."""
        with self.database.read() as connection:
            return list(connection.iterdump())

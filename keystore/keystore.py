"""The keystore: key pairs, certificates, certification paths and their assignment to the TLS server."""

import contextlib
import math
import secrets
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from keystore import certificates, errors, rows, verification
from keystore.algorithms import BASELINE, AlgorithmIdentifier, PrivateKey, signature_scheme
from keystore.database import Database
from keystore.generation import Generator, KeyPair
from keystore.model import (
    Certificate,
    CertificationPath,
    Key,
    KeyAlgorithm,
    KeyStatus,
    Limits,
    ServerCredential,
)
from keystore.names import DistinguishedName, Extension, RequestAttribute
from keystore.sealing import Sealer
from keystore.tables import MIGRATIONS, REFERRING_FIRST

_SEALING_CHECK = "keystore"
# Seconds on a small camera, until there is a measurement.
_FIRST_ESTIMATES = {2048: 3.0, 3072: 10.0, 4096: 30.0}
_NEWEST_WEIGHT = 0.3


class Keystore:
    """Keys and certificates under the rules of Security 5.2, on one Database.

    Every method may be called from any thread and is one transaction: it does all or raises a KeystoreError
    and does nothing. Inside `database.transaction()` the methods join that transaction. A private key that
    does not open although the key-encryption key is the right one is damaged: its use marks the key corrupt
    (Security 5.2.5) and raises.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        limits: Limits,
        signature_algorithms: Collection[str] = BASELINE,
        on_key_status: Callable[[str, KeyStatus | None, KeyStatus], None] = lambda key_id, old, new: None,
    ) -> None:
        """Open the store in a database, making its tables if need be.

        `signature_algorithms` are the OIDs to sign with and to accept in certificates, in the order in which
        a client should prefer them. `on_key_status` is called with a key's ID, old status (None: the key is
        new) and new status after the change is committed; see Database.after_commit for what it may do.
        Raises SealingError if the key-encryption key is not the one that this store was sealed with.
        """
        self.limits = limits
        self.signature_algorithms = tuple(dict.fromkeys(signature_algorithms))
        self._database = database
        self._sealer = sealer
        self._on_key_status = on_key_status
        self._generator = Generator(self._next_pending, self._finish_generation)
        database.migrate("keystore", MIGRATIONS)
        self._check_sealer()

    def start(self) -> None:
        """Start generating keys; those that the last close interrupted come first."""
        self._generator.start()

    def close(self) -> None:
        """Stop generating keys. A key that is not finished is generated anew after the next start."""
        self._generator.close()

    def reset(self) -> None:
        """Delete everything: assignments, certification paths, certificates and keys (Core 8.3.8).

        Keys that are being generated are discarded.
        """
        with self._database.transaction() as connection:
            for table in REFERRING_FIRST:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 (our own names)

    # Keys (Security 5.2.6.2)

    def create_rsa_key_pair(self, key_length: int, alias: str | None = None) -> tuple[str, timedelta]:
        """Begin to generate an RSA key pair: its ID and how long it will take, in whole seconds (5.2.6.2.1).

        Raises UnsupportedKeyLength and MaximumNumberOfKeysReached.
        """
        if key_length not in self.limits.rsa_key_lengths:
            lengths = ", ".join(map(str, self.limits.rsa_key_lengths))
            raise errors.UnsupportedKeyLength(
                f"RSA keys of {key_length} bits are not supported: use {lengths}"
            )
        key_id = _new_id("key")
        with self._database.transaction() as connection:
            self._reserve_key(connection)
            connection.execute(
                "INSERT INTO key_pair (id, alias, status, algorithm, key_length, externally_generated)"
                " VALUES (?, ?, ?, 'RSA', ?, 0)",
                (key_id, alias, KeyStatus.GENERATING, key_length),
            )
            self._announce(key_id, None, KeyStatus.GENERATING)
            self._database.after_commit(self._generator.wake)
            estimate = _generation_estimate(connection)
        return key_id, estimate

    def get_key(self, key_id: str) -> Key:
        """Raises KeyNotFound."""
        with self._database.read() as connection:
            return rows.key(connection, key_id)

    def keys(self) -> list[Key]:
        """All key pairs in the order of their creation."""
        with self._database.read() as connection:
            return rows.keys(connection)

    def delete_key(self, key_id: str) -> None:
        """Delete a key pair, also one that is still being generated (5.2.6.2.6).

        Raises KeyNotFound, and ReferenceExists while a certificate is linked to it.
        """
        with _reported_as(errors.KeyDeletionFailed, key_id), self._database.transaction() as connection:
            rows.key(connection, key_id)
            _refuse_if_referenced(
                connection,
                "SELECT id FROM certificate WHERE key_id = ?",
                key_id,
                "The key is used by the certificate {}: delete that first",
            )
            connection.execute("DELETE FROM key_pair WHERE id = ?", (key_id,))

    # Certificates (Security 5.2.6.3.1 to 5.2.6.3.7)

    def create_pkcs10_csr(
        self,
        subject: DistinguishedName,
        key_id: str,
        attributes: Sequence[RequestAttribute | Extension],
        algorithm: AlgorithmIdentifier,
    ) -> bytes:
        """A DER certification request for a key pair (5.2.6.3.1).

        Raises KeyNotFound, InvalidKeyStatus, UnsupportedSignatureAlgorithm, KeySignatureAlgorithmMismatch,
        InvalidSubject, InvalidAttribute, and CSRCreationFailed also for a key pair without a private key.
        """
        key = self.get_key(key_id)
        _require_ok(key)
        scheme = signature_scheme(algorithm, self.signature_algorithms)
        if not key.has_private_key:
            raise errors.CSRCreationFailed(f"The key {key_id} has no private key to sign a request with")
        return certificates.create_request(subject, attributes, self._private_key(key_id), scheme)

    def create_self_signed_certificate(
        self,
        key_id: str,
        subject: DistinguishedName,
        algorithm: AlgorithmIdentifier,
        *,
        x509_version: int | None = None,
        alias: str | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        extensions: Sequence[Extension] = (),
        default_names: Sequence[x509.GeneralName] = (),
    ) -> str:
        """Make and store a self-signed certificate for a key pair; its ID (5.2.6.3.2).

        The client's extensions stand as given. What a TLS server's certificate needs is added: basic
        constraints, key usage, extended key usage, subject key identifier, and an alternative name of the
        common names that are host names or addresses and of `default_names`. Dates must be aware; see
        certificates.validity_period for their defaults.

        Raises UnsupportedX509Version, X509VersionExtensionsMismatch, InvalidDateTime, KeyNotFound,
        InvalidKeyStatus, UnsupportedSignatureAlgorithm, KeySignatureAlgorithmMismatch, InvalidSubject,
        MaximumNumberOfCertificatesReached, and CertificateCreationFailed also for a malformed extension or a
        key pair without a private key.
        """
        key = self.get_key(key_id)
        _require_ok(key)
        certificates.check_version(x509_version, extensions)
        validity = certificates.validity_period(not_before, not_after)
        scheme = signature_scheme(algorithm, self.signature_algorithms)
        if not key.has_private_key:
            raise errors.CertificateCreationFailed(
                f"The key {key_id} has no private key to sign a certificate with"
            )
        # Signing takes long on a camera: the store is not locked meanwhile, so the key is looked up again.
        encoded = certificates.create_self_signed(
            subject, extensions, default_names, validity, self._private_key(key_id), scheme
        )
        with (
            _reported_as(errors.CertificateCreationFailed, "the certificate"),
            self._database.transaction() as connection,
        ):
            rows.key(connection, key_id)
            self._reserve_certificate(connection)
            return _insert_certificate(connection, alias, key_id, encoded)

    def upload_certificate(
        self,
        der: bytes,
        *,
        alias: str | None = None,
        key_alias: str | None = None,
        private_key_required: bool = False,
    ) -> tuple[str, str]:
        """Store a certificate, linked to the key pair with its public key: the IDs of both (5.2.6.3.3).

        Of several such key pairs one that is ok and has the private key is preferred. If there is none, and
        none is required, a key pair with the public key alone is made.

        Raises BadCertificate, UnsupportedSignatureAlgorithm, UnsupportedPublicKeyAlgorithm,
        DuplicateCertificate, MaximumNumberOfCertificatesReached, NoMatchingPrivateKey, InvalidKeyStatus and
        MaximumNumberOfKeysReached.
        """
        public_key = certificates.public_key_of_upload(der, self.signature_algorithms)
        info = certificates.subject_public_key_info(public_key)
        with self._database.transaction() as connection:
            duplicate = connection.execute("SELECT id FROM certificate WHERE der = ?", (der,)).fetchone()
            if duplicate:
                raise errors.DuplicateCertificate(f"The certificate is already stored as {duplicate[0]}")
            self._reserve_certificate(connection)
            key = rows.key_of(connection, info)
            if private_key_required and (key is None or not key.has_private_key):
                raise errors.NoMatchingPrivateKey(
                    "No private key of the keystore matches the certificate: create its CSR on the device"
                )
            if key is not None and key.status is not KeyStatus.OK:
                raise errors.InvalidKeyStatus(
                    f"The certificate's key pair {key.id} is {key.status}: delete it first"
                )
            if key is None:
                self._reserve_key(connection)
                algorithm: KeyAlgorithm = "RSA" if isinstance(public_key, rsa.RSAPublicKey) else "EC"
                key_id = self._insert_public_key(connection, key_alias, algorithm, info)
            else:
                key_id = key.id
            return _insert_certificate(connection, alias, key_id, der), key_id

    def get_certificate(self, certificate_id: str) -> Certificate:
        """Raises CertificateNotFound."""
        with self._database.read() as connection:
            return rows.certificate(connection, certificate_id)

    def certificates(self) -> list[Certificate]:
        """All certificates in the order of their creation."""
        with self._database.read() as connection:
            return rows.certificates(connection)

    def delete_certificate(self, certificate_id: str) -> None:
        """Delete a certificate, and not its key pair (5.2.6.3.7).

        Raises CertificateNotFound, and ReferenceExists while it is part of a certification path.
        """
        with (
            _reported_as(errors.CertificateDeletionFailed, certificate_id),
            self._database.transaction() as connection,
        ):
            rows.certificate(connection, certificate_id)
            _refuse_if_referenced(
                connection,
                "SELECT path_id FROM certification_path_member WHERE certificate_id = ?",
                certificate_id,
                "The certificate is part of the certification path {}: delete that first",
            )
            connection.execute("DELETE FROM certificate WHERE id = ?", (certificate_id,))

    # Certification paths (Security 5.2.6.3.8 to 5.2.6.3.12)

    def create_certification_path(self, certificate_ids: Sequence[str], alias: str | None = None) -> str:
        """Store a sequence of certificates, each signed with the key of the next; its ID (5.2.6.3.8).

        Raises CertificateNotFound, InvalidCertificationPath and MaximumNumberOfCertificationPathsReached.
        """
        if not 1 <= len(certificate_ids) <= self.limits.certificates:
            raise errors.InvalidCertificationPath(
                f"A certification path has 1 to {self.limits.certificates} certificates,"
                f" not {len(certificate_ids)}"
            )
        path_id = _new_id("path")
        with (
            _reported_as(errors.CertificationPathCreationFailed, "the certification path"),
            self._database.transaction() as connection,
        ):
            members = [rows.certificate(connection, certificate_id) for certificate_id in certificate_ids]
            fault = verification.break_in_path(members)
            if fault:
                raise errors.InvalidCertificationPath(fault)
            _reserve(
                connection,
                "SELECT count(*) FROM certification_path",
                self.limits.certification_paths,
                errors.MaximumNumberOfCertificationPathsReached,
                "certification paths",
            )
            connection.execute("INSERT INTO certification_path (id, alias) VALUES (?, ?)", (path_id, alias))
            connection.executemany(
                "INSERT INTO certification_path_member VALUES (?, ?, ?)",
                [(path_id, position, member.id) for position, member in enumerate(members)],
            )
        return path_id

    def get_certification_path(self, path_id: str) -> CertificationPath:
        """Raises CertificationPathNotFound."""
        with self._database.read() as connection:
            return rows.path(connection, path_id)

    def certification_paths(self) -> list[CertificationPath]:
        """All certification paths in the order of their creation."""
        with self._database.read() as connection:
            return rows.paths(connection)

    def delete_certification_path(self, path_id: str) -> None:
        """Delete a certification path, and not its certificates (5.2.6.3.12).

        Raises CertificationPathNotFound, and ReferenceExists while it is assigned to the TLS server.
        """
        with (
            _reported_as(errors.CertificationPathDeletionFailed, path_id),
            self._database.transaction() as connection,
        ):
            rows.path(connection, path_id)
            if path_id in rows.assigned_paths(connection):
                raise errors.ReferenceExists(
                    "The certification path is assigned to the TLS server: remove the assignment first"
                )
            connection.execute("DELETE FROM certification_path_member WHERE path_id = ?", (path_id,))
            connection.execute("DELETE FROM certification_path WHERE id = ?", (path_id,))

    # The TLS server (Security 5.3.3.1 to 5.3.3.4)

    def assign_server_certificate(self, path_id: str) -> None:
        """Assign a path to the TLS server; no effect if it is assigned already (5.3.3.1).

        Raises CertificationPathNotFound, NoPrivateKey and MaximumNumberOfTLSCertificationPathsReached.
        """
        with self._database.transaction() as connection:
            members = rows.members(connection, path_id)
            if path_id in rows.assigned_paths(connection):
                return
            _check_server_key(connection, members)
            _reserve(
                connection,
                "SELECT count(*) FROM server_certificate_assignment",
                self.limits.tls_certification_paths,
                errors.MaximumNumberOfTLSCertificationPathsReached,
                "certification paths of the TLS server",
            )
            connection.execute("INSERT INTO server_certificate_assignment (path_id) VALUES (?)", (path_id,))

    def remove_server_certificate(self, path_id: str) -> None:
        """Take a path from the TLS server (5.3.3.2). Raises AssignmentNotFound.

        Whether the TLS server is enabled, and so still needs it, is for the caller to check.
        """
        with self._database.transaction() as connection:
            _check_assigned(connection, path_id)
            connection.execute("DELETE FROM server_certificate_assignment WHERE path_id = ?", (path_id,))

    def replace_server_certificate(self, old_path_id: str, new_path_id: str) -> None:
        """Put a path in the place of an assigned one (5.3.3.3).

        A new path that is assigned already moves there. Raises AssignmentNotFound,
        NewCertificationPathNotFound and NoPrivateKey.
        """
        with self._database.transaction() as connection:
            _check_assigned(connection, old_path_id)
            try:
                members = rows.members(connection, new_path_id)
            except errors.CertificationPathNotFound as error:
                raise errors.NewCertificationPathNotFound(str(error)) from error
            _check_server_key(connection, members)
            if new_path_id != old_path_id:
                connection.execute(
                    "DELETE FROM server_certificate_assignment WHERE path_id = ?", (new_path_id,)
                )
            connection.execute(
                "UPDATE server_certificate_assignment SET path_id = ? WHERE path_id = ?",
                (new_path_id, old_path_id),
            )

    def assigned_server_certificates(self) -> list[str]:
        """The IDs of the assigned paths in the order of their assignment (5.3.3.4)."""
        with self._database.read() as connection:
            return rows.assigned_paths(connection)

    def server_credentials(self) -> list[ServerCredential]:
        """The assigned paths with their private keys. Raises InvalidKeyStatus for a key that is not ok."""
        served = []
        with self._database.read() as connection:
            for path_id in rows.assigned_paths(connection):
                members = rows.members(connection, path_id)
                key = rows.key(connection, members[0].key_id)
                _require_ok(key)
                served.append((path_id, members, key, rows.sealed_private_key(connection, key.id)))
        return [
            ServerCredential(
                path_id,
                tuple(member.der for member in members),
                self._open(key.id, sealed).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
                key.algorithm,
            )
            for path_id, members, key, sealed in served
        ]

    # Soundness

    def verify(self) -> list[str]:
        """Everything that is wrong with the store; empty if it is sound. See verification.verify."""
        return verification.verify(self._database, self._sealer)

    # Private keys

    def _private_key(self, key_id: str) -> PrivateKey:
        """Raises InvalidKeyStatus if it does not open, and marks it corrupt."""
        with self._database.read() as connection:
            sealed = rows.sealed_private_key(connection, key_id)
        return self._open(key_id, sealed)

    def _open(self, key_id: str, sealed: bytes) -> PrivateKey:
        try:
            opened = self._sealer.open(sealed, rows.sealing_context(key_id))
        except errors.SealingError as error:
            with self._database.transaction() as connection:
                self._change_status(connection, key_id, KeyStatus.OK, KeyStatus.CORRUPT)
            raise errors.InvalidKeyStatus(
                f"The key {key_id} is corrupt, its private key does not open: delete it and create a new one"
            ) from error
        # The checks that are skipped take 30 ms and were made before the key was sealed.
        return cast(PrivateKey, load_der_private_key(opened, None, unsafe_skip_rsa_key_validation=True))

    def _check_sealer(self) -> None:
        with self._database.transaction() as connection:
            row = connection.execute("SELECT sealed FROM sealing_check").fetchone()
            if row is None:
                sealed = self._sealer.seal(b"", _SEALING_CHECK)
                connection.execute("INSERT INTO sealing_check VALUES (?)", (sealed,))
                return
        try:
            self._sealer.open(row[0], _SEALING_CHECK)
        except errors.SealingError as error:
            raise errors.SealingError(
                "The key-encryption key is not the one that the store was sealed with: restore the right one"
            ) from error

    # Generation

    def _next_pending(self) -> tuple[str, int] | None:
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT id, key_length FROM key_pair WHERE status = ? ORDER BY number LIMIT 1",
                (KeyStatus.GENERATING,),
            ).fetchone()
        return (row[0], row[1]) if row else None

    def _finish_generation(self, key_id: str, key_length: int, key_pair: KeyPair | None) -> None:
        with self._database.transaction() as connection:
            if key_pair is None:
                self._change_status(connection, key_id, KeyStatus.GENERATING, KeyStatus.CORRUPT)
                return
            connection.execute(
                "UPDATE key_pair SET public_key = ?, private_key = ? WHERE id = ? AND status = ?",
                (
                    key_pair.public_key,
                    self._sealer.seal(key_pair.private_key, rows.sealing_context(key_id)),
                    key_id,
                    KeyStatus.GENERATING,
                ),
            )
            self._change_status(connection, key_id, KeyStatus.GENERATING, KeyStatus.OK)
            connection.execute(
                "INSERT INTO generation_time VALUES (:length, :seconds) ON CONFLICT DO UPDATE"
                " SET seconds = (1 - :weight) * seconds + :weight * :seconds",
                {"length": key_length, "seconds": key_pair.seconds, "weight": _NEWEST_WEIGHT},
            )

    def _change_status(
        self, connection: sqlite3.Connection, key_id: str, old: KeyStatus, new: KeyStatus
    ) -> None:
        """No effect if the key has been deleted or has another status by now."""
        changed = connection.execute(
            "UPDATE key_pair SET status = ? WHERE id = ? AND status = ?", (new, key_id, old)
        )
        if changed.rowcount:
            self._announce(key_id, old, new)

    def _announce(self, key_id: str, old: KeyStatus | None, new: KeyStatus) -> None:
        self._database.after_commit(lambda: self._on_key_status(key_id, old, new))

    # Room

    def _reserve_key(self, connection: sqlite3.Connection) -> None:
        _reserve(
            connection,
            "SELECT count(*) FROM key_pair",
            self.limits.keys,
            errors.MaximumNumberOfKeysReached,
            "key pairs",
        )

    def _reserve_certificate(self, connection: sqlite3.Connection) -> None:
        _reserve(
            connection,
            "SELECT count(*) FROM certificate",
            self.limits.certificates,
            errors.MaximumNumberOfCertificatesReached,
            "certificates",
        )

    def _insert_public_key(
        self, connection: sqlite3.Connection, alias: str | None, algorithm: KeyAlgorithm, public_key: bytes
    ) -> str:
        key_id = _new_id("key")
        connection.execute(
            "INSERT INTO key_pair (id, alias, status, algorithm, public_key, externally_generated)"
            " VALUES (?, ?, ?, ?, ?, 1)",
            (key_id, alias, KeyStatus.OK, algorithm, public_key),
        )
        self._announce(key_id, None, KeyStatus.OK)
        return key_id


@contextlib.contextmanager
def _reported_as(failure: type[errors.KeystoreError], what: str) -> Iterator[None]:
    """The specification has a fault of its own for what the database could not do."""
    try:
        yield
    except errors.DatabaseError as error:
        raise failure(f"The device could not store the change of {what}: try again") from error


def _new_id(kind: str) -> str:
    """An NCName of at most 64 characters that never comes a second time."""
    return f"{kind}-{secrets.token_hex(10)}"


def _reserve(
    connection: sqlite3.Connection, count: str, limit: int, error: type[errors.KeystoreError], what: str
) -> None:
    if connection.execute(count).fetchone()[0] >= limit:
        raise error(f"There is room for {limit} {what}: delete one first")


def _refuse_if_referenced(connection: sqlite3.Connection, query: str, object_id: str, reason: str) -> None:
    row = connection.execute(query, (object_id,)).fetchone()
    if row:
        raise errors.ReferenceExists(reason.format(row[0]))


def _require_ok(key: Key) -> None:
    match key.status:
        case KeyStatus.GENERATING:
            raise errors.InvalidKeyStatus(
                f"The key {key.id} is still being generated: wait until its status is ok"
            )
        case KeyStatus.CORRUPT:
            raise errors.InvalidKeyStatus(f"The key {key.id} is corrupt: delete it and create a new one")


def _generation_estimate(connection: sqlite3.Connection) -> timedelta:
    """Until the newest key is there, with all that wait before it."""
    measured = dict(connection.execute("SELECT key_length, seconds FROM generation_time"))
    pending = connection.execute("SELECT key_length FROM key_pair WHERE status = ?", (KeyStatus.GENERATING,))
    slowest = max(_FIRST_ESTIMATES.values())
    seconds = sum(measured.get(length, _FIRST_ESTIMATES.get(length, slowest)) for (length,) in pending)
    return timedelta(seconds=max(1, math.ceil(seconds)))


def _insert_certificate(connection: sqlite3.Connection, alias: str | None, key_id: str, der: bytes) -> str:
    certificate_id = _new_id("certificate")
    connection.execute(
        "INSERT INTO certificate (id, alias, key_id, der) VALUES (?, ?, ?, ?)",
        (certificate_id, alias, key_id, der),
    )
    return certificate_id


def _check_assigned(connection: sqlite3.Connection, path_id: str) -> None:
    if path_id not in rows.assigned_paths(connection):
        raise errors.AssignmentNotFound(f"No certification path {path_id!r} is assigned to the TLS server")


def _check_server_key(connection: sqlite3.Connection, members: Sequence[Certificate]) -> None:
    fault = verification.server_key_fault(rows.key(connection, members[0].key_id))
    if fault:
        raise errors.NoPrivateKey(fault)

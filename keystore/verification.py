"""What makes a store sound: the rules of certification paths, and the search for all that is wrong."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key

from keystore import rows
from keystore.algorithms import PrivateKey, is_signed_by
from keystore.certificates import public_key_of, subject_public_key_info
from keystore.database import Database
from keystore.errors import KeystoreError, SealingError
from keystore.model import Certificate, Key, KeyStatus
from keystore.sealing import Sealer


def break_in_path(members: Sequence[Certificate]) -> str | None:
    """Where a certificate isn't signed with the key of the next one (Security 5.2.6.3.8), if anywhere."""
    loaded = [x509.load_der_x509_certificate(member.der) for member in members]
    for index in range(len(members) - 1):
        if not is_signed_by(loaded[index], public_key_of(loaded[index + 1])):
            return (
                f"The certificate {members[index].id} is not signed with the key of {members[index + 1].id}"
            )
    return None


def server_key_fault(key: Key) -> str | None:
    """Why the key pair of a path's first certificate can't serve TLS (Security 5.3.3.1), if it can't."""
    if not key.has_private_key:
        return f"The key pair {key.id} of the path's first certificate has no private key"
    if key.status is not KeyStatus.OK:
        return f"The key pair {key.id} of the path's first certificate is {key.status}"
    return None


def verify(database: Database, sealer: Sealer) -> list[str]:
    """Everything that is wrong with a store, in English; empty if it is sound. Changes nothing.

    Checks the database file, that every private key opens and matches its public key, that every
    certificate's key is that of its key pair, that every path verifies, and that every assigned path can be
    served.
    """
    with database.read() as connection:
        damage = list(_damage(connection))
        if damage:
            return damage  # what follows would only fail for the same reason
        return [f"{object_id}: {finding}" for object_id, finding in _findings(connection, sealer) if finding]


def _damage(connection: sqlite3.Connection) -> Iterator[str]:
    for (result,) in connection.execute("PRAGMA integrity_check"):
        if result != "ok":
            yield f"database: {result}"
    for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"database: A row of {table} refers to a missing row of {parent}"


def _findings(connection: sqlite3.Connection, sealer: Sealer) -> Iterator[tuple[str, str | None]]:
    keys = {key.id: key for key in rows.keys(connection)}
    for key in keys.values():
        yield key.id, _key_finding(connection, key, sealer)
    for certificate in rows.certificates(connection):
        yield certificate.id, _certificate_finding(certificate, keys[certificate.key_id])
    assigned = rows.assigned_paths(connection)
    for path in rows.paths(connection):
        members = rows.members(connection, path.id)
        yield path.id, _path_finding(members)
        if members and path.id in assigned:
            fault = server_key_fault(keys[members[0].key_id])
            yield path.id, fault and f"It is assigned to the TLS server. {fault}"


def _key_finding(connection: sqlite3.Connection, key: Key, sealer: Sealer) -> str | None:
    if key.status is KeyStatus.CORRUPT:
        return "The key is corrupt"
    if not key.has_private_key:
        return None
    try:
        opened = sealer.open(rows.sealed_private_key(connection, key.id), rows.sealing_context(key.id))
        private_key = cast(PrivateKey, load_der_private_key(opened, password=None))
    except (SealingError, ValueError):
        return "The private key does not open"
    if subject_public_key_info(private_key.public_key()) != key.public_key:
        return "The private key does not match the public key"
    return None


def _certificate_finding(certificate: Certificate, key: Key) -> str | None:
    try:
        public_key = public_key_of(x509.load_der_x509_certificate(certificate.der))
    except ValueError as error:
        return f"The certificate can't be read: {error}"
    except KeystoreError as error:
        return str(error)
    if subject_public_key_info(public_key) != key.public_key:
        return f"Its public key is not that of {key.id}"
    return None


def _path_finding(members: Sequence[Certificate]) -> str | None:
    if not members:
        return "The certification path is empty"
    try:
        return break_in_path(members)
    except (ValueError, KeystoreError):
        return "A certificate of the path can't be read"

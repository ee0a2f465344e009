"""What the keystore's tables hold, as the objects of model.py."""

import sqlite3
from typing import cast

from keystore.errors import CertificateNotFound, CertificationPathNotFound, KeyNotFound
from keystore.model import Certificate, CertificationPath, Key, KeyAlgorithm, KeyStatus

_KEYS = """
    SELECT id, alias, status, private_key IS NOT NULL, externally_generated, algorithm, public_key
    FROM key_pair
"""
_CERTIFICATES = """
    SELECT certificate.id, key_id, certificate.alias, der, private_key IS NOT NULL
    FROM certificate JOIN key_pair ON key_pair.id = key_id
"""


def key(connection: sqlite3.Connection, key_id: str) -> Key:
    """Raises KeyNotFound."""
    row = connection.execute(f"{_KEYS} WHERE id = ?", (key_id,)).fetchone()
    if row is None:
        raise KeyNotFound(f"No key is stored under {key_id!r}")
    return _as_key(row)


def keys(connection: sqlite3.Connection) -> list[Key]:
    """All key pairs in the order of their creation."""
    return [_as_key(row) for row in connection.execute(f"{_KEYS} ORDER BY number")]


def key_of(connection: sqlite3.Connection, public_key: bytes) -> Key | None:
    """The key pair with a public key; of several one that is ok and has the private key, if there is one."""
    row = connection.execute(
        f"{_KEYS} WHERE public_key = ?"
        " ORDER BY private_key IS NOT NULL AND status = 'ok' DESC, private_key IS NOT NULL DESC, number",
        (public_key,),
    ).fetchone()
    return _as_key(row) if row else None


def sealed_private_key(connection: sqlite3.Connection, key_id: str) -> bytes:
    """A private key as it is stored: sealed in the context of sealing_context. Raises KeyNotFound."""
    row = connection.execute("SELECT private_key FROM key_pair WHERE id = ?", (key_id,)).fetchone()
    if row is None:
        raise KeyNotFound(f"No key is stored under {key_id!r}")
    return cast(bytes, row[0])


def sealing_context(key_id: str) -> str:
    return f"key/{key_id}"


def certificate(connection: sqlite3.Connection, certificate_id: str) -> Certificate:
    """Raises CertificateNotFound."""
    row = connection.execute(f"{_CERTIFICATES} WHERE certificate.id = ?", (certificate_id,)).fetchone()
    if row is None:
        raise CertificateNotFound(f"No certificate is stored under {certificate_id!r}")
    return _as_certificate(row)


def certificates(connection: sqlite3.Connection) -> list[Certificate]:
    """All certificates in the order of their creation."""
    found = connection.execute(f"{_CERTIFICATES} ORDER BY certificate.number")
    return [_as_certificate(row) for row in found]


def path(connection: sqlite3.Connection, path_id: str) -> CertificationPath:
    """Raises CertificationPathNotFound."""
    row = connection.execute("SELECT alias FROM certification_path WHERE id = ?", (path_id,)).fetchone()
    if row is None:
        raise CertificationPathNotFound(f"No certification path is stored under {path_id!r}")
    ids = connection.execute(
        "SELECT certificate_id FROM certification_path_member WHERE path_id = ? ORDER BY position", (path_id,)
    )
    return CertificationPath(path_id, row[0], tuple(certificate_id for (certificate_id,) in ids))


def paths(connection: sqlite3.Connection) -> list[CertificationPath]:
    """All certification paths in the order of their creation."""
    ids = connection.execute("SELECT id FROM certification_path ORDER BY number").fetchall()
    return [path(connection, path_id) for (path_id,) in ids]


def members(connection: sqlite3.Connection, path_id: str) -> list[Certificate]:
    """The certificates of a path. Raises CertificationPathNotFound."""
    return [
        certificate(connection, certificate_id)
        for certificate_id in path(connection, path_id).certificate_ids
    ]


def assigned_paths(connection: sqlite3.Connection) -> list[str]:
    """The IDs of the TLS server's certification paths in the order of their assignment."""
    ids = connection.execute("SELECT path_id FROM server_certificate_assignment ORDER BY position")
    return [path_id for (path_id,) in ids]


def _as_key(row: tuple[str, str | None, str, int, int, KeyAlgorithm, bytes | None]) -> Key:
    key_id, alias, status, has_private_key, externally_generated, algorithm, public_key = row
    return Key(
        id=key_id,
        alias=alias,
        status=KeyStatus(status),
        has_private_key=bool(has_private_key),
        externally_generated=bool(externally_generated),
        securely_stored=False,
        algorithm=algorithm,
        public_key=public_key,
    )


def _as_certificate(row: tuple[str, str, str | None, bytes, int]) -> Certificate:
    certificate_id, key_id, alias, der, has_private_key = row
    return Certificate(certificate_id, key_id, alias, der, bool(has_private_key))

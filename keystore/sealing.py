"""Secrets at rest: AES-256-GCM under one key-encryption key."""

import contextlib
import os
import secrets
import stat
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystore.database import sync_directory
from keystore.errors import SealingError

KEY_SIZE = 32
_FORMAT = b"\x01"  # the first octet of a sealed value: AES-256-GCM, 12 octets of nonce, ciphertext, tag
_NONCE_SIZE = 12


class Sealer:
    """Seals and opens short secrets. A sealed value opens only under the context that it was sealed for."""

    def __init__(self, key_encryption_key: bytes) -> None:
        """Take the key-encryption key (32 octets). Raises SealingError for another size."""
        if len(key_encryption_key) != KEY_SIZE:
            raise SealingError(f"A key-encryption key has {KEY_SIZE} octets, not {len(key_encryption_key)}")
        self._cipher = AESGCM(key_encryption_key)

    def seal(self, plaintext: bytes, context: str) -> bytes:
        """Encrypt for one purpose, such as "key/<id>": the value can't be passed off as that of another."""
        nonce = secrets.token_bytes(_NONCE_SIZE)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, plaintext, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """The plaintext. Raises SealingError for a damaged value, another context or another key."""
        if sealed[:1] != _FORMAT:
            raise SealingError(f"The sealed value of {context} has an unknown format")
        nonce, ciphertext = sealed[1 : 1 + _NONCE_SIZE], sealed[1 + _NONCE_SIZE :]
        try:
            return self._cipher.decrypt(nonce, ciphertext, context.encode())
        except (InvalidTag, ValueError) as error:
            raise SealingError(f"The sealed value of {context} does not open") from error


def file_key(path: Path) -> bytes:
    """The key-encryption key in a file, made on first use with mode 0600.

    A power cut leaves either no file or a whole one. Raises SealingError if the file can't be used.
    """
    try:
        if not path.exists():
            _create(path)
    except OSError as error:
        raise SealingError(f"The key-encryption key {path} can't be made: {error.strerror}") from error
    return read_key(path)


def read_key(path: Path) -> bytes:
    """The key-encryption key in a file. Raises SealingError if it isn't one, or open to other users."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(KEY_SIZE + 1)
    except OSError as error:
        raise SealingError(f"The key-encryption key {path} can't be read: {error.strerror}") from error
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise SealingError(f"The key-encryption key {path} is open to other users: set its mode to 0600")
    if len(content) != KEY_SIZE:
        raise SealingError(f"The key-encryption key {path} must have exactly {KEY_SIZE} octets")
    return content


def _create(path: Path) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_SIZE))
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: of two processes that start at once, the second takes the key of the first.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        temporary.unlink()
    sync_directory(path.parent)

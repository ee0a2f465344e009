"""One background thread that generates key pairs, one after another."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from keystore.certificates import subject_public_key_info

_log = logging.getLogger(__name__)

_NICENESS = 5  # mild: at 19 a busy core starves a key for minutes
_RETRY_SECONDS = 10.0
_CLOSE_SECONDS = 5.0


@dataclass(frozen=True)
class KeyPair:
    """A generated key pair: PKCS#8 DER, SubjectPublicKeyInfo DER, and how many seconds it took."""

    private_key: bytes = field(repr=False)
    public_key: bytes
    seconds: float


def generate_rsa(key_length: int) -> KeyPair:
    """Generate an RSA key pair and read it back with all of OpenSSL's checks. Other threads run on."""
    started = time.monotonic()
    key = rsa.generate_private_key(public_exponent=65537, key_size=key_length)
    private_key = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    load_der_private_key(private_key, password=None)
    return KeyPair(private_key, subject_public_key_info(key.public_key()), time.monotonic() - started)


class Generator:
    """Generates what its store says is pending, oldest first, until it is closed."""

    def __init__(
        self,
        next_pending: Callable[[], tuple[str, int] | None],
        finish: Callable[[str, int, KeyPair | None], None],
    ) -> None:
        """Take where the work comes from and goes to.

        `next_pending` answers the ID and length in bits of a key to generate; `finish` stores a result, or
        None for a failure, so that the key is pending no more.
        """
        self._next_pending = next_pending
        self._finish = finish
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="key-generation", daemon=True)

    def start(self) -> None:
        """Start the thread. What is pending already is generated."""
        self._thread.start()

    def wake(self) -> None:
        """Say that something has become pending."""
        self._wake.set()

    def close(self) -> None:
        """Stop the thread; a key that it is working on stays pending.

        OpenSSL can't be interrupted, so this waits for up to 5 s; a thread that takes longer ends by itself
        and its result is dropped.
        """
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        _be_nice()
        while not self._closing.is_set():
            self._wake.clear()
            try:
                if not self._generate_next():
                    self._wake.wait()
            except Exception:  # a dead thread would leave every later key generating for ever
                _log.exception("generating keys pauses for %d s", _RETRY_SECONDS)
                self._closing.wait(_RETRY_SECONDS)

    def _generate_next(self) -> bool:
        pending = self._next_pending()
        if pending is None:
            return False
        key_id, key_length = pending
        key_pair: KeyPair | None = None
        try:
            key_pair = generate_rsa(key_length)
        except Exception:
            _log.exception("generating %s failed", key_id)
        if not self._closing.is_set():
            self._finish(key_id, key_length, key_pair)
        return True


def _be_nice() -> None:
    """Let requests go first. On Linux a niceness belongs to a thread."""
    thread = threading.get_native_id()
    try:
        os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS))
    except OSError as error:
        _log.info("key generation runs at normal priority: %s", error.strerror)

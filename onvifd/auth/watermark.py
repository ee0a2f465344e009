"""What the next run has to know of the UsernameTokens of this one: up to which time they were used.

The memory of used tokens (onvifd.auth.replay) ends with the process, and a token is good for minutes: who
recorded one could wait for a restart, or pull the plug, and use it again. So the device keeps the latest
Created that it has accepted, and the next run refuses what is not later. That is all that it refuses: a
client goes by its own clock, right or wrong, as it did before. Only where the clocks of two clients differ
does the one behind have to wait, after a restart, until its clock is where the other's was. HTTP Digest needs
none of this: its nonces end with the run.

(To refuse what was created before the start would shut out clients whose clock is behind, and let those be
replayed whose clock is ahead. To refuse everything for the time of `clock_skew`, as RFC 4120 3.2.3 wants it
of Kerberos servers, shuts out everyone. To store every token wears out the flash.)
"""

import contextlib
import logging
import math
import os
import struct
import threading
import uuid
from pathlib import Path

_log = logging.getLogger(__name__)

RESERVE = 10
"""Seconds that the stored time lies ahead, so that it has to be stored six times a minute at most. After a
power cut, and only then, clients wait for what is left of them: less than most devices need to start."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Watermark:
    """The latest Created of the accepted UsernameTokens. Methods may be called from any thread.

    In one file, which is to survive power cuts, it lies ahead by up to RESERVE. The other file has it exactly
    and need not outlive the machine: it counts after a crash of this process alone. `close` makes the first
    one exact.

    When the clock is set back, times come again, and a mark in what is now the future counts for nothing
    until the clock gets there. So a device whose clock starts at the same moment each time can't tell its
    runs apart: the image of one without a battery should start with the time at which it ended.
    """

    def __init__(self, durable: Path, exact: Path) -> None:
        """Take the two files, which are made where they are missing. Raises OSError."""
        self._lock = threading.Lock()
        self._durable = _File(durable)
        self._exact = _File(exact)
        boot, second = self._exact.read()
        if boot != self._exact.boot:  # it is of another day, and may have lost what came last
            second = self._durable.read()[1]
        self.before = second
        """What the last run left, in seconds since 1970."""
        self._latest = self._reserved = second

    def covers(self, second: float, horizon: float) -> bool:
        """Whether a token of that time may have been used in an earlier run.

        `horizon` is the latest time that is accepted at present; both in seconds since 1970.
        """
        return math.floor(second) <= self.before <= horizon + RESERVE

    def advance(self, second: float, horizon: float) -> None:
        """Note the time of a token, before it is accepted.

        Where that fails the token is accepted all the same: a full disk must not lock everybody out.
        """
        with self._lock:
            try:
                self._advance(math.floor(second), horizon)
            except OSError as error:
                _log.warning("UsernameTokens could be used again after a restart: %s", error)

    def _advance(self, second: int, horizon: float) -> None:
        if not second <= self._reserved <= horizon + RESERVE:
            self._durable.write(second + RESERVE)
            self._durable.sync()
            self._reserved = second + RESERVE
        if not second <= self._latest <= horizon + RESERVE:
            self._exact.write(second)
            self._latest = second

    def close(self) -> None:
        """The orderly end of a run. Closing twice is no error."""
        with self._lock:
            if self._reserved != self._latest:
                with contextlib.suppress(OSError):  # then the next run refuses what is up to RESERVE newer
                    self._durable.write(self._latest)
                    self._durable.sync()
                self._reserved = self._latest
            self._durable.close()
            self._exact.close()


class _File:
    """A time and the boot of the machine in which it was written, in a record that is written in place."""

    _RECORD = struct.Struct(">16sq")

    def __init__(self, path: Path) -> None:
        self.boot = uuid.UUID(_BOOT_ID.read_text().strip()).bytes
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def read(self) -> tuple[bytes, int | float]:
        """The boot and the time; a time before all others if there is none."""
        record = os.pread(self._descriptor, self._RECORD.size, 0)
        return self._RECORD.unpack(record) if len(record) == self._RECORD.size else (b"", -math.inf)

    def write(self, second: int | float) -> None:
        if second > -math.inf:
            os.pwrite(self._descriptor, self._RECORD.pack(self.boot, int(second)), 0)

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

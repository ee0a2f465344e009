"""The vendor's commands, which carry out what this package does not own: RTSP, and rebooting the device."""

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import ExitStack

from onvifd.state import Protocol

_log = logging.getLogger(__name__)

REBOOT_DELAY = 1.0
"""Seconds between the answer to SystemReboot and the reboot."""
TIMEOUT = 20.0
"""Seconds that a hook may take."""


class HookFailed(Exception):
    """The vendor's command refused the change or did not end in time."""


class ProtocolHook:
    """Runs `command... enabled|disabled PORT...` for a protocol."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)

    def follow(self, before: Protocol | None, after: Protocol | None, undo: ExitStack) -> None:
        """Carry out a change of the protocol, if it is one; `undo` gets the way back.

        Raises HookFailed.
        """
        if before is not None and after is not None and before != after:
            undo.callback(self.run, before)
            self.run(after)

    def run(self, protocol: Protocol) -> None:
        """Carry out the state of a protocol.

        Raises HookFailed; what the command printed goes to the device's log, not to the client.
        """
        if not self._command:
            return
        state = "enabled" if protocol.enabled else "disabled"
        arguments = [*self._command, state, *map(str, protocol.ports)]
        try:
            subprocess.run(arguments, check=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)  # noqa: S603
        except (OSError, subprocess.SubprocessError) as error:
            raise HookFailed(f"The device could not set {protocol.name} to {state}") from error


class Reboot:
    """Runs the vendor's reboot command; without one the service ends, and its arbiter starts it again."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)

    def __call__(self) -> None:
        """Reboot in a moment, when the answer to the request has left."""
        timer = threading.Timer(REBOOT_DELAY, self._run)
        timer.daemon = True
        timer.start()

    def _run(self) -> None:
        if not self._command:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        try:
            subprocess.run(self._command, check=True, stdin=subprocess.DEVNULL)  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            _log.exception("the device could not be rebooted")

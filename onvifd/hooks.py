"""The vendor's commands, which carry out what this package does not own: RTSP, the clock, the image."""

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


class Hook:
    """A command of the vendor's, or none."""

    def __init__(self, command: Sequence[str], purpose: str) -> None:
        """`purpose` completes "The device could not ..."."""
        self._command = tuple(command)
        self._purpose = purpose

    def __bool__(self) -> bool:
        """Whether there is a command."""
        return bool(self._command)

    def run(self, *arguments: str) -> None:
        """Run the command, if there is one, with further arguments.

        Raises HookFailed; what the command printed goes to the device's log, not to the client.
        """
        if self._command:
            _run([*self._command, *arguments], self._purpose)


def _run(command: Sequence[str], purpose: str) -> None:
    try:
        subprocess.run(command, check=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        _log.warning("%s: %s", command[0], error)
        raise HookFailed(f"The device could not {purpose}") from error


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
        _run([*self._command, state, *map(str, protocol.ports)], f"set {protocol.name} to {state}")


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

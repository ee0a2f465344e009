"""A web server that the vendor's init owns: we write what its configuration includes and run its commands."""

import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from onvifd.webserver.errors import ApplyFailed
from onvifd.webserver.listeners import Open
from onvifd.webserver.model import ServerConfiguration
from onvifd.webserver.nginx import accept, accepting_workers
from onvifd.webserver.process import SYSTEM_PATH

_log = logging.getLogger(__name__)

_LONGEST_COMPLAINT = 2000


class Files(Protocol):
    """What is written for a web server program, whoever runs it."""

    directory: Path
    addresses: tuple[str, ...]

    def write(self, configuration: ServerConfiguration, directory: Path) -> None:
        """Write the fragment, what it names, and a whole configuration around it.

        Raises ApplyFailed or OSError.
        """

    def check(self, directory: Path) -> None:
        """Let the program check what was written. Raises ApplyFailed."""


@dataclass(frozen=True)
class Commands:
    """How the vendor's web server is told. Each command is a list of arguments; status 0 means success."""

    reload: tuple[str, ...]
    check: tuple[str, ...] = ()
    """Checks the vendor's whole configuration, our fragment included, before it is reloaded."""
    restart: tuple[str, ...] = ()
    """Takes the place of `reload` where a port is closed, for a server that keeps ports open on reload."""
    timeout: float = 10.0
    """Seconds that each of them may take."""


class External:
    """See onvifd.webserver.apply.Server.

    The fragment is checked alone before the switch, and by the vendor's own check after it: what the vendor's
    configuration includes is what `current` names.
    """

    keeps_running = True

    def __init__(
        self,
        files: Files,
        commands: Commands,
        *,
        pid_file: Path | None = None,
        settle: float = 0.5,
        group: int | None = None,
    ) -> None:
        """`pid_file`: of nginx's master: its workers' titles tell when the former ones accept nothing more.
        Else a reload counts as settled after `settle` seconds. `group`: may read the files."""
        self.directory = files.directory
        self.addresses = files.addresses
        self.group = group
        self._files = files
        self._commands = commands
        self._pid_file = pid_file
        self._settle = settle
        self._loaded = 0.0
        self._retired: list[int] = []
        self._open = Open()

    def render(self, configuration: ServerConfiguration, directory: Path) -> None:
        """Write the fragment and its files. Raises ApplyFailed or OSError."""
        self._files.write(configuration, directory)

    def check(self, directory: Path) -> None:
        """Let the program check the fragment alone. Raises ApplyFailed with its reason."""
        self._files.check(directory)

    def clear(self) -> None:
        """Find out which ports a server may have open that an earlier run has left."""
        for generation in self.directory.glob("generations/*"):
            self._open.assume(generation)

    def load(self) -> None:
        """Run the vendor's check, and then its reload or restart. Raises PortInUse, ApplyFailed."""
        closes = self._open.tell(self.directory / "current")
        if self._commands.check:
            self._run(self._commands.check, "checks")
        self._retired = self._workers()
        if closes and self._commands.restart:
            self._run(self._commands.restart, "restarts")
        else:
            self._run(self._commands.reload, "reloads")
        self._loaded = time.monotonic()

    def settled(self) -> bool:
        """Whether no former worker accepts connections, as far as can be seen."""
        return self._replaced() and self._open.settle(self.directory / "current")

    def stop(self) -> None:
        """The server goes on; it answers that the service is not available."""

    def _replaced(self) -> bool:
        if not self._workers():  # a sandboxed service may not see them
            return time.monotonic() >= self._loaded + self._settle
        return not accept(self._retired)

    def _workers(self) -> list[int]:
        if self._pid_file is None:
            return []
        with contextlib.suppress(OSError, ValueError):
            return accepting_workers(int(self._pid_file.read_text()))
        return []

    def _run(self, arguments: Sequence[str], what: str) -> None:
        try:
            process = subprocess.Popen(  # noqa: S603
                arguments,
                cwd="/",
                env={"PATH": SYSTEM_PATH},  # ours may hold a password
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise ApplyFailed(
                f"The command that {what} the web server can't be run: {error.strerror}"
            ) from error
        with process:
            try:
                _, complaints = process.communicate(timeout=self._commands.timeout)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                _log.error("%s did not end in %g s", arguments, self._commands.timeout)
                raise ApplyFailed(f"The command that {what} the web server did not end in time") from None
        if process.returncode:
            text = complaints.decode(errors="replace")[-_LONGEST_COMPLAINT:].strip()
            _log.error("%s failed with status %d: %s", arguments, process.returncode, text)
            raise ApplyFailed(f"The command that {what} the web server failed: the device's log says why")

"""The processes of this machine, and a program that is kept running."""

import contextlib
import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_log = logging.getLogger(__name__)

FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0
"""Seconds before a program that ended is started again: twice as long each time..."""
STABLE = 30.0
"""...until it has run for this many seconds."""
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
PATIENCE = 3.0
"""Seconds that a process has to obey a signal before it gets a stronger one."""


@dataclass(frozen=True)
class Process:
    """A running process, as /proc shows it."""

    pid: int
    parent: int
    user: int
    """Its effective user ID."""
    command: str
    """Its arguments with a space between, or the title that it gave itself."""

    @property
    def directory(self) -> Path | None:
        """Its working directory, or None if it has gone or must not be looked at."""
        try:
            return Path(f"/proc/{self.pid}/cwd").readlink()
        except OSError:
            return None


def processes() -> Iterator[Process]:
    """All that can be seen, without the kernel's own, which on a camera are most of them."""
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            process = find(int(entry.name))
            if process is not None:
                yield process


def find(pid: int) -> Process | None:
    """The process with an ID; None if it is the kernel's, a zombie or gone."""
    shown = command(pid)
    if not shown:
        return None
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return None
    fields = dict(line.split(b":", 1) for line in status.splitlines())
    return Process(pid, int(fields[b"PPid"]), int(fields[b"Uid"].split()[1]), shown)


def command(pid: int) -> str:
    """See Process.command. Empty for the kernel's own and for a zombie, and if there is no such process."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return arguments.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")


class Child(Protocol):
    """A child process: a subprocess.Popen, or a ListeningChild."""

    pid: int

    def wait(self) -> int: ...

    def poll(self) -> int | None: ...

    def send_signal(self, sig: int) -> None: ...


class ListeningChild:
    """A child process that is given listening sockets, as systemd's socket activation gives them.

    subprocess can't: the sockets must have the descriptors 3, 4... in the child.
    """

    def __init__(self, arguments: tuple[str, ...], sockets: Sequence[int]) -> None:
        """Its environment has nothing of ours but a path. Raises OSError."""
        self._lock = threading.Lock()
        self._status: int | None = None
        above = 3 + len(sockets)
        # Out of the way first, or one could be overwritten before it is copied.
        copies = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, above) for descriptor in sockets]
        environment = {"PATH": SYSTEM_PATH}
        if sockets:
            environment |= {"LISTEN_FDS": str(len(sockets)), "LISTEN_PID": f"parent:{os.getpid()}"}
        try:
            self.pid = os.posix_spawn(
                arguments[0],
                arguments,
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    *((os.POSIX_SPAWN_DUP2, copy, number) for number, copy in enumerate(copies, 3)),
                ],
                setsid=True,
                setsigdef=(signal.SIGINT,),  # a shell lets what it starts in the background ignore it
            )
        finally:
            for copy in copies:
                os.close(copy)

    def wait(self) -> int:
        with contextlib.suppress(ChildProcessError):  # poll() was quicker
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        return self.poll() or 0

    def poll(self) -> int | None:
        with self._lock:
            if self._status is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self._status = os.waitstatus_to_exitcode(status)
            return self._status

    def send_signal(self, sig: int) -> None:
        with self._lock:
            if self._status is None:
                os.kill(self.pid, sig)


class Supervisor:
    """Runs a program in the foreground and starts it again when it ends.

    The program has a session of its own: a Ctrl-C on our terminal does not reach it, stopping it is our task.
    `is_ours` recognises the program's processes, the parentless ones of a crashed run too.
    """

    def __init__(
        self,
        name: str,
        spawn: Callable[[], Child],
        is_ours: Callable[[Process], bool],
        graceful: signal.Signals,
    ) -> None:
        """`spawn` starts the program or raises OSError. `graceful`: the signal that ends it politely."""
        self._name = name
        self._spawn = spawn
        self._is_ours = is_ours
        self._graceful = graceful
        self._lock = threading.RLock()
        self._hurry = threading.Event()
        self._child: Child | None = None
        self._threads: list[threading.Thread] = []

    @property
    def pid(self) -> int | None:
        """The program's process ID while it runs."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def start_or_signal(self, number: signal.Signals) -> None:
        """Send a signal to the program; start it if it does not run, at once if it was to be started later.

        Raises OSError if it can't be started.
        """
        with self._lock:  # one that is being started may have read what it would read again
            child = self._child
            if child is None:
                self.replace()
            elif child.poll() is None:
                child.send_signal(number)
            else:
                self._hurry.set()

    def replace(self) -> Child | None:
        """Start the program, beside the running one if there is one, and supervise the new one alone.

        Returns the old one, whose end is the caller's task. Raises OSError if it can't be started; then the
        old one goes on.
        """
        with self._lock:
            before, self._child = self._child, self._spawn()
            self._hurry.set()
            watcher = threading.Thread(
                target=self._supervise, args=(self._child,), name="webserver", daemon=True
            )
            self._threads = [thread for thread in self._threads if thread.is_alive()] + [watcher]
            watcher.start()
        return before if before is not None and before.poll() is None else None

    def stop(self) -> None:
        """End the program: politely, then less so."""
        with self._lock:
            self._hurry.set()
            child, self._child = self._child, None
        if child is not None:
            for number in (self._graceful, signal.SIGTERM, signal.SIGKILL):
                child.send_signal(number)
                if _ends(child, PATIENCE):
                    break
        self.end_leftovers()
        for thread in self._threads:
            thread.join(PATIENCE)

    def end_leftovers(self) -> None:
        """End every process of the program, whoever started it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + PATIENCE
            leftovers = self._leftovers()
            for process in leftovers:
                _log.warning("ending process %d, which was left behind: %s", process.pid, process.command)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, number)
            while leftovers and time.monotonic() < deadline:
                time.sleep(0.01)
                leftovers = self._leftovers()
            if not leftovers:
                return

    def _leftovers(self) -> list[Process]:
        user = os.geteuid()
        return [process for process in processes() if process.user == user and self._is_ours(process)]

    def _supervise(self, child: Child) -> None:
        delay = FIRST_DELAY
        while True:
            started = time.monotonic()
            status = child.wait()
            with self._lock:
                if child is not self._child:
                    return  # it was replaced, or is being stopped
            if time.monotonic() - started > STABLE:
                delay = FIRST_DELAY
            _log.error("%s ended (status %d); it is started again", self._name, status)
            self._hurry.wait(delay)
            self._hurry.clear()
            delay = min(2 * delay, LONGEST_DELAY)
            with self._lock:
                if child is not self._child:
                    return
                try:
                    self._child = child = self._spawn()
                except OSError as error:
                    _log.error("%s can't be started: %s", self._name, error.strerror)


def _ends(child: Child, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while child.poll() is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True

"""A whole device as users start it: `onvifd demo` as a process, with its own web server."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.support import SERVER, free_port, kill_all, wait_until

REPOSITORY = Path(__file__).resolve().parent.parent
START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
LOOPBACK = ("127.0.0.1", "::1")


class BenchDevice:
    """`onvifd demo` on ports and a state directory of its own.

    As a context manager it starts, and stops without leaving anything behind. Without `state` it makes a
    directory, which `close` removes; with `temporary` the demo chooses, and removes. `password=None` lets the
    demo choose one. `environment` adds to its environment; `program` is the command before `demo`, and
    `directory` where it is run.
    """

    def __init__(
        self,
        state: Path | None = None,
        password: str | None = "secret",
        *,
        temporary: bool = False,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = (sys.executable, "-m", "onvifd"),
        directory: Path = REPOSITORY,
    ) -> None:
        self.http_port = free_port()
        self.https_port = free_port()
        self.given_password = password
        self.directory = Path(tempfile.mkdtemp(prefix="onvifd-bench-"))
        """Of this object: its log and, where none was given, the state."""
        self.state = state or self.directory / "state"
        self.announced: dict[str, str] = {}
        """What the demo printed, by label."""
        self._temporary = temporary
        self._options = options
        self._environment = _environment() | dict(environment or {})
        self._program = program
        self._run_in = directory
        self._process: subprocess.Popen[str] | None = None
        self._output = Output()
        self._ended = 0

    # -- life

    def start(self) -> BenchDevice:
        """Start it and wait for `ready`. Raises AssertionError with its output if it ends or says nothing.

        It is ready for UsernameTokens, too: those of the second in which its last run ended are refused.
        """
        self.launch()
        assert self._output.wait_for("ready", START_TIMEOUT), f"the demo is not ready\n{self.log()}"
        wait_until(lambda: int(time.time()) > self._ended)
        self.announced = dict(line.split(maxsplit=1) for line in self._output.lines if len(line.split()) == 2)
        self.state = Path(self.announced["state"])
        return self

    def launch(self) -> subprocess.Popen[str]:
        """Start it and wait for nothing."""
        assert self._process is None or self._process.poll() is not None, "it already runs"
        with (self.directory / "stderr").open("a") as errors:
            self._process = subprocess.Popen(
                [*self._program, "demo", *self._arguments()],
                cwd=self._run_in,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,  # a Ctrl-C of this device is no Ctrl-C of the tests
            )
        self._output = Output()
        self._output.follow(self._process)
        return self._process

    def _arguments(self) -> list[str]:
        arguments = [f"--http={self.http_port}", f"--https={self.https_port}", f"--server={SERVER}"]
        if not self._temporary:
            arguments.append(f"--state={self.state}")
        if self.given_password is not None:
            arguments.append(f"--admin-password={self.given_password}")
        return [*arguments, *self._options]

    def stop(self, number: signal.Signals = signal.SIGTERM, *, group: bool = False) -> None:
        """End it with a signal, to its whole process group as a terminal does or to the demo alone.

        Asserts that it ends with status 0 and leaves neither a process nor a listening port behind.
        """
        served = self.listening()
        (os.killpg if group else os.kill)(self.process.pid, number)
        status = self.wait()
        assert status == 0, f"exit status {status}\n{self.log()}"
        assert not self.processes(), f"left behind: {self.processes()}\n{self.log()}"
        left = [each for each in served if listens(*each)]
        assert not left, f"still listening on {left}\n{self.log()}"

    def wait(self) -> int:
        """The exit status, within STOP_TIMEOUT."""
        try:
            status = self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the demo does not end\n{self.log()}") from None
        self._output.join()
        self._ended = int(time.time())
        return status

    def kill(self, victims: Iterable[int] | None = None) -> None:
        """`kill -9` for some of its processes, or for all: a power cut, but for the file system.

        service_processes(), workers() and web_servers() are victims to choose from.
        """
        pids = set(self.processes() if victims is None else victims)
        assert pids, f"nothing to kill\n{self.log()}"
        # Parents first: one that outlived its child for a moment would start another one.
        for pid in sorted(pids, key=lambda pid: (pid != self.process.pid, pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process.pid in pids:
            self.wait()
        wait_until(lambda: pids.isdisjoint(self.processes()))

    def restart(self) -> BenchDevice:
        """Stop it and start it again with the same state and ports."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """End whatever still runs, without a judgement, and remove the directory."""
        kill_all(self.processes)
        if self._process is not None:
            self._process.wait(STOP_TIMEOUT)
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> BenchDevice:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None and self.running:
                self.stop()
        finally:
            self.close()

    # -- what is

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None, "it was never started"
        return self._process

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def url(self) -> str:
        """The device service, as the demo printed it."""
        return self.announced["url"]

    @property
    def https_url(self) -> str:
        return f"https://127.0.0.1:{self.https_port}/onvif/device_service"

    @property
    def user(self) -> str:
        return self.announced["user"]

    @property
    def password(self) -> str:
        """The administrator's: as given, else as printed."""
        return self.given_password or self.announced["password"]

    @property
    def output(self) -> list[str]:
        """The lines on standard output since the last start."""
        return list(self._output.lines)

    def errors(self) -> str:
        """Standard error since the first start."""
        return (self.directory / "stderr").read_text(errors="replace")

    def log(self) -> str:
        """All that it said, for the message of a failed test."""
        return "\n".join(["--- stdout", *self.output, "--- stderr", self.errors()[-20_000:]])

    def service_processes(self) -> dict[int, str]:
        """onvifd's own processes, with their command lines: all in the session that it was started in."""
        return {pid: command for pid, command in self.processes().items() if self._in_session(pid)}

    def workers(self) -> dict[int, str]:
        """Those of them that answer requests, which the first one starts again when they end."""
        return {pid: name for pid, name in self.service_processes().items() if pid != self.process.pid}

    def web_servers(self) -> dict[int, str]:
        """Those of its web server, which has a session of its own."""
        return {pid: command for pid, command in self.processes().items() if not self._in_session(pid)}

    def processes(self) -> dict[int, str]:
        """Every process of this device with its command line: by session, name, or place of work."""
        found = {}
        for entry in os.scandir("/proc"):
            if entry.name.isdecimal() and int(entry.name) != os.getpid():
                command = _read(f"/proc/{entry.name}/cmdline").replace("\0", " ").strip()
                if command and (self._in_session(int(entry.name)) or self._works_here(entry.name, command)):
                    found[int(entry.name)] = command
        return found

    def _in_session(self, pid: int) -> bool:
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return self._process is not None and len(fields) > 3 and int(fields[3]) == self._process.pid

    def _works_here(self, pid: str, command: str) -> bool:
        if f"{self.state}/" in f"{command}/":
            return True
        try:
            return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(self.state.resolve())
        except OSError:
            return False

    def listening_on(self, port: int) -> list[str]:
        """The addresses on which it accepts connections to a port."""
        return [address for address in LOOPBACK if listens(address, port)]

    def listening(self) -> list[tuple[str, int]]:
        """Those of its addresses and ports that accept a connection."""
        ports = (self.http_port, self.https_port)
        return [(address, port) for port in ports for address in self.listening_on(port)]


class Output:
    """What a process prints, line by line, while it prints it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread: threading.Thread | None = None

    def follow(self, process: subprocess.Popen[str]) -> None:
        self._thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._thread.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as stream:
            for line in stream:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, line: str, timeout: float) -> bool:
        """Whether a line comes before the output ends and the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or line in self.lines, timeout)
            return line in self.lines

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT)


def listens(address: str, port: int) -> bool:
    """Whether a connection to a TCP port is accepted."""
    try:
        socket.create_connection((address, port), 5).close()
    except OSError:
        return False
    return True


def _environment() -> dict[str, str]:
    """The least that a program needs: nothing of the tests' surroundings may help or hinder the device."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""

"""lighttpd 1.4.69 or newer: its configuration, and one that is started and supervised by the service."""

import contextlib
import errno
import logging
import os
import re
import shlex
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from onvifd.webserver import listeners, program
from onvifd.webserver.errors import ApplyFailed, PortInUse, ServerMissing
from onvifd.webserver.files import WHOLE, certificate_files, write
from onvifd.webserver.listeners import Listener
from onvifd.webserver.model import ServerConfiguration
from onvifd.webserver.process import PATIENCE, Child, ListeningChild, Process, Supervisor
from onvifd.webserver.settings import (
    CLIENT_IDLE,
    CLIENT_SILENCE,
    CONNECTIONS,
    CURVES,
    NO_GUESSING,
    TLS12_CIPHERS,
    TLS13_CIPHERS,
    TOO_LARGE,
    UNAVAILABLE,
    UNTRUSTED_HEADERS,
    Settings,
)
from onvifd.webserver.verify import GENERATION_PATH, reachable_at

_log = logging.getLogger(__name__)

_OLDEST = (1, 4, 69)
_MODULES = ("mod_indexfile", "mod_setenv", "mod_alias", "mod_proxy", "mod_staticfile", "mod_openssl")
"""Their order counts: the index file is to be found before files are served."""
_PROBE_TIMEOUT = 1.0
_WAIT_FOR_FORMER = """\
# A reload that starts anew at once (server.graceful-restart-bg) leaves a process that answers what is in
# flight. The new lighttpd tells it to finish when it is ready; told before it has run at all, on a busy
# processor, it drops these requests instead (a race of lighttpd's, up to 1.4.85 at least).
tries=0
while [ "$tries" -lt 300 ] && read -r _ _ state _ 2>/dev/null <"/proc/${LIGHTTPD_PREV_GEN:-none}/stat"; do
    case $state in
        R | D) ;;
        *) break ;; # it waits for events
    esac
    tries=$((tries + 1))
    sleep 0.01
done
"""
"""A shell script that a lighttpd runs while it reads its configuration. It prints nothing."""


class LighttpdFiles:
    """lighttpd's configuration: see onvifd.webserver.external.Files."""

    fragment = "lighttpd.conf"

    def __init__(self, settings: Settings) -> None:
        """Raises ServerMissing if the program can't be used or the host has none of the addresses."""
        self.directory = settings.directory.absolute()
        self.addresses = program.present(settings.addresses)
        self.program = program.find(settings.program)
        self.probe = self.directory / "probe"
        self._settings = settings
        _, features = program.inspect(self.program, "lighttpd", _OLDEST)
        if "(ssl)" not in features:
            raise ServerMissing(f"{self.program} is built without TLS")

    def write(self, configuration: ServerConfiguration, directory: Path) -> None:
        """Write what belongs into lighttpd's global block, all that it names, and a configuration around it.

        It sets nothing there that could be set a second time around it.

        Raises ApplyFailed for a configuration that can't be served, OSError if it can't be written.
        """
        group = self._settings.group
        pairs = certificate_files(configuration, directory, group)
        write(directory / "generation", directory.name, group)
        write(directory / "status-413.html", TOO_LARGE.format(self._size() * 1024), group)
        write(directory / "status-503.html", UNAVAILABLE, group)
        lines = self._fragment(configuration, directory, pairs)
        write(directory / self.fragment, "\n".join(lines) + "\n", group)
        self._wait_for_former(directory)
        listeners.write(listeners.listeners(configuration, self.addresses), directory, group)
        write(directory / WHOLE, "\n".join(self._whole(directory)) + "\n", group)

    def _wait_for_former(self, directory: Path) -> None:
        """A part that only a lighttpd of init's includes: ours is never reloaded."""
        script = directory / "wait-for-former"
        write(script, _WAIT_FOR_FORMER, self._settings.group)
        run = _quoted(f"exec /bin/sh {shlex.quote(str(script))}")
        write(directory / "wait-for-former.conf", f"include_shell {run}\n", self._settings.group)

    def check(self, directory: Path) -> None:
        """Let lighttpd read what was written. Raises ApplyFailed with lighttpd's reason."""
        complaints = program.check([self.program, "-tt", "-f", str(directory / WHOLE)], self.directory)
        if complaints is not None:
            raise ApplyFailed(f"The web server refuses this: {_reason(complaints, directory)}")

    def _whole(self, directory: Path) -> list[str]:
        """It listens on the Unix socket `probe` and on sockets that it is given."""
        return [
            'server.compat-module-load = "disable"',
            f"server.document-root = {_quoted(directory / 'nothing')}",
            'server.systemd-socket-activation = "enable"',
            f"server.bind = {_quoted(self.probe)}",
            f"server.upload-dirs = ({_quoted(self.directory)})",
            f"server.max-connections = {CONNECTIONS}",
            # What the sockets say below counts from the end of a request's header only.
            f"server.max-read-idle = {CLIENT_SILENCE}",
            "server.feature-flags = (",
            f'"server.graceful-shutdown-timeout" => {self._settings.long_poll + 5},',
            '"server.h2proto" => "disable",',
            ")",
            f"include {_quoted(directory / self.fragment)}",
        ]

    def _size(self) -> int:
        """lighttpd counts in KiB."""
        return -(-self._settings.maximum_request_size // 1024)

    def _fragment(
        self, configuration: ServerConfiguration, directory: Path, pairs: list[tuple[Path, Path]]
    ) -> list[str]:
        settings = self._settings
        no_guessing = f'"{NO_GUESSING[0]}" => "{NO_GUESSING[1]}"'
        elsewhere = (
            f"include {_quoted(settings.include.absolute())}"
            if settings.include
            else f'$HTTP["url"] !~ "^/onvif/" {{ setenv.set-response-header = ({no_guessing}) }}'
        )
        return [
            f"server.modules += ({', '.join(map(_quoted, _MODULES))})",
            *self._sockets(configuration, pairs),
            *self._generation(directory),
            '$HTTP["url"] =^ "/onvif/" {',
            f"server.max-request-size = {self._size()}",
            f"server.errorfile-prefix = {_quoted(directory / 'status-')}",
            'mimetype.assign = ("" => "text/plain")',
            "setenv.set-request-header = (",
            *(f'"{name}" => "",' for name in (*UNTRUSTED_HEADERS, "X-Forwarded-For", "X-Forwarded-Proto")),
            ")",
            f'setenv.set-response-header = ("Server" => "lighttpd", {no_guessing})',
            'proxy.server = ("" => ((',
            f'"host" => {_quoted(settings.backend.absolute())},',
            # The service is there again as soon as it is.
            '"disable-time" => 0,',
            f'"read-timeout" => {settings.long_poll + 30},',
            ")))",
            "}",
            # The last word counts: a vendor's service can have a path below /onvif/.
            elsewhere,
        ]

    def _generation(self, directory: Path) -> Iterator[str]:
        hosts = "|".join(re.escape(reachable_at(address)) for address in self.addresses)
        yield f'$HTTP["url"] == "{GENERATION_PATH}" {{'
        yield f'$HTTP["remoteip"] =~ "^({hosts})$" {{'
        yield f'alias.url = ("{GENERATION_PATH}" => {_quoted(directory / "generation")})'
        yield 'mimetype.assign = ("" => "text/plain")'
        yield "}"
        yield "}"

    def _sockets(self, configuration: ServerConfiguration, pairs: list[tuple[Path, Path]]) -> Iterator[str]:
        for address, port in listeners.listeners(configuration, self.addresses):
            yield f'$SERVER["socket"] == "{listeners.name((address, port))}" {{'
            yield 'server.tag = "lighttpd"'
            yield f"server.max-read-idle = {CLIENT_SILENCE}"
            yield f"server.max-write-idle = {CLIENT_SILENCE}"
            yield f"server.max-keep-alive-idle = {CLIENT_IDLE}"
            if port in configuration.https_ports:
                yield from self._tls(pairs)
            yield "}"

    def _tls(self, pairs: list[tuple[Path, Path]]) -> Iterator[str]:
        (chain, key), *others = pairs
        yield 'ssl.engine = "enable"'
        yield f"ssl.pemfile = {_quoted(chain)}"
        yield f"ssl.privkey = {_quoted(key)}"
        yield "ssl.openssl.ssl-conf-cmd = ("
        yield '"MinProtocol" => "TLSv1.2", "MaxProtocol" => "TLSv1.3",'
        yield f'"CipherString" => "{":".join(TLS12_CIPHERS)}",'
        yield f'"Ciphersuites" => "{":".join(TLS13_CIPHERS)}",'
        yield f'"Groups" => "{":".join(CURVES)}",'
        yield '"Options" => "-SessionTicket,ServerPreference",'
        # One path of each key algorithm: there are two of them.
        for chain, key in others:
            yield f'"Certificate" => {_quoted(chain)}, "PrivateKey" => {_quoted(key)},'
        yield ")"
        if self._settings.hsts:
            header = f'"Strict-Transport-Security" => "max-age={self._settings.hsts}"'
            yield f"setenv.add-response-header = ({header})"


class Lighttpd:
    """A lighttpd of our own: see onvifd.webserver.apply.Server.

    A lighttpd that reloads dies of a busy port and keeps serving a port that was removed. So the service
    opens the listening sockets, and starts a new lighttpd on them for each change. When it answers, the old
    one is told to finish: it closes its copies of the sockets and answers what is in flight. The sockets are
    never closed in between, no connection is refused; and a lighttpd that does not come up nobody notices.
    """

    keeps_running = False

    def __init__(self, settings: Settings) -> None:
        """Raises what LighttpdFiles raises."""
        self._files = LighttpdFiles(settings)
        self.directory = self._files.directory
        self.addresses = self._files.addresses
        self.group = settings.group
        self._arguments = (
            self._files.program, "-D", "-f", str(self.directory / "current" / WHOLE),
        )  # fmt: skip
        self._supervisor = Supervisor(self._arguments[0], self._spawn, self._is_ours, signal.SIGINT)
        self._sockets: dict[Listener, socket.socket] = {}
        self._ready = False
        self._retiring: dict[Child, float | None] = {}
        """The former processes, each with the time when it was told to end."""

    def render(self, configuration: ServerConfiguration, directory: Path) -> None:
        """Write all that lighttpd reads. Raises ApplyFailed or OSError."""
        self._files.write(configuration, directory)

    def check(self, directory: Path) -> None:
        """Let lighttpd read a rendered configuration. Raises ApplyFailed with lighttpd's reason."""
        self._files.check(directory)

    def clear(self) -> None:
        """End the lighttpds of a crashed run."""
        self._supervisor.end_leftovers()

    def load(self) -> None:
        """Open the ports that are new, and start a lighttpd beside the running one."""
        for listener in listeners.read(self.directory / "current"):
            if listener not in self._sockets:
                try:
                    self._sockets[listener] = listeners.listening(listener)
                except OSError as error:
                    if error.errno == errno.EADDRINUSE:
                        raise PortInUse(listener[1]) from error
                    raise ApplyFailed(f"Port {listener[1]} can't be opened: {error.strerror}") from error
        try:
            before = self._supervisor.replace()
        except OSError as error:
            raise ServerMissing(f"{self._arguments[0]} can't be started: {error.strerror}") from error
        if before is not None:
            self._retiring[before] = None
            if not self._ready:  # it has never answered: nobody would miss it
                self._retire(before)
        self._ready = False

    def settled(self) -> bool:
        """Whether the new lighttpd answers and no other one accepts connections."""
        if not self._ready:
            self._ready = self._answers()
            if not self._ready:
                return False
            for child in self._retiring:
                self._retire(child)
        if any(self._accepts(child) for child in list(self._retiring)):
            return False
        wanted = listeners.read(self.directory / "current")
        for listener in self._sockets.keys() - set(wanted):
            self._sockets.pop(listener).close()
        return True

    def stop(self) -> None:
        """End lighttpd: requests in flight get a few seconds."""
        self._supervisor.stop()
        self._retiring.clear()
        for opened in self._sockets.values():
            opened.close()
        self._sockets.clear()

    def _spawn(self) -> Child:
        # The running one has this socket too. It keeps it, without a name.
        self._files.probe.unlink(missing_ok=True)
        wanted = listeners.read(self.directory / "current")
        if not self._sockets.keys() >= set(wanted):  # it died when a change had been written, and not loaded
            raise BlockingIOError(errno.EAGAIN, "a change is about to open more ports")
        return ListeningChild(self._arguments, [self._sockets[each].fileno() for each in wanted])

    def _answers(self) -> bool:
        """Whether the process that was started last answers: on a socket that no other one has."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PROBE_TIMEOUT)
            connection.connect(str(self._files.probe))
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(1) != b""
        return False

    def _retire(self, child: Child) -> None:
        if self._retiring[child] is None:  # told twice, it would drop the requests in flight
            child.send_signal(signal.SIGINT)
            self._retiring[child] = time.monotonic()

    def _accepts(self, child: Child) -> bool:
        """Whether a former process still has a listening socket. One that hangs is ended."""
        if child.poll() is not None:
            del self._retiring[child]
            return False
        ours = {f"socket:[{os.fstat(opened.fileno()).st_ino}]" for opened in self._sockets.values()}
        held = ours & _open_files(child.pid)
        told = self._retiring[child]
        if held and told is not None and time.monotonic() - told > PATIENCE:
            _log.warning("ending process %d, which keeps listening", child.pid)
            child.send_signal(signal.SIGKILL)
        return bool(held)

    def _is_ours(self, process: Process) -> bool:
        """It names our configuration. No process ID is remembered: another program may have got it."""
        return process.command == " ".join(self._arguments)


def _open_files(pid: int) -> set[str]:
    """What the descriptors of a process are; nothing if it has gone."""
    found = set()
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found.add(str(Path(entry.path).readlink()))
    return found


def _quoted(value: str | Path) -> str:
    """A string of lighttpd's configuration."""
    if re.search(r'["\\$\x00-\x1f]', str(value)):
        raise ApplyFailed(f"{str(value)!r} can't stand in lighttpd's configuration: choose another path")
    return f'"{value}"'


def _reason(complaints: str, directory: Path) -> str:
    """lighttpd's first error, without the paths of this device."""
    lines = [re.sub(r"^[-0-9]+ [:0-9]+: \(\S+\) ", "", line) for line in complaints.splitlines()]
    return (lines[0] if lines else complaints).replace(f"{directory}/", "")

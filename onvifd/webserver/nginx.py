"""nginx 1.22 or newer: its configuration, and one that is started and supervised by the service."""

import grp
import os
import pwd
import re
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

from onvifd.webserver import listeners, program
from onvifd.webserver.errors import ApplyFailed, ServerMissing
from onvifd.webserver.files import WHOLE, certificate_files, write
from onvifd.webserver.model import ServerConfiguration
from onvifd.webserver.process import SYSTEM_PATH, Child, Process, Supervisor, command, processes
from onvifd.webserver.settings import (
    BACKEND_IDLE,
    CLIENT_IDLE,
    CLIENT_SILENCE,
    CONNECTIONS,
    CONNECTIONS_OF_ONE,
    CURVES,
    NO_GUESSING,
    RETRY_AFTER,
    TLS12_CIPHERS,
    TLS13_CIPHERS,
    TOO_LARGE,
    TOO_MANY,
    UNAVAILABLE,
    UNTRUSTED_HEADERS,
    Settings,
)
from onvifd.webserver.verify import GENERATION_PATH, reachable_at

_OLDEST = (1, 22)
_HSTS = "add_header Strict-Transport-Security $onvifd_hsts always;"
_OWN_HEADERS = (_HSTS, f"add_header {NO_GUESSING[0]} {NO_GUESSING[1]} always;")
"""A location that adds a header inherits none."""
_WORKER = "nginx: worker process"


class NginxFiles:
    """nginx's configuration: see onvifd.webserver.external.Files."""

    fragment = "nginx.conf"

    def __init__(self, settings: Settings) -> None:
        """Raises ServerMissing if the program can't be used or the host has none of the addresses."""
        self.directory = settings.directory.absolute()  # nginx runs in it
        self.addresses = program.present(settings.addresses)
        self.program = program.find(settings.program)
        self._settings = settings
        self._version, self._build = program.inspect(self.program, "nginx", _OLDEST)
        if "--with-http_ssl_module" not in self._build:
            raise ServerMissing(f"{self.program} is built without TLS (http_ssl_module)")

    def write(self, configuration: ServerConfiguration, directory: Path) -> None:
        """Write what belongs into nginx's http block, all that it names, and a whole configuration around it.

        Raises ApplyFailed for a configuration that can't be served, OSError if it can't be written.
        """
        pairs = certificate_files(configuration, directory, self._settings.group)
        lines = self._fragment(configuration, directory, pairs)
        write(directory / self.fragment, "\n".join(lines) + "\n", self._settings.group)
        wanted = listeners.listeners(configuration, self.addresses)
        listeners.write(wanted, directory, self._settings.group)
        write(directory / WHOLE, "\n".join(self._whole(directory)) + "\n", self._settings.group)

    def check(self, directory: Path) -> None:
        """Let nginx read what was written. Raises ApplyFailed with nginx's reason."""
        complaints = program.check([*self.arguments(directory / WHOLE), "-t", "-q"], self.directory)
        if complaints is not None:
            raise ApplyFailed(f"The web server refuses this: {_reason(complaints, directory)}")

    def arguments(self, configuration: Path) -> list[str]:
        """The command that runs nginx with a whole configuration."""
        # -e: before nginx has read its configuration it would log to a file that was compiled in.
        return [self.program, "-e", "stderr", "-p", str(self.directory), "-c", str(configuration)]

    def _whole(self, directory: Path) -> list[str]:
        return [
            *_user(),
            "daemon off;",
            "worker_processes 1;",
            f"worker_shutdown_timeout {self._settings.long_poll + 5}s;",
            f"pid {_quoted(self.directory / 'nginx.pid')};",
            "error_log stderr warn;",
            f"events {{ worker_connections {CONNECTIONS}; }}",
            "http {",
            "access_log off;",
            *self._temporary_paths(),
            f"include {_quoted(directory / self.fragment)};",
            "}",
        ]

    def _fragment(
        self, configuration: ServerConfiguration, directory: Path, pairs: Iterable[tuple[Path, Path]]
    ) -> list[str]:
        settings = self._settings
        return [
            # map, because `return` is executed before `allow` and `deny` are looked at.
            "map $remote_addr $onvifd_generation {",
            'default "";',
            *(f"{_quoted(reachable_at(address))} {directory.name};" for address in self.addresses),
            "}",
            "map $https $onvifd_hsts {",
            'default "";',
            *([f'on "max-age={settings.hsts}";'] if settings.hsts else ()),
            "}",
            *self._limit("limit_conn_zone $binary_remote_addr zone=onvifd_addresses:64k;"),
            "upstream onvifd {",
            f"server {_quoted(f'unix:{settings.backend.absolute()}')};",
            "keepalive 4;",
            f"keepalive_timeout {BACKEND_IDLE}s;",
            "}",
            # Without a `listen` nginx would choose a port.
            *(self._server(configuration, pairs) if configuration.ports else ()),
        ]

    def _server(self, configuration: ServerConfiguration, pairs: Iterable[tuple[Path, Path]]) -> list[str]:
        size = self._settings.maximum_request_size
        return [
            "server {",
            *(f"listen {listeners.name((a, p))};" for p in configuration.http_ports for a in self.addresses),
            *(
                f"listen {listeners.name((a, p))} ssl;"
                for p in configuration.https_ports
                for a in self.addresses
            ),
            *(_tls(pairs) if configuration.https_ports else ()),
            "server_tokens off;",
            "default_type text/plain;",
            f"client_header_timeout {CLIENT_SILENCE}s;",
            f"client_body_timeout {CLIENT_SILENCE}s;",
            f"send_timeout {CLIENT_SILENCE}s;",
            "reset_timedout_connection on;",
            f"keepalive_timeout {CLIENT_IDLE}s;",
            *self._keepalive_of_old_workers(),
            f"client_max_body_size {size};",
            # Requests may carry private keys: what fits stays in memory.
            "client_body_buffer_size 128k;",
            _HSTS,
            "error_page 413 @onvifd_too_large;",
            "location @onvifd_too_large {",
            f"return 413 {_text(TOO_LARGE.format(size))};",
            "}",
            "location @onvifd_too_many {",
            f"return 429 {_text(TOO_MANY)};",
            "}",
            "location @onvifd_unavailable {",
            *_OWN_HEADERS,
            f"add_header Retry-After {RETRY_AFTER} always;",
            f"return 503 {_text(UNAVAILABLE)};",
            "}",
            f"location = {GENERATION_PATH} {{",
            'if ($onvifd_generation = "") { return 404; }',
            "return 200 $onvifd_generation;",
            "}",
            # Without this nginx redirects to /onvif/, to an address that it makes up.
            "location = /onvif { return 404; }",
            "location /onvif/ {",
            *_OWN_HEADERS,
            "proxy_pass http://onvifd;",
            "proxy_http_version 1.1;",
            "proxy_buffering on;",
            "proxy_request_buffering on;",
            "proxy_max_temp_file_size 0;",
            f"proxy_read_timeout {self._settings.long_poll + 30}s;",
            'proxy_set_header Connection "";',
            "proxy_set_header Host $http_host;",
            "proxy_set_header X-Forwarded-For $remote_addr;",
            "proxy_set_header X-Forwarded-Proto $scheme;",
            *(f'proxy_set_header {name} "";' for name in UNTRUSTED_HEADERS),
            *self._limit(
                f"limit_conn onvifd_addresses {CONNECTIONS_OF_ONE};",
                "limit_conn_status 429;",
                "limit_conn_log_level info;",
                "error_page 429 @onvifd_too_many;",
            ),
            "error_page 413 @onvifd_too_large;",
            "error_page 502 = @onvifd_unavailable;",
            "}",
            *self._elsewhere(),
            "}",
        ]

    def _limit(self, *directives: str) -> tuple[str, ...]:
        return () if "--without-http_limit_conn_module" in self._build else directives

    def _elsewhere(self) -> list[str]:
        if self._settings.include is None:
            return ["location / {", *_OWN_HEADERS, "return 404;", "}"]
        return [f"include {_quoted(self._settings.include.absolute())};"]

    def _keepalive_of_old_workers(self) -> list[str]:
        """After a reload the old worker closes idle connections at once, and a client that is just using one
        loses its request. A newer nginx can wait for that request, answer it and close then."""
        return [f"keepalive_min_timeout {CLIENT_IDLE}s;"] if self._version >= (1, 27, 4) else []

    def _temporary_paths(self) -> list[str]:
        modules = ("proxy", "fastcgi", "uwsgi", "scgi")
        built_in = [module for module in modules if f"--without-http_{module}_module" not in self._build]
        return [
            f"{name}_temp_path {_quoted(self.directory / f'temporary-{name}')};"
            for name in ("client_body", *built_in)
        ]


class Nginx:
    """An nginx of our own: see onvifd.webserver.apply.Server.

    It runs as the user that the service runs as; a service that is still root gets a root nginx.
    """

    keeps_running = False

    def __init__(self, settings: Settings) -> None:
        """Raises what NginxFiles raises."""
        self._files = NginxFiles(settings)
        self.directory = self._files.directory
        self.addresses = self._files.addresses
        self.group = settings.group
        self._arguments = self._files.arguments(self.directory / "current" / WHOLE)
        self._supervisor = Supervisor(self._arguments[0], self._spawn, self._is_ours, signal.SIGQUIT)
        self._retired: frozenset[int] = frozenset()
        self._open = listeners.Open()

    def render(self, configuration: ServerConfiguration, directory: Path) -> None:
        """Write all that nginx reads. Raises ApplyFailed or OSError."""
        self._files.write(configuration, directory)

    def check(self, directory: Path) -> None:
        """Let nginx read a rendered configuration. Raises ApplyFailed with nginx's reason."""
        self._files.check(directory)

    def clear(self) -> None:
        """End the nginx of a crashed run, and workers that lost their master."""
        self._supervisor.end_leftovers()

    def load(self) -> None:
        """Start nginx, or let it replace its worker gracefully. Raises PortInUse, ServerMissing."""
        self._open.tell(self.directory / "current")
        self._retired = frozenset(self._accepting())
        try:
            self._supervisor.start_or_signal(signal.SIGHUP)
        except OSError as error:
            raise ServerMissing(f"{self._arguments[0]} can't be started: {error.strerror}") from error

    def settled(self) -> bool:
        """Whether one worker accepts connections, and it was started by the last load.

        nginx's master starts the new worker and tells the old one 0.1 s later; until then a connection may be
        accepted by either.
        """
        if accept(self._retired):
            return False
        accepting = self._accepting()
        replaced = len(accepting) == 1 and not self._retired.intersection(accepting)
        return replaced and self._open.settle(self.directory / "current")

    def stop(self) -> None:
        """End nginx: requests in flight get a few seconds."""
        self._supervisor.stop()
        self._open = listeners.Open()

    def _spawn(self) -> Child:
        """Start nginx. Workers that lost their master would hold the ports."""
        self._supervisor.end_leftovers()
        return subprocess.Popen(  # noqa: S603
            self._arguments,
            cwd=self.directory,
            env={"PATH": SYSTEM_PATH},  # ours may hold a password
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _accepting(self) -> list[int]:
        master = self._supervisor.pid
        return accepting_workers(master) if master is not None else []

    def _is_ours(self, process: Process) -> bool:
        """A master names our configuration; a worker names nothing, but works where we started its master.

        No process ID is remembered: another program may have got it.
        """
        ours = " ".join(self._arguments)
        if process.command in (ours, f"nginx: master process {ours}"):
            return True
        return process.command.startswith(_WORKER) and process.directory == self.directory.resolve()


def accepting_workers(master: int) -> list[int]:
    """The process IDs of a master's workers that accept connections, as far as they can be seen."""
    return [p.pid for p in processes() if p.parent == master and p.command == _WORKER]


def accept(workers: Iterable[int]) -> bool:
    """Whether any of these still accepts connections: one that shuts down says so in its title."""
    return any(command(worker) == _WORKER for worker in workers)


def _tls(pairs: Iterable[tuple[Path, Path]]) -> Iterable[str]:
    for chain, key in pairs:
        yield f"ssl_certificate {_quoted(chain)};"
        yield f"ssl_certificate_key {_quoted(key)};"
    yield "ssl_protocols TLSv1.2 TLSv1.3;"
    yield f"ssl_ciphers {':'.join(TLS12_CIPHERS)};"
    yield f"ssl_conf_command Ciphersuites {':'.join(TLS13_CIPHERS)};"
    yield "ssl_prefer_server_ciphers on;"
    yield f"ssl_ecdh_curve {':'.join(CURVES)};"
    yield "ssl_session_tickets off;"
    # nginx ties a session to the certificate that it was made with: none outlives a replacement.
    yield "ssl_session_cache shared:onvifd:256k;"


def _user() -> list[str]:
    """Only root can and must name the workers' user: the default one can't reach the service's socket."""
    if os.geteuid() != 0:
        return []
    return [f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(os.getegid()).gr_name};"]


def _text(text: str) -> str:
    escaped = text.replace("\n", r"\n")
    return f'"{escaped}"'


def _quoted(value: str | Path) -> str:
    """A parameter of nginx's configuration, which has no way to write some characters literally."""
    if re.search(r'["\\$\x00-\x1f]', str(value)):
        raise ApplyFailed(f"{str(value)!r} can't stand in nginx's configuration: choose another path")
    return f'"{value}"'


def _reason(complaints: str, directory: Path) -> str:
    """nginx's first error, without the paths of this device."""
    errors = re.findall(r"\[(?:emerg|alert|crit|error)\] (?:\d+#\d+: )?(.*)", complaints)
    text = str(errors[0]) if errors else complaints.strip()
    return re.sub(r" in \S+:\d+$", "", text.replace(f"{directory}/", ""))

"""Changing what the web server serves: one step, with a way back."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from keystore.database import Database
from onvifd import network
from onvifd.webserver.errors import ApplyFailed, EnablingTlsFailed, PortInUse, WebServerError
from onvifd.webserver.generations import Generations
from onvifd.webserver.model import ServerConfiguration
from onvifd.webserver.verify import answers, findings

_log = logging.getLogger(__name__)

_POLL_INTERVAL = 0.01
_EXCHANGE_TIMEOUT = 2.0
_FIRST_RETRY = 1.0
"""Seconds to the first attempt to serve what could not be served; each further one waits twice as long."""


class Server(Protocol):
    """A web server program: what applying a change needs of it."""

    directory: Path
    """Where its files are: the symbolic link `current` in it names the rendered directory that counts."""
    addresses: tuple[str, ...]
    """The IP addresses that it listens on."""
    group: int | None
    """The ID of the group that may read the files, if any."""
    keeps_running: bool
    """Whether it goes on when the service ends: then its files stay."""

    def render(self, configuration: ServerConfiguration, directory: Path) -> None:
        """Write all that the program reads into an empty directory.

        It is to answer GENERATION_PATH with the directory's name. Raises ApplyFailed or OSError.
        """

    def check(self, directory: Path) -> None:
        """Let the program itself check a rendered directory. Raises ApplyFailed with its reason."""

    def clear(self) -> None:
        """End what a crashed run left running."""

    def load(self) -> None:
        """Make it serve what `current` names: start it if it does not run, else reload it gracefully.

        Does not wait for it. Raises WebServerError if it can't even be told.
        """

    def settled(self) -> bool:
        """Whether every new connection meets what the last load() brought, or would if that failed."""

    def stop(self) -> None:
        """End it."""


@dataclass(frozen=True)
class _State:
    configuration: ServerConfiguration
    generation: Path


class WebServer:
    """The running web server, and the only way to change what it serves.

    One change at a time. When `change()` has ended, the database, the files and what the next connection
    meets agree; when it has raised, all three are as they were.
    """

    def __init__(
        self,
        server: Server,
        wanted: Callable[[], ServerConfiguration],
        database: Database,
        *,
        without_certificates: Callable[[], ServerConfiguration] | None = None,
        patience: float = 5.0,
        retry_interval: float = 30.0,
    ) -> None:
        """`wanted` computes from the database what is to be served, inside the transaction of a change.

        `without_certificates` takes its place at the start if it raises: a key may be damaged.
        `patience`: seconds that the server has to serve a change; twice as many at the start, when the whole
        device starts and no client waits for an answer. `retry_interval`: seconds between attempts to serve
        all that is wanted, while some of it can't be; the first ones come sooner.
        """
        self._server = server
        self._wanted = wanted
        self._without_certificates = without_certificates
        self._database = database
        self._patience = patience
        self._retry_interval = retry_interval
        self._generations = Generations(server.directory, server.group)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._retrying: threading.Thread | None = None
        self._served: _State | None = None
        self._verified = False

    def start(self) -> None:
        """Serve what is wanted. All files are rebuilt; the server of a crashed run is replaced.

        Start it in the process that serves requests: it starts a thread and a child process.

        A device must come up as far as it can, or nobody could mend it. A port that another program uses is
        left out. So is HTTPS if its certificates are refused and HTTP is enabled. A server that is slow to
        come, on a busy processor, is waited for in the background. All are logged, and tried again until they
        work. Raises PortInUse if that leaves no port, ApplyFailed if the server refuses it all,
        ServerMissing, AlreadyRunning.
        """
        self._closing.clear()
        with self._lock, ExitStack() as undo:
            left = self._generations.open()
            undo.callback(self._end)
            self._server.clear()
            if not self._server.keeps_running:
                self._generations.clear()
                left = frozenset()
            wanted = self._wanted_at_start()
            free = self._without_busy_ports(wanted, left)
            try:
                self._come_up(free)
            except PortInUse:  # of late
                self._server.stop()
                self._come_up(self._without_busy_ports(wanted, left))
            undo.pop_all()
            if self._current().configuration != wanted or not self._verified:
                self._keep_trying()

    def close(self) -> None:
        """Stop the server and remove its files, unless it goes on without us."""
        self._closing.set()
        with self._lock:
            # Without the claim the server that runs there is another service's.
            if self._generations.claimed:
                self._end()
        if self._retrying is not None:
            self._retrying.join()

    def _end(self) -> None:
        self._server.stop()
        if not self._server.keeps_running:
            self._generations.clear()
        self._generations.close()
        self._served = None

    @contextlib.contextmanager
    def change(self, last: Callable[[], None] = lambda: None) -> Iterator[ExitStack]:
        """A database transaction whose outcome is served when it is committed.

        Neither within another change nor within a transaction: its commit could fail unseen. What the body
        pushes on the yielded stack is called if the change fails, after everything else is restored.
        `last` is for what can't be undone: it is called when nothing but the commit can fail any more.

        Raises PortInUse, ApplyFailed, or its EnablingTlsFailed where HTTPS was off before, or what the body,
        `last` or the commit raised. Nothing has changed then.
        """
        with self._lock:
            before = self._current()
            undo = ExitStack()
            committed = threading.Event()
            try:
                with self._database.transaction():
                    self._database.after_commit(committed.set)
                    yield undo
                    self._apply(self._wanted())
                    last()
            except BaseException as error:
                if not committed.is_set():
                    busy = self._go_back(before, undo)
                    if isinstance(error, ApplyFailed) and busy:
                        raise PortInUse(busy[0]) from error
                raise
            finally:
                self._generations.keep_only(self._current().generation)

    # -- the steps

    def _apply(self, configuration: ServerConfiguration) -> None:
        before = self._current()
        if configuration == before.configuration and self._verified and self._server.settled():
            return
        busy = self._busy(configuration.ports - before.configuration.ports)
        if busy:
            raise PortInUse(busy[0])
        try:
            self._activate(self._prepare(configuration), self._patience)
        except ApplyFailed as error:
            if configuration.https_ports and not before.configuration.https_ports:
                raise EnablingTlsFailed(str(error)) from error
            raise

    def _prepare(self, configuration: ServerConfiguration) -> _State:
        """Render and check."""
        try:
            generation = self._generations.create()
            self._server.render(configuration, generation)
        except OSError as error:
            raise ApplyFailed(f"The web server's files can't be written: {error.strerror}") from error
        self._server.check(generation)
        return _State(configuration, generation)

    def _activate(self, state: _State, patience: float) -> None:
        """Switch, load and verify."""
        before = self._served or state
        self._served = state
        self._verified = False
        try:
            self._generations.switch(state.generation)
        except OSError as error:
            raise ApplyFailed(f"The web server's files can't be written: {error.strerror}") from error
        self._server.load()
        self._verify(state, before, patience)
        self._verified = True

    def _verify(self, state: _State, before: _State, patience: float) -> None:
        deadline = time.monotonic() + patience
        while True:
            asked = time.monotonic()
            finding = self._finding(state, before)
            if finding is None:
                return
            now = time.monotonic()
            if now > deadline:
                raise ApplyFailed(f"The web server does not serve the change: {finding}")
            # On a slow processor to ask is work: the server is to get as much of it.
            time.sleep(max(_POLL_INTERVAL, now - asked))

    def _finding(self, state: _State, before: _State) -> str | None:
        if not self._server.settled():
            return "It did not take it over"
        return next(
            findings(
                state.configuration,
                self._server.addresses,
                state.generation.name,
                before.configuration.ports - state.configuration.ports,
                before.generation.name,
                _EXCHANGE_TIMEOUT,
            ),
            None,
        )

    def _go_back(self, before: _State, undo: ExitStack) -> list[int]:
        """Serve what was served before. Returns the ports of the failed change that another program has."""
        failed = self._current()
        if failed is not before:
            self._restore(before, failed)
        try:
            undo.close()
        except Exception:
            _log.exception("a part of a failed change can't be undone")
        if not self._verified:
            return []
        return self._busy(failed.configuration.ports - before.configuration.ports)

    def _restore(self, before: _State, failed: _State) -> None:
        try:
            self._activate(before, self._patience)
        except WebServerError as error:
            # A server that can't be told still serves what it was last told.
            self._verified = self._finding(before, failed) is None
            if not self._verified:
                # The files are right, and the server will be made to take them.
                _log.error("the web server does not serve its former configuration either: %s", error)
                self._keep_trying()

    # -- coming up

    def _wanted_at_start(self) -> ServerConfiguration:
        try:
            return self._wanted()
        except Exception:
            if self._without_certificates is None:
                raise
            _log.exception("an assigned certificate can't be read")
            return self._without_certificates()

    def _come_up(self, configuration: ServerConfiguration) -> None:
        checked = None
        try:
            checked = self._prepare(configuration)
            self._activate(checked, 2 * self._patience)
        except ApplyFailed as error:
            plain = replace(configuration, https_ports=(), certificates=())
            try:
                if plain == configuration or not plain.ports:
                    raise
                _log.error("HTTPS stays off until it can be served: %s", error)
                without_https = self._prepare(plain)
                checked = checked or without_https
                self._activate(without_https, self._patience)
            except ApplyFailed:
                if checked is None:
                    raise
                # Nothing is wrong with the files: it finds them when it comes, later than we do.
                _log.error("the web server is not there yet: %s", error)
                self._served = checked
                self._generations.switch(checked.generation)
        self._generations.keep_only(self._current().generation)

    def _without_busy_ports(
        self, configuration: ServerConfiguration, ours: Collection[str]
    ) -> ServerConfiguration:
        """`ours`: the generations of an earlier run, which a server that went on may still serve."""
        busy = [
            port
            for port in self._busy(configuration.ports)
            if not (ours and answers(self._server.addresses, port, ours, _EXCHANGE_TIMEOUT))
        ]
        if busy and len(busy) == len(configuration.ports):
            raise PortInUse(busy[0])
        for port in busy:
            _log.error("port %d is in use by another program: it is not served until it is free", port)
        return replace(
            configuration,
            http_ports=tuple(port for port in configuration.http_ports if port not in busy),
            https_ports=tuple(port for port in configuration.https_ports if port not in busy),
        )

    def _keep_trying(self) -> None:
        if self._retrying is None or not self._retrying.is_alive():
            self._retrying = threading.Thread(target=self._retry, name="webserver-retry", daemon=True)
            self._retrying.start()

    def _retry(self) -> None:
        delay = min(_FIRST_RETRY, self._retry_interval)
        while not self._closing.wait(delay):
            delay = min(2 * delay, self._retry_interval)
            try:
                with self.change():
                    pass
            except Exception as error:
                _log.warning("the web server still does not serve all that is wanted: %s", error)
            else:
                _log.info("the web server serves all that is wanted")
                return

    # -- what is

    def _current(self) -> _State:
        if self._served is None:
            raise ApplyFailed("The web server is not running: the device is starting or stopping")
        return self._served

    def _busy(self, ports: Iterable[int]) -> list[int]:
        return [port for port in sorted(ports) if not network.port_is_free(self._server.addresses, port)]

"""Start-up and shut-down: configuration → store → web server → gunicorn, and back.

gunicorn's arbiter forks one worker, which is the device: it owns the store, the key generator, the pull
points and the web server in front. When it dies the arbiter starts another one, which finds all it needs in
state_dir.

The arbiter never imports what the worker is made of: it would take another 6 MiB of a camera's memory.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, cast

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

from onvifd.config import Config

if TYPE_CHECKING:
    from onvifd.assembly import Running

log = logging.getLogger("onvifd")

UPSTREAM_KEEPALIVE = 75
"""Seconds that a connection from the web server may idle: longer than the web server keeps it, so that it is
never closed under a request that is just being sent."""
START_TIMEOUT = 120
"""Seconds until a worker that gives no sign of life is replaced. It gives none while it starts and waits for
the web server, which on a busy processor may take longer than gunicorn's default of 30."""
GRACEFUL_TIMEOUT = 10
"""Seconds for the requests in flight at shut-down."""
LOCK_TIMEOUT = 10.0
"""Seconds to wait for the state directory: a killed predecessor's worker needs a moment to end."""


class StateInUse(Exception):
    """Another onvifd runs on the same state directory."""


class Worker(ThreadWorker):
    """gunicorn's threaded worker, which at SIGTERM goes on answering until the web server has ended.

    The other way round it would wait for the idle connections that the web server keeps to it.
    """

    _stopping: threading.Thread | None = None

    def init_signals(self) -> None:
        super().init_signals()
        _disregard(signal.SIGHUP, signal.SIGINT)  # a terminal sends them to all: the arbiter decides

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """End at once. Another SIGQUIT would interrupt that, and leave the web server running."""
        _disregard(signal.SIGQUIT)
        super().handle_quit(sig, frame)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._stopping is None:
            self._stopping = threading.Thread(target=self._stop, args=(sig, frame), name="stop")
            self._stopping.start()

    def _stop(self, sig: int, frame: FrameType | None) -> None:
        try:
            cast(Service, self.app).stop_serving()
        finally:
            super().handle_exit(sig, frame)


def _disregard(*signals: signal.Signals) -> None:
    """Do nothing at these signals. Commands would inherit SIG_IGN."""
    for number in signals:
        signal.signal(number, lambda _signal, _frame: None)


class OneWorker(Arbiter):
    """gunicorn's arbiter, but never with a second worker: it could have neither the store nor the web server,
    and its failure would end the first one, too."""

    def handle_hup(self) -> None:
        """Let the worker end, and start another one."""
        self.kill_workers(signal.SIGTERM)

    def handle_ttin(self) -> None:
        """Not one more."""

    def handle_usr2(self) -> None:
        """Not another arbiter."""

    def stop(self, graceful: bool = True) -> None:
        """Let the worker end, which takes seconds. Who gets impatient would leave the web server running."""
        _disregard(signal.SIGINT, signal.SIGQUIT)
        super().stop(graceful)

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """End with 1 where the device can't start, as all of onvifd's commands do."""
        super().halt(reason, min(exit_status, 1))


class Service(BaseApplication):
    """The device under gunicorn."""

    def __init__(self, config: Config, when_ready: Callable[[], None]) -> None:
        self._config = config
        self._when_ready = when_ready
        self._running: Running | None = None
        super().__init__()

    def load_config(self) -> None:
        service = self._config.service
        settings = {
            "bind": f"unix:{self._config.socket}",
            "umask": 0o177,
            # gunicorn's defaults are from when it was imported: the bench may have been root then.
            "user": os.geteuid(),
            "group": os.getegid(),
            "worker_class": Worker,
            "workers": 1,
            "threads": service.threads + service.maximum_pull_points,
            "keepalive": UPSTREAM_KEEPALIVE,
            "timeout": START_TIMEOUT,
            "graceful_timeout": GRACEFUL_TIMEOUT,
            "worker_tmp_dir": str(self._config.run_dir),
            "loglevel": "warning",
            "proc_name": "onvifd",
            "control_socket_disable": True,
            "worker_exit": lambda _arbiter, _worker: self.close(),
            "post_worker_init": lambda _worker: self._when_ready(),
        }
        for name, value in settings.items():
            if name in self.cfg.settings:  # the control socket is younger than the oldest gunicorn we run on
                self.cfg.set(name, value)

    def load(self) -> Callable[..., Iterable[bytes]]:
        """Called in the worker: everything with threads or open files starts here."""
        gc.disable()  # nearly all of it stays: to look for garbage would take a sixth of the time
        from onvifd import app, assembly
        from onvifd.schema import Schema

        try:
            assembly.share(self._config)
            assembly.provision(self._config)
            os.environ.pop(assembly.PASSWORD_VARIABLE, None)  # the vendor's commands would inherit it
            schema = Schema.load()
            self._running = assembly.start(self._config)
        except assembly.OPERATOR_ERRORS as error:
            print(f"onvifd: {error}", file=sys.stderr, flush=True)
            sys.exit(Arbiter.APP_LOAD_ERROR)
        finally:
            gc.enable()
        return app.create(app.SoapEndpoint(self._running.device, schema, self._running.authenticator))

    def stop_serving(self) -> None:
        """Let the waiting PullMessages answer, and end the web server when all in flight is answered."""
        if self._running is not None:
            self._running.device.subscriptions.close()
            self._running.device.webserver.close()

    def close(self) -> None:
        if self._running is not None:
            self._running.close()


def serve(config: Config) -> None:
    """Run the device until SIGTERM or SIGINT, as init does.

    Raises StateInUse and OSError; ends with SystemExit.
    """
    config.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(config.state_dir):
        run(config)


def run(
    config: Config,
    when_ready: Callable[[], None] = lambda: None,
    arbiter: type[OneWorker] = OneWorker,
) -> None:
    """Run the device on a state directory that the caller has locked.

    `when_ready` is called in the worker when it begins to answer. Ends with SystemExit.
    """
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    os.umask(0o077)  # for nginx too: nothing here is anybody else's
    config.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    logging.getLogger("gunicorn.error").addFilter(_is_news)
    arbiter(Service(config, when_ready)).run()


def _is_news(record: logging.LogRecord) -> bool:
    """Not what the arbiter says after a start that failed: the worker has said why, in one line."""
    epilogue = (f"exited with code {Arbiter.APP_LOAD_ERROR}", "Shutting down: Master", "App failed to load")
    return not record.getMessage().rstrip(".").endswith(epilogue)


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a state directory. The lock is inherited by the worker and lasts as long as either lives.

    Raises StateInUse if another process holds it.
    """
    lock = directory / "lock"
    lock.touch(mode=0o600)
    with lock.open("w") as file:
        deadline = time.monotonic() + LOCK_TIMEOUT
        while not _try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise StateInUse(f"{directory} is in use by another onvifd")
            time.sleep(0.1)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""The two servers that are compared, each behind an nginx: the device and the bare application."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from onvifd import server
from onvifd.config import Config
from tests.bench_device import BenchDevice
from tests.benchmark.client import Client, operation
from tests.benchmark.load import Address, Refused
from tests.support import free_port

HOST = "127.0.0.1"
GET_TIME = operation("tds:GetSystemDateAndTime")

_PROGRAM = Path(__file__).with_name("hello.py")
_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 10.0
_POLL = 0.002


@dataclass(frozen=True)
class Server:
    """A running server."""

    socket: str
    """The Unix socket of the service itself."""
    http: tuple[str, int]
    """Where its nginx listens."""
    start: float
    """Seconds from the start of the process to the first answer."""
    processes: Callable[[], dict[int, str]]
    """The process IDs, each with what the process is."""


@dataclass(frozen=True)
class Device(Server):
    """A running device."""

    https_port: int
    """Where HTTPS is to listen once it is switched on."""
    user: str
    password: str

    def client(self, address: Address) -> Client:
        """The administrator, at the socket or at nginx."""
        return Client(address, self.user, self.password)


@contextlib.contextmanager
def device(server: str = "nginx") -> Iterator[Device]:
    """`onvifd demo` in factory state; its first answer is the first one through its web server."""
    bench = BenchDevice(options=(f"--server={server}",))
    http = (HOST, bench.http_port)

    def processes() -> dict[int, str]:
        return {
            pid: _role(command, is_first=pid == bench.process.pid)
            for pid, command in sorted(bench.processes().items())
        }

    try:
        started = time.perf_counter()
        bench.launch()
        _wait_for_answer(http)
        yield Device(
            socket=str(Config(run_dir=bench.state / "run").socket),
            http=http,
            start=time.perf_counter() - started,
            processes=processes,
            https_port=bench.https_port,
            user=Config().users.administrator,
            password=bench.password,
        )
        bench.stop()
    finally:
        bench.close()


@contextlib.contextmanager
def hello() -> Iterator[Server]:
    """The application of hello.py; its first answer is the first one on its own socket.

    The nginx in front of it passes requests on as the device's does.
    """
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onvifd-hello-")))
        socket, http = directory / "hello.sock", (HOST, free_port())
        started = time.perf_counter()
        process = stack.enter_context(_process([sys.executable, str(_PROGRAM), *_arguments(socket)]))
        _wait_for_answer(str(socket))
        start = time.perf_counter() - started
        configuration = directory / "nginx.conf"
        configuration.write_text(_nginx_configuration(directory, socket, http[1]))
        nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin") or "nginx"
        arguments = [nginx, "-e", "stderr", "-p", str(directory), "-c", str(configuration)]
        stack.enter_context(_process(arguments))
        _wait_for_answer(http)
        yield Server(str(socket), http, start, lambda: _family(process.pid))


def _arguments(socket: Path) -> list[str]:
    """What the device gives to gunicorn."""
    service = Config().service
    return [str(socket), str(service.threads + service.maximum_pull_points), str(server.UPSTREAM_KEEPALIVE)]


def _nginx_configuration(directory: Path, backend: Path, port: int) -> str:
    """What concerns speed in the configuration that the device writes."""
    modules = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{module}_temp_path {directory}/{module};" for module in modules)
    return f"""
        {"user root;" if os.geteuid() == 0 else ""}
        daemon off;
        worker_processes 1;
        pid {directory}/nginx.pid;
        error_log stderr warn;
        events {{ worker_connections 256; }}
        http {{
            access_log off;
            {temporary}
            upstream hello {{
                server unix:{backend};
                keepalive 4;
            }}
            server {{
                listen {HOST}:{port};
                location /onvif/ {{
                    proxy_pass http://hello;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    proxy_set_header Host $http_host;
                    proxy_set_header X-Real-IP $remote_addr;
                    proxy_set_header X-Forwarded-For $remote_addr;
                    proxy_set_header X-Forwarded-Proto $scheme;
                }}
            }}
        }}
    """


@contextlib.contextmanager
def _process(arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs until the end of the block."""
    process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_answer(address: Address) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while True:
        try:
            Client(address).call(GET_TIME)
        except (OSError, Refused):
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL)
        else:
            return


def _role(command: str, *, is_first: bool) -> str:
    if command.startswith("nginx: "):
        return " ".join(command.split()[:2]).replace(":", "")
    return "onvifd arbiter" if is_first else "onvifd worker"


def _family(pid: int) -> dict[int, str]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {pid: "hello arbiter", **dict.fromkeys(map(int, children.split()), "hello worker")}

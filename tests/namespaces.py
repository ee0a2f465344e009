"""Networks of the test's own: namespaces, which are hosts without a disk, and cables between them."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyroute2 import netns

from tests.bench_device import REPOSITORY, STOP_TIMEOUT

_NUMBERS = itertools.count()


class Host:
    """A network namespace with its loopback up. Every `ip` command of it raises CalledProcessError."""

    def __init__(self, role: str) -> None:
        self.name = f"onvifd-{os.getpid()}-{next(_NUMBERS)}-{role}"
        _run("ip", "netns", "add", self.name)
        self.ip("link set lo up")
        # An address counts at once: nobody else has it here.
        self.run("sysctl", "-q", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")

    def ip(self, arguments: str) -> None:
        """`ip ARGUMENTS` in this namespace."""
        _run("ip", "-n", self.name, *arguments.split())

    def run(self, *command: str) -> None:
        _run("ip", "netns", "exec", self.name, *command)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """This thread, and those that it starts, are on this host: their sockets stay here for ever."""
        netns.pushns(self.name)
        try:
            yield
        finally:
            netns.popns()

    def close(self) -> None:
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)


@contextlib.contextmanager
def hosts(*roles: str) -> Iterator[list[Host]]:
    """New hosts, which are removed at the end with all that they are connected with."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("only root can make network namespaces")
    with contextlib.ExitStack() as stack:
        made = []
        for role in roles:
            made.append(Host(role))
            stack.callback(made[-1].close)
        yield made


def connect(near: Host, near_name: str, far: Host, far_name: str) -> None:
    """A cable between an interface of one host and an interface of another; both are set up."""
    near.ip(f"link add {near_name} type veth peer name {far_name} netns {far.name}")
    near.ip(f"link set {near_name} up")
    far.ip(f"link set {far_name} up")


@contextlib.contextmanager
def serving(
    host: Host, directory: Path, configuration: str, password: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`onvifd serve` on a host, with its configuration (TOML) and its log in a directory; waits for nothing."""
    file = directory / "onvifd.toml"
    file.write_text(configuration)
    command = [sys.executable, "-m", "onvifd", "serve", "--config", str(file)]
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            ["ip", "netns", "exec", host.name, *command],
            cwd=REPOSITORY,
            env={**os.environ, "ONVIFD_ADMIN_PASSWORD": password},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT)


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"

"""What every test may use: waiting with a deadline and free ports."""

import itertools
import os
import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SERVER = os.environ.get("ONVIFD_TEST_SERVER", "nginx")
"""The web server of each device whose test does not choose one: nginx or lighttpd."""


def wait_until(condition: Callable[[], T], timeout: float = 30.0, interval: float = 0.02) -> T:
    """Poll until the condition is true and return its value.

    Raises AssertionError after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"still {value!r} after {timeout} s")
        time.sleep(interval)


# Each worker of a parallel run has ports of its own, below those that the kernel gives to outgoing
# connections: nobody takes a port between the moment that a test chose it and its server's start.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_FIRST = 20000 + 2000 * (_WORKER % 6)
# Another run on this machine at the same time starts elsewhere in the range.
_PORTS = (_FIRST + (os.getpid() * 41 + number) % 2000 for number in itertools.count())


def free_port() -> int:
    """A TCP port of the loopback addresses that nobody listens on."""
    return next(port for port in _PORTS if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

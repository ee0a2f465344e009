"""What every test may use: waiting with a deadline, ending processes, and free ports."""

import contextlib
import itertools
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
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


def kill_all(find: Callable[[], Iterable[int]]) -> None:
    """`kill -9` for the processes whose IDs are found, until none is.

    To look once is not enough: what one of them forks meanwhile can have a lower ID than those looked at.
    """

    def none_is_left() -> bool:
        found = list(find())
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not found

    wait_until(none_is_left)


# Each worker of a parallel run has ports of its own, below those that the kernel gives to outgoing
# connections: nobody takes a port between the moment that a test chose it and its server's start.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_FIRST = 20000 + 2000 * (_WORKER % 6)
# Another run on this machine at the same time starts elsewhere in the range.
_PORTS = (_FIRST + (os.getpid() * 41 + number) % 2000 for number in itertools.count())


def free_port() -> int:
    """A TCP port of the loopback addresses that nobody listens on."""
    return next(port for port in _PORTS if is_free(port))


def is_free(port: int) -> bool:
    """Whether nobody listens on a TCP port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

"""The load generator: kept-alive connections in one loop, cheap enough not to be what is measured."""

from __future__ import annotations

import contextlib
import gc
import re
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

Address = str | tuple[str, int]
"""Where a server listens: the path of a Unix socket, or the host and port of a TCP one."""

TIMEOUT = 30.0
"""Seconds without any answer after which a server is given up."""


@dataclass(frozen=True)
class Load:
    """What became of a number of requests."""

    seconds: float
    """From the first request to the last answer."""
    latencies: list[float]
    """Seconds from sending each request to its whole answer."""
    contents: list[bytes]
    """What was answered, in no particular order."""
    busy: float
    """Seconds of it for which the load generator itself had a processor."""


class Refused(Exception):
    """An answer with another status than 200."""


def drive(address: Address, requests: Sequence[bytes], connections: int) -> Load:
    """Send each request once, over a number of connections that each wait for an answer before they go on.

    Raises Refused, OSError, and TimeoutError if the server falls silent.
    """
    latencies: list[float] = []
    contents: list[bytes] = []
    waiting = iter(requests)
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        idle = [stack.enter_context(Connection(address)) for _ in range(min(connections, len(requests)))]
        for connection in idle:
            selector.register(connection, selectors.EVENT_READ, connection)
        stack.callback(gc.enable)
        gc.disable()
        started, busy = time.perf_counter(), time.process_time()
        for connection in idle:
            connection.send(next(waiting))
        while len(contents) < len(requests):
            ready = selector.select(TIMEOUT)
            if not ready:
                raise TimeoutError(f"{address} does not answer")
            for key, _ in ready:
                connection = key.data
                content = connection.receive()
                if content is not None:
                    latencies.append(time.perf_counter() - connection.sent)
                    contents.append(content)
                    following = next(waiting, None)
                    if following is not None:
                        connection.send(following)
        return Load(time.perf_counter() - started, latencies, contents, time.process_time() - busy)


class Connection:
    """A client's connection, which is kept alive."""

    def __init__(self, address: Address) -> None:
        self.sent = 0.0
        """When the last request was sent, by time.perf_counter()."""
        self._received = b""
        self._socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        try:
            self._socket.settimeout(TIMEOUT)
            self._socket.connect(address)
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, request: bytes) -> None:
        self._received = b""
        self.sent = time.perf_counter()
        self._socket.sendall(request)

    def receive(self) -> bytes | None:
        """Wait for more of the answer; its content if that completes it. Raises Refused."""
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._received += data
        head, separator, content = self._received.partition(b"\r\n\r\n")
        if not separator or len(content) < _content_length(head):
            return None
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise Refused(f"{head.decode('latin-1')}\n{content.decode(errors='replace')}")
        return content

    def exchange(self, request: bytes) -> bytes:
        """Send a request and wait for the content of its answer. Raises Refused."""
        self.send(request)
        while True:
            content = self.receive()
            if content is not None:
                return content

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def _content_length(head: bytes) -> int:
    found = _CONTENT_LENGTH.search(head)
    assert found, f"an answer of unknown length: {head!r}"
    return int(found[1])

"""A consumer of notifications: an HTTP server that keeps what it is sent."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAXIMUM_SIZE = 1024 * 1024


@dataclass(frozen=True)
class Posted:
    """One request."""

    target: str
    headers: dict[str, str]
    """By their names in lower case."""
    body: bytes


class _IPv6Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6


class NotificationConsumer:
    """Listens on a free port of an address as long as its context lasts.

    `status` is what it answers, with `headers`.
    """

    def __init__(self, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.status = 202
        self.headers: dict[str, str] = {}
        self.received: list[Posted] = []
        self.changed = threading.Condition()
        consumer = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers["Content-Length"]), MAXIMUM_SIZE))
                headers = {name.lower(): value for name, value in self.headers.items()}
                consumer.take(Posted(self.path, headers, body))
                self.send_response(consumer.status)
                for name, value in {"Content-Length": "0", **consumer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        server = _IPv6Server if ":" in address else ThreadingHTTPServer
        self._server = server((address, 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        host = f"[{address}]" if ":" in address else address
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://{host}:{self._server.server_port}/notify?subscription=1"

    def take(self, posted: Posted) -> None:
        with self.changed:
            self.received.append(posted)
            self.changed.notify_all()

    def wait(self, number: int, timeout: float) -> list[Posted]:
        """All requests so far: as soon as there are `number` of them, or what there is after `timeout` seconds."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.received) >= number, timeout)
            return list(self.received)

    def __enter__(self) -> NotificationConsumer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

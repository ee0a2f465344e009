"""A device's side of SOAP over HTTP, for false devices that the device test itself is tested with."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, bytes]
"""An HTTP status and a body."""


class SoapServer:
    """Answers each POST to a port of 127.0.0.1 with what a function makes of its body.

    With a TLS context it is HTTPS. Closes within a moment; connections are not kept.
    """

    def __init__(
        self, answer: Callable[[bytes], Answer], port: int = 0, context: ssl.SSLContext | None = None
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, content = answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(status)
                self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            # The handshake is the connection's own thread's business, and so is its failure.
            def finish_request(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
                with contextlib.suppress(OSError):
                    request.settimeout(10)
                    if context is not None:
                        request = context.wrap_socket(request, server_side=True)
                    super().finish_request(request, client_address)

        self._server = Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_port
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> SoapServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

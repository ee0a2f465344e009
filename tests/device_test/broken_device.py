"""A device with a defect: a good one behind a proxy that spoils some of its answers.

    with BrokenDevice("http://192.0.2.1:80") as broken:
        broken.defects = {"DEVICE-3-1-9": defects.edits("GetDeviceInformation", change)}
        ...  # the device test of broken.url, with the plugin below: the device has the defect during that case

What the good device says of its own addresses is right as it is, since it takes them from the Host header, which goes
through.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3
from lxml import etree

from tests.device_test.client import NAMES

TIMEOUT = 90.0
_OF_THE_CONNECTION = {"connection", "content-length", "keep-alive", "transfer-encoding"}


@dataclass(frozen=True)
class Request:
    """A POST."""

    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def operation(self) -> str:
        """The local name of the element in the Body; nothing if it is no SOAP message."""
        with contextlib.suppress(etree.XMLSyntaxError):
            body = etree.fromstring(self.content).find("env:Body/*", NAMES)
            return "" if body is None else etree.QName(body).localname
        return ""


@dataclass(frozen=True)
class Answer:
    """What is answered to it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes

    @property
    def succeeded(self) -> bool:
        return self.status == 200

    def edited(self, change: Callable[[etree._Element], object]) -> Answer:
        """The same with another SOAP message: `change` is given the envelope."""
        root = etree.fromstring(self.content)
        change(root)
        return replace(self, content=etree.tostring(root, xml_declaration=True, encoding="utf-8"))


Forward = Callable[[Request], Answer]
Defect = Callable[[Request, Forward], Answer]
"""Answers a request, mostly with what the good device answers to it."""


def none(request: Request, forward: Forward) -> Answer:
    """The good device."""
    return forward(request)


class BrokenDevice:
    """The proxy, on a port of 127.0.0.1. A GET of `/DEVICE-3-1-9` tells it which case begins, one of `/` that it has
    ended."""

    def __init__(self, good: str) -> None:
        """Take the scheme, host and port of the good device's URL."""
        broken = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                request = Request(self.path, dict(self.headers.items()), content)
                broken._send(self, broken._defect(request, broken._forward))

            def do_GET(self) -> None:
                broken._begin(self.path.strip("/"))
                broken._send(self, Answer(204, (), b""))

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.defects: Mapping[str, Defect] = {}
        """By the ID of the case that meets it."""
        self._defect: Defect = none
        self._good = good
        self._pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def _begin(self, case: str) -> None:
        self._defect = self.defects.get(case, none)

    def _forward(self, request: Request) -> Answer:
        headers = {
            name: value for name, value in request.headers.items() if name.lower() not in _OF_THE_CONNECTION
        }
        # One connection for each: the good device may close a kept one, as when its web server's configuration changes.
        headers["Connection"] = "close"
        answer = self._pool.request("POST", self._good + request.path, body=request.content, headers=headers)
        received = answer.headers.iteritems()
        kept = tuple((name, value) for name, value in received if name.lower() not in _OF_THE_CONNECTION)
        return Answer(answer.status, kept, answer.data)

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.send_response_only(answer.status)
        for name, value in (*answer.headers, ("Content-Length", str(len(answer.content)))):
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(answer.content)

    def __enter__(self) -> BrokenDevice:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._pool.clear()

"""Clients that poll throughout notice no change: no failed request on new connections, no lost answer."""

from __future__ import annotations

import functools
import http.client
import itertools
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import pytest

from tests.webserver.support import NEWEST_NGINX, Device, connection_to, post, trusting_anything

Ports = tuple[int, int, int]

SERVERS = ("nginx", "lighttpd", "nginx-external", "lighttpd-external")

IDLE_CLOSE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError)
"""How a connection ends that the server closed while it was idle."""

_numbers = itertools.count(1)


class Client:
    """Polls until it is told to stop, with a connection for each request or with a kept-alive one."""

    def __init__(self, device: Device, port: int, *, tls: bool, keeps_alive: bool) -> None:
        self.kind = ("HTTPS" if tls else "HTTP", "kept alive" if keeps_alive else "new")
        self.requests = 0
        self.closed_idle = 0
        self.failures: list[object] = []
        self._device = device
        self._port = port
        self._context = trusting_anything() if tls else None
        self._keeps_alive = keeps_alive

    def run(self, done: threading.Event) -> None:
        connection, used = self._connection(), False
        while not done.is_set():
            number = str(next(_numbers))
            try:
                status = self._poll(connection, number)
            except IDLE_CLOSE as error:
                # RFC 9112 9.3.1: this can meet a request on a used connection. It must not have been handled.
                if not used or number in self._device.service.received:
                    self.failures.append(error)
                self.closed_idle += 1
                connection, used = self._connection(), False
                continue
            except OSError as error:
                self.failures.append(error)
                connection, used = self._connection(), False
                continue
            self.requests += 1
            if status != 200:
                self.failures.append(status)
            if self._keeps_alive:
                used = connection.sock is not None
            else:
                connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return connection_to("127.0.0.1", self._port, self._context)

    def _poll(self, connection: http.client.HTTPConnection, number: str) -> int:
        connection.request("POST", "/onvif/device_service", b"<x/>", {"X-Number": number})
        response = connection.getresponse()
        response.read()
        return response.status


LONGEST_POLL = 30.0
"""Seconds after which a PullMessages is answered without a message."""


def long_polls(port: int, done: threading.Event) -> list[int]:
    """One PullMessages after another, until done; their statuses."""
    statuses = []
    while not done.is_set():
        headers = {"X-Wait": str(LONGEST_POLL)}
        statuses.append(post("127.0.0.1", port, "/onvif/wait", headers=headers)["status"])
    return statuses


def change_over_http(
    device: Device, port: int, action: Callable[[], object], context: ssl.SSLContext | None = None
) -> float:
    """Let a request change what is served, as onvifd's operations do; seconds until its answer."""
    device.service.actions["/onvif/change"] = action
    started = time.perf_counter()
    assert post("127.0.0.1", port, "/onvif/change", context=context)["status"] == 200
    return time.perf_counter() - started


@pytest.mark.parametrize(
    ("server", "replacements", "moves"),
    [
        ("nginx", 12, 6),
        (NEWEST_NGINX, 12, 6),
        ("lighttpd", 12, 6),
        ("nginx-external", 12, 6),
        # A lighttpd that init runs closes a port only when it is replaced: for some ms it refuses connections.
        ("lighttpd-external", 12, 0),
        pytest.param("nginx", 200, 50, marks=pytest.mark.soak),
        pytest.param(NEWEST_NGINX, 200, 50, marks=pytest.mark.soak),
        pytest.param("lighttpd", 200, 50, marks=pytest.mark.soak),
        pytest.param("nginx-external", 200, 50, marks=pytest.mark.soak),
        pytest.param("lighttpd-external", 200, 0, marks=pytest.mark.soak),
    ],
    indirect=["server"],
)
def test_clients_that_poll_throughout_notice_nothing(
    device: Device, ports: Ports, server: str, replacements: int, moves: int
) -> None:
    """Certificate replacements and port changes, asked for over the very port that they move, while 8 clients
    poll and a PullMessages is open."""
    http_port, https_port, moving = ports
    device.change(http=[http_port, moving])
    clients = [
        Client(device, https_port if tls else http_port, tls=tls, keeps_alive=keeps_alive)
        for tls in (False, True)
        for keeps_alive in (False, True)
        for _ in range(2)
    ]
    done = threading.Event()
    times: dict[str, list[float]] = {"replacement": [], "port": []}
    with ThreadPoolExecutor(10) as pool:
        polls = pool.submit(long_polls, http_port, done)
        assert device.service.waiting.acquire(timeout=10)
        running = [pool.submit(client.run, done) for client in clients]
        try:
            for number in range(replacements):
                name = ("rsa-2", "rsa-1")[number % 2]
                change = functools.partial(device.change, assigned=[name])
                seconds = change_over_http(device, http_port, change)
                times["replacement"].append(seconds)
            for number in range(moves):
                wanted = [http_port] if number % 2 == 0 else [http_port, moving]
                over = moving if number % 2 == 0 else http_port
                seconds = change_over_http(device, over, functools.partial(device.change, http=wanted))
                times["port"].append(seconds)
        finally:
            done.set()
            device.service.released.set()
            for each in running:
                each.result(60)
        assert set(polls.result(60)) == {200}
    assert not [failure for client in clients for failure in client.failures]
    requests, closed = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for client in clients:
        requests[client.kind] += client.requests
        closed[client.kind] += client.closed_idle
    assert min(requests.values()) > 0
    if server == NEWEST_NGINX:  # it lets an idle connection have one more request before it closes it
        assert sum(closed.values()) == 0
    for kind, count in requests.items():
        print(f"{' '.join(kind):20} {count:7} requests, {closed[kind]} closed while idle")
    for what, measured in times.items():
        if measured:
            print(f"{what:20} median {median(measured) * 1000:.0f} ms, worst {max(measured) * 1000:.0f} ms")
    device.assert_agreement([moving] if moves % 2 else [])


@pytest.mark.parametrize("server", SERVERS, indirect=True)
@pytest.mark.parametrize("secured", [False, True])
def test_the_request_that_closes_its_own_port_is_answered(
    device: Device, ports: Ports, secured: bool
) -> None:
    """It moves the port over which it came, and then disables the protocol of it."""
    http_port, https_port, other = ports
    protocol, port = ("https", https_port) if secured else ("http", http_port)
    context = trusting_anything() if secured else None
    for outcome, over in (([other], port), ([], other)):
        change = functools.partial(device.change, **{protocol: outcome})
        change_over_http(device, over, change, context)
        device.assert_agreement([over])

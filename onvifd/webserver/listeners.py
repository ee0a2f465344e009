"""The addresses and ports that a rendered configuration listens on."""

import ipaddress
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from onvifd import network
from onvifd.webserver import files
from onvifd.webserver.errors import PortInUse
from onvifd.webserver.model import ServerConfiguration
from onvifd.webserver.verify import answers

Listener = tuple[str, int]
"""An IP address and a TCP port."""

_FILE = "listeners"
_BACKLOG = 512
_ANSWER = 1.0
"""Seconds in which our own server answers."""
_CLOSING = 0.5
"""Seconds that a server may take to close a port that it no longer serves."""


def listeners(configuration: ServerConfiguration, addresses: Sequence[str]) -> list[Listener]:
    """All of a configuration, HTTP first."""
    return [
        (address, port)
        for port in configuration.http_ports + configuration.https_ports
        for address in addresses
    ]


def write(found: Sequence[Listener], directory: Path, group: int | None) -> None:
    """Into a rendered directory."""
    files.write(directory / _FILE, "".join(f"{address} {port}\n" for address, port in found), group)


def read(directory: Path) -> list[Listener]:
    """The listeners of a rendered directory; none if it is not there."""
    try:
        lines = (directory / _FILE).read_text().splitlines()
    except FileNotFoundError:
        return []
    return [(address, int(port)) for address, port in map(str.split, lines)]


class Open:
    """The listeners that a server may have open: what it was told to open and was not seen to close."""

    def __init__(self) -> None:
        self._open: set[Listener] = set()
        self._settled: set[Listener] = set()
        """Those that it certainly has open."""
        self._told = 0.0

    def assume(self, directory: Path) -> None:
        """An earlier run may have told the server to open these."""
        self._open.update(read(directory))

    def tell(self, directory: Path) -> bool:
        """The server will be told to serve a rendered directory. Whether it has a port to close for that.

        The last moment to find that another program has taken a port: raises PortInUse.
        """
        wanted = set(read(directory))
        for listener in sorted(wanted - self._settled):
            if _busy(listener) and not _serves(listener, directory):
                raise PortInUse(listener[1])
        closes = bool(self._open - wanted)
        self._open |= wanted
        self._told = time.monotonic()
        return closes

    def settle(self, directory: Path) -> bool:
        """The server has begun to serve a rendered directory. Whether it has closed its other ports.

        Those that stay busy for long are another program's by now, or verification finds them.
        """
        wanted = set(read(directory))
        busy = set(filter(_busy, self._open - wanted))
        if busy and time.monotonic() < self._told + _CLOSING:
            return False
        self._open = wanted | {listener for listener in busy if _serves(listener, directory)}
        self._settled = wanted
        return True


def _busy(listener: Listener) -> bool:
    address, port = listener
    return not network.port_is_free((address,), port)


def _serves(listener: Listener, directory: Path) -> bool:
    """Whether it is our server that listens: with the directory or with another one beside it."""
    address, port = listener
    ours = [generation.name for generation in directory.resolve().parent.iterdir()]
    return answers((address,), port, ours, _ANSWER)


def name(listener: Listener) -> str:
    """A listener as web servers write it: `127.0.0.1:80`, `[::]:80`."""
    address, port = listener
    return f"[{address}]:{port}" if ipaddress.ip_address(address).version == 6 else f"{address}:{port}"


def listening(listener: Listener) -> socket.socket:
    """A socket that listens. Raises OSError."""
    address, port = listener
    version = ipaddress.ip_address(address).version
    opened = socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if version == 6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((address, port))
        opened.listen(_BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened

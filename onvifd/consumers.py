"""The consumers that this device sends notifications to: which addresses they may have, and a POST to them.

A client chooses where the device connects to, so this is where it is kept from attacking others on the
client's behalf: only networks that the configuration names, never the device itself, one lookup of a name,
no redirects, bounded answers that nobody ever sees.
"""

import contextlib
import functools
import http.client
import io
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from onvifd import network

TIMEOUT = 5.0
"""Seconds that each of connecting, the TLS handshake, sending and the answer may take."""

MAXIMUM_URL_LENGTH = 2048
MAXIMUM_ANSWER = 65536
"""Bytes that are read of an answer. Only its status counts."""

_LOOKUP_PATIENCE = 1.0
"""Seconds to wait for another client's name lookup: one at a time, lest slow ones hold all threads."""

_URL = re.compile("[!-~]+", re.ASCII)
_METADATA = frozenset({ip_address("169.254.169.254"), ip_address("fd00:ec2::254")})

Network = IPv4Network | IPv6Network
IPAddress = IPv4Address | IPv6Address


class ConsumerRefused(Exception):
    """This device sends nothing to such a consumer; the text says how to mend it."""


class DeliveryFailed(Exception):
    """A consumer did not take a message; the text says why."""


@dataclass(frozen=True)
class Consumer:
    """Where messages go: a URL, and the one checked IP address that its host stands for."""

    url: str
    scheme: str
    host: str
    """As the URL names it: for the Host header, and the name that a certificate must have."""
    port: int
    target: str
    """Path and query."""
    address: IPAddress


class Policy:
    """Which addresses consumers may have."""

    def __init__(
        self,
        networks: Iterable[Network],
        own_ports: Callable[[], Collection[int]],
        interfaces: Callable[[], Iterable[network.Interface]] = network.interfaces,
    ) -> None:
        """`own_ports` are those that this device's own services listen on.

        They matter only where the loopback is among the networks.
        """
        self._networks = tuple(networks)
        self._own_ports = own_ports
        self._interfaces = interfaces
        self._lookup = threading.Lock()

    def consumer(self, url: str) -> Consumer:
        """The consumer at a URL. Raises ConsumerRefused."""
        if len(url) > MAXIMUM_URL_LENGTH or not _URL.fullmatch(url):
            raise ConsumerRefused(
                f"A consumer's address is a URL of {MAXIMUM_URL_LENGTH} ASCII characters at most"
            )
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConsumerRefused(f"The consumer's address is no URL: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConsumerRefused("A consumer's address begins with http:// or https:// and a host")
        if parts.username is not None or parts.password is not None:
            raise ConsumerRefused("A consumer's address can't hold a user name or a password: leave them out")
        if port is None:
            port = 443 if parts.scheme == "https" else 80
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        for address in self._addresses(parts.hostname):
            consumer = Consumer(url, parts.scheme, parts.hostname, port, target, address)
            if self.permits(consumer):
                return consumer
        raise ConsumerRefused(
            "This device sends no notifications to that consumer: its address must be in one of the networks"
            " that notification.networks of the device's configuration permits, and not the device's own"
        )

    def permits(self, consumer: Consumer) -> bool:
        """Whether messages may go there now: the device's own addresses and ports may change.

        Raises OSError if the kernel does not tell its addresses.
        """
        address = consumer.address
        if address in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
            return False
        if not any(_names(each, address) for each in self._networks):
            return False
        if address.is_loopback:
            return consumer.port not in self._own_ports()
        own = [ip_interface(f"{each.address}/{each.prefix_length}") for each in self._own_addresses()]
        return address not in {each.ip for each in own} and address not in _broadcasts(own)

    def _own_addresses(self) -> Iterable[network.Address]:
        return (address for each in self._interfaces() for address in (*each.ipv4, *each.ipv6))

    def _addresses(self, host: str) -> list[IPAddress]:
        """What the host stands for; an IPv4 address in IPv6's clothes is what it is."""
        if not self._lookup.acquire(timeout=_LOOKUP_PATIENCE):
            raise ConsumerRefused(
                "The name of another consumer is being looked up: try again, or use an IP address"
            )
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise ConsumerRefused("The consumer's host can't be found: use an IP address") from None
        finally:
            self._lookup.release()
        addresses = [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]
        return [getattr(address, "ipv4_mapped", None) or address for address in addresses]


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks in CIDR form. Raises ValueError."""
    return tuple(ip_network(text) for text in texts)


def _names(permitted: Network, address: IPAddress) -> bool:
    """Whether a network holds an address; the loopback has to be named, `0.0.0.0/0` does not hold it."""
    return address in permitted and (permitted.is_loopback or not address.is_loopback)


def _broadcasts(own: Iterable[Any]) -> set[IPAddress]:
    networks = (each.network for each in own if isinstance(each, IPv4Interface))
    found = {each.broadcast_address for each in networks if each.prefixlen < 31}
    return {IPv4Address("255.255.255.255"), *found}


class Sender:
    """Posts messages; for many threads."""

    def __init__(self, policy: Policy, ca_file: Path | None = None) -> None:
        """`ca_file` (PEM): the CAs that may vouch for HTTPS consumers; by default those of the system."""
        self._policy = policy
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._open: set[_Connection] = set()
        self._closed = False

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._ca_file)  # loads some hundred CAs: when first needed

    def post(self, consumer: Consumer, body: bytes, headers: Mapping[str, str]) -> None:
        """One HTTP request. Raises DeliveryFailed unless the consumer takes it, as any status 2xx says."""
        try:
            if not self._policy.permits(consumer):
                raise DeliveryFailed("its address is no longer permitted")
            status = self._exchange(consumer, body, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:  # TLS won't have some hosts
            raise DeliveryFailed(str(error) or type(error).__name__) from None
        if not 200 <= status < 300:
            raise DeliveryFailed(f"it answered with status {status}")

    def _exchange(self, consumer: Consumer, body: bytes, headers: Mapping[str, str]) -> int:
        connection = _Connection(consumer, self._tls if consumer.scheme == "https" else None)
        with self._lock:
            if self._closed:
                raise DeliveryFailed("the device is shutting down")
            self._open.add(connection)
        try:
            connection.request("POST", consumer.target, body, {"Connection": "close", **headers})
            return connection.getresponse().status
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def close(self) -> None:
        """Break off what is being sent, for good."""
        with self._lock:
            self._closed = True
            for connection in self._open:
                connection.abort()


class _Connection(http.client.HTTPConnection):
    """Goes to the address that was checked, whatever the name means by now."""

    def __init__(self, consumer: Consumer, tls: ssl.SSLContext | None) -> None:
        super().__init__(consumer.host, consumer.port, TIMEOUT)
        self.response_class = _Response
        self.default_port = 80 if tls is None else 443
        self._consumer = consumer
        self._tls = tls
        self._aborted = False

    def connect(self) -> None:
        self.sock = socket.create_connection((str(self._consumer.address), self.port), TIMEOUT)
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock.do_handshake()
        if self._aborted:
            raise ConnectionAbortedError("the device is shutting down")

    def abort(self) -> None:
        """Make the thread that uses it fail at once; one that still connects fails when that is done."""
        self._aborted = True
        if self.sock is not None:
            with contextlib.suppress(OSError):
                # Not TLS's own shutdown, which would touch what that thread uses.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(cast(socket.socket, _Answer(sock)), *arguments, **options)


class _Answer(io.RawIOBase):
    """What a consumer answers, as the socket that http.client reads it from: bounded in bytes and in time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._left = MAXIMUM_ANSWER
        self._deadline = time.monotonic() + TIMEOUT

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            raise OSError(f"it answers with more than {MAXIMUM_ANSWER} bytes")
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("it takes too long to answer")
        self._sock.settimeout(remaining)
        size = self._sock.recv_into(buffer, min(len(buffer), self._left))
        self._left -= size
        return size

"""UDP port 3702 of IPv4 and of IPv6: which link a datagram came on, and sending on a given one.

One socket serves all links of its address family. It hears the group on the links that joined it, and
what is sent to any address of the host.
"""

import logging
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, ClassVar, NamedTuple

_log = logging.getLogger(__name__)

PORT = 3702
MAXIMUM_SIZE = 8192
"""Bytes of a datagram that is read; a longer one is dropped. A Probe with gSOAP's 20 namespaces has 3000."""

_IP_PKTINFO = 8
_IP_MULTICAST_ALL = 49
_IPV6_MULTICAST_ALL = 29
"""Of the kernel's interface (include/uapi/linux/in.h, in6.h); Python has no names for them."""


class Datagram(NamedTuple):
    data: bytes
    source: tuple[Any, ...]
    """As the socket module has it: address, port and, for IPv6, flow and scope."""
    link: int
    """The index of the interface that it came on."""
    destination: str
    """The IP address that it was sent to."""

    @property
    def multicast(self) -> bool:
        return ip_address(self.destination).is_multicast

    @property
    def sender(self) -> str:
        """The IP address that it came from, without a scope."""
        return str(self.source[0]).partition("%")[0]


class DiscoverySocket(ABC):
    """The port, for one address family."""

    family: ClassVar[socket.AddressFamily]
    group: ClassVar[str]
    """The multicast address (WSD 2.4)."""

    def __init__(self) -> None:
        """Raises OSError, where the host lacks the address family or another program has the port."""
        self._socket = socket.socket(self.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._joined: set[int] = set()
        try:
            # Another program that listens to discovery, a client for instance, may share the port.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._prepare(self._socket)
            self._socket.bind(("", PORT))
        except OSError:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def join(self, links: Iterable[int]) -> None:
        """Hear the group on these links and on no other; one that refuses is tried again at the next call."""
        wanted = set(links)
        for link in self._joined - wanted:
            with suppress(OSError):  # the interface may be gone
                self._member(self._socket, link, join=False)
        self._joined &= wanted
        for link in wanted - self._joined:
            try:
                self._member(self._socket, link, join=True)
            except OSError as error:
                _log.warning("interface %d takes no part in discovery: %s", link, error)
            else:
                self._joined.add(link)

    def receive(self) -> Datagram | None:
        """The next datagram, or None for one that is too long. Raises BlockingIOError if there is none."""
        data, ancillary, flags, source = self._socket.recvmsg(MAXIMUM_SIZE, 256)
        if flags & socket.MSG_TRUNC or not ancillary:
            return None
        link, destination = self._arrival(ancillary[0][2])
        return Datagram(data, source, link, destination)

    def multicast(self, data: bytes, link: int, address: str) -> None:
        """Send to the group on a link, from an address of it. Raises OSError."""
        self._send(data, (self.group, PORT), link, address)

    def answer(self, data: bytes, request: Datagram) -> None:
        """Send to where a datagram came from: on the link that it came on, or from the address that it was
        sent to. Raises OSError."""
        if request.multicast:
            # The client may be in another network than our address: on this link it hears us all the same.
            self._send(data, request.source, request.link, None)
        else:
            link = request.link if ip_address(request.destination).is_link_local else 0
            self._send(data, request.source, link, request.destination)

    def _send(self, data: bytes, to: tuple[Any, ...], link: int, address: str | None) -> None:
        self._socket.sendmsg([data], [self._departure(link, address)], 0, to)

    @staticmethod
    @abstractmethod
    def _prepare(sock: socket.socket) -> None:
        """Set the options of the family."""

    @abstractmethod
    def _member(self, sock: socket.socket, link: int, *, join: bool) -> None:
        """Join or leave the group on a link. Raises OSError."""

    @staticmethod
    @abstractmethod
    def _arrival(information: bytes) -> tuple[int, str]:
        """Link and destination from the kernel's packet information."""

    @staticmethod
    @abstractmethod
    def _departure(link: int, address: str | None) -> tuple[int, int, bytes]:
        """Packet information for the kernel: the link (0: as it is routed) and the source address."""


class IPv4Socket(DiscoverySocket):
    family = socket.AF_INET
    group = "239.255.255.250"

    @staticmethod
    def _prepare(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)

    def _member(self, sock: socket.socket, link: int, *, join: bool) -> None:
        option = socket.IP_ADD_MEMBERSHIP if join else socket.IP_DROP_MEMBERSHIP
        request = struct.pack("=4s4si", socket.inet_aton(self.group), bytes(4), link)
        sock.setsockopt(socket.IPPROTO_IP, option, request)

    @staticmethod
    def _arrival(information: bytes) -> tuple[int, str]:
        link, _, destination = struct.unpack_from("=i4s4s", information)
        return link, socket.inet_ntop(socket.AF_INET, destination)

    @staticmethod
    def _departure(link: int, address: str | None) -> tuple[int, int, bytes]:
        source = socket.inet_aton(address or "0.0.0.0")  # noqa: S104 - the kernel chooses
        return socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("=i4s4s", link, source, bytes(4))


class IPv6Socket(DiscoverySocket):
    family = socket.AF_INET6
    group = "ff02::c"

    @staticmethod
    def _prepare(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        with suppress(OSError):  # Linux before 4.20: there it hears what others joined, and drops it
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)

    def _member(self, sock: socket.socket, link: int, *, join: bool) -> None:
        option = socket.IPV6_JOIN_GROUP if join else socket.IPV6_LEAVE_GROUP
        request = struct.pack("=16si", socket.inet_pton(socket.AF_INET6, self.group), link)
        sock.setsockopt(socket.IPPROTO_IPV6, option, request)

    @staticmethod
    def _arrival(information: bytes) -> tuple[int, str]:
        destination, link = struct.unpack_from("=16si", information)
        return link, socket.inet_ntop(socket.AF_INET6, destination)

    @staticmethod
    def _departure(link: int, address: str | None) -> tuple[int, int, bytes]:
        source = socket.inet_pton(socket.AF_INET6, address or "::")
        return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack("=16si", source, link)

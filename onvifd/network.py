"""The host: its name, interfaces, addresses and routes, when these change, and which ports are free."""

import contextlib
import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

_INTERFACE_UP = 0x1
_INTERFACE_RUNNING = 0x40
_ADDRESS_PERMANENT = 0x80
_ADDRESS_TENTATIVE = 0x40 | 0x08
"""Of the kernel's interface: IFF_UP, IFF_RUNNING, IFA_F_PERMANENT, IFA_F_TENTATIVE with IFA_F_DADFAILED."""
_LINKS_AND_ADDRESSES = 0x1 | 0x10 | 0x100
"""RTMGRP_LINK, RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR: the kernel's multicast groups."""
_MAIN_TABLE = 254
"""RT_TABLE_MAIN: of the routes, those that count unless somebody has set up others."""


@dataclass(frozen=True)
class Address:
    """An IP address of an interface."""

    address: str
    prefix_length: int
    dynamic: bool
    """The kernel will drop it when its lifetime ends: DHCP or SLAAC set it. A DHCP client that gives no
    lifetime to the kernel makes it look static."""

    @property
    def link_local(self) -> bool:
        """169.254.0.0/16 and fe80::/10."""
        return ip_address(self.address).is_link_local


@dataclass(frozen=True)
class Interface:
    """A network interface."""

    name: str
    index: int
    mac: str | None
    """As `02:fc:00:00:00:01`; None for an interface without one."""
    mtu: int
    """Bytes."""
    enabled: bool
    """Whether it is set up, with or without a carrier."""
    running: bool
    """Whether it has a carrier, too."""
    ipv4: tuple[Address, ...]
    ipv6: tuple[Address, ...]


def interfaces() -> list[Interface]:
    """All network interfaces as they are now, in the order of their index; the loopback is one of them.

    An IPv6 address is listed once it is known that nobody else has it (RFC 4862 5.4).
    Raises OSError if the kernel does not tell.
    """
    # Where discovery is off, most runs never ask: that saves what netlink imports.
    from onvifd import netlink

    links = netlink.dump(netlink.RTM_GETLINK)
    found = netlink.dump(netlink.RTM_GETADDR)

    def addresses_of(index: int, family: int) -> tuple[Address, ...]:
        return tuple(
            # On a point-to-point link IFA_ADDRESS is the peer; IFA_LOCAL, where there is one, is ours.
            Address(
                message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS"),
                message["prefixlen"],
                not _flags(message) & _ADDRESS_PERMANENT,
            )
            for message in found
            if message["index"] == index
            and message["family"] == family
            and not _flags(message) & _ADDRESS_TENTATIVE
        )

    return sorted(
        (
            Interface(
                name=link.get_attr("IFLA_IFNAME"),
                index=link["index"],
                mac=link.get_attr("IFLA_ADDRESS") or None,
                mtu=link.get_attr("IFLA_MTU"),
                enabled=bool(link["flags"] & _INTERFACE_UP),
                running=bool(link["flags"] & _INTERFACE_RUNNING),
                ipv4=addresses_of(link["index"], socket.AF_INET),
                ipv6=addresses_of(link["index"], socket.AF_INET6),
            )
            for link in links
        ),
        key=lambda interface: interface.index,
    )


def _flags(address: Any) -> int:
    """The 8-bit field lacks the newer flags, the attribute has all."""
    return int(address.get_attr("IFA_FLAGS") or address["flags"])


def watch() -> socket.socket:
    """A socket that becomes readable when a link or an address has changed: then read it with `drain`.

    What has changed, `interfaces` tells. Raises OSError.
    """
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    try:
        kernel.bind((0, _LINKS_AND_ADDRESSES))
    except OSError:
        kernel.close()
        raise
    return kernel


def drain(watching: socket.socket) -> None:
    """Read all that waits in a socket of `watch`."""
    while True:
        try:
            watching.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # more has changed than it could hold: something has
                raise


def addresses() -> list[str]:
    """The addresses that the host has on enabled interfaces, the loopback's last.

    Without the link-local ones: they mean nothing without naming the interface.
    """
    found = [
        address.address
        for interface in interfaces()
        if interface.enabled
        for address in interface.ipv4 + interface.ipv6
        if not address.link_local
    ]
    return sorted(dict.fromkeys(found), key=lambda address: ip_address(address).is_loopback)


def default_gateways() -> list[str]:
    """The addresses of the default gateways, IPv4 first. Raises OSError if the kernel does not tell."""
    from onvifd import netlink

    found = [
        route.get_attr("RTA_GATEWAY")
        for route in sorted(netlink.dump(netlink.RTM_GETROUTE), key=lambda route: int(route["family"]))
        if route["dst_len"] == 0 and route.get_attr("RTA_TABLE") == _MAIN_TABLE
    ]
    return list(dict.fromkeys(gateway for gateway in found if gateway))


@dataclass(frozen=True)
class Resolver:
    """How the host resolves names."""

    servers: tuple[str, ...]
    search: tuple[str, ...]
    """The domains that a name without one is looked for in."""


def resolver(path: Path = Path("/etc/resolv.conf")) -> Resolver:
    """What resolv.conf(5) says at this moment; nothing without one."""
    servers: list[str] = []
    search: tuple[str, ...] = ()
    with contextlib.suppress(OSError):
        for line in path.read_text(errors="replace").splitlines():
            keyword, *values = line.split() or [""]
            if keyword == "nameserver" and values:
                servers.append(values[0].partition("%")[0])
            elif keyword in ("search", "domain"):  # the last one counts
                search = tuple(values)
    return Resolver(tuple(server for server in servers if _is_address(server)), search)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def hostname() -> str:
    """The host's name at this moment."""
    return socket.gethostname()


def has_address(address: str) -> bool:
    """Whether a server can listen on an IP address of this host; `::` only where there is IPv6."""
    return _bind(address, 0) is None


def port_is_free(listen: Iterable[str], port: int) -> bool:
    """Whether nobody listens on a TCP port of these IP addresses."""
    return all(_bind(address, port) != errno.EADDRINUSE for address in listen)


def _bind(address: str, port: int) -> int | None:
    """The errno of an attempt to bind as a server does: past connections don't hinder it, IPv6 is apart."""
    family = socket.AF_INET6 if isinstance(ip_address(address), IPv6Address) else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address, port))
    except OSError as error:
        return error.errno
    return None

"""Where the device is to be found: its links, and the addresses of the device service on each."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from onvifd.network import Interface

MAXIMUM_XADDRS = 16
"""In one message."""


@dataclass(frozen=True)
class Link:
    """A network interface with an address that the web server listens on."""

    index: int
    name: str
    running: bool
    """Whether it has a carrier."""
    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]
    """Link-local addresses come last in both."""

    def xaddrs(self, ports: Iterable[tuple[str, int]], path: str, heard: str) -> list[str]:
        """The URLs of the device service for a client that is heard at an address of the link, or that
        listens to it from there (Core 7.3.2.3): this address comes first, then those of its family.

        A link-local IPv6 address is told only to who is on the link with IPv6: it means nothing elsewhere.
        """
        over_ipv6 = isinstance(ip_address(heard), IPv6Address)
        ipv6 = self.ipv6 if over_ipv6 else tuple(a for a in self.ipv6 if not ip_address(a).is_link_local)
        ordered = (heard, *ipv6, *self.ipv4) if over_ipv6 else (heard, *self.ipv4, *ipv6)
        served = [address for address in dict.fromkeys(ordered) if address in self.ipv4 + self.ipv6]
        ports = tuple(ports)
        return [_url(scheme, a, port, path) for a in served for scheme, port in ports][:MAXIMUM_XADDRS]


def links(interfaces: Iterable[Interface], listen: Collection[str], names: Sequence[str]) -> list[Link]:
    """The links that the device announces itself on.

    `listen` are the web server's addresses, `0.0.0.0` and `::` standing for all. `names` are the interfaces
    that are permitted; without any all are but the loopback.
    """
    listen = {str(ip_address(address)) for address in listen}
    found = [
        Link(
            index=each.index,
            name=each.name,
            running=each.running,
            ipv4=_served([a.address for a in each.ipv4], listen, "0.0.0.0"),  # noqa: S104 - all addresses
            ipv6=_served([a.address for a in each.ipv6], listen, "::"),
        )
        for each in interfaces
        if each.enabled and (each.name in names if names else each.name != "lo")
    ]
    return [link for link in found if link.ipv4 or link.ipv6]


def _served(addresses: Iterable[str], listen: Collection[str], everything: str) -> tuple[str, ...]:
    served = [address for address in addresses if everything in listen or address in listen]
    return tuple(sorted(served, key=lambda address: ip_address(address).is_link_local))


def _url(scheme: str, address: str, port: int, path: str) -> str:
    host = f"[{address}]" if ":" in address else address
    usual = (scheme, port) in (("http", 80), ("https", 443))
    return f"{scheme}://{host}{path}" if usual else f"{scheme}://{host}:{port}{path}"

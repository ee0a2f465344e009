"""The network as ONVIF shows it (Core 8.2): host name, interfaces, protocols."""

from collections.abc import Sequence
from typing import Any

from onvifd import network
from onvifd.call import Answer, Call
from onvifd.state import Protocol


def get_hostname(call: Call) -> Answer:
    """Core 8.2.1."""
    return {
        "HostnameInformation": {
            "tt:FromDHCP": call.device.config.device.hostname_from_dhcp,
            "tt:Name": network.hostname(),
        }
    }


def get_dns(_: Call) -> Answer:
    """Core 8.2.4. Who has its addresses from DHCP has its name servers from there."""
    resolver = network.resolver()
    servers = [
        {"Type": kind, f"{kind}Address": server} for server in resolver.servers for kind in (_kind(server),)
    ]
    from_dhcp = any(address.dynamic for each in network.interfaces() for address in each.ipv4)
    return {
        "DNSInformation": {
            "tt:FromDHCP": from_dhcp,
            "tt:SearchDomain": resolver.search,
            "tt:DNSFromDHCP": servers if from_dhcp else None,
            "tt:DNSManual": None if from_dhcp else servers,
        }
    }


def get_network_default_gateway(_: Call) -> Answer:
    """Core 8.2.14."""
    gateways = network.default_gateways()
    return {
        "NetworkGateway": {
            f"tt:{kind}Address": [gateway for gateway in gateways if _kind(gateway) == kind]
            for kind in ("IPv4", "IPv6")
        }
    }


def _kind(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def get_network_interfaces(_: Call) -> Answer:
    """Core 8.2.10. The loopback interface is shown only where there is no other one."""
    found = network.interfaces()
    return {
        "NetworkInterfaces": [_interface(each) for each in found if each.name != "lo"] or _interface(found[0])
    }


NO_MAC = "00:00:00:00:00:00"
"""tt:NetworkInterfaceInfo requires a hardware address, and not every interface has one."""


def _interface(interface: network.Interface) -> dict[str, Any]:
    return {
        "@token": interface.name,
        "tt:Enabled": interface.enabled,
        "tt:Info": {"Name": interface.name, "HwAddress": interface.mac or NO_MAC, "MTU": interface.mtu},
        "tt:IPv4": {"Enabled": True, "Config": _ipv4(interface.ipv4)} if interface.ipv4 else None,
        "tt:IPv6": {"Enabled": True, "Config": _ipv6(interface.ipv6)} if interface.ipv6 else None,
    }


def _ipv4(addresses: Sequence[network.Address]) -> dict[str, Any]:
    dynamic = [_prefixed(address) for address in addresses if address.dynamic]
    link_local = [_prefixed(address) for address in addresses if address.link_local and not address.dynamic]
    return {
        "Manual": [
            _prefixed(address) for address in addresses if not address.dynamic and not address.link_local
        ],
        "LinkLocal": link_local[:1],
        "FromDHCP": dynamic[:1],
        "DHCP": bool(dynamic),
    }


def _ipv6(addresses: Sequence[network.Address]) -> dict[str, Any]:
    return {
        "DHCP": "Auto" if any(address.dynamic for address in addresses) else "Off",
        "Manual": [
            _prefixed(address) for address in addresses if not address.dynamic and not address.link_local
        ],
        "LinkLocal": [_prefixed(address) for address in addresses if address.link_local],
        "FromRA": [_prefixed(address) for address in addresses if address.dynamic and not address.link_local],
    }


def _prefixed(address: network.Address) -> dict[str, Any]:
    return {"Address": address.address, "PrefixLength": address.prefix_length}


def get_network_protocols(call: Call) -> Answer:
    """Core 8.2.12."""
    return {
        "NetworkProtocols": [
            {"tt:Name": protocol.name, "tt:Enabled": protocol.enabled, "tt:Port": protocol.ports}
            for protocol in call.device.protocols.all()
        ]
    }


def set_network_protocols(call: Call) -> Answer:
    """Core 8.2.13. The answer is sent when the web server verifiably listens where it should."""
    requested = [
        Protocol(item["Name"], item["Enabled"], tuple(item["Port"]))
        for item in call.arguments["NetworkProtocols"]
    ]
    device = call.device
    with device.webserver.change() as undo:
        before = device.protocols.get("RTSP")
        device.protocols.set(
            requested, certificate_assigned=bool(device.keystore.assigned_server_certificates())
        )
        device.protocol_hook.follow(before, device.protocols.get("RTSP"), undo)
    return {}

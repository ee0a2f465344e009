"""Base Device Test Specification, 7.2 Network.

Left out are the cases that need a DHCP server beside the device or may cut it off: interfaces, dynamic DNS.
"""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from tests.device_test.base.prerequisites import (
    IPV6,
    NETWORK_CONFIGURATION,
    NETWORK_PROTOCOLS,
    NTP,
    network,
)
from tests.device_test.cases import Prerequisite, case, step
from tests.device_test.client import NAMES, Dut
from tests.device_test.protocols import Protocol, network_protocols, set_network_protocols

PORT = 10554
IPV4_ADDRESS, IPV6_ADDRESS = "10.1.1.1", "2001:1:1:1:1:1:1:1"
INVALID_IPV4_ADDRESS, INVALID_IPV6_ADDRESS = "10.1.1", "FF02:1"


# -- host name


def hostname(dut: Dut) -> tuple[bool, str]:
    """FromDHCP, and the name."""
    with step("ONVIF Client will invoke GetHostname request"):
        response = dut.call("tds:GetHostname")
    with step("Verify the GetHostnameResponse from the DUT (FromDHCP = true or false, Name = Hostname)"):
        from_dhcp = response.boolean("tds:HostnameInformation/tt:FromDHCP")
        return from_dhcp, "".join(response.texts("tds:HostnameInformation/tt:Name"))


@case("DEVICE-2-1-1", "7.2.1", needs=(network("tds:GetHostname"),))
def test_hostname_configuration(dut: Dut) -> None:
    hostname(dut)


@case("DEVICE-2-1-3", "7.2.2", needs=(NETWORK_CONFIGURATION,))
def test_set_hostname_error_case(dut: Dut) -> None:
    hostname(dut)
    with step("The DUT returns env:Sender/ter:InvalidArgVal/ter:InvalidHostname SOAP 1.2 fault"):
        codes = ("env:Sender", "ter:InvalidArgVal", "ter:InvalidHostname")
        dut.expect_fault("tds:SetHostname", {"Name": "Onvif_test1"}, *codes)
    with step("The DUT sends valid hostname in GetHostnameResponse message"):
        assert hostname(dut)[1] != "Onvif_test1"


@case("DEVICE-2-1-32", "7.2.29", needs=(NETWORK_CONFIGURATION,))
def test_set_hostname(dut: Dut) -> None:
    name = "Onvif-Test0-oNvif-Onv12"
    from_dhcp, initial = hostname(dut)
    dut.restore.callback(dut.call, "tds:SetHostname", {"Name": "" if from_dhcp else initial})
    with step(f'ONVIF Client will invoke SetHostname request (Name = "{name}")'):
        dut.call("tds:SetHostname", {"Name": name})
    found = hostname(dut)
    with step(f'The DUT sends GetHostnameResponse message (FromDHCP = false, Name = "{name}")'):
        assert found == (False, name)


# -- DNS and NTP: the same procedures, word for word


def information(dut: Dut, service: str) -> etree._Element:
    """What GetDNS or GetNTP answers."""
    with step(f"ONVIF Client will invoke Get{service} request"):
        found = dut.call(f"tds:Get{service}").find(f"tds:{service}Information")
    with step(f"Verify the Get{service}Response from the DUT (FromDHCP = true or false)"):
        assert found.findtext("tt:FromDHCP", "", NAMES).strip() in ("true", "false", "0", "1")
    return found


def restore(dut: Dut, service: str, initial: etree._Element) -> None:
    """Have what GetDNS or GetNTP answered set again after the case."""
    arguments: dict[str, object] = {"FromDHCP": initial.findtext("tt:FromDHCP", "", NAMES)}
    if service == "DNS":
        arguments["SearchDomain"] = [each.text for each in initial.findall("tt:SearchDomain", NAMES)]
    arguments[f"{service}Manual"] = [
        {f"tt:{etree.QName(child).localname}": child.text for child in manual}
        for manual in initial.findall(f"tt:{service}Manual", NAMES)
    ]
    dut.restore.callback(dut.call, f"tds:Set{service}", arguments)


def manual_case(
    id: str, section: str, service: str, kind: str, address: str, *needs: Prerequisite
) -> Callable[[Dut], None]:
    """SetDNS or SetNTP with an address: the device has it, and only that."""

    @case(id, section, needs=(NETWORK_CONFIGURATION, *needs))
    def test(dut: Dut) -> None:
        restore(dut, service, information(dut, service))
        with step(f"ONVIF Client will invoke Set{service} request (FromDHCP = false, {kind}, {address})"):
            manual = {"tt:Type": kind, f"tt:{kind}Address": address}
            dut.call(f"tds:Set{service}", {"FromDHCP": False, f"{service}Manual": manual})
        found = information(dut, service)
        with step(f"The DUT sends FromDHCP = false, {service}Manual = {kind}, {address}"):
            assert found.findtext("tt:FromDHCP", "", NAMES).strip() in ("false", "0")
            assert [
                (each.findtext("tt:Type", "", NAMES), each.findtext(f"tt:{kind}Address", "", NAMES))
                for each in found.findall(f"tt:{service}Manual", NAMES)
            ] == [(kind, address)]

    return test


def invalid_case(
    id: str, section: str, service: str, kind: str, address: str, *needs: Prerequisite
) -> Callable[[Dut], None]:
    """SetDNS or SetNTP with what is no address: a fault, and nothing has changed.

    For NTP and IPv6 the specification has ter:InvalidIPv4Address, a slip: Core 8.2.7 has InvalidIPv6Address.
    """

    @case(id, section, needs=(NETWORK_CONFIGURATION, *needs))
    def test(dut: Dut) -> None:
        initial = information(dut, service)
        with step(f"The DUT returns env:Sender/ter:InvalidArgVal/ter:Invalid{kind}Address SOAP 1.2 fault"):
            dut.expect_fault(
                f"tds:Set{service}",
                {
                    "FromDHCP": False,
                    f"{service}Manual": {"tt:Type": kind, f"tt:{kind}Address": address},
                },
                "env:Sender",
                "ter:InvalidArgVal",
                f"ter:Invalid{kind}Address",
            )
        found = information(dut, service)
        with step(f"The DUT sends valid {service} configurations"):
            assert etree.tostring(found, method="c14n2") == etree.tostring(initial, method="c14n2")

    return test


@case("DEVICE-2-1-4", "7.2.3", needs=(network("tds:GetDNS"),))
def test_get_dns_configuration(dut: Dut) -> None:
    information(dut, "DNS")


@case("DEVICE-2-1-5", "7.2.4", needs=(NETWORK_CONFIGURATION,))
def test_set_dns_search_domain(dut: Dut) -> None:
    restore(dut, "DNS", information(dut, "DNS"))
    with step('ONVIF Client will invoke SetDNS request (FromDHCP = false, SearchDomain = "domain.name")'):
        dut.call("tds:SetDNS", {"FromDHCP": False, "SearchDomain": "domain.name"})
    found = information(dut, "DNS")
    with step('The DUT sends FromDHCP = false, SearchDomain = "domain.name"'):
        assert found.findtext("tt:FromDHCP", "", NAMES).strip() in ("false", "0")
        assert [each.text for each in found.findall("tt:SearchDomain", NAMES)] == ["domain.name"]


test_set_dns_ipv4 = manual_case("DEVICE-2-1-6", "7.2.5", "DNS", "IPv4", IPV4_ADDRESS)
test_set_dns_ipv6 = manual_case("DEVICE-2-1-7", "7.2.6", "DNS", "IPv6", IPV6_ADDRESS, IPV6)
test_set_dns_invalid_ipv4 = invalid_case("DEVICE-2-1-9", "7.2.8", "DNS", "IPv4", INVALID_IPV4_ADDRESS)
test_set_dns_invalid_ipv6 = invalid_case("DEVICE-2-1-10", "7.2.9", "DNS", "IPv6", INVALID_IPV6_ADDRESS, IPV6)


@case("DEVICE-2-1-11", "7.2.10", needs=(NTP,))
def test_get_ntp_configuration(dut: Dut) -> None:
    information(dut, "NTP")


test_set_ntp_ipv4 = manual_case("DEVICE-2-1-12", "7.2.11", "NTP", "IPv4", IPV4_ADDRESS, NTP)
test_set_ntp_ipv6 = manual_case("DEVICE-2-1-13", "7.2.12", "NTP", "IPv6", IPV6_ADDRESS, NTP, IPV6)
test_set_ntp_invalid_ipv4 = invalid_case("DEVICE-2-1-15", "7.2.14", "NTP", "IPv4", INVALID_IPV4_ADDRESS, NTP)
test_set_ntp_invalid_ipv6 = invalid_case(
    "DEVICE-2-1-16", "7.2.15", "NTP", "IPv6", INVALID_IPV6_ADDRESS, NTP, IPV6
)


# -- interfaces and gateways


@case("DEVICE-2-1-17", "7.2.16", needs=(network("tds:GetNetworkInterfaces"),))
def test_get_network_interface_configuration(dut: Dut) -> None:
    with step("ONVIF Client will invoke GetNetworkInterfaces request"):
        found = dut.call("tds:GetNetworkInterfaces").all("tds:NetworkInterfaces")
    with step("Verify the GetNetworkInterfacesResponse from DUT (list of network interfaces)"):
        tokens = [each.get("token") for each in found]
        assert tokens and len(set(tokens)) == len(tokens), tokens


def gateways(dut: Dut) -> tuple[list[str], list[str]]:
    """The addresses of the default gateways, IPv4 and IPv6."""
    with step("ONVIF Client will invoke GetNetworkDefaultGateway request"):
        response = dut.call("tds:GetNetworkDefaultGateway")
    return (
        response.texts("tds:NetworkGateway/tt:IPv4Address"),
        response.texts("tds:NetworkGateway/tt:IPv6Address"),
    )


@case("DEVICE-2-1-25", "7.2.24", needs=(network("tds:GetNetworkDefaultGateway"),))
def test_get_network_default_gateway_configuration(dut: Dut) -> None:
    gateways(dut)


def invalid_gateway_case(
    id: str, section: str, kind: str, address: str, *needs: Prerequisite
) -> Callable[[Dut], None]:
    @case(id, section, needs=(NETWORK_CONFIGURATION, *needs))
    def test(dut: Dut) -> None:
        initial = gateways(dut)
        with step("The DUT returns env:Sender/ter:InvalidArgVal/ter:InvalidGatewayAddress SOAP 1.2 fault"):
            codes = ("env:Sender", "ter:InvalidArgVal", "ter:InvalidGatewayAddress")
            dut.expect_fault("tds:SetNetworkDefaultGateway", {f"{kind}Address": address}, *codes)
        with step("The DUT sends valid default gateway configurations"):
            assert gateways(dut) == initial

    return test


test_set_gateway_invalid_ipv4 = invalid_gateway_case("DEVICE-2-1-28", "7.2.25", "IPv4", INVALID_IPV4_ADDRESS)
test_set_gateway_invalid_ipv6 = invalid_gateway_case(
    "DEVICE-2-1-29", "7.2.26", "IPv6", INVALID_IPV6_ADDRESS, IPV6
)


# -- protocols


@case("DEVICE-2-1-33", "7.2.21", needs=(NETWORK_PROTOCOLS,))
def test_get_network_protocols_configuration(dut: Dut) -> None:
    found = network_protocols(dut)
    with step("Check that the mandatory HTTP protocol is present on the list"):
        assert "HTTP" in found
    with step(
        "Check that the RTSP protocol is present, if Real-time Streaming or Replay Service is supported"
    ):
        streams = {"http://www.onvif.org/ver10/media/wsdl", "http://www.onvif.org/ver10/replay/wsdl"}
        assert "RTSP" in found or streams.isdisjoint(dut.capabilities.addresses)


@case("DEVICE-2-1-34", "7.2.22", needs=(NETWORK_PROTOCOLS,))
def test_set_network_protocols_configuration(dut: Dut) -> None:
    initial = network_protocols(dut)
    if "RTSP" not in initial:  # "skip other steps and go to the next test"
        return
    dut.restore.callback(set_network_protocols, dut, *initial.values())
    set_network_protocols(dut, Protocol("RTSP", True, (PORT,)))
    found = network_protocols(dut)
    with step(f"The DUT sends NetworkProtocols [Name = RTSP, Enabled = true, Port = {PORT}]"):
        assert found == initial | {"RTSP": Protocol("RTSP", True, (PORT,))}
    set_network_protocols(dut, Protocol("RTSP", False, (PORT,)))
    found = network_protocols(dut)
    with step("The DUT sends NetworkProtocols [Name = RTSP, Enabled = false, Port = integer]"):
        assert not found["RTSP"].enabled


@case("DEVICE-2-1-35", "7.2.23", needs=(NETWORK_PROTOCOLS,))
def test_set_network_protocols_configuration_unsupported_protocols(dut: Dut) -> None:
    initial = network_protocols(dut)
    missing = [name for name in ("HTTPS", "RTSP") if name not in initial]
    if not missing:  # "skip other steps and go to the next test"
        return
    requested = Protocol(missing[0], True, (PORT,))
    with step("The DUT returns env:Sender/ter:InvalidArgVal/ter:ServiceNotSupported SOAP 1.2 fault"):
        codes = ("env:Sender", "ter:InvalidArgVal", "ter:ServiceNotSupported")
        dut.expect_fault("tds:SetNetworkProtocols", {"NetworkProtocols": requested.element()}, *codes)
    found = network_protocols(dut)
    with step("The DUT sends NetworkProtocols = supported protocols"):
        assert found == initial

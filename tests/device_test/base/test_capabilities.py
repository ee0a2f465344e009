"""Base Device Test Specification, 7.1 Capabilities."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from lxml import etree

from tests.device_test.base.helpers import (
    check_xaddr,
    get_capabilities,
    service_capabilities,
    services,
)
from tests.device_test.base.prerequisites import GET_CAPABILITIES, SERVICES, service
from tests.device_test.cases import case, step
from tests.device_test.client import NAMES, Dut
from tests.device_test.protocols import network_protocols
from tests.device_test.security.https import configure_https, https_address

BASE = ("Analytics", "Device", "Events", "Imaging", "Media", "PTZ")
"""The categories of GetCapabilities."""


@case("DEVICE-1-1-2", "7.1.1", needs=(GET_CAPABILITIES,))
def test_all_capabilities(dut: Dut) -> None:
    supported = [name for name, namespace in SERVICES.items() if namespace in dut.capabilities.addresses]
    expected = {"Device", "Events"} | {*supported} & {"Media", "PTZ", "Imaging", "Analytics", "DeviceIO"}
    for category in ("All", None):
        capabilities = get_capabilities(dut, category)
        for name in sorted(expected):
            with step(f"If capabilities.{name} is not specified, FAIL the test"):
                path = f"tt:Extension/tt:{name}" if name == "DeviceIO" else f"tt:{name}"
                assert capabilities.find(path, NAMES) is not None


def check_category(dut: Dut, name: str) -> None:
    """The answer to a request for one category is that one, with a valid address, and no other."""
    capabilities = get_capabilities(dut, name)
    with step(f"If capabilities.{name} is not specified, FAIL the test"):
        assert capabilities.find(f"tt:{name}", NAMES) is not None
    with step(f"If capabilities.{name}.XAddr is not valid URI, FAIL the test"):
        target = urlsplit(capabilities.findtext(f"tt:{name}/tt:XAddr", "", NAMES).strip())
        assert target.scheme in ("http", "https") and target.hostname, target.geturl()
    for other in BASE:
        if other != name:
            with step(f"If capabilities.{other} is specified, FAIL the test"):
                assert capabilities.find(f"tt:{other}", NAMES) is None


def check_optional_category(dut: Dut, name: str) -> None:
    if SERVICES[name] in dut.capabilities.addresses:
        check_category(dut, name)
        return
    with step("The DUT returns env:Receiver/ter:ActionNotSupported/ter:NoSuchService SOAP 1.2 fault"):
        dut.expect_fault(
            "tds:GetCapabilities",
            {"Category": name},
            "env:Receiver",
            "ter:ActionNotSupported",
            "ter:NoSuchService",
        )


@case("DEVICE-1-1-3", "7.1.2", needs=(GET_CAPABILITIES,))
def test_device_capabilities(dut: Dut) -> None:
    check_category(dut, "Device")


@case("DEVICE-1-1-4", "7.1.3", needs=(GET_CAPABILITIES,))
def test_media_capabilities(dut: Dut) -> None:
    check_optional_category(dut, "Media")


@case("DEVICE-1-1-5", "7.1.4", needs=(GET_CAPABILITIES,))
def test_event_capabilities(dut: Dut) -> None:
    check_category(dut, "Events")


@case("DEVICE-1-1-6", "7.1.5", needs=(GET_CAPABILITIES,))
def test_ptz_capabilities(dut: Dut) -> None:
    check_optional_category(dut, "PTZ")


@case("DEVICE-1-1-9", "7.1.6", needs=(GET_CAPABILITIES,))
def test_soap_fault_message(dut: Dut) -> None:
    with step(
        "ONVIF Client invokes GetCapabilities with an invalid category. The DUT returns SOAP 1.2 fault"
    ):
        dut.expect_fault("tds:GetCapabilities", {"Category": "XYZ"})


@case("DEVICE-1-1-10", "7.1.7", needs=(GET_CAPABILITIES,))
def test_imaging_capabilities(dut: Dut) -> None:
    check_optional_category(dut, "Imaging")


@case("DEVICE-1-1-11", "7.1.8", needs=(GET_CAPABILITIES,))
def test_analytics_capabilities(dut: Dut) -> None:
    check_optional_category(dut, "Analytics")


def service_case(id: str, section: str, namespace: str, *, mandatory: bool = False) -> Callable[[Dut], None]:
    """The case that a service is in GetServices, with its capabilities when they are asked for."""

    @case(id, section, needs=() if mandatory else (service(namespace),))
    def test(dut: Dut) -> None:
        for include_capability in (False, True):
            found = services(dut, include_capability=include_capability)
            with step(f'If the list does not contain item with Namespace = "{namespace}", FAIL the test'):
                assert namespace in found, sorted(found)
            capabilities = found[namespace].find("tds:Capabilities", NAMES)
            if not include_capability:
                with step("If Capabilities is specified, FAIL the test"):
                    assert capabilities is None
                continue
            with step("If Capabilities is not specified, FAIL the test"):
                assert capabilities is not None
            with step("If it does not contain a valid Capabilities element of the service, FAIL the test"):
                assert [each.tag for each in capabilities] == [f"{{{namespace}}}Capabilities"]

    return test


_VER10, _VER20 = "http://www.onvif.org/ver10", "http://www.onvif.org/ver20"
test_device_service = service_case("DEVICE-1-1-13", "7.1.9", NAMES["tds"], mandatory=True)
test_media_service = service_case("DEVICE-1-1-14", "7.1.10", f"{_VER10}/media/wsdl")
test_ptz_service = service_case("DEVICE-1-1-15", "7.1.11", f"{_VER20}/ptz/wsdl")
test_event_service = service_case("DEVICE-1-1-16", "7.1.12", NAMES["tev"], mandatory=True)
test_imaging_service = service_case("DEVICE-1-1-17", "7.1.13", f"{_VER20}/imaging/wsdl")
test_replay_service = service_case("DEVICE-1-1-20", "7.1.16", f"{_VER10}/replay/wsdl")
test_recording_search_service = service_case("DEVICE-1-1-21", "7.1.17", f"{_VER10}/search/wsdl")
test_recording_control_service = service_case("DEVICE-1-1-22", "7.1.18", f"{_VER10}/recording/wsdl")
test_receiver_service = service_case("DEVICE-1-1-23", "7.1.19", f"{_VER10}/receiver/wsdl")
test_access_control_service = service_case("DEVICE-1-1-24", "7.1.20", f"{_VER10}/accesscontrol/wsdl")
test_door_control_service = service_case("DEVICE-1-1-25", "7.1.21", f"{_VER10}/doorcontrol/wsdl")
test_security_configuration_service = service_case("DEVICE-1-1-26", "7.1.22", NAMES["tas"])
test_access_rules_service = service_case("DEVICE-1-1-27", "7.1.23", f"{_VER10}/accessrules/wsdl")
test_credential_service = service_case("DEVICE-1-1-28", "7.1.24", f"{_VER10}/credential/wsdl")
test_schedule_service = service_case("DEVICE-1-1-29", "7.1.25", f"{_VER10}/schedule/wsdl")


@case("DEVICE-1-1-18", "7.1.14")
def test_device_service_capabilities(dut: Dut) -> None:
    system = service_capabilities(dut).find("tds:System", NAMES)
    with step("If DiscoveryNotSupported = true and DiscoveryBye = true, FAIL the test"):
        assert not (_true(system.get("DiscoveryNotSupported")) and _true(system.get("DiscoveryBye")))


FLAGS = {
    "Network": ("IPFilter", "ZeroConfiguration", "IPVersion6", "DynDNS", "Dot11Configuration"),
    "System": (
        "DiscoveryResolve",
        "DiscoveryBye",
        "RemoteDiscovery",
        "SystemBackup",
        "SystemLogging",
        "HttpFirmwareUpgrade",
        "HttpSystemBackup",
        "HttpSystemLogging",
        "HttpSupportInformation",
    ),
    "Security": (
        "TLS1.1",
        "TLS1.2",
        "OnboardKeyGeneration",
        "AccessPolicyConfig",
        "X.509Token",
        "SAMLToken",
        "KerberosToken",
        "RELToken",
        "TLS1.0",
        "Dot1X",
        "RemoteUserHandling",
    ),
}
"""What GetServices and GetCapabilities both say of the device service, true or false."""
COMPARED = {
    "Network": (*FLAGS["Network"], "HostnameFromDHCP", "NTP"),
    "System": (*FLAGS["System"], "FirmwareUpgrade"),
    "Security": (
        *FLAGS["Security"],
        "UsernameToken",
        "HttpDigest",
        "DefaultAccessPolicy",
        "SupportedEAPMethods",
    ),
    "Misc": ("AuxiliaryCommands",),
}
"""What DEVICE-1-1-19 compares."""


@case("DEVICE-1-1-19", "7.1.15")
def test_consistency_of_device_service_capabilities(dut: Dut) -> None:
    listed = services(dut, include_capability=True)[NAMES["tds"]].find("tds:Capabilities/*", NAMES)
    answered = service_capabilities(dut)
    with step("If deviceCapabilities are not equal to deviceServ.Capabilities.Capabilities, FAIL the test"):
        for category, names in COMPARED.items():
            one, other = (_attributes(each, category) for each in (listed, answered))
            differing = [name for name in names if one.get(name) != other.get(name)]
            assert not differing, f"{category} differs in {', '.join(differing)}"


@case("DEVICE-1-1-30", "7.1.26", needs=(GET_CAPABILITIES,))
def test_consistency_of_services_and_capabilities(dut: Dut) -> None:
    listed = services(dut, include_capability=True)
    capabilities = get_capabilities(dut)
    device = listed[NAMES["tds"]].find("tds:Capabilities/*", NAMES)
    for category, names in FLAGS.items():
        attributes = _attributes(device, category)
        for name in names:
            with step(f"capabilities.Device.{category}.{name} and deviceServCapabilities.{category}.@{name}"):
                # Its newer elements are within Extension, one level deeper with each version.
                found = capabilities.findall(f"tt:Device/tt:{category}//tt:{name}", NAMES)
                assert any(_true(each.text) for each in found) == _true(attributes.get(name))
    with step("capabilities.Device.Security...SupportedEAPMethod and @SupportedEAPMethods"):
        methods = {each.text for each in capabilities.iterfind(".//tt:SupportedEAPMethod", NAMES)}
        assert methods == {*_attributes(device, "Security").get("SupportedEAPMethods", "").split()}
    events = listed[NAMES["tev"]].find("tds:Capabilities/*", NAMES)
    for name in (
        "WSSubscriptionPolicySupport",
        "WSPullPointSupport",
        "WSPausableSubscriptionManagerInterfaceSupport",
    ):
        with step(f"capabilities.Events.{name} and eventsServCapabilities.@{name}"):
            value = capabilities.findtext(f"tt:Events/tt:{name}", None, NAMES)
            assert _true(value) == _true(events.get(name))
    for name, namespace in SERVICES.items():
        if capabilities.find(f".//tt:{name}", NAMES) is not None:
            with step(f"If capabilities contains {name} and listOfServices does not, FAIL the test"):
                assert namespace in listed


@case("DEVICE-1-1-31", "7.1.27")
def test_xaddr(dut: Dut) -> None:
    check_xaddrs(dut)
    if "HTTPS" in network_protocols(dut):
        with step("If HTTPS feature is supported by the DUT: over HTTPS"):
            address = https_address(dut, "tds:GetServices", configure_https(dut))
            check_xaddrs(dut.via(address))


def check_xaddrs(dut: Dut) -> None:
    for namespace, each in services(dut, include_capability=False).items():
        with step(f"ONVIF Client checks service.XAddr uri of {namespace}"):
            check_xaddr(each.findtext("tds:XAddr", "", NAMES).strip(), dut.url)


def _attributes(capabilities: etree._Element, category: str) -> dict[str, str]:
    found = capabilities.find(f"tds:{category}", NAMES)
    return {} if found is None else dict(found.attrib)


def _true(value: str | None) -> bool:
    return (value or "").strip() in ("true", "1")

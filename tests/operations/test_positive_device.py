"""Every operation of the Device service does what it is for (Core 8)."""

from __future__ import annotations

import socket
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import falcon.testing
import pytest

from onvifd import network
from onvifd.config import DeviceConfig, DiscoveryConfig, VendorService
from onvifd.operations import SERVED
from onvifd.soap.names import NAMESPACES, qname
from tests.application import PASSWORD
from tests.operations.camera import Camera, date_and_time, leaf, protocol, request, value, values
from tests.operations.claims import covers
from tests.operations.store import served
from tests.support import free_port, wait_until
from tests.webserver.support import refuses

INFORMATION = request("tds:GetDeviceInformation")


def _user(name: str, password: str | None, level: str) -> str:
    secret = "" if password is None else f"<tt:Password>{password}</tt:Password>"
    return f"<User><tt:Username>{name}</tt:Username>{secret}<tt:UserLevel>{level}</tt:UserLevel></User>"


def _child(element: ET.Element, path: str) -> ET.Element:
    found = element.find(path, dict(NAMESPACES))
    assert found is not None, path
    return found


@covers("tds:GetServices")
def test_the_three_services_are_listed_with_addresses_and_versions(camera: Camera) -> None:
    """Core 8.1.2.2."""
    answer = camera.do("tds:GetServices", leaf("IncludeCapability", "false"))
    assert values(answer, "tds:Namespace") == [NAMESPACES[prefix] for prefix in ("tds", "tas", "tev")]
    addresses = values(answer, "tds:XAddr")
    assert all(address.startswith(f"http://{falcon.testing.DEFAULT_HOST}/onvif/") for address in addresses)
    assert len(set(addresses)) == 3
    assert len(values(answer, "tt:Major")) == 3
    assert answer.find(".//tds:Capabilities", dict(NAMESPACES)) is None


@covers("tds:GetServices")
@pytest.mark.parametrize("service", ["tds", "tas", "tev"])
def test_the_services_are_listed_with_their_own_capabilities(camera: Camera, service: str) -> None:
    """Core 8.1.2.2: the same as the service's own GetServiceCapabilities answers."""
    services = camera.do("tds:GetServices", leaf("IncludeCapability", "true"))
    (entry,) = (s for s in services if s.findtext(qname("tds:Namespace")) == NAMESPACES[service])
    own = camera.do(f"{service}:GetServiceCapabilities")[0]
    assert ET.tostring(_child(entry, "tds:Capabilities")[0]) == ET.tostring(own)


@covers("tds:GetServiceCapabilities")
def test_the_device_says_what_it_can_do(camera: Camera) -> None:
    """Core 8.1.2.3 and TLS Configuration Add-on 7.1.1."""
    answer = camera.do("tds:GetServiceCapabilities")
    security = _child(answer, ".//tds:Security").attrib
    system = _child(answer, ".//tds:System").attrib
    assert system["Addons"] == "TLSServerConfiguration"
    assert system["NetworkConfigNotSupported"] == "true"
    assert system["UserConfigNotSupported"] == "false"
    assert security["UsernameToken"] == security["HttpDigest"] == security["TLS1.2"] == "true"
    assert security["OnboardKeyGeneration"] == "true"
    assert security["DefaultAccessPolicy"] == "true"
    assert int(security["MaxUsers"]) == camera.running.device.config.users.maximum_number


@covers("tds:GetCapabilities")
def test_the_older_capabilities_tell_where_the_services_are(camera: Camera) -> None:
    """Core 8.1.2.4."""
    everything = camera.do("tds:GetCapabilities")
    capabilities = _child(everything, "tds:Capabilities")
    assert [child.tag for child in capabilities] == [qname("tt:Device"), qname("tt:Events")]
    assert all(child.findtext(qname("tt:XAddr")) for child in capabilities)
    assert ET.tostring(camera.do("tds:GetCapabilities", leaf("Category", "All"))) == ET.tostring(everything)
    events = camera.do("tds:GetCapabilities", leaf("Category", "Events"))
    assert [child.tag for child in _child(events, "tds:Capabilities")] == [qname("tt:Events")]
    assert _child(events, ".//tt:WSPullPointSupport").text == "true"


@covers("tds:GetCapabilities")
def test_several_categories_are_told_at_once(make_camera: Callable[..., Camera]) -> None:
    """Core 8.1.2.4, with a service of the image."""
    media = VendorService("http://www.onvif.org/ver10/media/wsdl", "/onvif/media", 21, 12)
    camera = make_camera(services=(media,))
    answer = camera.do("tds:GetCapabilities", leaf("Category", "Media") + leaf("Category", "Device"))
    assert [child.tag for child in _child(answer, "tds:Capabilities")] == [
        qname("tt:Device"),
        qname("tt:Media"),
    ]


@covers("tds:GetWsdlUrl")
def test_the_wsdl_url_is_the_configured_one(make_camera: Callable[..., Camera]) -> None:
    """Core 8.1.1."""
    camera = make_camera(device=DeviceConfig(wsdl_url="http://camera.test/wsdl"))
    assert value(camera.do("tds:GetWsdlUrl"), "tds:WsdlUrl") == "http://camera.test/wsdl"


@covers("tds:GetSystemDateAndTime")
def test_the_time_is_the_time(camera: Camera) -> None:
    """Core 8.3.6."""
    before = datetime.now(UTC).replace(microsecond=0)
    answer = camera.do("tds:GetSystemDateAndTime")
    after = datetime.now(UTC)
    utc = _child(answer, ".//tt:UTCDateTime")
    numbers = {child.tag.partition("}")[2]: int(child.text or "") for part in utc for child in part}
    moment = datetime(
        *(numbers[name] for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")), tzinfo=UTC
    )
    assert before <= moment <= after
    assert value(answer, "tt:DateTimeType") == "Manual"
    assert value(answer, "tt:TZ")
    assert value(answer, "tt:DaylightSavings") == str(bool(time.localtime().tm_isdst)).lower()


@covers("tds:SetSystemDateAndTime", "tds:GetSystemDateAndTime")
def test_the_clock_is_set_by_the_vendors_command(make_camera: Callable[..., Camera], tmp_path: Path) -> None:
    """Core 8.3.7. The local time follows at once, and what a client set is what it reads."""
    hook = ("sh", "-c", f'printf "%s\\n" "$@" >{tmp_path}/seen', "set-clock")
    camera = make_camera(device=DeviceConfig(set_clock=hook))
    camera.do("tds:SetSystemDateAndTime", date_and_time("XYZ-3:30"))
    assert (tmp_path / "seen").read_text().splitlines() == ["Manual", "2026-11-25T12:00:30Z", "XYZ-3:30"]
    answer = camera.do("tds:GetSystemDateAndTime")
    assert (value(answer, "tt:TZ"), value(answer, "tt:DaylightSavings")) == ("XYZ-3:30", "true")
    utc, local = (
        int(value(found, "tt:Hour")) * 60 + int(value(found, "tt:Minute"))
        for name in ("tt:UTCDateTime", "tt:LocalDateTime")
        for found in answer.iter(qname(name))
    )
    assert (local - utc) % (24 * 60) == 3 * 60 + 30


@covers("tds:SetSystemFactoryDefault")
def test_factory_default_resets_the_image_and_the_clock(
    make_camera: Callable[..., Camera], tmp_path: Path
) -> None:
    """Core 8.3.8: what the vendor's image owns, too."""
    hook = ("sh", "-c", f'echo "$@" >>{tmp_path}/seen', "reset")
    camera = make_camera(device=DeviceConfig(set_clock=("true",), factory_default=hook))
    before = value(camera.do("tds:GetSystemDateAndTime"), "tt:TZ")
    for kind in ("Soft", "Hard"):
        camera.do("tds:SetSystemDateAndTime", date_and_time("XYZ-3:30"))
        camera.do("tds:SetSystemFactoryDefault", leaf("FactoryDefault", kind))
        assert value(camera.do("tds:GetSystemDateAndTime"), "tt:TZ") == before
    assert (tmp_path / "seen").read_text().splitlines() == ["Soft", "Hard"]


@covers("tds:GetDNS")
def test_the_name_servers_are_the_hosts(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    """Core 8.2.4."""
    resolver = network.Resolver(("192.0.2.53", "2001:db8::53"), ("example.org", "example.net"))
    monkeypatch.setattr(network, "resolver", lambda: resolver)
    answer = camera.do("tds:GetDNS")
    assert values(answer, "tt:IPv4Address") == ["192.0.2.53"]
    assert values(answer, "tt:IPv6Address") == ["2001:db8::53"]
    assert values(answer, "tt:SearchDomain") == ["example.org", "example.net"]


@covers("tds:GetNetworkDefaultGateway")
def test_the_gateways_are_the_hosts(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    """Core 8.2.14. What the kernel says is compared in tests/test_network.py."""
    monkeypatch.setattr(network, "default_gateways", lambda: ["192.0.2.1", "fe80::1", "192.0.2.2"])
    answer = camera.do("tds:GetNetworkDefaultGateway")
    assert values(answer, "tt:IPv4Address") == ["192.0.2.1", "192.0.2.2"]
    assert values(answer, "tt:IPv6Address") == ["fe80::1"]


@covers("tds:GetEndpointReference")
def test_the_endpoint_reference_stays(camera: Camera) -> None:
    """Core 8.4.9."""
    reference = value(camera.do("tds:GetEndpointReference"), "tds:GUID")
    assert reference.startswith("urn:uuid:")
    assert value(camera.do("tds:GetEndpointReference"), "tds:GUID") == reference


@covers("tds:GetHostname")
def test_the_host_name_is_the_hosts(camera: Camera) -> None:
    """Core 8.2.1."""
    answer = camera.do("tds:GetHostname")
    assert value(answer, "tt:Name") == socket.gethostname()
    assert value(answer, "tt:FromDHCP") == "false"


@covers("tds:GetDeviceInformation")
def test_the_device_information_is_the_configured_one(make_camera: Callable[..., Camera]) -> None:
    """Core 8.3.1."""
    camera = make_camera(device=DeviceConfig("Maker <&>", "M 1", "1.2", "007", "rev-b"))
    answer = camera.do("tds:GetDeviceInformation")
    assert [child.text for child in answer] == ["Maker <&>", "M 1", "1.2", "007", "rev-b"]


@covers("tds:GetScopes")
def test_the_scopes_are_the_configured_ones(make_camera: Callable[..., Camera]) -> None:
    """Core 8.3.14."""
    scopes = ("onvif://www.onvif.org/name/front%20door", "onvif://www.onvif.org/hardware/x")
    answer = make_camera(device=DeviceConfig(scopes=scopes)).do("tds:GetScopes")
    assert tuple(values(answer, "tt:ScopeItem")) == scopes
    assert values(answer, "tt:ScopeDef") == ["Fixed", "Fixed"]


def _scopes(camera: Camera, kind: str) -> list[str]:
    answer = camera.do("tds:GetScopes")
    return [value(each, "tt:ScopeItem") for each in answer if value(each, "tt:ScopeDef") == kind]


@covers("tds:SetScopes", "tds:AddScopes", "tds:RemoveScopes", "tds:GetScopes")
def test_scopes_are_kept_as_clients_set_them(camera: Camera) -> None:
    """Core 8.3.14 to 8.3.17: the fixed ones stay fixed."""
    fixed = _scopes(camera, "Fixed")
    first, second, third = (
        f"onvif://www.onvif.org/location/{name}" for name in ("roof", "hall%20%26", "gate")
    )
    camera.do("tds:SetScopes", leaf("Scopes", first) + leaf("Scopes", fixed[0]))
    assert _scopes(camera, "Configurable") == [first]
    camera.do("tds:AddScopes", leaf("ScopeItem", second) + leaf("ScopeItem", third))
    assert _scopes(camera, "Configurable") == [first, second, third]
    answer = camera.do("tds:RemoveScopes", leaf("ScopeItem", third) + leaf("ScopeItem", first))
    assert values(answer, "tds:ScopeItem") == [third, first]
    assert _scopes(camera, "Configurable") == [second]
    camera.do("tds:SetScopes", leaf("Scopes", first))
    assert _scopes(camera, "Configurable") == [first]
    assert _scopes(camera, "Fixed") == fixed


@covers("tds:GetDiscoveryMode", "tds:SetDiscoveryMode")
def test_the_discovery_mode_is_kept_until_factory_default(make_camera: Callable[..., Camera]) -> None:
    """Core 8.3.18 and 8.3.19; 7.2: discoverable by default. Nobody is on the loopback to be told."""
    camera = make_camera(discovery=DiscoveryConfig(interfaces=("lo",)))
    assert value(camera.do("tds:GetDiscoveryMode"), "tds:DiscoveryMode") == "Discoverable"
    camera.do("tds:SetDiscoveryMode", leaf("DiscoveryMode", "NonDiscoverable"))
    assert value(camera.do("tds:GetDiscoveryMode"), "tds:DiscoveryMode") == "NonDiscoverable"
    camera.do("tds:SetSystemFactoryDefault", leaf("FactoryDefault", "Soft"))
    assert value(camera.do("tds:GetDiscoveryMode"), "tds:DiscoveryMode") == "Discoverable"


@covers("tds:GetDiscoveryMode")
@pytest.mark.parametrize("enabled", [True, False])
def test_the_capabilities_say_whether_there_is_discovery(
    make_camera: Callable[..., Camera], enabled: bool
) -> None:
    """Core 8.1.2.3. Without it the device is not discoverable, and can't be made so."""
    camera = make_camera(discovery=DiscoveryConfig(enabled=enabled, interfaces=("none",)))
    system = _child(camera.do("tds:GetServiceCapabilities"), ".//tds:System").attrib
    assert system["DiscoveryNotSupported"] == str(not enabled).lower()
    assert system["DiscoveryResolve"] == system["DiscoveryBye"] == str(enabled).lower()
    mode = "Discoverable" if enabled else "NonDiscoverable"
    assert value(camera.do("tds:GetDiscoveryMode"), "tds:DiscoveryMode") == mode


@covers("tds:SetSystemFactoryDefault")
@pytest.mark.parametrize("kind", ["Hard", "Soft"])
def test_factory_default_wipes_what_clients_stored(camera: Camera, kind: str) -> None:
    """Core 8.3.8: HTTPS can't stay on without its certificate; a soft default keeps the ports."""
    factory = camera.http_port
    camera.assign(camera.self_signed_path()[0])
    camera.set_https(True)
    moved = free_port()
    camera.do("tds:SetNetworkProtocols", protocol("HTTP", True, moved))
    camera.do("tds:AddScopes", leaf("ScopeItem", "urn:x"))
    camera.do("tds:SetSystemFactoryDefault", leaf("FactoryDefault", kind))
    for operation in ("tas:GetAllKeys", "tas:GetAllCertificates", "tas:GetAllCertificationPaths"):
        assert len(camera.do(operation)) == 0
    assert values(camera.do("tds:GetUsers"), "tt:Username") == ["Administrator"]
    assert _scopes(camera, "Configurable") == []
    assert list(served(camera.running)) == [("127.0.0.1", factory if kind == "Hard" else moved)]


@covers("tds:SystemReboot")
def test_a_reboot_is_announced_and_then_done(make_camera: Callable[..., Camera], tmp_path: Path) -> None:
    """Core 8.3.13: the vendor's command runs after the answer."""
    mark = tmp_path / "rebooted"
    camera = make_camera(device=DeviceConfig(reboot=("touch", str(mark))))
    assert value(camera.do("tds:SystemReboot"), "tds:Message")
    wait_until(mark.exists)


@covers("tds:GetNetworkInterfaces")
def test_the_network_interfaces_are_the_hosts(camera: Camera) -> None:
    """Core 8.2.10. What the kernel says of each is compared in tests/test_network.py."""
    answer = camera.do("tds:GetNetworkInterfaces")
    tokens = [interface.get("token") for interface in answer]
    names = [name for _, name in socket.if_nameindex()]
    assert tokens == ([name for name in names if name != "lo"] or ["lo"])


def _protocols(camera: Camera) -> dict[str, tuple[bool, list[int]]]:
    answer = camera.do("tds:GetNetworkProtocols")
    return {
        value(each, "tt:Name"): (
            value(each, "tt:Enabled") == "true",
            [int(p) for p in values(each, "tt:Port")],
        )
        for each in answer
    }


@covers("tds:GetNetworkProtocols")
def test_the_network_protocols_of_factory_state(camera: Camera) -> None:
    """Core 8.2.12."""
    assert _protocols(camera) == {"HTTP": (True, [camera.http_port]), "HTTPS": (False, [camera.https_port])}


@covers("tds:SetNetworkProtocols", "tds:GetNetworkProtocols")
def test_ports_are_where_they_are_put(camera: Camera) -> None:
    """Core 8.2.13: the protocols that are not named stay; what is answered is what listens."""
    old, https, first, second = camera.http_port, camera.https_port, free_port(), free_port()
    camera.do("tds:SetNetworkProtocols", protocol("HTTP", True, first, second))
    assert _protocols(camera) == {"HTTP": (True, [first, second]), "HTTPS": (False, [https])}
    assert [port for _, port in served(camera.running)] == sorted([first, second])
    assert refuses("127.0.0.1", old)


@covers("tds:SetNetworkProtocols")
def test_http_can_be_switched_off_once_https_serves(camera: Camera) -> None:
    """Core 8.2.13: both in one request, and back."""
    path_id, certificate = camera.self_signed_path()
    camera.assign(path_id)
    http, https = camera.http_port, camera.https_port
    camera.do("tds:SetNetworkProtocols", protocol("HTTP", False, http) + protocol("HTTPS", True, https))
    assert served(camera.running) == {("127.0.0.1", https): ("HTTPS", certificate.hex(), "none")}
    camera.do("tds:SetNetworkProtocols", protocol("HTTPS", False, https) + protocol("HTTP", True, http))
    assert list(served(camera.running)) == [("127.0.0.1", http)]


@covers("tds:GetUsers")
def test_users_are_listed_without_their_passwords(camera: Camera) -> None:
    """Core 8.4.3."""
    answer = camera.do("tds:GetUsers")
    assert (
        values(answer, "tt:Username")
        == values(answer, "tt:UserLevel")
        == ["Administrator", "Operator", "User"]
    )
    assert values(answer, "tt:Password") == []


@covers("tds:CreateUsers")
def test_created_users_can_log_in(camera: Camera) -> None:
    """Core 8.4.4, with a password of the 28 bytes that it recommends."""
    password = "p" * 28
    camera.do("tds:CreateUsers", _user("alice", password, "Operator") + _user("Zoë 李", password, "User"))
    answer = camera.do("tds:GetUsers")
    assert values(answer, "tt:Username")[3:] == ["alice", "Zoë 李"]
    assert values(answer, "tt:UserLevel")[3:] == ["Operator", "User"]
    for name in ("alice", "Zoë 李"):
        assert camera.client.call(INFORMATION, name, password).status == 200


@covers("tds:SetUser")
def test_a_changed_user_has_the_new_password_and_level(camera: Camera) -> None:
    """Core 8.4.6."""
    camera.do("tds:SetUser", _user("User", "another-password", "Operator"))
    assert values(camera.do("tds:GetUsers"), "tt:UserLevel") == ["Administrator", "Operator", "Operator"]
    assert camera.client.call(INFORMATION, "User", "another-password").status == 200
    refused = camera.client.call(INFORMATION, "User", PASSWORD)
    assert refused.subcodes == ["env:Sender", "ter:NotAuthorized"]


@covers("tds:DeleteUsers")
def test_a_deleted_user_is_gone(camera: Camera) -> None:
    """Core 8.4.5."""
    camera.do("tds:DeleteUsers", leaf("Username", "User") + leaf("Username", "Operator"))
    assert values(camera.do("tds:GetUsers"), "tt:Username") == ["Administrator"]
    assert camera.client.call(INFORMATION, "User").subcodes == ["env:Sender", "ter:NotAuthorized"]


def test_what_the_capabilities_call_supported_is_served(camera: Camera) -> None:
    """Nothing is announced for which there is no operation in the table."""
    announced = {
        "OnboardKeyGeneration": "tas:CreateRSAKeyPair",
        "AccessPolicyConfig": "tds:SetAccessPolicy",
        "RemoteUserHandling": "tds:SetRemoteUser",
    }
    security = _child(camera.do("tds:GetServiceCapabilities"), ".//tds:Security").attrib
    for capability, operation in announced.items():
        assert (security[capability] == "true") == (operation in SERVED)

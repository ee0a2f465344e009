"""Discovery of a whole device, `onvifd demo --discovery`, on the loopback of a host of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bench_device import BenchDevice
from tests.discovery.wire import Client, Heard, probe
from tests.namespaces import Host, hosts
from tests.soap_client import Soap
from tests.support import free_port


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """This thread is on it as long as the tests of the module last."""
    with hosts("bench") as (host,), host.entered():
        yield host


@pytest.fixture
def local(host: Host) -> Iterator[Client]:
    client = Client(host, ["lo"])
    yield client
    client.close()


def url(device: BenchDevice, port: int) -> str:
    return device.url.replace(str(device.http_port), str(port))


def test_the_device_is_found_as_its_clients_set_it(host: Host, local: Client) -> None:
    """Hello when it starts, at each change of scopes and protocols, and with a factory default; Bye."""
    with BenchDevice(options=["--discovery"]) as device, Soap(device) as soap:
        hello = local.wait_for("Hello")
        assert hello.words("d:XAddrs")[0] == device.url
        reference = soap.call("tds:GetEndpointReference", auth=None).text("tds:GUID")
        assert hello.text("a:EndpointReference/a:Address") == reference

        scope = "onvif://www.onvif.org/location/gate"
        soap.call("tds:AddScopes", {"ScopeItem": scope}).ok()
        local.wait_for("Hello", lambda heard: heard.words("d:Scopes")[-1] == scope)
        assert local.ask(probe(scopes=scope), "lo").words("d:XAddrs")[0] == device.url

        moved = free_port()
        protocol = {"tt:Name": "HTTP", "tt:Enabled": "true", "tt:Port": moved}
        soap.call("tds:SetNetworkProtocols", {"NetworkProtocols": protocol}).ok()
        local.wait_for("Hello", lambda heard: heard.words("d:XAddrs")[0] == url(device, moved))

        soap.url = url(device, moved)
        soap.call("tds:SetDiscoveryMode", {"DiscoveryMode": "NonDiscoverable"}).ok()
        before = len(local.said("Hello"))
        soap.call("tds:SetSystemFactoryDefault", {"FactoryDefault": "Hard"}).ok()

        def factory_state(heard: Heard) -> bool:
            return scope not in heard.words("d:Scopes") and heard.words("d:XAddrs")[0] == device.url

        local.wait(lambda: len(local.said("Hello")) > before)
        assert factory_state(local.said("Hello")[-1])
        assert local.said("Bye") == []
        versions = [each.version for each in local.said("Hello")]
        assert versions == sorted(versions)
        device.stop()
        assert local.wait_for("Bye").text("a:EndpointReference/a:Address") == reference


def test_a_demo_is_silent_unless_it_is_told_to(host: Host, local: Client) -> None:
    with BenchDevice() as device:
        local.send(probe(), "lo")
        system = (
            Soap(device).call("tds:GetServiceCapabilities", auth=None).find("tds:Capabilities/tds:System")
        )
        assert system.get("DiscoveryNotSupported") == "true"
    local.poll()
    assert local.heard == local.answers == []

"""The clients of the npm registry that make their requests by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench_device import BenchDevice
from tests.interop.programs import Program
from tests.pki import Authority
from tests.soap_client import Soap
from tests.workflow import steps
from tests.workflow.clients import Zeep

TOPIC = "tns1:Advancedsecurity/Keystore/KeyStatus"
ADMINISTRATOR = ["admin", "Administrator"]

Node = Callable[[str], Program]


@pytest.fixture(scope="module")
def secured(root: Authority, intermediate: Authority) -> Iterator[BenchDevice]:
    """A device that serves HTTPS."""
    with BenchDevice() as device:
        steps.serve_https(Zeep(device), device.https_port, root, intermediate)
        yield device


@pytest.fixture(params=["http", "https"])
def way(
    request: pytest.FixtureRequest, secured: BenchDevice, root_file: Path
) -> tuple[str, tuple[Path, ...]]:
    """An address of the device, and what to verify it by."""
    return (secured.url, ()) if request.param == "http" else (secured.https_url, (root_file,))


@pytest.mark.parametrize("mode", ["wsse", "digest"])
def test_agsh_explores(
    secured: BenchDevice, node: Node, way: tuple[str, tuple[Path, ...]], mode: str
) -> None:
    """It connects, and reads and changes all that it has methods for."""
    url, ca = way
    found = node("agsh").run(secured, "explore", mode, *ca, url=url)
    base = url.removesuffix("device_service")
    assert found["addresses"] == {
        "device": f"{base}device_service",
        "advancedsecurity": f"{base}security_service",
        "events": f"{base}event_service",
    }
    assert found["information"]["manufacturer"] == "onvifd"
    assert found["hostname"]["name"]
    assert found["scopes"] >= 1
    assert {"device", "events"} <= set(found["capabilities"])
    assert found["device"]["system"]["Addons"] == "TLSServerConfiguration"
    assert found["device"]["security"]["HttpDigest"] is True
    assert found["events"]["MaxPullPoints"] >= 16
    assert "keyStatus" in found["topics"]["advancedsecurity"]["keystore"]
    assert found["protocols"]["networkProtocols"] == [
        {"name": "HTTP", "enabled": True, "port": secured.http_port},
        {"name": "HTTPS", "enabled": True, "port": secured.https_port},
    ]
    assert found["interfaces"] >= 1
    assert found["created"] == [ADMINISTRATOR, ["guest", "User"]]
    assert found["changed"] == [ADMINISTRATOR, ["guest", "Operator"]]
    assert found["deleted"] == [ADMINISTRATOR]
    assert found["keys"] >= 1


@pytest.mark.parametrize("mode", ["wsse", "digest"])
def test_agsh_hears_of_a_key(
    secured: BenchDevice, node: Node, way: tuple[str, tuple[Path, ...]], mode: str
) -> None:
    """Its event loop: a pull point without a filter, pulls of a minute, Renew after each, Unsubscribe."""
    url, ca = way
    found = node("agsh").run(secured, "listen", mode, *ca, url=url)
    key = found["key"]
    assert found["heard"] == [[TOPIC, key, "generating"], [TOPIC, key, "ok"]]
    assert found["address"].startswith(url.removesuffix("device_service"))


@pytest.mark.parametrize("mode", ["wsse", "digest"])
def test_agsh_is_told_of_a_key(secured: BenchDevice, node: Node, mode: str) -> None:
    """Subscribe, with its consumer in wsa:ReplyTo too, where the answer does not go; Unsubscribe."""
    found = node("agsh").run(secured, "receive", mode)
    assert [(topic, status) for topic, _, status in found["heard"]] == [(TOPIC, "generating"), (TOPIC, "ok")]
    assert found["address"].startswith(secured.url.removesuffix("device_service"))


def test_agsh_verifies(secured: BenchDevice, node: Node) -> None:
    """Without the authority it refuses: the tests above have verified."""
    run = node("agsh").attempt(secured, "explore", "wsse", url=secured.https_url)
    assert run.returncode == 1
    assert "self-signed certificate in certificate chain" in run.stderr


def test_node_onvif_explores(fresh_device: BenchDevice, node: Node) -> None:
    found = node("node-onvif").run(fresh_device, "explore")
    assert found["time"]["SystemDateAndTime"]["UTCDateTime"]
    assert found["capabilities"]["Capabilities"]["Events"]["XAddr"]
    assert found["information"]["Manufacturer"] == "onvifd"
    assert len(found["services"]["Service"]) >= 3
    assert found["scopes"]["Scopes"]
    assert found["created"] == ["admin", "guest"]
    assert "must be in the namespace http://www.onvif.org/ver10/device/wsdl" in found["deleted"]


def test_node_onvif_switches_https(
    fresh_device: BenchDevice, node: Node, root: Authority, intermediate: Authority
) -> None:
    """Its SetNetworkProtocols, which gives up after three seconds; and HTTPS without a certificate says why not."""
    client, port = node("node-onvif"), fresh_device.https_port
    refused = client.attempt(fresh_device, "https", port, "true")
    assert refused.returncode == 1
    assert "HTTPS needs a certificate" in refused.stderr
    with_zeep = Zeep(fresh_device)
    steps.assign(with_zeep, steps.certified_path(with_zeep, root, intermediate).id)
    for enabled in ("true", "false", "true"):
        answer = client.run(fresh_device, "https", port, enabled)
        assert {"Name": "HTTPS", "Enabled": enabled, "Port": str(port)} in answer["NetworkProtocols"]
        assert bool(fresh_device.listening_on(port)) == (enabled == "true")


def test_onvif_rx_explores(device: BenchDevice, node: Node) -> None:
    """Each request comes twice at once, one without a token. Its security operations are no XML."""
    found = node("onvif-rx").run(device, "explore")
    assert found["information"]["Manufacturer"] == "onvifd"
    assert found["users"]["User"] == {"Username": "admin", "UserLevel": "Administrator"}
    assert [each["Name"] for each in found["protocols"]["NetworkProtocols"]] == ["HTTP", "HTTPS"]
    refused = {"status": 400, "statusMessage": found["keys"]["statusMessage"]}
    assert found["keys"] == found["key"] == refused
    assert "unbound prefix" in refused["statusMessage"]
    with Soap(device) as soap:
        assert soap.call("tas:GetAllKeys").texts(".//tas:KeyID") == []


def test_onvif_nvt_explores(device: BenchDevice, node: Node) -> None:
    """The steps of its bootstrap before the media service, and a pull that ends empty."""
    found: dict[str, Any] = node("onvif-nvt").run(device, "explore")
    assert found["information"]["Manufacturer"] == "onvifd"
    protocols = found["protocols"]["GetNetworkProtocolsResponse"]["NetworkProtocols"]
    assert [each["Name"] for each in protocols] == ["HTTP", "HTTPS"]
    assert found["users"]["GetUsersResponse"]["User"]["Username"] == "admin"
    assert found["properties"]["GetEventPropertiesResponse"]["TopicSet"]["Advancedsecurity"]
    response = found["pulled"]["PullMessagesResponse"]
    assert response["CurrentTime"] < response["TerminationTime"]

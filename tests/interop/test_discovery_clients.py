"""Clients that find the device by WS-Discovery, and go on with the address that they were told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from onvif import ONVIFDiscovery

from tests.bench_device import BenchDevice
from tests.interop.programs import Program
from tests.namespaces import hosts
from tests.soap_client import Soap
from tests.support import wait_until

PATIENCE = 60.0
"""Seconds: a busy host may be late with an answer that a client waits two seconds for, and asks again."""


@pytest.fixture(scope="module")
def device() -> Iterator[BenchDevice]:
    """A device on a host of its own; this thread, and the clients that it starts, are on that host."""
    with hosts("bench") as (host,), host.entered():
        host.ip("route add 224.0.0.0/4 dev lo")
        with BenchDevice(options=["--discovery"]) as device:
            yield device


@pytest.fixture(scope="module")
def reference(device: BenchDevice) -> str:
    with Soap(device) as soap:
        return soap.call("tds:GetEndpointReference", auth=None).text("tds:GUID")


def test_agsh_finds_the_device(device: BenchDevice, node: Callable[[str], Program]) -> None:
    """It asks for NetworkVideoTransmitters, and asks each that answers for its services."""
    (found,) = wait_until(lambda: node("agsh").run(device, "discover"), PATIENCE)
    assert device.url in found["addresses"]
    assert found["model"] == "TLS reference device"


def test_onvif_python_finds_the_device(device: BenchDevice, reference: str) -> None:
    """It asks for Devices, and asks each that answers for its name, time and services."""
    finder = ONVIFDiscovery(timeout=2, interface="127.0.0.1")
    found, *others = wait_until(finder.discover, PATIENCE)
    assert found["epr"] == reference
    assert {other["epr"] for other in others} <= {reference}, "it shows an answer that is repeated twice"
    assert device.url in found["xaddrs"]
    assert (found["host"], found["port"], found["use_https"]) == ("127.0.0.1", device.http_port, False)
    assert found["hostname"]
    assert found["services"]

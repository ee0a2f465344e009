"""The client WSDiscovery of PyPI as the other side: it finds the device, hears it come, change and go."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from wsdiscovery import QName, Scope
from wsdiscovery.discovery import ThreadedWSDiscovery
from wsdiscovery.service import Service

from tests.discovery.conftest import EPR, Camera, Network
from tests.discovery.wire import DN, TDS, D
from tests.support import wait_until

DEVICE, TRANSMITTER = QName(TDS, "Device", "tds"), QName(DN, "NetworkVideoTransmitter", "dn")
STRCMP0 = f"{D}/strcmp0"


@pytest.fixture
def finder(network: Network) -> Iterator[ThreadedWSDiscovery]:
    # It leaves out the addresses of the loopback and asks on all the others.
    finder = ThreadedWSDiscovery()
    with network.client.entered():
        finder.start()
    yield finder
    finder.stop()


def find(finder: ThreadedWSDiscovery, **what: object) -> Service:
    """What it finds; it sleeps while it waits, so that it is asked for short."""
    (found,) = wait_until(lambda: finder.searchServices(timeout=0.1, **what))
    return found


@pytest.mark.parametrize("types", [None, [DEVICE], [TRANSMITTER], [DEVICE, TRANSMITTER]])
def test_it_finds_the_device_by_type(
    camera: Camera, finder: ThreadedWSDiscovery, types: list[QName] | None
) -> None:
    found = find(finder, types=types)
    assert found.getEPR() == EPR
    assert {(each.getNamespace(), each.getLocalname()) for each in found.getTypes()} == {
        (TDS, "Device"),
        (DN, "NetworkVideoTransmitter"),
    }
    assert [scope.getValue() for scope in found.getScopes()] == camera.scopes
    assert set(found.getXAddrs()) & {
        f"http://{each}.10/onvif/device_service" for each in ("192.0.2", "198.51.100")
    }


@pytest.mark.parametrize(
    "scope", [Scope("onvif://www.onvif.org/name"), Scope("onvif://www.onvif.org/name/x", STRCMP0)]
)
def test_it_finds_the_device_by_scope(camera: Camera, finder: ThreadedWSDiscovery, scope: Scope) -> None:
    assert find(finder, scopes=[scope]).getEPR() == EPR


def test_it_hears_the_device_come_change_and_go(
    make_camera: Callable[[], Camera], finder: ThreadedWSDiscovery
) -> None:
    came: list[Service] = []
    gone: list[str] = []
    finder.setRemoteServiceHelloCallback(came.append)
    finder.setRemoteServiceByeCallback(gone.append)
    camera = make_camera().start()
    wait_until(lambda: came)
    assert {each.getEPR() for each in came} == {EPR}
    camera.scopes = ["onvif://www.onvif.org/name/renamed"]
    camera.changed()
    wait_until(lambda: [each for each in came if each.getScopes()[0].getValue() == camera.scopes[0]])
    assert gone == []
    camera.stop()
    wait_until(lambda: gone)
    assert set(gone) == {EPR}

"""What verification finds, against the real nginx."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from onvifd.webserver.model import ServerConfiguration
from onvifd.webserver.verify import findings, reachable_at
from tests import pki
from tests.webserver.support import LOOPBACK, Device, credential, foreign_listener, intermediate, pem

Ports = tuple[int, int, int]


def found(
    device: Device,
    configuration: ServerConfiguration | None = None,
    generation: str | None = None,
    closed: Iterable[int] = (),
) -> set[str]:
    return set(
        findings(
            configuration or device.wanted(),
            LOOPBACK,
            generation or device.current.name,
            closed,
            device.current.name,
            timeout=0.5,
        )
    )


def test_nothing_is_found_when_all_is_as_wanted(device: Device, ports: Ports) -> None:
    device.change(assigned=["rsa-1", "ec-1"])
    assert found(device, closed=ports[2:]) == set()


def test_a_former_generation_is_found(device: Device, ports: Ports) -> None:
    assert found(device, generation="000009-former") == {
        f"Port {ports[0]} does not answer HTTP with the new configuration",
        f"Port {ports[1]} does not answer HTTPS with the new configuration",
    }


def test_a_port_that_does_not_listen_is_found(device: Device, ports: Ports) -> None:
    wanted = replace(device.wanted(), http_ports=ports[2:], https_ports=())
    assert found(device, wanted) == {f"Port {ports[2]} does not answer HTTP with the new configuration"}


def test_a_port_of_the_wrong_protocol_is_found(device: Device, ports: Ports) -> None:
    wanted = replace(device.wanted(), http_ports=ports[1:2], https_ports=ports[:1])
    assert len(found(device, wanted)) == 2


@pytest.mark.parametrize("kept", [slice(1), slice(2), slice(None, None, -1)])
def test_a_chain_that_is_longer_or_in_another_order_is_found(
    device: Device, ports: Ports, kept: slice
) -> None:
    """The specification lets a client assign a path: no more, no less, in its order."""
    other = replace(credential(1), certificates_der=credential(1).certificates_der[kept])
    wanted = replace(device.wanted(), certificates=(other,))
    assert found(device, wanted) == {f"Port {ports[1]} does not present the assigned RSA certification path"}


def test_a_missing_kind_of_key_is_found(device: Device, ports: Ports) -> None:
    wanted = replace(device.wanted(), certificates=(credential(1), credential(1, "EC")))
    assert found(device, wanted) == {f"Port {ports[1]} does not answer HTTPS with the new configuration"}


@pytest.mark.parametrize("kind", [0, 1])
def test_a_port_that_should_be_closed_is_found(device: Device, ports: Ports, kind: int) -> None:
    assert found(device, closed=[ports[kind]]) == {f"Port {ports[kind]} is still served"}


def test_what_another_program_does_on_a_closed_port_is_no_concern(device: Device, ports: Ports) -> None:
    """One that accepts connections and never answers."""
    with foreign_listener(ports[2]):
        assert found(device, closed=ports[2:]) == set()


def test_expired_and_not_yet_valid_certificates_are_served(device: Device) -> None:
    """Security 5.3.3: the device does not judge validity; a client sees what is assigned."""
    now = datetime.now(UTC).replace(microsecond=0)
    for start, end in ((-20, -10), (10, 20)):
        leaf = intermediate().issue(
            pki.rsa_key(1).public_key(),
            not_before=now + timedelta(days=start),
            not_after=now + timedelta(days=end),
        )
        device.credentials["other"] = replace(credential(1), chain_pem=pem(leaf), certificates_der=(leaf,))
        device.change(assigned=["other"])
        device.assert_agreement()


@pytest.mark.parametrize(
    ("listening", "reached"),
    [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("192.0.2.1", "192.0.2.1"), ("0:0::1", "::1")],
)
def test_where_a_listening_address_is_reached(listening: str, reached: str) -> None:
    assert reachable_at(listening) == reached

"""The device's network protocols (Core 8.2.12, 8.2.13) and its identity (Core 8.4.9)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keystore import Database
from onvifd.config import ProtocolConfig, ProtocolsConfig, RTSPConfig
from onvifd.state import (
    MAXIMUM_PORTS,
    InvalidPort,
    LockoutRefused,
    PortConflict,
    Protocol,
    ProtocolNotSupported,
    Protocols,
    StateError,
    TLSNotConfigured,
    endpoint_reference,
)

FACTORY = ProtocolsConfig(rtsp=RTSPConfig(enabled=True, ports=(554,)))
HTTP_ON = Protocol("HTTP", True, (80,))
HTTPS_ON = Protocol("HTTPS", True, (443,))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "onvifd.db")
    yield database
    database.close()


@pytest.fixture
def protocols(database: Database) -> Protocols:
    return Protocols(database, FACTORY)


def test_a_new_device_has_the_factorys_protocols(protocols: Protocols) -> None:
    assert protocols.all() == [HTTP_ON, Protocol("HTTPS", False, (443,)), Protocol("RTSP", True, (554,))]


def test_rtsp_exists_only_where_the_configuration_declares_it(database: Database) -> None:
    protocols = Protocols(database, replace(FACTORY, rtsp=None))
    assert protocols.get("RTSP") is None
    with pytest.raises(ProtocolNotSupported, match="no RTSP"):
        protocols.set([Protocol("RTSP", True, (554,))], certificate_assigned=True)


def test_protocols_that_a_request_does_not_name_stay_as_they_are(protocols: Protocols) -> None:
    protocols.set([HTTPS_ON], certificate_assigned=True)
    assert protocols.all() == [HTTP_ON, HTTPS_ON, Protocol("RTSP", True, (554,))]


def test_a_protocol_has_several_ports(protocols: Protocols) -> None:
    protocols.set([Protocol("HTTP", True, (80, 8080, 80))], certificate_assigned=False)
    assert protocols.get("HTTP") == Protocol("HTTP", True, (80, 8080))


def test_of_a_protocol_named_twice_the_last_one_counts(protocols: Protocols) -> None:
    protocols.set([HTTP_ON, Protocol("HTTP", True, (81,))], certificate_assigned=False)
    assert protocols.get("HTTP") == Protocol("HTTP", True, (81,))


def test_what_a_client_set_survives_a_restart(tmp_path: Path) -> None:
    for ports in ((80,), (81,)):
        database = Database(tmp_path / "onvifd.db")
        protocols = Protocols(database, FACTORY)
        assert protocols.get("HTTP") == Protocol("HTTP", True, ports)
        protocols.set([Protocol("HTTP", True, (81,))], certificate_assigned=False)
        database.close()


def test_the_factorys_setting_counts_until_a_client_overrules_it(database: Database) -> None:
    Protocols(database, FACTORY)
    moved = replace(FACTORY, http=ProtocolConfig(enabled=True, ports=(8000,)))
    assert Protocols(database, moved).get("HTTP") == Protocol("HTTP", True, (8000,))


@pytest.mark.parametrize(
    ("requested", "error"),
    [
        ([Protocol("HTTP", True, (0,))], InvalidPort),
        ([Protocol("HTTP", True, (65536,))], InvalidPort),
        ([Protocol("HTTP", True, (-1,))], InvalidPort),
        ([Protocol("HTTP", False, (70000,))], InvalidPort),
        ([Protocol("HTTP", True, tuple(range(1, MAXIMUM_PORTS + 2)))], InvalidPort),
        ([Protocol("HTTPS", True, (80,))], PortConflict),
        ([Protocol("HTTP", True, (5540,))], PortConflict),
        ([Protocol("HTTP", False, (80,))], LockoutRefused),
        ([Protocol("FTP", True, (21,))], ProtocolNotSupported),
    ],
)
def test_a_refused_request_changes_nothing(
    protocols: Protocols, requested: list[Protocol], error: type[StateError]
) -> None:
    before = protocols.all()
    with pytest.raises(error):
        protocols.set([Protocol("RTSP", True, (5540,)), *requested], certificate_assigned=True)
    assert protocols.all() == before


def test_a_disabled_protocol_may_name_another_ones_port(protocols: Protocols) -> None:
    protocols.set([Protocol("HTTPS", False, (80,))], certificate_assigned=False)
    assert protocols.get("HTTPS") == Protocol("HTTPS", False, (80,))


def test_https_needs_an_assigned_certificate(protocols: Protocols) -> None:
    """Core 8.2.13, EnablingTlsFailed."""
    with pytest.raises(TLSNotConfigured, match="AddServerCertificateAssignment"):
        protocols.set([HTTPS_ON], certificate_assigned=False)


def test_http_may_go_when_https_stays(protocols: Protocols) -> None:
    protocols.set([HTTPS_ON, Protocol("HTTP", False, (80,))], certificate_assigned=True)
    assert [protocol.name for protocol in protocols.all() if protocol.enabled] == ["HTTPS", "RTSP"]


def test_the_vendor_may_allow_a_lockout(database: Database) -> None:
    protocols = Protocols(database, replace(FACTORY, allow_lockout=True))
    protocols.set([Protocol("HTTP", False, (80,))], certificate_assigned=False)
    assert protocols.get("HTTP") == Protocol("HTTP", False, (80,))


def test_the_endpoint_reference_is_made_once(database: Database) -> None:
    first = endpoint_reference(database)
    assert first.startswith("urn:uuid:")
    assert endpoint_reference(database) == first

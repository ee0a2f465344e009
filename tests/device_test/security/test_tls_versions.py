"""Security Configuration Device Test Specification, 5.8 TLS Versions."""

from __future__ import annotations

from tests.device_test.cases import case, step
from tests.device_test.client import Dut
from tests.device_test.prerequisites import SECURITY_SERVICE
from tests.device_test.security.helpers import service_capabilities
from tests.device_test.security.https import (
    VERSIONS,
    assert_version_refused,
    configure_https,
    enabled_versions,
    eventually,
    handshake,
    set_enabled_versions,
)
from tests.device_test.security.prerequisites import (
    ENABLED_VERSIONS,
    NETWORK_PROTOCOLS,
    SEVERAL_VERSIONS,
    TLS_SERVER,
)


@case("ADVANCED_SECURITY-9-1-1", "5.8.1", needs=(SECURITY_SERVICE, ENABLED_VERSIONS))
def test_tls_version_management(dut: Dut) -> None:
    supported = service_capabilities(dut).words("tas:TLSServerCapabilities/@TLSServerSupported")
    initial = enabled_versions(dut)
    dut.restore.callback(set_enabled_versions, dut, initial)
    with step("If initialVersionList does not contains any items, FAIL the test"):
        assert initial
    with step(
        "If TLSServerSupported does not contains all items from initialVersionList list, FAIL the test"
    ):
        assert set(initial) <= set(supported)
    set_enabled_versions(dut, supported)
    _assert_enabled(dut, supported)
    with step("The DUT returns env:Sender/ter:InvalidArgVal/ter:EmptyList SOAP 1.2 fault"):
        dut.expect_fault(
            "tas:SetEnabledTLSVersions", {"Versions": ""}, "env:Sender", "ter:InvalidArgVal", "ter:EmptyList"
        )
    _assert_enabled(dut, supported)
    if len(supported) > 1:
        for version in (supported[0], supported[-1]):
            set_enabled_versions(dut, [version])
            _assert_enabled(dut, [version])


def _assert_enabled(dut: Dut, expected: list[str]) -> None:
    versions = enabled_versions(dut)
    with step(
        f'If the versions are not equal to "{" ".join(expected)}", whatever their order, FAIL the test'
    ):
        assert sorted(versions) == sorted(expected)


# The case's prerequisite is MaximumNumberOfCRLs, a slip: it needs what its operations need. A device with one
# version skips its steps.
@case(
    "ADVANCED_SECURITY-9-1-2",
    "5.8.2",
    needs=(SECURITY_SERVICE, ENABLED_VERSIONS, SEVERAL_VERSIONS, TLS_SERVER, NETWORK_PROTOCOLS),
)
def test_disable_tls_version(dut: Dut) -> None:
    supported = service_capabilities(dut).words("tas:TLSServerCapabilities/@TLSServerSupported")
    port = configure_https(dut)
    dut.restore.callback(set_enabled_versions, dut, enabled_versions(dut))
    lowest, *others = sorted(supported, key=list(VERSIONS).index)
    set_enabled_versions(dut, others)
    with step("ONVIF Client verifies that the lowest version is refused"):
        eventually(dut, lambda: _refused(dut, port, lowest))
    assert_version_refused(dut, port, lowest)
    handshake(dut, port, others)


def _refused(dut: Dut, port: int, version: str) -> bool:
    try:
        assert_version_refused(dut, port, version)
    except (AssertionError, OSError):
        return False
    return True

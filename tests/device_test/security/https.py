"""The helper procedures of chapter 6 about the TLS server, and TLS handshakes as a client sees them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from tests.device_test import protocols
from tests.device_test.cases import step
from tests.device_test.client import Dut
from tests.device_test.protocols import Protocol, set_network_protocols
from tests.device_test.security.helpers import (
    CertifiedPath,
    SelfSignedPath,
    ca_certificate,
    create_ca_path,
    create_certification_path,
    create_self_signed_path,
    delete_ca_path,
    delete_self_signed_path,
    service_capabilities,
    upload_ca_signed_certificate,
)
from tests.device_test.security.prerequisites import SELF_SIGNED
from tests.support import wait_until

T = TypeVar("T")

VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
"""What TLSServerSupported says, the lowest first."""
NEGOTIATED = {"1.0": "TLSv1", "1.1": "TLSv1.1", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}
"""What `ssl.SSLSocket.version` says."""


# -- network protocols


def network_protocols(dut: Dut) -> dict[str, Protocol]:
    """GetNetworkProtocols, by name. HTTPS must be among them."""
    found = protocols.network_protocols(dut)
    with step('If networkProtocolsList does not contain network protocol with Name "HTTPS", FAIL the test'):
        assert "HTTPS" in found
    return found


def enable_https(dut: Dut, before: dict[str, Protocol]) -> int:
    """Enable HTTPS unless it was, and see that its port is open: the port."""
    https = before["HTTPS"]
    port = https.ports[0] if https.enabled else dut.options.https_port
    if not https.enabled:
        set_network_protocols(dut, Protocol("HTTPS", True, (port,)))
    with step("ONVIF Client checks that HTTPS protocol Port is open"):
        eventually(dut, lambda: _is_open(dut.host, port))
    return port


def _is_open(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 5).close()
    except OSError:
        return False
    return True


def eventually(dut: Dut, condition: Callable[[], T]) -> T:
    """Poll for what must be true before operationDelay is over."""
    return wait_until(condition, dut.options.operation_delay, min(dut.options.poll_interval, 0.2))


# -- server certificate assignments


def assigned_paths(dut: Dut) -> list[str]:
    """GetAssignedServerCertificates: the CertificationPathIDs."""
    with step("ONVIF Client invokes GetAssignedServerCertificates"):
        return dut.call("tas:GetAssignedServerCertificates").texts("tas:CertificationPathID")


def add_assignment(dut: Dut, path_id: str) -> None:
    """AddServerCertificateAssignment, and the time operationDelay."""
    with step(
        "ONVIF Client invokes AddServerCertificateAssignment with parameters CertificationPathID := certPathID"
    ):
        dut.call("tas:AddServerCertificateAssignment", {"CertificationPathID": path_id})
        dut.be_patient()


def remove_assignment(dut: Dut, path_id: str) -> None:
    """RemoveServerCertificateAssignment, and the time operationDelay."""
    with step(
        "ONVIF Client invokes RemoveServerCertificateAssignment with parameters CertificationPathID := certPathID"
    ):
        dut.call("tas:RemoveServerCertificateAssignment", {"CertificationPathID": path_id})
        dut.be_patient()


def replace_assignment(dut: Dut, old: str, new: str) -> None:
    """ReplaceServerCertificateAssignment, and the time operationDelay."""
    with step(
        "ONVIF Client invokes ReplaceServerCertificateAssignment with parameters "
        "OldCertificationPathID =: certPathID1 NewCertificationPathID =: certPathID2"
    ):
        dut.call(
            "tas:ReplaceServerCertificateAssignment",
            {"OldCertificationPathID": old, "NewCertificationPathID": new},
        )
        dut.be_patient()


@dataclass(frozen=True)
class Removed:
    """What a case took away to have room: the HTTPS protocol as it was enabled, an assignment."""

    https: Protocol | None
    path_id: str | None


def make_room(dut: Dut) -> Removed:
    """6.47 HelperPreparationRemoveServerCertificateAssignment."""
    https = network_protocols(dut)["HTTPS"]
    if https.enabled:
        set_network_protocols(dut, Protocol("HTTPS", False, https.ports))
    maximum = service_capabilities(dut).number(
        "tas:TLSServerCapabilities/@MaximumNumberOfTLSCertificationPaths"
    )
    initial = assigned_paths(dut)
    full = len(initial) == maximum and bool(initial)
    if full:
        remove_assignment(dut, initial[0])
    return Removed(https if https.enabled else None, initial[0] if full else None)


def restore(dut: Dut, removed: Removed) -> None:
    """6.48 HelperRestoreServerCertificateAssignment."""
    if removed.path_id is not None:
        add_assignment(dut, removed.path_id)
    if removed.https is not None:
        set_network_protocols(dut, removed.https)


def assign_self_signed_path(dut: Dut) -> SelfSignedPath:
    """6.13 HelperAddServerCertAssign_SSCertificate."""
    path = create_self_signed_path(dut)
    add_assignment(dut, path.id)
    return path


def assign_ca_path(dut: Dut) -> CertifiedPath:
    path = create_ca_path(dut)
    add_assignment(dut, path.id)
    return path


def remove_self_signed_path(dut: Dut, path: SelfSignedPath) -> None:
    """6.12 HelperRemoveServerCertificateAssignment."""
    remove_assignment(dut, path.id)
    delete_self_signed_path(dut, path)


def remove_ca_path(dut: Dut, path: CertifiedPath) -> None:
    """6.20 HelperRemoveServerCertificateAssignment2."""
    remove_assignment(dut, path.id)
    delete_ca_path(dut, path)


def assign_ca_signed_certificate(dut: Dut) -> SelfSignedPath:
    """6.51 HelperAddServerCertAssign_CACertificate: a path of the CA-signed certificate alone."""
    certificate_id, key_id = upload_ca_signed_certificate(dut, ca_certificate(dut))
    path_id = create_certification_path(dut, [certificate_id], "ONVIF_Test2")
    add_assignment(dut, path_id)
    return SelfSignedPath(path_id, certificate_id, key_id)


def configure_https(dut: Dut) -> int:
    """6.49 HelperCheckAndConfigureHTTPS and 6.50 HelperConfigureHTTPS: the port.

    What it makes is removed with `dut.restore`, which the specification leaves to "restore the DUT state".
    """
    before = network_protocols(dut)
    if before["HTTPS"].enabled:
        return before["HTTPS"].ports[0]
    if not assigned_paths(dut):
        make = assign_self_signed_path if SELF_SIGNED.met(dut.capabilities) else assign_ca_signed_certificate
        dut.restore.callback(remove_self_signed_path, dut, make(dut))
    dut.restore.callback(set_network_protocols, dut, before["HTTPS"])
    return enable_https(dut, before)


# -- client authentication


def assigned_policies(dut: Dut) -> list[str]:
    """GetAssignedCertPathValidationPolicies: the CertPathValidationPolicyIDs."""
    with step("ONVIF Client invokes GetAssignedCertPathValidationPolicies"):
        response = dut.call("tas:GetAssignedCertPathValidationPolicies")
        return response.texts("tas:CertPathValidationPolicyID")


def add_policy_assignment(dut: Dut, policy_id: str) -> None:
    with step("ONVIF Client invokes AddCertPathValidationPolicyAssignment with certPathValidationPolicyID"):
        dut.call("tas:AddCertPathValidationPolicyAssignment", {"CertPathValidationPolicyID": policy_id})
        dut.be_patient()


def remove_policy_assignment(dut: Dut, policy_id: str) -> None:
    with step(
        "ONVIF Client invokes RemoveCertPathValidationPolicyAssignment with certPathValidationPolicyID"
    ):
        dut.call("tas:RemoveCertPathValidationPolicyAssignment", {"CertPathValidationPolicyID": policy_id})
        dut.be_patient()


def client_authentication_required(dut: Dut) -> bool:
    with step("ONVIF Client invokes GetClientAuthenticationRequired"):
        response = dut.call("tas:GetClientAuthenticationRequired")
        return response.boolean("tas:clientAuthenticationRequired")


def set_client_authentication_required(dut: Dut, required: bool) -> None:
    text = str(required).lower()
    with step(
        f"ONVIF Client invokes SetClientAuthenticationRequired with parameters clientAuthenticationRequired := {text}"
    ):
        dut.call("tas:SetClientAuthenticationRequired", {"clientAuthenticationRequired": required})
        dut.be_patient()


# -- TLS versions


def enabled_versions(dut: Dut) -> list[str]:
    """GetEnabledTLSVersions."""
    with step("ONVIF Client invokes GetEnabledTLSVersions request"):
        return dut.call("tas:GetEnabledTLSVersions").text("tas:Versions").split()


def set_enabled_versions(dut: Dut, versions: list[str]) -> None:
    listed = " ".join(versions)
    with step(
        f'ONVIF Client invokes SetEnabledTLSVersions request with parameters Versions list := "{listed}"'
    ):
        dut.call("tas:SetEnabledTLSVersions", {"Versions": listed})
        dut.be_patient()


# -- handshakes


@dataclass(frozen=True)
class Handshake:
    version: str
    """As TLSServerSupported has it."""
    certificate: bytes
    """The server's (DER)."""


def handshake(dut: Dut, port: int, versions: list[str] | None = None) -> Handshake:
    """6.21 HelperBasicTLSHandshakeCheck, with all versions that the device signals or with those that are enabled.

    The specification's ClientHello offers TLS 1.0 (3,1) alone; a device of the newer Security Baseline has TLS
    1.2 and 1.3. So the client offers whatever the device signals.
    """
    signalled = versions or dut.capabilities.words("tas:TLSServerCapabilities/@TLSServerSupported")
    context = client_context(signalled)
    with step("ONVIF Client and the DUT TLS server complete the handshake"):
        with (
            socket.create_connection((dut.host, port), dut.options.message_timeout) as plain,
            context.wrap_socket(plain, server_hostname=dut.host) as secured,
        ):
            certificate = secured.getpeercert(binary_form=True)
            assert certificate is not None, "the DUT did not send Certificate message"
            negotiated, compression = secured.version(), secured.compression()
    with step(
        "ServerHello: Version =: the highest version number supported by both sides, Compression =: NONE"
    ):
        highest = max(signalled, key=list(VERSIONS).index)
        assert negotiated == NEGOTIATED[highest], negotiated
        assert compression is None, compression
    return Handshake(highest, certificate)


def assert_presents(dut: Dut, port: int, expected: bytes) -> None:
    """6.21 with an expected server certificate (DER).

    22.12 lets a device present another one, with a warning. By the service specification (5.3.3.1) it may choose
    among the assigned paths: if only one is assigned there is no choice.
    """
    chosen = len(assigned_paths(dut)) > 1
    with step("ONVIF Client verifies basic TLS handshake with expecting Server Certificate (in certPathID)"):
        if not chosen:
            with contextlib.suppress(AssertionError):
                eventually(dut, lambda: _presents(dut, port, expected))
            assert handshake(dut, port).certificate == expected, "the DUT presents another certificate"
        elif handshake(dut, port).certificate != expected:
            warnings.warn("the DUT presents the certificate of another assigned path", stacklevel=2)


def _presents(dut: Dut, port: int, expected: bytes) -> bool:
    try:
        return handshake(dut, port).certificate == expected
    except OSError:
        return False


def assert_version_refused(dut: Dut, port: int, version: str) -> None:
    """6.52 HelperBasicTLSHandshakeProtocolVersionAlert."""
    context = client_context([version])
    with step("The DUT TLS server responds with a protocol_version alert message and close connection"):
        alert = ""
        try:
            with (
                socket.create_connection((dut.host, port), dut.options.message_timeout) as plain,
                context.wrap_socket(plain, server_hostname=dut.host),
            ):
                pass
        except ssl.SSLError as error:
            alert = error.reason or str(error)
        assert "ALERT_PROTOCOL_VERSION" in alert, alert or f"the handshake with TLS {version} succeeds"


def client_context(versions: list[str]) -> ssl.SSLContext:
    """A client that speaks just these versions and trusts any server."""
    known = [version for version in VERSIONS if version in versions]
    assert known, f"no known TLS version in {versions}"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.options |= ssl.OP_NO_COMPRESSION
    # What the library finds too weak today is what old versions have.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = VERSIONS[known[0]], VERSIONS[known[-1]]
    return context


def https_address(dut: Dut, operation: str, port: int) -> str:
    """Where an operation goes through HTTPS."""
    return f"https://{dut.host}:{port}{urlsplit(dut.address(operation)).path}"

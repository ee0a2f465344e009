"""The TLS Configuration Add-on: its use cases (6.1) and what it asks of a device (7), as cases like ONVIF's own.

ONVIF has no test cases for it. These have IDs of our own, by its sections: TLSADDON-6-1-1 is use case 6.1.1.
"""

from __future__ import annotations

from pathlib import Path

from tests.device_test.cases import case, step
from tests.device_test.client import NAMES, Dut
from tests.device_test.prerequisites import DEVICE_SERVICE, EVENT_SERVICE, SECURITY_SERVICE, listed
from tests.device_test.security.helpers import (
    certification_request,
    create_certification_path,
    create_rsa_key_pair,
    delete_certificate_with_key,
    delete_path,
    upload_certificate,
)
from tests.device_test.security.https import (
    add_assignment,
    assert_presents,
    assigned_paths,
    enable_https,
    make_room,
    network_protocols,
    remove_assignment,
    replace_assignment,
    restore,
    set_network_protocols,
)
from tests.device_test.security.prerequisites import PKCS10, RSA_KEY_PAIR_GENERATION, SELF_SIGNED, TLS_SERVER
from tests.pki import Authority

ADDON = listed("tds:System/@Addons", "TLSServerConfiguration")
NEEDS = (DEVICE_SERVICE, ADDON, SECURITY_SERVICE)
FUNCTIONS = (
    "tas:AddServerCertificateAssignment",
    "tas:CreateCertificationPath",
    "tas:CreatePKCS10CSR",
    "tas:CreateRSAKeyPair",
    "tas:CreateSelfSignedCertificate",
    "tas:DeleteCertificate",
    "tas:DeleteCertificationPath",
    "tas:DeleteKey",
    "tas:GetAllCertificates",
    "tas:GetAllCertificationPaths",
    "tas:GetAllKeys",
    "tas:GetAssignedServerCertificates",
    "tas:GetCertificate",
    "tas:GetCertificationPath",
    "tas:GetKeyStatus",
    "tas:GetServiceCapabilities",
    "tas:RemoveServerCertificateAssignment",
    "tas:ReplaceServerCertificateAssignment",
    "tas:UploadCertificate",
    "tds:SetNetworkProtocols",
)
"""7.2.3, function list for devices."""


@case("TLSADDON-7-1-1", "7.1.1", needs=NEEDS)
def test_discovery(dut: Dut) -> None:
    with step("Device shall declare support via the GetServices response"):
        services = dut.call("tds:GetServices", {"IncludeCapability": True}).all("tds:Service")
        (device,) = (each for each in services if each.findtext("tds:Namespace", "", NAMES) == NAMES["tds"])
        system = device.find("tds:Capabilities/tds:Capabilities/tds:System", NAMES)
        assert system is not None
        assert "TLSServerConfiguration" in system.get("Addons", "").split()


@case("TLSADDON-7-2-1", "7.2.1", needs=NEEDS)
def test_capabilities(dut: Dut) -> None:
    capabilities = dut.refresh()
    for needed in (RSA_KEY_PAIR_GENERATION, SELF_SIGNED, PKCS10, TLS_SERVER):
        with step(f"Device shall support {needed.text}"):
            assert needed.met(capabilities)
    for name in ("MaximumNumberOfKeys", "MaximumNumberOfCertificates"):
        with step(f"Device shall support {name} of at least 16"):
            assert capabilities.number(f"tas:KeystoreCapabilities/@{name}") >= 16


@case("TLSADDON-7-2-3", "7.2.3", needs=(*NEEDS, EVENT_SERVICE))
def test_function_list(dut: Dut) -> None:
    for operation in FUNCTIONS:
        with step(f"{operation} is mandatory"):
            # Without its arguments: nothing is done, and what is not there is ActionNotSupported.
            assert dut.capabilities.answers(operation, {})
    with step("tns1:Advancedsecurity/Keystore/KeyStatus is mandatory"):
        topics = dut.call("tev:GetEventProperties").find("wstop:TopicSet")
        (topic,) = topics.iterfind("tns1:Advancedsecurity/Keystore/KeyStatus", NAMES)
        assert topic.get(f"{{{NAMES['wstop']}}}topic") in ("true", "1")


class Configured:
    """The outcome of steps 2 to 5 of 6.1.1: a certification path up to a root, and what it is made of."""

    def __init__(self, dut: Dut, root: Authority, intermediate: Authority) -> None:
        key_id = create_rsa_key_pair(dut)
        request = certification_request(dut, key_id)
        with step("Sign the CSR using a Certificate Authority"):
            self.leaf = intermediate.sign_request(request, (dut.host,))
        self.stored = [upload_certificate(dut, self.leaf, "leaf", private_key_required=True)]
        self.stored += [upload_certificate(dut, authority.der, "CA") for authority in (intermediate, root)]
        self.id = create_certification_path(dut, [each for each, _ in self.stored], "TLS")

    def delete(self, dut: Dut) -> None:
        delete_path(dut, self.id)
        for certificate_id, key_id in self.stored:
            delete_certificate_with_key(dut, certificate_id, key_id)


def _through_https(dut: Dut, port: int, root: Authority, directory: Path) -> Dut:
    """The device as a client sees it that trusts nothing but the root."""
    trusted = directory / "root.pem"
    trusted.write_bytes(root.pem)
    path = dut.url.split("/", 3)[3]
    return dut.via(f"https://{dut.host}:{port}/{path}", verify=trusted)


@case("TLSADDON-6-1-1", "6.1.1", needs=(*NEEDS, PKCS10, RSA_KEY_PAIR_GENERATION, TLS_SERVER))
def test_initial_configuration(dut: Dut, tmp_path: Path) -> None:
    root = Authority.root()
    removed, protocols = make_room(dut), network_protocols(dut)
    path = Configured(dut, root, root.intermediate())
    add_assignment(dut, path.id)
    port = enable_https(dut, protocols)
    assert_presents(dut, port, path.leaf)
    with step("A client that trusts the Certificate Authority reaches the device through HTTPS"):
        assert path.id in assigned_paths(_through_https(dut, port, root, tmp_path))
    set_network_protocols(dut, protocols["HTTPS"])
    remove_assignment(dut, path.id)
    path.delete(dut)
    restore(dut, removed)


@case("TLSADDON-6-1-2", "6.1.2", needs=(*NEEDS, PKCS10, RSA_KEY_PAIR_GENERATION, TLS_SERVER))
def test_update_configuration(dut: Dut, tmp_path: Path) -> None:
    old, new = Authority.root(), Authority.root("New Root", 102)
    removed, protocols = make_room(dut), network_protocols(dut)
    first = Configured(dut, old, old.intermediate())
    add_assignment(dut, first.id)
    port = enable_https(dut, protocols)
    secured = _through_https(dut, port, old, tmp_path)
    second = Configured(secured, new, new.intermediate("New Intermediate", 103))
    replace_assignment(secured, first.id, second.id)
    assert_presents(dut, port, second.leaf)
    with step("A client that trusts the new Certificate Authority reaches the device through HTTPS"):
        assert second.id in assigned_paths(_through_https(dut, port, new, tmp_path))
    set_network_protocols(dut, protocols["HTTPS"])
    remove_assignment(dut, second.id)
    second.delete(dut)
    first.delete(dut)
    restore(dut, removed)

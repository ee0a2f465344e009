"""Security Configuration Device Test Specification, 5.3.2 TLS Handshaking and 5.3.3 TLS client authentication."""

from __future__ import annotations

from pathlib import Path

from tests.device_test.cases import case, step
from tests.device_test.client import Dut
from tests.device_test.prerequisites import SECURITY_SERVICE
from tests.device_test.security import credentials
from tests.device_test.security.credentials import Certified
from tests.device_test.security.helpers import (
    ca_certificate,
    create_policy,
    create_policy_for,
    create_self_signed_path,
    delete_certificate_with_key,
    delete_crl,
    delete_path_of_unknown_certificates,
    delete_policy,
    delete_prepared,
    delete_self_signed_path,
    get_certificate,
    upload_certificate,
    upload_crl,
    upload_pkcs12,
)
from tests.device_test.security.https import (
    add_assignment,
    add_policy_assignment,
    assert_presents,
    assign_self_signed_path,
    assigned_paths,
    assigned_policies,
    client_authentication_required,
    enable_https,
    eventually,
    https_address,
    make_room,
    network_protocols,
    remove_assignment,
    remove_policy_assignment,
    remove_self_signed_path,
    replace_assignment,
    restore,
    set_client_authentication_required,
    set_network_protocols,
)
from tests.device_test.security.prerequisites import (
    CRLS,
    NETWORK_PROTOCOLS,
    PKCS10,
    PKCS12,
    RSA_KEY_PAIR_GENERATION,
    SELF_SIGNED,
    TLS_CLIENT_AUTHENTICATION,
    TLS_SERVER,
    VALIDATION_POLICIES,
)

SELF_SIGN = (SECURITY_SERVICE, SELF_SIGNED, RSA_KEY_PAIR_GENERATION, TLS_SERVER, NETWORK_PROTOCOLS)
CLIENT = (
    SECURITY_SERVICE,
    SELF_SIGNED,
    RSA_KEY_PAIR_GENERATION,
    PKCS10,
    TLS_CLIENT_AUTHENTICATION,
    NETWORK_PROTOCOLS,
)


@case("ADVANCED_SECURITY-3-2-3", "5.3.2.1", needs=SELF_SIGN)
def test_basic_tls_handshake(dut: Dut) -> None:
    removed = make_room(dut)
    protocols = network_protocols(dut)
    path = create_self_signed_path(dut)
    certificate = get_certificate(dut, path.certificate_id)
    add_assignment(dut, path.id)
    port = enable_https(dut, protocols)
    assert_presents(dut, port, certificate.content)
    set_network_protocols(dut, *protocols.values())
    remove_self_signed_path(dut, path)
    restore(dut, removed)


@case("ADVANCED_SECURITY-3-2-4", "5.3.2.2", needs=SELF_SIGN)
def test_basic_tls_handshake_after_replace_server_certificate_assignment(dut: Dut) -> None:
    removed = make_room(dut)
    protocols = network_protocols(dut)
    path1 = assign_self_signed_path(dut)
    certificate1 = get_certificate(dut, path1.certificate_id)
    port = enable_https(dut, protocols)
    assert_presents(dut, port, certificate1.content)
    path2 = create_self_signed_path(dut)
    replace_assignment(dut, path1.id, path2.id)
    certificate2 = get_certificate(dut, path2.certificate_id)
    assert_presents(dut, port, certificate2.content)
    set_network_protocols(dut, protocols["HTTPS"])
    remove_self_signed_path(dut, path2)
    delete_self_signed_path(dut, path1)
    # The procedure ends here; what its first step took away has to come back.
    restore(dut, removed)


@case("ADVANCED_SECURITY-3-2-5", "5.3.2.3", needs=(SECURITY_SERVICE, PKCS12, TLS_SERVER, NETWORK_PROTOCOLS))
def test_basic_tls_handshake_with_replace_server_certification_path_and_pkcs12(dut: Dut) -> None:
    removed = make_room(dut)
    protocols = network_protocols(dut)
    certificate1 = ca_certificate(dut)
    path_id1, _ = upload_pkcs12(dut, certificate1, "ONVIF_CertificationPath_Test")
    add_assignment(dut, path_id1)
    port = enable_https(dut, protocols)
    assert_presents(dut, port, certificate1.der)
    certificate2 = ca_certificate(dut, "ONVIF TT2")
    path_id2, _ = upload_pkcs12(dut, certificate2, "ONVIF_CertificationPath_Test2", "ONVIF_Key_Test2")
    replace_assignment(dut, path_id1, path_id2)
    assigned = assigned_paths(dut)
    with step("If certificationPathIDList contains certPathID1, FAIL the test"):
        assert path_id1 not in assigned
    with step("If certificationPathIDList does not contain certPathID2, FAIL the test"):
        assert path_id2 in assigned
    assert_presents(dut, port, certificate2.der)
    # HTTPS goes first here, and last in the procedure: a device may refuse to have HTTPS without a certificate.
    set_network_protocols(dut, *protocols.values())
    remove_assignment(dut, path_id2)
    delete_path_of_unknown_certificates(dut, path_id2)
    delete_path_of_unknown_certificates(dut, path_id1)
    restore(dut, removed)


def _answers(dut: Dut, port: int, client: Certified, directory: Path) -> bool:
    """Whether GetClientAuthenticationRequired is answered through HTTPS to a client with a certificate.

    A client that is refused meets the end of its TLS connection. With TLS 1.3 that comes after its own
    handshake; and web servers such as nginx judge the certificate after the handshake, to answer 400.
    """
    path = directory / "client.pem"
    path.write_bytes(client.pem)
    url = https_address(dut, "tas:GetClientAuthenticationRequired", port)
    secured = dut.via(url, certificate=path)
    try:
        exchange = secured.send("tas:GetClientAuthenticationRequired", at=url)
    except AssertionError:
        return False
    if exchange.status == 400:
        assert not any("soap" in value for value in exchange.all("Content-Type")), exchange.content
        return False
    response = secured.assert_response(exchange, "tas:GetClientAuthenticationRequired")
    return response.boolean("tas:clientAuthenticationRequired")


def _authenticate_clients(
    dut: Dut, directory: Path, accepted: Certified, refused: Certified, trusted: Certified, crl: bytes | None
) -> None:
    """What the two cases below have in common, from the first step to the last."""
    removed = make_room(dut)
    protocols = network_protocols(dut)
    required = client_authentication_required(dut)
    server = assign_self_signed_path(dut)
    certificate_id1, key_id1 = upload_certificate(dut, trusted.der)
    crl_id = upload_crl(dut, crl) if crl is not None else None
    policy_id = create_policy_for(dut, certificate_id1, "Test CertPathValidationPolicy Alias")
    add_policy_assignment(dut, policy_id)
    port = enable_https(dut, protocols)
    if not required:
        dut.restore.callback(set_client_authentication_required, dut, False)
        set_client_authentication_required(dut, True)
    with step(
        "ONVIF Client invokes GetClientAuthenticationRequired through HTTPS using the client certificate cert2"
    ):
        eventually(dut, lambda: _answers(dut, port, accepted, directory))
    with step(
        "ONVIF Client invokes it using the other certificate. The DUT does not establish a TLS connection"
    ):
        assert not _answers(dut, port, refused, directory)
    if not required:
        set_client_authentication_required(dut, False)
    set_network_protocols(dut, *protocols.values())
    remove_policy_assignment(dut, policy_id)
    delete_policy(dut, policy_id)
    if crl_id is not None:
        delete_crl(dut, crl_id)
    delete_certificate_with_key(dut, certificate_id1, key_id1)
    remove_self_signed_path(dut, server)
    restore(dut, removed)


@case("ADVANCED_SECURITY-3-3-1", "5.3.3.1", needs=CLIENT)
def test_tls_client_authentication(dut: Dut, tmp_path: Path) -> None:
    trusted = ca_certificate(dut, "ONVIF1 TT")
    accepted = credentials.signed_certificate(trusted, "ONVIF2 TT")
    refused = credentials.signed_certificate(ca_certificate(dut, "ONVIF3 TT"), "ONVIF4 TT")
    _authenticate_clients(dut, tmp_path, accepted, refused, trusted, None)


@case("ADVANCED_SECURITY-3-3-2", "5.3.3.2", needs=(*CLIENT, CRLS))
def test_crl_processing(dut: Dut, tmp_path: Path) -> None:
    trusted = ca_certificate(dut, "ONVIF1 TT")
    accepted = credentials.signed_certificate(trusted, "ONVIF2 TT")
    revoked = credentials.signed_certificate(trusted, "ONVIF3 TT")
    crl = credentials.crl(trusted, revoked.certificate)
    _authenticate_clients(dut, tmp_path, accepted, revoked, trusted, crl)


@case(
    "ADVANCED_SECURITY-3-3-3",
    "5.3.3.3",
    needs=(SECURITY_SERVICE, VALIDATION_POLICIES, TLS_CLIENT_AUTHENTICATION),
)
def test_replace_certification_path_validation_policy_assignment(dut: Dut) -> None:
    policy_id1, prepared = create_policy(dut, "Test CertPathValidationPolicy1 Alias")
    policy_id2 = create_policy_for(dut, prepared.certificate_id, "Test CertPathValidationPolicy2 Alias")
    add_policy_assignment(dut, policy_id1)
    with step("ONVIF Client invokes ReplaceCertPathValidationPolicyAssignment with parameters"):
        dut.call(
            "tas:ReplaceCertPathValidationPolicyAssignment",
            {"OldCertPathValidationPolicyID": policy_id1, "NewCertPathValidationPolicyID": policy_id2},
        )
    assigned = assigned_policies(dut)
    with step("If certPathValidationPolicyIDList contains certPathValidationPolicyID1, FAIL the test"):
        assert policy_id1 not in assigned
    with step(
        "If certPathValidationPolicyIDList does not contain certPathValidationPolicyID2, FAIL the test"
    ):
        assert policy_id2 in assigned
    remove_policy_assignment(dut, policy_id2)
    delete_policy(dut, policy_id2)
    delete_policy(dut, policy_id1)
    delete_prepared(dut, prepared)

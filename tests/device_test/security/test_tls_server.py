"""Security Configuration Device Test Specification, 5.3.1 Certificate Management of the TLS server."""

from __future__ import annotations

from tests.device_test.cases import case
from tests.device_test.client import Dut
from tests.device_test.prerequisites import SECURITY_SERVICE
from tests.device_test.security.helpers import (
    CertifiedPath,
    SelfSignedPath,
    assert_added,
    assert_equal_lists,
    ca_certificate,
    create_ca_path,
    create_certification_path,
    create_self_signed_path,
    delete_ca_path,
    delete_self_signed_path,
    upload_ca_signed_certificate,
    upload_certificate,
)
from tests.device_test.security.https import (
    add_assignment,
    assign_ca_path,
    assign_self_signed_path,
    assigned_paths,
    make_room,
    remove_assignment,
    remove_ca_path,
    remove_self_signed_path,
    replace_assignment,
    restore,
)
from tests.device_test.security.prerequisites import (
    NETWORK_PROTOCOLS,
    PKCS10,
    RSA_KEY_PAIR_GENERATION,
    SELF_SIGNED,
    TLS_SERVER,
)

COMMON = (SECURITY_SERVICE, RSA_KEY_PAIR_GENERATION, TLS_SERVER, NETWORK_PROTOCOLS)
SELF_SIGN = (*COMMON, SELF_SIGNED)
CERTIFY = (*COMMON, PKCS10)


@case("ADVANCED_SECURITY-3-1-1", "5.3.1.1", needs=SELF_SIGN)
def test_add_server_certificate_assignment_self_signed(dut: Dut) -> None:
    removed = make_room(dut)
    path = create_self_signed_path(dut)
    add_assignment(dut, path.id)
    remove_self_signed_path(dut, path)
    restore(dut, removed)


@case("ADVANCED_SECURITY-3-1-2", "5.3.1.2", needs=CERTIFY)
def test_add_server_certificate_assignment_ca(dut: Dut) -> None:
    removed = make_room(dut)
    path = create_ca_path(dut)
    add_assignment(dut, path.id)
    remove_ca_path(dut, path)
    restore(dut, removed)


@case("ADVANCED_SECURITY-3-1-3", "5.3.1.3", needs=SELF_SIGN)
def test_replace_server_certificate_assignment_self_signed(dut: Dut) -> None:
    removed = make_room(dut)
    path1 = assign_self_signed_path(dut)
    path2 = create_self_signed_path(dut)
    replace_assignment(dut, path1.id, path2.id)
    remove_self_signed_path(dut, path2)
    delete_self_signed_path(dut, path1)
    restore(dut, removed)


@case("ADVANCED_SECURITY-3-1-4", "5.3.1.4", needs=CERTIFY)
def test_replace_server_certificate_assignment_ca(dut: Dut) -> None:
    removed = make_room(dut)
    authority = ca_certificate(dut)
    certificate_id1, key_id1 = upload_certificate(dut, authority.der)
    certificate_id2, key_id2 = upload_ca_signed_certificate(dut, authority)
    path_id1 = create_certification_path(dut, [certificate_id2, certificate_id1], "ONVIF_TestPath1")
    add_assignment(dut, path_id1)
    certificate_id3, key_id3 = upload_ca_signed_certificate(dut, authority)
    path_id2 = create_certification_path(dut, [certificate_id3, certificate_id1], "ONVIF_TestPath2")
    replace_assignment(dut, path_id1, path_id2)
    delete_self_signed_path(dut, SelfSignedPath(path_id1, certificate_id2, key_id2))
    remove_ca_path(dut, CertifiedPath(path_id2, certificate_id3, key_id3, certificate_id1, key_id1))
    restore(dut, removed)


@case("ADVANCED_SECURITY-3-1-5", "5.3.1.5", needs=SELF_SIGN)
def test_get_assigned_server_certificates_self_signed(dut: Dut) -> None:
    removed = make_room(dut)
    initial = assigned_paths(dut)
    path = assign_self_signed_path(dut)
    assert_added(assigned_paths(dut), initial, path.id, "certPathID")
    remove_self_signed_path(dut, path)
    restore(dut, removed)


@case("ADVANCED_SECURITY-3-1-6", "5.3.1.6", needs=CERTIFY)
def test_get_assigned_server_certificates_ca(dut: Dut) -> None:
    removed = make_room(dut)
    initial = assigned_paths(dut)
    path = assign_ca_path(dut)
    assert_added(assigned_paths(dut), initial, path.id, "certPathID")
    remove_ca_path(dut, path)
    restore(dut, removed)


@case("ADVANCED_SECURITY-3-1-7", "5.3.1.7", needs=SELF_SIGN)
def test_remove_server_certificate_assignment_self_signed(dut: Dut) -> None:
    removed = make_room(dut)
    initial = assigned_paths(dut)
    path = assign_self_signed_path(dut)
    assert_added(assigned_paths(dut), initial, path.id, "certPathID")
    remove_assignment(dut, path.id)
    delete_self_signed_path(dut, path)
    assert_equal_lists(assigned_paths(dut), initial)
    restore(dut, removed)


@case("ADVANCED_SECURITY-3-1-8", "5.3.1.8", needs=CERTIFY)
def test_remove_server_certificate_assignment_ca(dut: Dut) -> None:
    removed = make_room(dut)
    initial = assigned_paths(dut)
    path = assign_ca_path(dut)
    assert_added(assigned_paths(dut), initial, path.id, "certPathID")
    remove_assignment(dut, path.id)
    delete_ca_path(dut, path)
    assert_equal_lists(assigned_paths(dut), initial)
    restore(dut, removed)

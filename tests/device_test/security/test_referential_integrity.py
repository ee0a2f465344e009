"""Security Configuration Device Test Specification, 5.4 Referential Integrity."""

from __future__ import annotations

from tests.device_test.cases import case, step
from tests.device_test.client import Dut
from tests.device_test.prerequisites import SECURITY_SERVICE
from tests.device_test.security.helpers import (
    REFERENCE_EXISTS,
    delete_certificate_with_key,
    delete_path,
)
from tests.device_test.security.https import (
    assign_ca_path,
    assign_self_signed_path,
    make_room,
    remove_assignment,
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


def _kept(dut: Dut, operation: str, parameter: str, *ids: str) -> None:
    """Deleting each of some objects is refused. The lists of results name another fault by mistake."""
    for each in ids:
        with step(
            f"ONVIF Client invokes {operation}. "
            "The DUT returns env:Sender/ter:InvalidArgVal/ter:ReferenceExists SOAP 1.2 fault"
        ):
            dut.expect_fault(f"tas:{operation}", {parameter: each}, *REFERENCE_EXISTS)


@case("ADVANCED_SECURITY-4-1-1", "5.4.1", needs=(*COMMON, SELF_SIGNED))
def test_tls_server_certificate_self_signed(dut: Dut) -> None:
    removed = make_room(dut)
    path = assign_self_signed_path(dut)
    _kept(dut, "DeleteKey", "KeyID", path.key_id)
    _kept(dut, "DeleteCertificate", "CertificateID", path.certificate_id)
    _kept(dut, "DeleteCertificationPath", "CertificationPathID", path.id)
    remove_assignment(dut, path.id)
    _kept(dut, "DeleteKey", "KeyID", path.key_id)
    _kept(dut, "DeleteCertificate", "CertificateID", path.certificate_id)
    delete_path(dut, path.id)
    _kept(dut, "DeleteKey", "KeyID", path.key_id)
    delete_certificate_with_key(dut, path.certificate_id, path.key_id)
    restore(dut, removed)


@case("ADVANCED_SECURITY-4-1-2", "5.4.2", needs=(*COMMON, PKCS10))
def test_tls_server_certificate_ca(dut: Dut) -> None:
    removed = make_room(dut)
    path = assign_ca_path(dut)
    keys = (path.key_id1, path.key_id2)
    certificates = (path.certificate_id1, path.certificate_id2)
    _kept(dut, "DeleteKey", "KeyID", *keys)
    _kept(dut, "DeleteCertificate", "CertificateID", *certificates)
    _kept(dut, "DeleteCertificationPath", "CertificationPathID", path.id)
    remove_assignment(dut, path.id)
    _kept(dut, "DeleteKey", "KeyID", *keys)
    _kept(dut, "DeleteCertificate", "CertificateID", *certificates)
    delete_path(dut, path.id)
    _kept(dut, "DeleteKey", "KeyID", *keys)
    delete_certificate_with_key(dut, path.certificate_id1, path.key_id1)
    delete_certificate_with_key(dut, path.certificate_id2, path.key_id2)
    restore(dut, removed)

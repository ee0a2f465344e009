"""Other Features Client Test Specification, TLS Configuration: what a conformant client does with a device.

The client test tool reads traces of a client. Here the client of the device test does each sequence, and its
trace is judged by the same rules. The cases have no section numbers: their titles stand for them.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.device_test.cases import Prerequisite, case, step
from tests.device_test.client import Dut
from tests.device_test.client_tls.trace import conversations, sent
from tests.device_test.prerequisites import SECURITY_SERVICE, positive
from tests.device_test.security import credentials
from tests.device_test.security.helpers import (
    binary,
    ca_certificate,
    create_ca_path,
    create_ca_signed_certificate,
    create_rsa_key_pair,
    create_self_signed_path,
    delete_ca_path,
    delete_certificate_with_key,
    delete_passphrase,
    delete_path_of_unknown_certificates,
    delete_prepared,
    delete_rsa_key_pair,
    prepare_certificate,
    upload_certificate,
    upload_passphrase,
    upload_pkcs12,
)
from tests.device_test.security.https import (
    assign_ca_path,
    make_room,
    remove_ca_path,
    remove_self_signed_path,
    replace_assignment,
    restore,
)
from tests.device_test.security.prerequisites import (
    NETWORK_PROTOCOLS,
    PASSPHRASES,
    PKCS10,
    PKCS12,
    RSA_KEY_PAIR_GENERATION,
    SELF_SIGNED,
    TLS_SERVER,
)

KEYS = positive("tas:KeystoreCapabilities/@MaximumNumberOfKeys")
CERTIFICATES = Prerequisite(
    f"{PKCS10.text}, {SELF_SIGNED.text} or {PKCS12.text}",
    lambda capabilities: any(each.met(capabilities) for each in (PKCS10, SELF_SIGNED, PKCS12)),
)
CERTIFY = (SECURITY_SERVICE, PKCS10, RSA_KEY_PAIR_GENERATION)
PATHS = (*CERTIFY, TLS_SERVER)
ASSIGNMENTS = (*PATHS, NETWORK_PROTOCOLS)


@case("TLSCONFIGURATION-1", "UPLOAD PASSPHRASE", needs=(SECURITY_SERVICE, PASSPHRASES))
def test_upload_passphrase(dut: Dut) -> None:
    delete_passphrase(dut, upload_passphrase(dut, credentials.PASSPHRASES[0]))
    conversations(dut, "tas:UploadPassphrase")


@case("TLSCONFIGURATION-2", "DELETE PASSPHRASE", needs=(SECURITY_SERVICE, PASSPHRASES))
def test_delete_passphrase(dut: Dut) -> None:
    delete_passphrase(dut, upload_passphrase(dut, credentials.PASSPHRASES[0]))
    conversations(dut, "tas:DeletePassphrase")


@case("TLSCONFIGURATION-3", "CREATE PKCS#10 CERTIFICATION", needs=CERTIFY)
def test_create_pkcs10_certification(dut: Dut) -> None:
    _, certificate = create_ca_signed_certificate(dut, ca_certificate(dut))
    certificate_id, key_id = upload_certificate(dut, certificate, private_key_required=True)
    delete_certificate_with_key(dut, certificate_id, key_id)
    (requested,) = conversations(dut, "tas:CreatePKCS10CSR")
    (uploaded,) = conversations(dut, "tas:UploadCertificate")
    with step("[S4] It is invoked after the Client CreatePKCS10CSR request"):
        trace = list(dut.exchanges)
        assert trace.index(requested) < trace.index(uploaded)
    response = dut.assert_response(requested, "tas:CreatePKCS10CSR")
    csr = x509.load_der_x509_csr(response.binary("tas:PKCS10CSR"))
    sent_certificate = x509.load_der_x509_certificate(binary(sent(uploaded), "tas:Certificate"))
    with step("[S5] It contains Subject element with value equals to Subject element value from PKCS10CSR"):
        assert sent_certificate.subject == csr.subject
    with step(
        "[S6] It contains Public Key element with value equals to Public Key element value from PKCS10CSR"
    ):
        assert _key(sent_certificate) == _key(csr)


def _key(certified: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    return certified.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@case("TLSCONFIGURATION-4", "UPLOAD CERTIFICATE", needs=(SECURITY_SERVICE, PKCS10))
def test_upload_certificate(dut: Dut) -> None:
    certificate_id, key_id = upload_certificate(dut, ca_certificate(dut).der)
    delete_certificate_with_key(dut, certificate_id, key_id)
    conversations(dut, "tas:UploadCertificate")


@case("TLSCONFIGURATION-5", "DELETE CERTIFICATE", needs=(SECURITY_SERVICE, CERTIFICATES))
def test_delete_certificate(dut: Dut) -> None:
    delete_prepared(dut, prepare_certificate(dut))
    conversations(dut, "tas:DeleteCertificate")


@case("TLSCONFIGURATION-6", "DELETE CERTIFICATION PATH", needs=PATHS)
def test_delete_certification_path(dut: Dut) -> None:
    delete_ca_path(dut, create_ca_path(dut))
    conversations(dut, "tas:DeleteCertificationPath")


@case("TLSCONFIGURATION-7", "DELETE KEY", needs=(SECURITY_SERVICE, KEYS, RSA_KEY_PAIR_GENERATION))
def test_delete_key(dut: Dut) -> None:
    delete_rsa_key_pair(dut, create_rsa_key_pair(dut))
    conversations(dut, "tas:DeleteKey")


@case("TLSCONFIGURATION-8", "GET KEY STATUS", needs=(SECURITY_SERVICE, KEYS, RSA_KEY_PAIR_GENERATION))
def test_get_key_status(dut: Dut) -> None:
    delete_rsa_key_pair(dut, create_rsa_key_pair(dut))
    conversations(dut, "tas:GetKeyStatus")


@case("TLSCONFIGURATION-9", "UPLOAD PKCS12", needs=(SECURITY_SERVICE, PKCS12))
def test_upload_pkcs12(dut: Dut) -> None:
    path_id, _ = upload_pkcs12(dut, ca_certificate(dut))
    delete_path_of_unknown_certificates(dut, path_id)
    conversations(dut, "tas:UploadCertificateWithPrivateKeyInPKCS12")


@case("TLSCONFIGURATION-10", "ADD SERVER CERTIFICATE ASSIGNMENT", needs=ASSIGNMENTS)
def test_add_server_certificate_assignment(dut: Dut) -> None:
    removed = make_room(dut)
    remove_ca_path(dut, assign_ca_path(dut))
    restore(dut, removed)
    conversations(dut, "tas:AddServerCertificateAssignment")


@case("TLSCONFIGURATION-11", "REMOVE SERVER CERTIFICATE ASSIGNMENT", needs=ASSIGNMENTS)
def test_remove_server_certificate_assignment(dut: Dut) -> None:
    removed = make_room(dut)
    remove_ca_path(dut, assign_ca_path(dut))
    restore(dut, removed)
    conversations(dut, "tas:RemoveServerCertificateAssignment")


@case("TLSCONFIGURATION-12", "REPLACE SERVER CERTIFICATE ASSIGNMENT", needs=(*ASSIGNMENTS, SELF_SIGNED))
def test_replace_server_certificate_assignment(dut: Dut) -> None:
    removed = make_room(dut)
    first = assign_ca_path(dut)
    second = create_self_signed_path(dut)
    replace_assignment(dut, first.id, second.id)
    remove_self_signed_path(dut, second)
    delete_ca_path(dut, first)
    restore(dut, removed)
    conversations(dut, "tas:ReplaceServerCertificateAssignment")


@case("TLSCONFIGURATION-13", "CREATE CERTIFICATION PATH", needs=PATHS)
def test_create_certification_path(dut: Dut) -> None:
    delete_ca_path(dut, create_ca_path(dut))
    conversations(dut, "tas:CreateCertificationPath")


@case("TLSCONFIGURATION-14", "CREATE RSA KEY PAIR", needs=(SECURITY_SERVICE, RSA_KEY_PAIR_GENERATION))
def test_create_rsa_key_pair(dut: Dut) -> None:
    delete_rsa_key_pair(dut, create_rsa_key_pair(dut))
    conversations(dut, "tas:CreateRSAKeyPair")

"""Security Configuration Device Test Specification, 5.2 Certificate Management."""

from __future__ import annotations

import warnings
from datetime import timedelta

from cryptography import x509

from tests.device_test.cases import case, step
from tests.device_test.client import Dut
from tests.device_test.prerequisites import SECURITY_SERVICE
from tests.device_test.security import credentials
from tests.device_test.security.helpers import (
    REFERENCE_EXISTS,
    CertifiedPath,
    SelfSignedPath,
    StoredCertificate,
    all_certificates,
    all_certification_paths,
    all_keys,
    assert_added,
    assert_der_certificate,
    assert_der_request,
    assert_equal_lists,
    assert_subject,
    ca_certificate,
    certification_request,
    create_and_upload_pkcs12,
    create_ca_path,
    create_ca_signed_certificate,
    create_certification_path,
    create_rsa_key_pair,
    create_self_signed_certificate,
    create_self_signed_certificate_for,
    create_self_signed_path,
    delete_ca_path,
    delete_certificate,
    delete_certificate_with_key,
    delete_path,
    delete_path_of_unknown_certificates,
    delete_rsa_key_pair,
    delete_self_signed_path,
    get_certificate,
    get_certification_path,
    rsa_key_length,
    rsa_key_lengths,
    signature_algorithm,
    subject,
    upload_ca_signed_certificate,
    upload_certificate,
)
from tests.device_test.security.prerequisites import (
    PKCS10,
    PKCS12,
    PRIVATE_KEY_SHARING,
    RSA_KEY_PAIR_GENERATION,
    SELF_SIGNED,
    TLS_SERVER,
)

UPLOAD = (SECURITY_SERVICE, PKCS10)
CERTIFY = (*UPLOAD, RSA_KEY_PAIR_GENERATION)
SELF_SIGN = (SECURITY_SERVICE, SELF_SIGNED, RSA_KEY_PAIR_GENERATION)
CERTIFIED_PATHS = (*CERTIFY, TLS_SERVER)
SELF_SIGNED_PATHS = (*SELF_SIGN, TLS_SERVER)


@case("ADVANCED_SECURITY-2-1-1", "5.2.1", needs=CERTIFY)
def test_create_pkcs10_certification_requests(dut: Dut) -> None:
    key_id = create_rsa_key_pair(dut)
    request = assert_der_request(certification_request(dut, key_id))
    with step("ONVIF Client validates that PKCS10request contains the correct subject equals to subject"):
        assert_subject(dut, request.subject)
    delete_rsa_key_pair(dut, key_id)


@case("ADVANCED_SECURITY-2-1-2", "5.2.2", needs=SELF_SIGN)
def test_create_self_signed_certificate(dut: Dut) -> None:
    certificate_id, key_id = create_self_signed_certificate(dut)
    delete_certificate_with_key(dut, certificate_id, key_id)


@case("ADVANCED_SECURITY-2-1-3", "5.2.3", needs=CERTIFY)
def test_upload_certificate_keystore_contains_private_key(dut: Dut) -> None:
    key_id1, certificate = create_ca_signed_certificate(dut, ca_certificate(dut))
    certificate_id, key_id2 = upload_certificate(dut, certificate, private_key_required=True)
    with step("If keyID2 is not equal to keyID1, FAIL the test"):
        assert key_id2 == key_id1
    delete_certificate_with_key(dut, certificate_id, key_id1)


@case("ADVANCED_SECURITY-2-1-4", "5.2.4", needs=UPLOAD)
def test_upload_certificate_keystore_contains_private_key_negative(dut: Dut) -> None:
    authority = ca_certificate(dut)
    with step("The DUT returns env:Receiver/ter:Action/ter:NoMatchingPrivateKey SOAP 1.2 fault"):
        dut.expect_fault(
            "tas:UploadCertificate",
            {"Certificate": authority.der, "Alias": "ONVIF_Test", "PrivateKeyRequired": True},
            "env:Receiver",
            "ter:Action",
            "ter:NoMatchingPrivateKey",
        )


@case("ADVANCED_SECURITY-2-1-5", "5.2.5", needs=UPLOAD)
def test_upload_certificate_keystore_does_not_contain_private_key(dut: Dut) -> None:
    certificate_id, key_id = upload_certificate(dut, ca_certificate(dut).der)
    delete_certificate_with_key(dut, certificate_id, key_id)


@case("ADVANCED_SECURITY-2-1-6", "5.2.6", needs=SELF_SIGN)
def test_get_certificate_self_signed(dut: Dut) -> None:
    certificate_id, key_id = create_self_signed_certificate(dut)
    certificate = assert_der_certificate(get_certificate(dut, certificate_id).content)
    with step("ONVIF Client validates that X509Cert.CertificateContent contains the correct subject"):
        assert_subject(dut, certificate.subject)
    delete_certificate_with_key(dut, certificate_id, key_id)


@case("ADVANCED_SECURITY-2-1-7", "5.2.7", needs=UPLOAD)
def test_get_certificate_ca(dut: Dut) -> None:
    authority = ca_certificate(dut)
    certificate_id, key_id = upload_certificate(dut, authority.der)
    certificate = assert_der_certificate(get_certificate(dut, certificate_id).content)
    with step("If X509Cert.CertificateContent contains wrong subject, FAIL the test"):
        assert certificate.subject == authority.certificate.subject
    delete_certificate_with_key(dut, certificate_id, key_id)


@case("ADVANCED_SECURITY-2-1-8", "5.2.8", needs=SELF_SIGN)
def test_get_all_certificates_self_signed(dut: Dut) -> None:
    initial = all_certificates(dut)
    certificate_id, key_id = create_self_signed_certificate(dut)
    assert_added(all_certificates(dut), initial, certificate_id, "certID")
    delete_certificate_with_key(dut, certificate_id, key_id)


@case("ADVANCED_SECURITY-2-1-9", "5.2.9", needs=UPLOAD)
def test_get_all_certificates_ca(dut: Dut) -> None:
    initial = all_certificates(dut)
    certificate_id, key_id = upload_certificate(dut, ca_certificate(dut).der)
    assert_added(all_certificates(dut), initial, certificate_id, "certID")
    delete_certificate_with_key(dut, certificate_id, key_id)


def _delete_and_compare(
    dut: Dut, certificate_id: str, key_id: str, initial: dict[str, StoredCertificate]
) -> None:
    assert_added(all_certificates(dut), initial, certificate_id, "certID")
    delete_certificate(dut, certificate_id)
    delete_rsa_key_pair(dut, key_id)
    assert_equal_lists(all_certificates(dut), initial)


@case("ADVANCED_SECURITY-2-1-10", "5.2.10", needs=SELF_SIGN)
def test_delete_certificate_self_signed(dut: Dut) -> None:
    initial = all_certificates(dut)
    certificate_id, key_id = create_self_signed_certificate(dut)
    _delete_and_compare(dut, certificate_id, key_id, initial)


@case("ADVANCED_SECURITY-2-1-11", "5.2.11", needs=UPLOAD)
def test_delete_certificate_ca(dut: Dut) -> None:
    initial = all_certificates(dut)
    certificate_id, key_id = upload_certificate(dut, ca_certificate(dut).der)
    _delete_and_compare(dut, certificate_id, key_id, initial)


@case("ADVANCED_SECURITY-2-1-12", "5.2.12", needs=SELF_SIGNED_PATHS)
def test_create_certification_path_self_signed(dut: Dut) -> None:
    certificate_id, key_id = create_self_signed_certificate(dut)
    path_id = create_certification_path(dut, [certificate_id], "ONVIF_Test")
    delete_self_signed_path(dut, SelfSignedPath(path_id, certificate_id, key_id))


@case("ADVANCED_SECURITY-2-1-13", "5.2.13", needs=CERTIFIED_PATHS)
def test_create_certification_path_ca(dut: Dut) -> None:
    authority = ca_certificate(dut)
    certificate_id1, key_id1 = upload_ca_signed_certificate(dut, authority)
    certificate_id2, key_id2 = upload_certificate(dut, authority.der)
    path_id = create_certification_path(dut, [certificate_id1, certificate_id2], "ONVIF_Test2")
    delete_ca_path(dut, CertifiedPath(path_id, certificate_id1, key_id1, certificate_id2, key_id2))


@case("ADVANCED_SECURITY-2-1-14", "5.2.14", needs=SELF_SIGNED_PATHS)
def test_get_certification_path_self_signed(dut: Dut) -> None:
    path = create_self_signed_path(dut)
    certificate_ids, _ = get_certification_path(dut, path.id)
    with step("If certID1 is not equal to certID2, FAIL the test"):
        assert certificate_ids == [path.certificate_id]
    delete_self_signed_path(dut, path)


@case("ADVANCED_SECURITY-2-1-15", "5.2.15", needs=CERTIFIED_PATHS)
def test_get_certification_path_ca(dut: Dut) -> None:
    path = create_ca_path(dut)
    certificate_ids, _ = get_certification_path(dut, path.id)
    with step("If certID1 is not equal to certID3, or certID2 is not equal to certID4, FAIL the test"):
        assert certificate_ids == [path.certificate_id1, path.certificate_id2]
    delete_ca_path(dut, path)


@case("ADVANCED_SECURITY-2-1-16", "5.2.16", needs=SELF_SIGNED_PATHS)
def test_get_all_certification_paths_self_signed(dut: Dut) -> None:
    initial = all_certification_paths(dut)
    path = create_self_signed_path(dut)
    assert_added(all_certification_paths(dut), initial, path.id, "certPathID")
    delete_self_signed_path(dut, path)


@case("ADVANCED_SECURITY-2-1-17", "5.2.17", needs=CERTIFIED_PATHS)
def test_get_all_certification_paths_ca(dut: Dut) -> None:
    initial = all_certification_paths(dut)
    path = create_ca_path(dut)
    assert_added(all_certification_paths(dut), initial, path.id, "certPathID")
    delete_ca_path(dut, path)


@case("ADVANCED_SECURITY-2-1-18", "5.2.18", needs=SELF_SIGNED_PATHS)
def test_delete_certification_path_self_signed(dut: Dut) -> None:
    initial = all_certification_paths(dut)
    path = create_self_signed_path(dut)
    assert_added(all_certification_paths(dut), initial, path.id, "certPathID")
    delete_path(dut, path.id)
    assert_equal_lists(all_certification_paths(dut), initial)
    # The procedure ends here, and would leave its certificate and key behind.
    delete_certificate_with_key(dut, path.certificate_id, path.key_id)


@case("ADVANCED_SECURITY-2-1-19", "5.2.19", needs=CERTIFIED_PATHS)
def test_delete_certification_path_ca(dut: Dut) -> None:
    initial = all_certification_paths(dut)
    path = create_ca_path(dut)
    assert_added(all_certification_paths(dut), initial, path.id, "certPathID")
    delete_ca_path(dut, path)
    assert_equal_lists(all_certification_paths(dut), initial)


@case("ADVANCED_SECURITY-2-1-20", "5.2.20", needs=CERTIFY)
def test_create_pkcs10_csr_negative(dut: Dut) -> None:
    lengths = rsa_key_lengths(dut)
    for length in [length for length in lengths if length >= 1024] or lengths[-1:]:
        with step("ONVIF Client invokes CreateRSAKeyPair message with parameters KeyLength =: keyLength"):
            response = dut.call("tas:CreateRSAKeyPair", {"KeyLength": length})
            key_id = response.text("tas:KeyID")
        # The procedure goes on to a longer key without trying if the device estimates less than two seconds.
        # Here every length is tried: only a key that is ready by now makes the next one necessary.
        arguments = {"Subject": subject(dut), "KeyID": key_id, "SignatureAlgorithm": signature_algorithm(dut)}
        with step("ONVIF Client invokes CreatePKCS10CSR with parameters Subject =: subject KeyID =: keyID"):
            exchange = dut.send("tas:CreatePKCS10CSR", arguments)
        if exchange.status == 200:
            delete_rsa_key_pair(dut, key_id)
            continue
        with step(r"The DUT returns env:Sender\ter:InvalidArgVal\ter:InvalidKeyStatus SOAP 1.2 fault"):
            dut.assert_fault(exchange, "env:Sender", "ter:InvalidArgVal", "ter:InvalidKeyStatus")
        delete_rsa_key_pair(dut, key_id)
        return
    warnings.warn("every key was ready at once: InvalidKeyStatus was not seen", stacklevel=1)


@case("ADVANCED_SECURITY-2-1-21", "5.2.21", needs=UPLOAD)
def test_delete_certificate_ca_preserve_public_key(dut: Dut) -> None:
    certificate_id, key_id = upload_certificate(dut, ca_certificate(dut).der)
    delete_certificate(dut, certificate_id)
    keys = all_keys(dut)
    with step("The DUT responds with a GetAllKeysResponse message where KeyAttribute list contains keyID"):
        assert key_id in keys
    delete_rsa_key_pair(dut, key_id)


@case("ADVANCED_SECURITY-2-1-22", "5.2.22", needs=CERTIFY)
def test_upload_certificate_delete_linked_key_negative(dut: Dut) -> None:
    _, certificate = create_ca_signed_certificate(dut, ca_certificate(dut))
    certificate_id, key_id = upload_certificate(dut, certificate, private_key_required=True)
    with step(r"The DUT returns env:Sender\ter:InvalidArgVal\ter:ReferenceExists SOAP 1.2 fault"):
        dut.expect_fault("tas:DeleteKey", {"KeyID": key_id}, *REFERENCE_EXISTS)
    delete_certificate_with_key(dut, certificate_id, key_id)


@case("ADVANCED_SECURITY-2-1-23", "5.2.23", needs=UPLOAD)
def test_upload_certificate_malformed_negative(dut: Dut) -> None:
    malformed = ca_certificate(dut).der[:-100]
    with step(r"The DUT returns env:Sender\ter:InvalidArgVal\ter:BadCertificate SOAP 1.2 fault"):
        dut.expect_fault(
            "tas:UploadCertificate",
            {"Certificate": malformed, "Alias": "ONVIF_Test", "PrivateKeyRequired": False},
            "env:Sender",
            "ter:InvalidArgVal",
            "ter:BadCertificate",
        )


@case("ADVANCED_SECURITY-2-1-24", "5.2.24", needs=UPLOAD)
def test_upload_certificate_expired(dut: Dut) -> None:
    length = rsa_key_length(dut)
    with step(
        "The DUT responds with GetSystemDateAndTimeResponse with parameters UTCDateTime =: DUTCurrentTime"
    ):
        now = dut.utc_now()
    expired = credentials.ca_certificate(length, "ONVIF TT", now - timedelta(days=1))
    with step("ONVIF Client invokes UploadCertificate with parameters Certificate := CAcert (expired)"):
        exchange = dut.send(
            "tas:UploadCertificate",
            {"Certificate": expired.der, "Alias": "ONVIF_Test", "PrivateKeyRequired": False},
        )
    # A fault other than BadCertificate would be let pass with a warning. None is listed that would apply
    # (Security 5.2.6.3.3), so none passes here.
    with step(
        r"Check that the DUT does not return env:Sender\ter:InvalidArgVal\ter:BadCertificate SOAP 1.2 fault"
    ):
        response = dut.assert_response(exchange, "tas:UploadCertificate")
        certificate_id, key_id = response.text("tas:CertificateID"), response.text("tas:KeyID")
    delete_certificate_with_key(dut, certificate_id, key_id)


ALL_ATTRIBUTES = {
    "Country": "US",
    "Organization": "ONVIF Test",
    "OrganizationalUnit": "Unit test",
    "DistinguishedNameQualifier": "DN Qualifier Test",
    "StateOrProvinceName": "State Name Test",
    "CommonName": "Common Name Test",
    "SerialNumber": "000000000000",
    "Locality": "LA",
    "Title": "Mr",
    "Surname": "SurnameTest",
    "GivenName": "GivenNameTest",
    "Initials": "AS",
    "Pseudonym": "Pseudonym Test",
    "GenerationQualifier": "GenerationQualifier Test",
    "GenericAttribute": {"Type": "2.5.4.13", "Value": "Test GenericAttribute"},
    "MultiValuedRDN": {"Attribute": {"Type": "2.5.4.15", "Value": "Test MultyValueRDN"}},
}
"""6.34. The types of the last two are "string" there, which is none: description and businessCategory here."""


def _assert_all_attributes(name: x509.Name) -> None:
    flat = [value for value in ALL_ATTRIBUTES.values() if isinstance(value, str)]
    expected = [*flat, "Test GenericAttribute", "Test MultyValueRDN"]
    assert sorted(attribute.value for attribute in name) == sorted(expected), name.rfc4514_string()


def _assert_stored(dut: Dut, certificate_id: str, key_id: str) -> x509.Certificate:
    """Steps 6 to 18 of the two cases below: a certificate as GetCertificate and GetAllCertificates tell of it."""
    certificate1 = get_certificate(dut, certificate_id)
    with step("If X509Cert1.CertificateID is not equal to certID2, FAIL the test"):
        assert certificate1.id == certificate_id
    with step("If X509Cert1.KeyID is not equal to keyID, FAIL the test"):
        assert certificate1.key_id == key_id
    parsed = assert_der_certificate(certificate1.content)
    certificates = all_certificates(dut)
    with step(
        "If certificateList1 does not contain certificate with CertificateID equal to certID2, FAIL the test"
    ):
        assert certificate_id in certificates
    with step("If X509Cert1 is not equal X509Cert2, FAIL the test"):
        assert certificates[certificate_id] == certificate1
    return parsed


def _delete_and_miss(dut: Dut, certificate_id: str) -> None:
    delete_certificate(dut, certificate_id)
    certificates = all_certificates(dut)
    with step("If certificateList2 contains certificate with CertificateID equal to certID2, FAIL the test"):
        assert certificate_id not in certificates


@case(
    "ADVANCED_SECURITY-2-1-27", "5.2.25", needs=(SECURITY_SERVICE, SELF_SIGNED, PKCS12, PRIVATE_KEY_SHARING)
)
def test_create_self_signed_certificate_with_pkcs12(dut: Dut) -> None:
    _, path_id, key_id = create_and_upload_pkcs12(dut)
    certificate_id2 = create_self_signed_certificate_for(dut, key_id, ALL_ATTRIBUTES)
    certificate = _assert_stored(dut, certificate_id2, key_id)
    with step("ONVIF Client verifies that the subject in X509Cert1.CertificateContent is equal to subject"):
        _assert_all_attributes(certificate.subject)
    # The procedure deletes certID, which it has not defined: the new one is meant, which the next step misses.
    _delete_and_miss(dut, certificate_id2)
    delete_path_of_unknown_certificates(dut, path_id)


@case("ADVANCED_SECURITY-2-1-28", "5.2.26", needs=(SECURITY_SERVICE, PKCS10, PKCS12, PRIVATE_KEY_SHARING))
def test_create_pkcs10_request_with_pkcs12(dut: Dut) -> None:
    _, path_id, key_id1 = create_and_upload_pkcs12(dut)
    request = certification_request(dut, key_id1)
    authority = ca_certificate(dut, "ONVIF TT2")
    with step("ONVIF Client creates a certificate (out cert) from the PKCS#10 request (in PKCS10request)"):
        content = credentials.certificate_from_request(request, authority)
    certificate_id2, key_id2 = upload_certificate(dut, content, private_key_required=True)
    with step("If keyID2 is not equal to keyID1, FAIL the test"):
        assert key_id2 == key_id1
    certificate = _assert_stored(dut, certificate_id2, key_id1)
    # The procedure expects the subject "CN=ONVIF TT2,C=US". That is the issuer's: by 6.3 the certificate has
    # the subject of the request.
    with step('ONVIF Client verifies the subject of the request and the issuer "CN=ONVIF TT2,C=US"'):
        assert_subject(dut, certificate.subject)
        assert certificate.issuer == authority.certificate.subject
    _delete_and_miss(dut, certificate_id2)
    delete_path_of_unknown_certificates(dut, path_id)

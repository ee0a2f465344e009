"""Security Configuration Device Test Specification, 5.6 Off-Device Key Generation Operations."""

from __future__ import annotations

from tests.device_test.cases import case, step
from tests.device_test.client import Dut
from tests.device_test.prerequisites import SECURITY_SERVICE
from tests.device_test.security import credentials
from tests.device_test.security.helpers import (
    all_certificates,
    all_certification_paths,
    all_keys,
    all_passphrases,
    ca_certificate,
    delete_passphrase,
    delete_path_of_unknown_certificates,
    delete_rsa_key_pair,
    get_certificate,
    get_certification_path,
    key_status,
    pkcs12_arguments,
    rsa_key_length,
    upload_passphrase,
    upload_pkcs12,
)
from tests.device_test.security.prerequisites import PASSPHRASES, PKCS8, PKCS12

PASSPHRASE1, PASSPHRASE2 = credentials.PASSPHRASES
TRIPLE_DES = "pbeWithSHAAnd3-KeyTripleDES-CBC"
DECRYPTION_FAILED = ("env:Sender", "ter:InvalidArgVal", "ter:DecryptionFailed")


@case("ADVANCED_SECURITY-6-1-1", "5.6.1.1", needs=(SECURITY_SERVICE, PASSPHRASES))
def test_upload_passphrase(dut: Dut) -> None:
    passphrase_id = upload_passphrase(dut, PASSPHRASE1)
    passphrases = all_passphrases(dut)
    with step(
        "If passphraseAttributeList does not contain passphrase with PassphraseID equal to passphraseID"
    ):
        assert passphrase_id in passphrases
    with step('If passphrase has Alias skipped or other than "ONVIF_Passphrase_Test", FAIL the test'):
        assert passphrases[passphrase_id] == "ONVIF_Passphrase_Test"
    delete_passphrase(dut, passphrase_id)


@case("ADVANCED_SECURITY-6-1-2", "5.6.1.2", needs=(SECURITY_SERVICE, PASSPHRASES))
def test_delete_passphrase(dut: Dut) -> None:
    passphrase_id = upload_passphrase(dut, PASSPHRASE1)
    delete_passphrase(dut, passphrase_id)
    passphrases = all_passphrases(dut)
    with step("If passphraseAttributeList contains passphrase with PassphraseID equal to passphraseID, FAIL"):
        assert passphrase_id not in passphrases


@case("ADVANCED_SECURITY-6-2-1", "5.6.2.1", needs=(SECURITY_SERVICE, PKCS8))
def test_upload_pkcs8_no_key_pair_exists(dut: Dut) -> None:
    key_pair = credentials.pkcs8(rsa_key_length(dut))
    with step("ONVIF Client invokes UploadKeyPairInPKCS8 with parameters KeyPair := keyPairInPKCS8"):
        response = dut.call("tas:UploadKeyPairInPKCS8", {"KeyPair": key_pair, "Alias": "ONVIF_Test"})
        key_id = response.text("tas:KeyID")
    keys = all_keys(dut)
    with step("If keyList does not contain KeyAttribute.KeyID =: keyID, FAIL the test"):
        assert key_id in keys
    with step("If KeyAttribute.hasPrivateKey is not equal to true or missed, FAIL the test"):
        assert keys[key_id].has_private_key
    with step('If KeyAttribute.KeyStatus has a value other than "ok", FAIL the test'):
        assert keys[key_id].status == "ok"
    delete_rsa_key_pair(dut, key_id)


@case("ADVANCED_SECURITY-6-2-2", "5.6.2.2", needs=(SECURITY_SERVICE, PKCS8, PASSPHRASES))
def test_upload_pkcs8_decryption_fails(dut: Dut) -> None:
    key_pair = credentials.pkcs8(rsa_key_length(dut), PASSPHRASE1)
    passphrase_id = upload_passphrase(dut, PASSPHRASE2)
    with step("The DUT returns env:Sender/ter:InvalidArgVal/ter:DecryptionFailed SOAP 1.2 fault"):
        dut.expect_fault(
            "tas:UploadKeyPairInPKCS8",
            {"KeyPair": key_pair, "Alias": "ONVIF_Test", "EncryptionPassphraseID": passphrase_id},
            *DECRYPTION_FAILED,
        )
    delete_passphrase(dut, passphrase_id)


@case("ADVANCED_SECURITY-6-3-1", "5.6.3.1", needs=(SECURITY_SERVICE, PKCS12))
def test_upload_pkcs12_no_key_pair_exists(dut: Dut) -> None:
    path_id, key_id = upload_pkcs12(dut, ca_certificate(dut))
    keys = all_keys(dut)
    with step("If keyList does not contain key with KeyID equal to keyID, FAIL the test"):
        assert key_id in keys
    with step("If key has hasPrivateKey equal to false or has skipped hasPrivateKey, FAIL the test"):
        assert keys[key_id].has_private_key
    with step('If key has Alias skipped or other than "ONVIF_Key_Test", FAIL the test'):
        assert keys[key_id].alias == "ONVIF_Key_Test"
    with step('If key has KeyStatus other than "ok", FAIL the test'):
        assert keys[key_id].status == "ok"
    paths = all_certification_paths(dut)
    with step("If certPathList does not contain CertificationPathID equal to certPathID, FAIL the test"):
        assert path_id in paths
    certificate_ids, alias = get_certification_path(dut, path_id)
    # The procedure compares with "ONVIF_CertificationPath_Test", which is not what it has uploaded.
    with step('If CertPathAlias is skipped or other than "ONVIF_Certification_Path_Test", FAIL the test'):
        assert alias == "ONVIF_Certification_Path_Test"
    with step("If received CertificationPath contains more than one CertificateID item, FAIL the test"):
        assert len(certificate_ids) == 1
    delete_path_of_unknown_certificates(dut, path_id)


@case("ADVANCED_SECURITY-6-3-2", "5.6.3.2", needs=(SECURITY_SERVICE, PKCS12, PASSPHRASES))
def test_upload_pkcs12_decryption_fails(dut: Dut) -> None:
    signalled = dut.capabilities.words("tas:KeystoreCapabilities/@PasswordBasedEncryptionAlgorithms")
    data = credentials.pkcs12_file(ca_certificate(dut), PASSPHRASE1, triple_des=TRIPLE_DES in signalled)
    passphrase_id = upload_passphrase(dut, PASSPHRASE2)
    arguments = {
        **pkcs12_arguments(data, "ONVIF_CertificationPath_Test"),
        "EncryptionPassphraseID": passphrase_id,
    }
    with step(r"The DUT returns env:Sender\ter:InvalidArgVal\ter:DecryptionFailed SOAP 1.2 fault"):
        dut.expect_fault("tas:UploadCertificateWithPrivateKeyInPKCS12", arguments, *DECRYPTION_FAILED)
    delete_passphrase(dut, passphrase_id)


@case("ADVANCED_SECURITY-6-3-4", "5.6.3.3", needs=(SECURITY_SERVICE, PKCS12))
def test_upload_pkcs12_verify_key_and_certificate(dut: Dut) -> None:
    content = ca_certificate(dut)
    path_id, key_id = upload_pkcs12(dut, content)
    status = key_status(dut, key_id)
    with step('If keyStatus is not equal to "ok", FAIL the test'):
        assert status == "ok"
    certificate_ids, _ = get_certification_path(dut, path_id)
    with step("If certIDList contains more items than one, FAIL the test"):
        (certificate_id,) = certificate_ids
    certificates = all_certificates(dut)
    with step(
        "If certificateList does not contain certificate with CertificateID equal to certIDList[0], FAIL"
    ):
        assert certificate_id in certificates
    for certificate in (certificates[certificate_id], get_certificate(dut, certificate_id)):
        with step("If X509Cert.CertificateID is not equal to certIDList[0], FAIL the test"):
            assert certificate.id == certificate_id
        with step("If X509Cert.KeyID is not equal to keyID, FAIL the test"):
            assert certificate.key_id == key_id
        with step("If X509Cert.CertificateContent is not equal to CAcert, FAIL the test"):
            assert certificate.content == content.der
    delete_path_of_unknown_certificates(dut, path_id)

"""The helper procedures of chapter 6 of ONVIF's Security Configuration Device Test Specification (22.12).

Those that make something of the client's own are in `credentials`, those of the TLS server in `https`.

The specification signs requests and self-signed certificates with sha1WithRSAEncryption (1.2.840.113549.1.1.5).
The newer Security Baseline no longer has it, and asks for sha256WithRSAEncryption: that one is used, unless the
device signals only the former.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree

from tests.device_test.cases import step
from tests.device_test.client import NAMES, Capabilities, Dut
from tests.device_test.security import credentials
from tests.device_test.security.credentials import Certified
from tests.device_test.security.prerequisites import PKCS10, PKCS12, RSA_KEY_PAIR_GENERATION, SELF_SIGNED
from tests.support import wait_until

SHA1_WITH_RSA = "1.2.840.113549.1.1.5"
SHA256_WITH_RSA = "1.2.840.113549.1.1.11"
REFERENCE_EXISTS = ("env:Sender", "ter:InvalidArgVal", "ter:ReferenceExists")


# -- capabilities


def service_capabilities(dut: Dut) -> Capabilities:
    """6.10 HelperGetServiceCapabilities."""
    with step("ONVIF Client invokes GetServiceCapabilities"):
        return dut.refresh_service("tas")


def rsa_key_lengths(dut: Dut) -> list[int]:
    """The RSAKeyLengths capability, in bits, the smallest first."""
    capabilities = service_capabilities(dut)
    with step("ONVIF Client loops through the supported Key length list (cap.RSAKeyLengths)"):
        lengths = sorted(map(int, capabilities.words("tas:KeystoreCapabilities/@RSAKeyLengths")))
        assert lengths, "no supported key length was found"
        return lengths


def rsa_key_length(dut: Dut) -> int:
    """6.6 HelperDetermineRSAKeyLength: the smallest."""
    return rsa_key_lengths(dut)[0]


def signature_algorithm(dut: Dut) -> dict[str, str]:
    """What requests and self-signed certificates are signed with: see above."""
    document = dut.capabilities.documents["tas"]
    path = "tas:KeystoreCapabilities/tas:SignatureAlgorithms/tas:algorithm"
    signalled = [element.text.strip() for element in document.iterfind(path, NAMES)]
    return {"algorithm": SHA256_WITH_RSA if SHA256_WITH_RSA in signalled else SHA1_WITH_RSA}


# -- keys


def create_rsa_key_pair(dut: Dut, length: int | None = None) -> str:
    """6.7 HelperCreateRSAKeyPair: the KeyID of a key pair whose status is ok."""
    key_length = length or rsa_key_length(dut)
    with step("ONVIF Client invokes CreateRSAKeyPair with parameter KeyLength := length"):
        response = dut.call("tas:CreateRSAKeyPair", {"KeyLength": key_length})
    with step(
        "The DUT responds with CreateRSAKeyPairResponse message with parameters KeyID =: keyID "
        "EstimatedCreationTime =: duration"
    ):
        key_id = response.text("tas:KeyID")
        duration = response.seconds("tas:EstimatedCreationTime")
    with step('Until operationDelay + duration expires: keyStatus is equal to "ok"'):
        timeout = dut.options.operation_delay + duration
        wait_until(lambda: key_status(dut, key_id) == "ok", timeout, dut.options.poll_interval)
    return key_id


def key_status(dut: Dut, key_id: str) -> str:
    """GetKeyStatus: ok or generating. Raises AssertionError for corrupt."""
    with step("ONVIF Client invokes GetKeyStatus with parameters KeyID := keyID"):
        status = dut.call("tas:GetKeyStatus", {"KeyID": key_id}).text("tas:KeyStatus")
    with step('If keyStatus is equal to "corrupt", FAIL the test'):
        assert status in ("ok", "generating"), status
    return status


def delete_rsa_key_pair(dut: Dut, key_id: str) -> None:
    """6.1 HelperDeleteRSAKeyPair."""
    with step("ONVIF Client invokes DeleteKey with parameters KeyID := keyID"):
        dut.call("tas:DeleteKey", {"KeyID": key_id})


@dataclass(frozen=True)
class Key:
    """A KeyAttribute."""

    id: str
    alias: str | None
    has_private_key: bool
    status: str


def all_keys(dut: Dut) -> dict[str, Key]:
    """GetAllKeys, by KeyID."""
    with step("ONVIF Client invokes GetAllKeys"):
        keys = [
            Key(
                _text(element, "tas:KeyID"),
                element.findtext("tas:Alias", None, NAMES),
                _text(element, "tas:hasPrivateKey") in ("true", "1"),
                _text(element, "tas:KeyStatus"),
            )
            for element in dut.call("tas:GetAllKeys").all("tas:KeyAttribute")
        ]
    return {key.id: key for key in keys}


# -- certificates


def subject(dut: Dut) -> dict[str, str]:
    """6.2: Country "US", CommonName <DUT IP-address>."""
    return {"Country": "US", "CommonName": dut.host}


def assert_subject(dut: Dut, actual: x509.Name) -> None:
    """That a name is the one of 6.2."""
    expected = {(NameOID.COUNTRY_NAME, "US"), (NameOID.COMMON_NAME, dut.host)}
    assert {(attribute.oid, attribute.value) for attribute in actual} == expected, actual.rfc4514_string()
    assert len(actual.rdns) == 2, actual.rfc4514_string()


def assert_der_certificate(data: bytes) -> x509.Certificate:
    """6.19 HelperValidateDEREncoding, for a certificate."""
    with step("ONVIF Client validates that the certificate is correctly DER encoded"):
        certificate = x509.load_der_x509_certificate(data)
        assert certificate.public_bytes(Encoding.DER) == data
        return certificate


def assert_der_request(data: bytes) -> x509.CertificateSigningRequest:
    """6.19 HelperValidateDEREncoding, for a PKCS#10 request."""
    with step("ONVIF Client validates that PKCS10request is correctly DER encoded"):
        request = x509.load_der_x509_csr(data)
        assert request.public_bytes(Encoding.DER) == data
        return request


def ca_certificate(dut: Dut, common_name: str = "ONVIF TT") -> Certified:
    """6.4 HelperCreateCACertificate."""
    return credentials.ca_certificate(rsa_key_length(dut), common_name)


@dataclass(frozen=True)
class StoredCertificate:
    """An X509Certificate of the device."""

    id: str
    key_id: str
    alias: str | None
    content: bytes

    @classmethod
    def of(cls, element: etree._Element) -> StoredCertificate:
        return cls(
            _text(element, "tas:CertificateID"),
            _text(element, "tas:KeyID"),
            element.findtext("tas:Alias", None, NAMES),
            binary(element, "tas:CertificateContent"),
        )


def get_certificate(dut: Dut, certificate_id: str) -> StoredCertificate:
    with step("ONVIF Client invokes GetCertificate message with parameters CertificateID := certID"):
        response = dut.call("tas:GetCertificate", {"CertificateID": certificate_id})
        return StoredCertificate.of(response.find("tas:Certificate"))


def all_certificates(dut: Dut) -> dict[str, StoredCertificate]:
    """GetAllCertificates, by CertificateID."""
    with step("ONVIF Client invokes GetAllCertificates"):
        found = dut.call("tas:GetAllCertificates").all("tas:Certificate")
        return {certificate.id: certificate for certificate in map(StoredCertificate.of, found)}


def create_self_signed_certificate_for(dut: Dut, key_id: str, name: dict[str, object]) -> str:
    """CreateSelfSignedCertificate with everything optional skipped: the CertificateID."""
    with step(
        "ONVIF Client invokes CreateSelfSignedCertificate with parameters KeyID := keyID Subject := subject"
    ):
        response = dut.call(
            "tas:CreateSelfSignedCertificate",
            {"Subject": name, "KeyID": key_id, "SignatureAlgorithm": signature_algorithm(dut)},
        )
    with step(
        "The DUT responds with CreateSelfSignedCertificateResponse message with CertificateID =: certID"
    ):
        return response.text("tas:CertificateID")


def create_self_signed_certificate(dut: Dut) -> tuple[str, str]:
    """6.8 HelperCreateSelfSignedCertificate: the CertificateID and the KeyID."""
    key_id = create_rsa_key_pair(dut)
    return create_self_signed_certificate_for(dut, key_id, subject(dut)), key_id


def certification_request(dut: Dut, key_id: str) -> bytes:
    """CreatePKCS10CSR: the request (DER)."""
    with step("ONVIF Client invokes CreatePKCS10CSR with parameters Subject := subject KeyID := keyID"):
        response = dut.call(
            "tas:CreatePKCS10CSR",
            {"Subject": subject(dut), "KeyID": key_id, "SignatureAlgorithm": signature_algorithm(dut)},
        )
    with step(
        "The DUT responds with CreatePKCS10CSRResponse message with parameters PKCS10CSR =: PKCS10request"
    ):
        return response.binary("tas:PKCS10CSR")


def create_ca_signed_certificate(dut: Dut, authority: Certified) -> tuple[str, bytes]:
    """6.14 HelperCreateCASignedCertificate: the KeyID and the certificate (DER)."""
    key_id = create_rsa_key_pair(dut)
    request = certification_request(dut, key_id)
    with step("ONVIF Client creates a certificate (out cert) from the PKCS#10 request (in PKCS10request)"):
        return key_id, credentials.certificate_from_request(request, authority)


def upload_certificate(
    dut: Dut, der: bytes, alias: str = "ONVIF_Test", *, private_key_required: bool = False
) -> tuple[str, str]:
    """6.15 HelperUploadCertificate: the CertificateID and the KeyID."""
    required = str(private_key_required).lower()
    with step(
        f'ONVIF Client invokes UploadCertificate with parameters Alias := "{alias}" '
        f"PrivateKeyRequired := {required}"
    ):
        response = dut.call(
            "tas:UploadCertificate",
            {"Certificate": der, "Alias": alias, "PrivateKeyRequired": private_key_required},
        )
    with step(
        "The DUT responds with UploadCertificateResponse message with CertificateID =: certID KeyID =: keyID"
    ):
        return response.text("tas:CertificateID"), response.text("tas:KeyID")


def upload_ca_signed_certificate(dut: Dut, authority: Certified) -> tuple[str, str]:
    """6.16 HelperUploadCASignedCertificate: the CertificateID and the KeyID."""
    _, certificate = create_ca_signed_certificate(dut, authority)
    return upload_certificate(dut, certificate, "ONVIF_Test1", private_key_required=True)


def delete_certificate(dut: Dut, certificate_id: str) -> None:
    with step("ONVIF Client invokes DeleteCertificate with parameters CertificateID := certID"):
        dut.call("tas:DeleteCertificate", {"CertificateID": certificate_id})


def delete_certificate_with_key(dut: Dut, certificate_id: str, key_id: str) -> None:
    """6.9 HelperDeleteCertWithKey."""
    delete_certificate(dut, certificate_id)
    delete_rsa_key_pair(dut, key_id)


# -- certification paths


def create_certification_path(dut: Dut, certificate_ids: list[str], alias: str) -> str:
    """CreateCertificationPath: the CertificationPathID."""
    with step(
        f'ONVIF Client invokes CreateCertificationPath with parameters CertficateIDs, Alias := "{alias}"'
    ):
        response = dut.call(
            "tas:CreateCertificationPath",
            {"CertificateIDs": {"CertificateID": certificate_ids}, "Alias": alias},
        )
    with step(
        "The DUT responds with CreateCertificationPathResponse message with CertificationPathID =: certPathID"
    ):
        return response.text("tas:CertificationPathID")


@dataclass(frozen=True)
class SelfSignedPath:
    """A certification path of one certificate, its certificate and its key."""

    id: str
    certificate_id: str
    key_id: str


@dataclass(frozen=True)
class CertifiedPath:
    """A certification path of a CA-signed certificate (1) and the CA's certificate (2), and their keys."""

    id: str
    certificate_id1: str
    key_id1: str
    certificate_id2: str
    key_id2: str


def create_self_signed_path(dut: Dut) -> SelfSignedPath:
    """6.11 HelperCreateCertificationPath_SelfSigned."""
    certificate_id, key_id = create_self_signed_certificate(dut)
    path_id = create_certification_path(dut, [certificate_id], "ONVIF_Test")
    return SelfSignedPath(path_id, certificate_id, key_id)


def create_ca_path(dut: Dut) -> CertifiedPath:
    """6.18 HelperCreateCertificationPath_CACertificates."""
    authority = ca_certificate(dut)
    certificate_id1, key_id1 = upload_ca_signed_certificate(dut, authority)
    certificate_id2, key_id2 = upload_certificate(dut, authority.der)
    path_id = create_certification_path(dut, [certificate_id1, certificate_id2], "ONVIF_Test2")
    return CertifiedPath(path_id, certificate_id1, key_id1, certificate_id2, key_id2)


def get_certification_path(dut: Dut, path_id: str) -> tuple[list[str], str | None]:
    """GetCertificationPath: the CertificateIDs and the alias."""
    with step("ONVIF Client invokes GetCertificationPath with parameters CertificationPathID =: certPathID"):
        path = dut.call("tas:GetCertificationPath", {"CertificationPathID": path_id}).find(
            "tas:CertificationPath"
        )
        ids = [element.text.strip() for element in path.iterfind("tas:CertificateID", NAMES)]
        return ids, path.findtext("tas:Alias", None, NAMES)


def all_certification_paths(dut: Dut) -> list[str]:
    """GetAllCertificationPaths: the CertificationPathIDs."""
    with step("ONVIF Client invokes GetAllCertificationPaths"):
        return dut.call("tas:GetAllCertificationPaths").texts("tas:CertificationPathID")


def delete_path(dut: Dut, path_id: str) -> None:
    with step(
        "ONVIF Client invokes DeleteCertificationPath with parameters CertificationPathID := certPathID"
    ):
        dut.call("tas:DeleteCertificationPath", {"CertificationPathID": path_id})


def delete_self_signed_path(dut: Dut, path: SelfSignedPath) -> None:
    """6.5 HelperDeleteCertificationPath."""
    delete_path(dut, path.id)
    delete_certificate_with_key(dut, path.certificate_id, path.key_id)


def delete_ca_path(dut: Dut, path: CertifiedPath) -> None:
    """6.17 HelperDeleteCertificationPath2."""
    delete_path(dut, path.id)
    delete_certificate_with_key(dut, path.certificate_id2, path.key_id2)
    delete_certificate_with_key(dut, path.certificate_id1, path.key_id1)


def delete_path_of_unknown_certificates(dut: Dut, path_id: str) -> None:
    """6.35 HelperDeleteCertificationPath3."""
    certificate_ids, _ = get_certification_path(dut, path_id)
    delete_path(dut, path_id)
    for certificate_id in certificate_ids:
        key_id = get_certificate(dut, certificate_id).key_id
        delete_certificate_with_key(dut, certificate_id, key_id)


# -- passphrases, PKCS#8 and PKCS#12


def upload_passphrase(dut: Dut, passphrase: str, alias: str = "ONVIF_Passphrase_Test") -> str:
    """6.46 HelperUploadPassphrase: the PassphraseID.

    The cases call the alias KeyAlias; in the service it is the PassphraseAlias.
    """
    with step(
        f'ONVIF Client invokes UploadPassphrase with parameters Passphrase, PassphraseAlias := "{alias}"'
    ):
        response = dut.call("tas:UploadPassphrase", {"Passphrase": passphrase, "PassphraseAlias": alias})
    with step("The DUT responds with UploadPassphraseResponse message with PassphraseID =: passphraseID"):
        return response.text("tas:PassphraseID")


def all_passphrases(dut: Dut) -> dict[str, str | None]:
    """GetAllPassphrases: the alias of each, by PassphraseID."""
    with step("ONVIF Client invokes GetAllPassphrases"):
        return {
            _text(element, "tas:PassphraseID"): element.findtext("tas:Alias", None, NAMES)
            for element in dut.call("tas:GetAllPassphrases").all("tas:PassphraseAttribute")
        }


def delete_passphrase(dut: Dut, passphrase_id: str) -> None:
    """6.23 HelperDeletePassphrase."""
    with step("ONVIF Client invokes DeletePassphrase with parameters PassphraseID := passphraseID"):
        dut.call("tas:DeletePassphrase", {"PassphraseID": passphrase_id})


def pkcs12_arguments(
    pkcs12: bytes, path_alias: str = "ONVIF_Certification_Path_Test", key_alias: str = "ONVIF_Key_Test"
) -> dict[str, object]:
    """Of UploadCertificateWithPrivateKeyInPKCS12, IntegrityPassphraseID and EncryptionPassphraseID skipped."""
    return {
        "CertWithPrivateKey": pkcs12,
        "CertificationPathAlias": path_alias,
        "KeyAlias": key_alias,
        "IgnoreAdditionalCertificates": False,
    }


def upload_pkcs12(dut: Dut, content: Certified, *aliases: str) -> tuple[str, str]:
    """UploadCertificateWithPrivateKeyInPKCS12: the CertificationPathID and the KeyID."""
    with step(
        "ONVIF Client invokes UploadCertificateWithPrivateKeyInPKCS12 with CertWithPrivateKey := PKCS12data"
    ):
        response = dut.call(
            "tas:UploadCertificateWithPrivateKeyInPKCS12",
            pkcs12_arguments(credentials.pkcs12_file(content), *aliases),
        )
    with step(
        "The DUT responds with a UploadCertificateWithPrivateKeyInPKCS12Response message with parameters "
        "CertificationPathID =: certPathID KeyID =: keyID"
    ):
        return response.text("tas:CertificationPathID"), response.text("tas:KeyID")


def create_and_upload_pkcs12(dut: Dut, common_name: str = "ONVIF TT") -> tuple[Certified, str, str]:
    """6.36 HelperUploadPKCS12: the CA certificate, the CertificationPathID and the KeyID."""
    content = ca_certificate(dut, common_name)
    return (content, *upload_pkcs12(dut, content))


# -- CRLs and certification path validation policies


def upload_crl(dut: Dut, crl: bytes, alias: str = "ONVIF_CRL_Test") -> str:
    """6.39 HelperUploadCRL: the CrlID."""
    with step(f'ONVIF Client invokes UploadCRL with parameters Crl =: crl Alias := "{alias}"'):
        response = dut.call("tas:UploadCRL", {"Crl": crl, "Alias": alias})
    with step("The DUT responds with UploadCRLResponse message with parameters CrlID =: crlID"):
        return response.text("tas:CrlID")


@dataclass(frozen=True)
class StoredCrl:
    id: str
    alias: str | None
    content: bytes

    @classmethod
    def of(cls, element: etree._Element) -> StoredCrl:
        alias = element.findtext("tas:Alias", None, NAMES)
        return cls(_text(element, "tas:CRLID"), alias, binary(element, "tas:CRLContent"))


def all_crls(dut: Dut) -> dict[str, StoredCrl]:
    """GetAllCRLs, by CRLID."""
    with step("ONVIF Client invokes GetAllCRLs"):
        return {crl.id: crl for crl in map(StoredCrl.of, dut.call("tas:GetAllCRLs").all("tas:Crl"))}


def delete_crl(dut: Dut, crl_id: str) -> None:
    """6.38 HelperDeleteCRL."""
    with step("ONVIF Client invokes DeleteCRL with parameters CrlID =: crlID"):
        dut.call("tas:DeleteCRL", {"CrlID": crl_id})


@dataclass(frozen=True)
class Prepared:
    """A certificate on the device, its key, and its certification path if it has one."""

    certificate_id: str
    key_id: str
    path_id: str | None


def prepare_certificate(dut: Dut) -> Prepared:
    """6.41 HelperPrepareCertificate."""
    capabilities = service_capabilities(dut)
    if PKCS10.met(capabilities):
        return Prepared(*upload_certificate(dut, ca_certificate(dut).der), None)
    if SELF_SIGNED.met(capabilities) and RSA_KEY_PAIR_GENERATION.met(capabilities):
        return Prepared(*create_self_signed_certificate(dut), None)
    with step(
        "If PKCS10ExternalCertificationWithRSA, SelfSignedCertificateCreationWithRSA with RSAKeyPairGeneration "
        "and PKCS12CertificateWithRSAPrivateKeyUpload are false, FAIL the test"
    ):
        assert PKCS12.met(capabilities)
    _, path_id, key_id = create_and_upload_pkcs12(dut)
    certificate_ids, _ = get_certification_path(dut, path_id)
    return Prepared(certificate_ids[0], key_id, path_id)


def delete_prepared(dut: Dut, prepared: Prepared) -> None:
    """What the cases do about it at their end."""
    if prepared.path_id is None:
        delete_certificate_with_key(dut, prepared.certificate_id, prepared.key_id)
    else:
        delete_path_of_unknown_certificates(dut, prepared.path_id)


def create_policy_for(dut: Dut, certificate_id: str, alias: str) -> str:
    """6.44 HelperCreateCertPathValidationPolicyWithCertID: the CertPathValidationPolicyID."""
    with step(
        f'ONVIF Client invokes CreateCertPathValidationPolicy with parameters Alias := "{alias}" '
        "Parameters.UseDeltaCRLs = true TrustAnchor[0].CertificateID := certID"
    ):
        response = dut.call(
            "tas:CreateCertPathValidationPolicy",
            {
                "Alias": alias,
                "Parameters": {"UseDeltaCRLs": True},
                "TrustAnchor": {"CertificateID": certificate_id},
            },
        )
    with step(
        "The DUT responds with CreateCertPathValidationPolicyResponse message with parameters "
        "CertPathValidationPolicyID := certPathValidationPolicyID"
    ):
        return response.text("tas:CertPathValidationPolicyID")


def create_policy(dut: Dut, alias: str) -> tuple[str, Prepared]:
    """6.42 HelperCreateCertPathValidationPolicy: the policy's ID and the certificate that it trusts."""
    prepared = prepare_certificate(dut)
    return create_policy_for(dut, prepared.certificate_id, alias), prepared


@dataclass(frozen=True)
class Policy:
    """A CertPathValidationPolicy."""

    id: str
    alias: str | None
    requires_extended_key_usage: bool
    uses_delta_crls: bool
    trust_anchors: tuple[str, ...]

    @classmethod
    def of(cls, element: etree._Element) -> Policy:
        def flag(name: str) -> bool:
            return element.findtext(f"tas:Parameters/tas:{name}", "", NAMES).strip() in ("true", "1")

        anchors = element.iterfind("tas:TrustAnchor/tas:CertificateID", NAMES)
        return cls(
            _text(element, "tas:CertPathValidationPolicyID"),
            element.findtext("tas:Alias", None, NAMES),
            flag("RequireTLSWWWClientAuthExtendedKeyUsage"),
            flag("UseDeltaCRLs"),
            tuple(anchor.text.strip() for anchor in anchors),
        )


def all_policies(dut: Dut) -> dict[str, Policy]:
    """GetAllCertPathValidationPolicies, by ID."""
    with step("ONVIF Client invokes GetAllCertPathValidationPolicies"):
        found = dut.call("tas:GetAllCertPathValidationPolicies").all("tas:CertPathValidationPolicy")
        return {policy.id: policy for policy in map(Policy.of, found)}


def delete_policy(dut: Dut, policy_id: str) -> None:
    """6.40 HelperDeleteCertPathValidationPolicy."""
    with step(
        "ONVIF Client invokes DeleteCertPathValidationPolicy request with parameters "
        "CertPathValidationPolicyID =: certPathValidationPolicyID"
    ):
        dut.call("tas:DeleteCertPathValidationPolicy", {"CertPathValidationPolicyID": policy_id})


# -- lists


def assert_added(updated: Iterable[str], initial: Iterable[str], added: str, name: str) -> None:
    """That a list of IDs has the initial ones and the one that was added, and no other."""
    updated, initial = set(updated), set(initial)
    with step(f"If the updated list does not contain {name} and all of the initial list, FAIL the test"):
        assert {added} | initial <= updated
    with step(f"If the updated list contains others than {name} or those of the initial list, FAIL the test"):
        assert updated <= {added} | initial


def assert_equal_lists(final: Iterable[str], initial: Iterable[str]) -> None:
    with step("If the final list is not equal to the initial list, FAIL the test"):
        assert sorted(final) == sorted(initial)


def _text(element: etree._Element, path: str) -> str:
    return element.findtext(path, "", NAMES).strip()


def binary(element: etree._Element, path: str) -> bytes:
    """The octets of a base64 value below an element."""
    return base64.b64decode(_text(element, path))

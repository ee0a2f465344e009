"""Every operation of the keystore does what it is for (Security 5.2)."""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AttributeOID, ExtensionOID

from onvifd.config import KeystoreConfig
from onvifd.operations import SERVED
from onvifd.soap.names import qname
from tests import pki
from tests.operations import asn1
from tests.operations.camera import (
    CAMERA,
    RSASSA_PSS,
    SHA256_ECDSA,
    SHA256_RSA,
    Camera,
    algorithm,
    certificate_list,
    der,
    leaf,
    public_key_info,
    value,
    values,
)
from tests.operations.claims import covers
from tests.support import wait_until

NCNAME = re.compile(r"[A-Za-z_][\w.-]{0,63}", re.ASCII)

SUBJECT = """
<Subject>
  <Country>SE</Country><Organization>Kameras &amp; Söhne</Organization><OrganizationalUnit>A</OrganizationalUnit>
  <OrganizationalUnit>B</OrganizationalUnit><DistinguishedNameQualifier>q1</DistinguishedNameQualifier>
  <StateOrProvinceName>Skåne</StateOrProvinceName><CommonName>camera.test</CommonName>
  <SerialNumber>42</SerialNumber><Locality>Lund 北</Locality><Title>Dr</Title><Surname>Öst</Surname>
  <GivenName>Åsa</GivenName><Initials>ÅÖ</Initials><Pseudonym>P</Pseudonym>
  <GenerationQualifier>III</GenerationQualifier>
  <GenericAttribute><Type>2.5.4.13</Type><Value>a description</Value></GenericAttribute>
  <GenericAttribute><Type>UID</Type><Value>#1303616263</Value></GenericAttribute>
  <MultiValuedRDN>
    <Attribute><Type>CN</Type><Value>both</Value></Attribute><Attribute><Type>1.2.3.4</Type><Value>x</Value></Attribute>
  </MultiValuedRDN>
  <anyAttribute><DomainComponent>test</DomainComponent><DomainComponent>camera</DomainComponent></anyAttribute>
</Subject>
"""
"""Every attribute type of tas:DistinguishedName, in the order of its schema."""

RFC4514 = (
    "2.5.4.46=q1,2.5.4.44=III,2.5.4.65=P,2.5.4.43=ÅÖ,2.5.4.42=Åsa,2.5.4.4=Öst,2.5.4.12=Dr,2.5.4.5=42,"
    "CN=camera.test"
)
UTF8, PRINTABLE, IA5 = 12, 19, 22


def _extension(element: str, oid: str, value_: bytes, critical: bool | None = None) -> str:
    mark = "" if critical is None else leaf("critical", str(critical).lower())
    return f"<{element}>{leaf('extnOID', oid)}{mark}{der('extnValue', value_)}</{element}>"


def _assert_whole_subject(subject: x509.Name) -> None:
    """Every attribute of SUBJECT is in the name, in its own string type (Security 5.2.6.3.1)."""
    found = {
        (attribute.oid.dotted_string, attribute.value, attribute._type.value)
        for rdn in subject.rdns
        for attribute in rdn
    }
    assert found == {
        ("2.5.4.6", "SE", PRINTABLE),
        ("2.5.4.10", "Kameras & Söhne", UTF8),
        ("2.5.4.11", "A", UTF8),
        ("2.5.4.11", "B", UTF8),
        ("2.5.4.46", "q1", PRINTABLE),
        ("2.5.4.8", "Skåne", UTF8),
        ("2.5.4.3", "camera.test", UTF8),
        ("2.5.4.5", "42", PRINTABLE),
        ("2.5.4.7", "Lund 北", UTF8),
        ("2.5.4.12", "Dr", UTF8),
        ("2.5.4.4", "Öst", UTF8),
        ("2.5.4.42", "Åsa", UTF8),
        ("2.5.4.43", "ÅÖ", UTF8),
        ("2.5.4.65", "P", UTF8),
        ("2.5.4.44", "III", UTF8),
        ("2.5.4.13", "a description", UTF8),
        ("0.9.2342.19200300.100.1.1", "abc", PRINTABLE),  # as its hexadecimal form says
        ("2.5.4.3", "both", UTF8),
        ("1.2.3.4", "x", UTF8),
        ("0.9.2342.19200300.100.1.25", "test", IA5),
        ("0.9.2342.19200300.100.1.25", "camera", IA5),
    }
    assert sorted(len(rdn) for rdn in subject.rdns)[-2:] == [1, 2]


# Capabilities


@covers("tas:GetServiceCapabilities")
def test_the_capabilities_are_what_the_add_on_asks_for(camera: Camera) -> None:
    """TLS Configuration Add-on 7.2.1, and Security 5.5.7.2."""
    answer = camera.do("tas:GetServiceCapabilities")
    keystore = next(answer.iter(qname("tas:KeystoreCapabilities"))).attrib
    server = next(answer.iter(qname("tas:TLSServerCapabilities"))).attrib
    assert int(keystore["MaximumNumberOfKeys"]) >= 32
    assert int(keystore["MaximumNumberOfCertificates"]) >= 32
    assert int(keystore["MaximumNumberOfCertificationPaths"]) >= 16
    assert int(server["MaximumNumberOfTLSCertificationPaths"]) >= 2
    assert keystore["RSAKeyLengths"].split() == ["2048", "3072", "4096"]
    for name in ("RSAKeyPairGeneration", "PKCS10ExternalCertificationWithRSA", "PKCS10"):
        assert keystore[name] == "true"
    for name in ("SelfSignedCertificateCreationWithRSA", "SelfSignedCertificateCreation"):
        assert keystore[name] == "true"
    assert (keystore["SetCertPath"] == "true") == ("tas:SetCertificationPath" in SERVED)
    assert server["TLSServerSupported"].split() == ["1.2", "1.3"]
    assert {SHA256_RSA, RSASSA_PSS, SHA256_ECDSA} <= set(values(answer, "tas:algorithm"))


@covers("tas:GetServiceCapabilities")
def test_the_capabilities_follow_the_configuration(make_camera: Callable[..., Camera]) -> None:
    """Security 5.5.7.2: what the device enforces is what it announces."""
    camera = make_camera(keystore=KeystoreConfig(None, 5, 6, 7, 3, (2048,), sha1_with_rsa=True))
    answer = camera.do("tas:GetServiceCapabilities")
    keystore = next(answer.iter(qname("tas:KeystoreCapabilities"))).attrib
    server = next(answer.iter(qname("tas:TLSServerCapabilities"))).attrib
    names = ("MaximumNumberOfKeys", "MaximumNumberOfCertificates", "MaximumNumberOfCertificationPaths")
    assert [keystore[name] for name in names] == ["5", "6", "7"]
    assert server["MaximumNumberOfTLSCertificationPaths"] == "3"
    assert keystore["RSAKeyLengths"] == "2048"
    assert "1.2.840.113549.1.1.5" in values(answer, "tas:algorithm")


# Keys


@covers("tas:CreateRSAKeyPair", "tas:GetKeyStatus", "tas:GetPrivateKeyStatus", "tas:GetAllKeys")
@pytest.mark.parametrize("alias", [None, "", "my key", 'Schlüssel "<&>" 鍵 \U0001f511'])
def test_a_key_pair_is_generated(camera: Camera, alias: str | None) -> None:
    """Security 5.2.6.2.1, 5.2.6.2.3 to 5.2.6.2.5."""
    more = "" if alias is None else leaf("Alias", alias)
    answer = camera.do("tas:CreateRSAKeyPair", leaf("KeyLength", 2048) + more)
    key_id = value(answer, "tas:KeyID")
    assert NCNAME.fullmatch(key_id)
    assert re.fullmatch(r"PT[1-9]\d*S", value(answer, "tas:EstimatedCreationTime"))

    def status() -> str:
        return value(camera.do("tas:GetKeyStatus", leaf("KeyID", key_id)), "tas:KeyStatus")

    assert status() in ("generating", "ok")
    wait_until(lambda: status() == "ok", 60)
    private = camera.do("tas:GetPrivateKeyStatus", leaf("KeyID", key_id))
    assert value(private, "tas:hasPrivateKey") == "true"
    (key,) = camera.do("tas:GetAllKeys")
    assert {child.tag.partition("}")[2]: child.text or "" for child in key} == {
        "KeyID": key_id,
        **({} if alias is None else {"Alias": alias}),
        "hasPrivateKey": "true",
        "KeyStatus": "ok",
        "externallyGenerated": "false",
        "securelyStored": "false",
    }


@covers("tas:GetKeyStatus")
@pytest.mark.parametrize("status", ["ok", "generating", "corrupt"])
def test_each_status_of_a_key(camera: Camera, status: str) -> None:
    """Security 5.2.6.2.3."""
    key_id = camera.put_key(0, status)
    assert value(camera.do("tas:GetKeyStatus", leaf("KeyID", key_id)), "tas:KeyStatus") == status


@covers("tas:GetPrivateKeyStatus")
def test_a_key_pair_without_private_key(camera: Camera) -> None:
    """Security 5.2.6.2.4: the key pair of a certificate that was made elsewhere."""
    answer = camera.do("tas:UploadCertificate", der("Certificate", pki.Authority.root().der))
    private = camera.do("tas:GetPrivateKeyStatus", leaf("KeyID", value(answer, "tas:KeyID")))
    assert value(private, "tas:hasPrivateKey") == "false"


@covers("tas:GetAllKeys")
def test_keys_are_listed_as_they_are(camera: Camera) -> None:
    """Security 5.2.6.2.5: nothing at first; then in the order of their creation."""
    assert len(camera.do("tas:GetAllKeys")) == 0
    ids = [camera.put_key(0), camera.put_generating(), camera.put_key(1, "corrupt")]
    answer = camera.do("tas:GetAllKeys")
    assert values(answer, "tas:KeyID") == ids
    assert values(answer, "tas:KeyStatus") == ["ok", "generating", "corrupt"]


@covers("tas:DeleteKey")
@pytest.mark.parametrize("status", ["ok", "generating", "corrupt"])
def test_a_key_of_any_status_is_deleted(camera: Camera, status: str) -> None:
    """Security 5.2.6.2.6."""
    other, key_id = camera.put_key(1), camera.put_generating() if status == "generating" else ""
    key_id = key_id or camera.put_key(0, status)
    camera.do("tas:DeleteKey", leaf("KeyID", key_id))
    assert values(camera.do("tas:GetAllKeys"), "tas:KeyID") == [other]


@covers("tas:DeleteKey", "tas:CreateRSAKeyPair")
def test_a_key_is_deleted_while_it_is_being_generated(camera: Camera) -> None:
    """Security 5.2.6.2.6: the generation is aborted, and later keys are generated all the same."""
    content = leaf("KeyLength", 2048)
    first = value(camera.do("tas:CreateRSAKeyPair", content), "tas:KeyID")
    camera.do("tas:DeleteKey", leaf("KeyID", first))
    second = value(camera.do("tas:CreateRSAKeyPair", content), "tas:KeyID")
    wait_until(lambda: values(camera.do("tas:GetAllKeys"), "tas:KeyStatus") == ["ok"], 60)
    assert values(camera.do("tas:GetAllKeys"), "tas:KeyID") == [second]
    assert first != second


# Certification requests


def _csr(camera: Camera, key_id: str, subject: str = CAMERA, attributes: str = "", algo: str = "") -> bytes:
    content = subject + leaf("KeyID", key_id) + attributes + (algo or algorithm())
    return base64.b64decode(value(camera.do("tas:CreatePKCS10CSR", content), "tas:PKCS10CSR"))


@covers("tas:CreatePKCS10CSR")
def test_a_request_has_the_whole_subject_and_is_signed(camera: Camera) -> None:
    """Security 5.2.6.3.1."""
    request = x509.load_der_x509_csr(_csr(camera, camera.put_key(), SUBJECT))
    _assert_whole_subject(request.subject)
    assert request.is_signature_valid
    assert request.signature_algorithm_oid.dotted_string == SHA256_RSA
    info = request.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert info == public_key_info(0)


@covers("tas:CreatePKCS10CSR")
def test_a_request_holds_the_attributes_and_extensions_as_given(camera: Camera) -> None:
    """Security 5.2.6.3.1."""
    names = x509.SubjectAlternativeName([x509.DNSName("camera.test"), x509.DNSName("www.camera.test")])
    attributes = (
        f"<CSRAttribute>{_extension('X509v3Extension', '2.5.29.17', names.public_bytes(), True)}</CSRAttribute>"
        "<CSRAttribute><BasicRequestAttribute><OID>1.2.840.113549.1.9.7</OID>"
        f"{der('value', asn1.utf8('a challenge'))}</BasicRequestAttribute></CSRAttribute>"
    )
    request = x509.load_der_x509_csr(_csr(camera, camera.put_key(), attributes=attributes))
    extension = request.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    assert extension.value == names
    assert extension.critical
    challenge = request.attributes.get_attribute_for_oid(AttributeOID.CHALLENGE_PASSWORD)
    assert challenge.value == b"a challenge"
    assert request.is_signature_valid


@covers("tas:CreatePKCS10CSR")
@pytest.mark.parametrize(
    ("oid", "name"),
    [
        ("1.2.840.113549.1.1.11", "sha256"),
        ("1.2.840.113549.1.1.12", "sha384"),
        ("1.2.840.113549.1.1.13", "sha512"),
    ],
)
def test_a_request_is_signed_with_the_algorithm_asked_for(camera: Camera, oid: str, name: str) -> None:
    """Security 5.2.6.3.1, SecurityBaseline 8."""
    request = x509.load_der_x509_csr(_csr(camera, camera.put_key(), algo=algorithm(oid, b"\x05\x00")))
    assert request.signature_algorithm_oid.dotted_string == oid
    assert request.signature_hash_algorithm is not None and request.signature_hash_algorithm.name == name
    assert request.is_signature_valid


@covers("tas:CreatePKCS10CSR")
def test_an_ec_key_signs_with_ecdsa(camera: Camera) -> None:
    """Security 5.2.6.3.1: the algorithm is one for the key."""
    request = x509.load_der_x509_csr(
        _csr(camera, camera.put_key(pki.ec_key(0)), algo=algorithm(SHA256_ECDSA))
    )
    assert request.signature_algorithm_oid.dotted_string == SHA256_ECDSA
    assert request.is_signature_valid


@covers("tas:CreatePKCS10CSR")
@pytest.mark.parametrize(
    ("parameters", "name", "salt"),
    [
        (None, "sha256", 32),
        (asn1.pss_parameters(asn1.SHA256, 32), "sha256", 32),
        (asn1.pss_parameters(asn1.SHA384, 48), "sha384", 48),
        (asn1.pss_parameters(asn1.SHA512, 20), "sha512", 20),
    ],
)
def test_rsassa_pss_follows_its_parameters(
    camera: Camera, parameters: bytes | None, name: str, salt: int
) -> None:
    """Security 5.2.6.3.1, SecurityBaseline 8, RFC 4055 3.1."""
    request = x509.load_der_x509_csr(_csr(camera, camera.put_key(), algo=algorithm(RSASSA_PSS, parameters)))
    assert request.signature_algorithm_oid.dotted_string == RSASSA_PSS
    assert request.signature_hash_algorithm is not None and request.signature_hash_algorithm.name == name
    scheme = padding.PSS(padding.MGF1(request.signature_hash_algorithm), salt)
    key = pki.rsa_key(0).public_key()
    key.verify(request.signature, request.tbs_certrequest_bytes, scheme, request.signature_hash_algorithm)


@covers("tas:CreatePKCS10CSR", "tas:CreateSelfSignedCertificate")
def test_openssl_reads_what_is_made(camera: Camera, tmp_path: Path) -> None:
    """A request and a certificate with the whole subject, checked by an implementation of its own."""
    key_id = camera.put_key()
    certificate_id = camera.self_sign(key_id, SUBJECT)
    (tmp_path / "request").write_bytes(_csr(camera, key_id, SUBJECT, algo=algorithm(RSASSA_PSS)))
    (tmp_path / "certificate").write_bytes(camera.certificate(certificate_id))
    options = ["-inform", "DER", "-noout", "-text", "-nameopt", "utf8,sep_comma_plus,esc_2253"]
    request = _openssl("req", "-verify", *options, "-in", str(tmp_path / "request"))
    certificate = _openssl("x509", *options, "-in", str(tmp_path / "certificate"))
    for text in (request, certificate):
        for part in ("O=Kameras & Söhne", "L=Lund 北", "UID=abc", "CN=camera.test", "DC=test,DC=camera,C=SE"):
            assert part in text
        assert "1.2.3.4=x+CN=both" in text or "CN=both+1.2.3.4=x" in text
    assert "verify OK" in request
    assert "rsassaPss" in request
    _openssl(
        "verify", "-CAfile", _as_pem(camera.certificate(certificate_id), tmp_path), str(tmp_path / "pem")
    )


def _as_pem(certificate: bytes, directory: Path) -> str:
    path = directory / "pem"
    path.write_bytes(x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM))
    return str(path)


def _openssl(*arguments: str) -> str:
    run = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=20, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


# Self-signed certificates


@covers("tas:CreateSelfSignedCertificate", "tas:GetCertificate")
def test_a_self_signed_certificate_is_fit_for_a_tls_server(camera: Camera) -> None:
    """Security 5.2.6.3.2: what is left out has its default."""
    key_id = camera.put_key()
    certificate = x509.load_der_x509_certificate(camera.certificate(camera.self_sign(key_id, SUBJECT)))
    now = datetime.now(UTC)
    assert certificate.version is x509.Version.v3
    _assert_whole_subject(certificate.subject)
    assert certificate.issuer == certificate.subject
    assert certificate.not_valid_before_utc <= now
    assert certificate.not_valid_after_utc == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    certificate.verify_directly_issued_by(certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "camera.test" in names.get_values_for_type(x509.DNSName)
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


@covers("tas:CreateSelfSignedCertificate", "tas:GetCertificate")
def test_a_self_signed_certificate_is_made_as_asked_for(camera: Camera) -> None:
    """Security 5.2.6.3.2: version, alias, validity, algorithm and extensions."""
    key_id = camera.put_key()
    names = x509.SubjectAlternativeName([x509.DNSName("other.test")])
    content = (
        leaf("X509Version", 3)
        + CAMERA
        + leaf("KeyID", key_id)
        + leaf("Alias", "mine")
        + leaf("notValidBefore", "2026-01-01T12:00:00+02:00")
        + leaf("notValidAfter", "2050-01-01T00:00:00")
        + algorithm("1.2.840.113549.1.1.13")
        + _extension("Extension", "2.5.29.17", names.public_bytes(), False)
        + _extension("Extension", "1.3.6.1.4.1.99999.1", asn1.integer(7), True)
    )
    certificate_id = value(camera.do("tas:CreateSelfSignedCertificate", content), "tas:CertificateID")
    answer = camera.do("tas:GetCertificate", leaf("CertificateID", certificate_id))
    assert value(answer, "tas:Alias") == "mine"
    assert value(answer, "tas:KeyID") == key_id
    certificate = x509.load_der_x509_certificate(base64.b64decode(value(answer, "tas:CertificateContent")))
    assert certificate.not_valid_before_utc == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert certificate.not_valid_after_utc == datetime(2050, 1, 1, tzinfo=UTC)
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA512)
    extensions = certificate.extensions
    assert extensions.get_extension_for_class(x509.SubjectAlternativeName).value == names
    own = extensions.get_extension_for_oid(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"))
    assert own.critical
    assert own.value.public_bytes() == asn1.integer(7)


@covers("tas:CreateSelfSignedCertificate")
def test_each_self_signed_certificate_has_a_serial_number_of_its_own(camera: Camera) -> None:
    """Security 5.2.6.3.2, RFC 5280 4.1.2.2."""
    key_id = camera.put_key()
    ids = [camera.self_sign(key_id) for _ in range(3)]
    loaded = [x509.load_der_x509_certificate(camera.certificate(each)) for each in ids]
    assert len({certificate.serial_number for certificate in loaded}) == 3


# Uploads


@pytest.fixture(scope="module")
def leaf_certificate() -> bytes:
    """A certificate of the tests' intermediate authority for key number 0."""
    return pki.Authority.root().intermediate().issue(pki.rsa_key(0).public_key())


@covers("tas:UploadCertificate", "tas:GetCertificate")
@pytest.mark.parametrize("required", [None, "false", "true"])
def test_a_certificate_is_linked_to_the_key_pair_of_its_public_key(
    camera: Camera, leaf_certificate: bytes, required: str | None
) -> None:
    """Security 5.2.6.3.3: no key pair is made, its alias is ignored."""
    camera.put_key(1)
    key_id = camera.put_key(0)
    more = leaf("Alias", "mine") + leaf("KeyAlias", "ignored")
    more += "" if required is None else leaf("PrivateKeyRequired", required)
    answer = camera.do("tas:UploadCertificate", der("Certificate", leaf_certificate) + more)
    assert value(answer, "tas:KeyID") == key_id
    certificate_id = value(answer, "tas:CertificateID")
    assert NCNAME.fullmatch(certificate_id)
    stored = camera.do("tas:GetCertificate", leaf("CertificateID", certificate_id))
    assert {child.tag.partition("}")[2]: child.text for child in stored[0]} == {
        "CertificateID": certificate_id,
        "KeyID": key_id,
        "Alias": "mine",
        "CertificateContent": base64.b64encode(leaf_certificate).decode(),
        "HasPrivateKey": "true",
    }
    assert values(camera.do("tas:GetAllKeys"), "tas:Alias") == []


@covers("tas:UploadCertificate", "tas:GetAllKeys")
def test_a_certificate_of_a_foreign_key_brings_its_public_key(camera: Camera) -> None:
    """Security 5.2.6.3.3: a key pair with status ok, the alias and no private key."""
    content = der("Certificate", pki.Authority.root().der) + leaf("KeyAlias", "the root's")
    answer = camera.do("tas:UploadCertificate", content)
    (key,) = camera.do("tas:GetAllKeys")
    assert {child.tag.partition("}")[2]: child.text for child in key} == {
        "KeyID": value(answer, "tas:KeyID"),
        "Alias": "the root's",
        "hasPrivateKey": "false",
        "KeyStatus": "ok",
        "externallyGenerated": "true",
        "securelyStored": "false",
    }


@covers("tas:UploadCertificate")
@pytest.mark.parametrize("days", [(-20, -10), (10, 20)])
def test_a_certificate_that_is_not_valid_now_is_taken(camera: Camera, days: tuple[int, int]) -> None:
    """Security 5.2.6.3.3: the device's clock is no reason for BadCertificate."""
    now = datetime.now(UTC)
    begin, end = (now + timedelta(days=each) for each in days)
    root = pki.Authority.root()
    camera.upload(root.issue(pki.ec_key(0).public_key(), not_before=begin, not_after=end))


@covers("tas:GetAllCertificates")
def test_all_certificates_are_listed(camera: Camera) -> None:
    """Security 5.2.6.3.6: nothing at first; then as GetCertificate tells each."""
    assert len(camera.do("tas:GetAllCertificates")) == 0
    root = pki.Authority.root()
    ids = [
        camera.upload(root.der),
        camera.upload(root.intermediate().der),
        camera.self_sign(camera.put_key()),
    ]
    answer = camera.do("tas:GetAllCertificates")
    assert values(answer, "tas:CertificateID") == ids
    assert values(answer, "tas:HasPrivateKey") == ["false", "false", "true"]
    assert [base64.b64decode(each) for each in values(answer, "tas:CertificateContent")] == [
        camera.certificate(each) for each in ids
    ]


@covers("tas:DeleteCertificate")
def test_a_deleted_certificate_leaves_its_key_and_may_come_back(camera: Camera) -> None:
    """Security 5.2.6.3.7."""
    root = pki.Authority.root()
    first = camera.upload(root.der)
    keys = values(camera.do("tas:GetAllKeys"), "tas:KeyID")
    camera.do("tas:DeleteCertificate", leaf("CertificateID", first))
    assert len(camera.do("tas:GetAllCertificates")) == 0
    assert values(camera.do("tas:GetAllKeys"), "tas:KeyID") == keys
    second = camera.upload(root.der)
    assert second != first
    assert values(camera.do("tas:GetAllKeys"), "tas:KeyID") == keys


# Certification paths


@covers("tas:CreateCertificationPath", "tas:GetCertificationPath", "tas:GetAllCertificationPaths")
def test_certification_paths_are_kept_as_given(camera: Camera, leaf_certificate: bytes) -> None:
    """Security 5.2.6.3.8 to 5.2.6.3.10."""
    assert len(camera.do("tas:GetAllCertificationPaths")) == 0
    root = pki.Authority.root()
    members = [camera.upload(each) for each in (leaf_certificate, root.intermediate().der, root.der)]
    content = certificate_list(*members) + leaf("Alias", "the whole path")
    whole = value(camera.do("tas:CreateCertificationPath", content), "tas:CertificationPathID")
    short = camera.path_of(*members[:2])
    assert NCNAME.fullmatch(whole) and NCNAME.fullmatch(short)
    answer = camera.do("tas:GetCertificationPath", leaf("CertificationPathID", whole))
    assert values(answer, "tas:CertificateID") == members
    assert value(answer, "tas:Alias") == "the whole path"
    answer = camera.do("tas:GetCertificationPath", leaf("CertificationPathID", short))
    assert values(answer, "tas:CertificateID") == members[:2]
    assert values(answer, "tas:Alias") == []
    assert values(camera.do("tas:GetAllCertificationPaths"), "tas:CertificationPathID") == [whole, short]


@covers("tas:DeleteCertificationPath")
def test_a_deleted_certification_path_leaves_its_certificates(camera: Camera) -> None:
    """Security 5.2.6.3.12: they can be deleted after it."""
    certificate_id = camera.upload(pki.Authority.root().der)
    path_id = camera.path_of(certificate_id)
    camera.do("tas:DeleteCertificationPath", leaf("CertificationPathID", path_id))
    assert len(camera.do("tas:GetAllCertificationPaths")) == 0
    assert values(camera.do("tas:GetAllCertificates"), "tas:CertificateID") == [certificate_id]
    camera.do("tas:DeleteCertificate", leaf("CertificateID", certificate_id))


def test_subject_has_all_fields_of_the_schema() -> None:
    """SUBJECT forgets no attribute type of tas:DistinguishedName."""
    from tests.official import official_schemas

    declared = official_schemas().maps.types[qname("tas:DistinguishedName")].content.iter_elements()
    names = {element.local_name for element in declared if element.local_name}
    assert all(f"<{name}>" in SUBJECT for name in names)

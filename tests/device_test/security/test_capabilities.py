"""Security Configuration Device Test Specification, 5.5 Capabilities."""

from __future__ import annotations

from lxml import etree

from tests.device_test.cases import case, step
from tests.device_test.client import NAMES, Dut
from tests.device_test.prerequisites import SECURITY_SERVICE
from tests.device_test.security.helpers import SHA256_WITH_RSA, service_capabilities
from tests.device_test.security.prerequisites import (
    PKCS8,
    PKCS10,
    PKCS12,
    RSA_KEY_PAIR_GENERATION,
    SELF_SIGNED,
    TLS_CLIENT_AUTHENTICATION,
    TLS_SERVER,
)

ALGORITHMS = "tas:KeystoreCapabilities/tas:SignatureAlgorithms"


@case("ADVANCED_SECURITY-5-1-1", "5.5.1", needs=(SECURITY_SERVICE,))
def test_security_configuration_service_capabilities(dut: Dut) -> None:
    """
    The Security Baseline has replaced what the case asks for besides: sha1WithRSAEncryption among the
    SignatureAlgorithms, pbeWithSHAAnd3-KeyTripleDES-CBC among the PasswordBasedEncryptionAlgorithms; and
    PasswordBasedMACAlgorithms is deprecated (Security 12). Those are not looked for.
    """
    cap = service_capabilities(dut)

    def number(name: str) -> int:
        part = "TLSServer" if "TLS" in name else "Keystore"
        return cap.number(f"tas:{part}Capabilities/@{name}")

    def words(name: str) -> list[str]:
        return cap.words(f"tas:KeystoreCapabilities/@{name}")

    algorithms = [
        element.text.strip()
        for element in cap.documents["tas"].iterfind(f"{ALGORITHMS}/tas:algorithm", NAMES)
    ]
    generation, pkcs8, pkcs10 = RSA_KEY_PAIR_GENERATION.met(cap), PKCS8.met(cap), PKCS10.met(cap)
    pkcs12, self_signed = PKCS12.met(cap), SELF_SIGNED.met(cap)
    if number("MaximumNumberOfCertificates") > 0:
        with step("If MaximumNumberOfKeys <= 0 or skipped, FAIL the test"):
            assert number("MaximumNumberOfKeys") > 0
    if number("MaximumNumberOfCertificationPaths") > 0:
        with step("If MaximumNumberOfCertificates < 2 or skipped, FAIL the test"):
            assert number("MaximumNumberOfCertificates") >= 2
    if generation:
        with step("If RSAKeyPairGeneration = true"):
            assert words("RSAKeyLengths")
            assert number("MaximumNumberOfKeys") > 0
    if pkcs8:
        with step("If PKCS8RSAKeyPairUpload = true"):
            assert number("MaximumNumberOfPassphrases") >= 1
            assert number("MaximumNumberOfKeys") >= 1
            assert words("RSAKeyLengths")
            assert words("PasswordBasedEncryptionAlgorithms")
    if pkcs12:
        with step("If PKCS12CertificateWithRSAPrivateKeyUpload = true"):
            assert number("MaximumNumberOfPassphrases") >= 1
            assert number("MaximumNumberOfKeys") >= 2
            assert number("MaximumNumberOfCertificates") >= 2
            assert number("MaximumNumberOfCertificationPaths") > 0
            assert words("RSAKeyLengths")
            assert words("PasswordBasedEncryptionAlgorithms")
            assert "3" in words("X509Versions")
            assert SHA256_WITH_RSA in algorithms
    if pkcs10:
        with step("If PKCS10ExternalCertificationWithRSA = true"):
            assert generation or pkcs8 or pkcs12
            assert number("MaximumNumberOfKeys") >= 2
            assert number("MaximumNumberOfCertificates") >= 2
            assert number("MaximumNumberOfCertificationPaths") > 0
            assert SHA256_WITH_RSA in algorithms
    if self_signed:
        with step("If SelfSignedCertificateCreationWithRSA = true"):
            assert generation or pkcs8 or pkcs12
            assert number("MaximumNumberOfCertificates") > 0
            assert SHA256_WITH_RSA in algorithms
    if number("MaximumNumberOfCertificationPathValidationPolicies") > 0:
        with step("If MaximumNumberOfCertificationPathValidationPolicies > 0"):
            assert self_signed or pkcs10 or pkcs12
    if TLS_SERVER.met(cap):
        with step("If TLSServerSupported is not empty"):
            assert number("MaximumNumberOfCertificationPaths") >= 2
            assert number("MaximumNumberOfTLSCertificationPaths") > 0
            assert pkcs10 or self_signed
            if pkcs10:
                assert number("MaximumNumberOfCertificates") >= 3
    if TLS_CLIENT_AUTHENTICATION.met(cap):
        with step("If TLSClientAuthSupported = true"):
            assert TLS_SERVER.met(cap)
            assert number("MaximumNumberOfCertificationPathValidationPolicies") >= 2
            assert number("MaximumNumberOfTLSCertificationPathValidationPolicies") > 0
            assert number("MaximumNumberOfCRLs") > 0
    if number("MaximumNumberOfTLSCertificationPathValidationPolicies") > 0:
        with step("If MaximumNumberOfTLSCertificationPathValidationPolicies > 0"):
            assert number("MaximumNumberOfCertificationPathValidationPolicies") > 0
    if number("MaximumNumberOfTLSCertificationPaths") > 0:
        with step("If MaximumNumberOfTLSCertificationPaths > 0"):
            assert number("MaximumNumberOfCertificationPaths") > 0


@case("ADVANCED_SECURITY-5-1-2", "5.5.2", needs=(SECURITY_SERVICE,))
def test_get_services_and_get_service_capabilities_consistency(dut: Dut) -> None:
    with step("ONVIF Client invokes GetServices. IncludeCapability =: true"):
        services = dut.call("tds:GetServices", {"IncludeCapability": True}).all("tds:Service")
    with step("ONVIF Client selects Service with Service.Namespace of the Security Configuration Service"):
        (service,) = (each for each in services if each.findtext("tds:Namespace", "", NAMES) == NAMES["tas"])
        (announced,) = service.findall("tds:Capabilities/tas:Capabilities", NAMES)
    cap = service_capabilities(dut).documents["tas"]
    with step("If cap differs from securityConfigurationService.Capabilities.Capabilities, FAIL the test"):
        assert _values(cap) == _values(announced)


def _values(element: etree._Element) -> object:
    """An element's name, attributes, text and children, without the order of children."""
    children = sorted((_values(child) for child in element), key=repr)
    return element.tag, sorted(element.attrib.items()), (element.text or "").strip(), children

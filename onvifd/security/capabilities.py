"""What the service can do (Security 5.5.7), derived from the configuration and from what is served."""

from typing import Any

from onvifd.call import Answer, Call, Device
from onvifd.webserver.model import TLS_VERSIONS

NAMESPACE = "http://www.onvif.org/ver10/advancedsecurity/wsdl"


def get_service_capabilities(call: Call) -> Answer:
    """Security 5.5.7.1."""
    return {"Capabilities": security_capabilities(call.device)}


def security_capabilities(device: Device) -> Answer:
    """tas:Capabilities. The attributes of Security 12.1 stand beside what replaced them: the TLS
    Configuration Add-on (7.2.1) names the old ones."""
    return {
        "KeystoreCapabilities": _keystore(device),
        "TLSServerCapabilities": {
            "@TLSServerSupported": TLS_VERSIONS,
            "@EnabledVersionsSupported": "tas:SetEnabledTLSVersions" in device.served,
            "@MaximumNumberOfTLSCertificationPaths": (
                device.config.keystore.maximum_number_of_tls_certification_paths
            ),
            "@TLSClientAuthSupported": "tas:SetClientAuthenticationRequired" in device.served,
            "@CnMapsToUserSupported": "tas:SetCnMapsToUser" in device.served,
            "@MaximumNumberOfTLSCertificationPathValidationPolicies": 0,
        },
    }


def _keystore(device: Device) -> dict[str, Any]:
    config = device.config.keystore
    served = device.served
    rsa = "tas:CreateRSAKeyPair" in served
    ecc = "tas:CreateECCKeyPair" in served
    pkcs10 = {"tas:CreatePKCS10CSR", "tas:UploadCertificate"} <= served
    self_signed = "tas:CreateSelfSignedCertificate" in served
    pkcs12 = "tas:UploadCertificateWithPrivateKeyInPKCS12" in served
    return {
        "@MaximumNumberOfKeys": config.maximum_number_of_keys,
        "@MaximumNumberOfCertificates": config.maximum_number_of_certificates,
        "@MaximumNumberOfCertificationPaths": config.maximum_number_of_certification_paths,
        "@SetCertPath": "tas:SetCertificationPath" in served,
        "@RSAKeyPairGeneration": rsa,
        "@ECCKeyPairGeneration": ecc,
        "@RSAKeyLengths": config.rsa_key_lengths,
        "@KeyPairGeneration": ["RSA"] * rsa + ["ECC"] * ecc,
        "@PKCS10ExternalCertificationWithRSA": rsa and pkcs10,
        "@PKCS10": pkcs10,
        "@SelfSignedCertificateCreationWithRSA": rsa and self_signed,
        "@SelfSignedCertificateCreation": self_signed,
        "@X509Versions": [3],
        "@MaximumNumberOfPassphrases": 0,
        "@PKCS8RSAKeyPairUpload": "tas:UploadKeyPairInPKCS8" in served,
        "@PKCS8": "tas:UploadKeyPairInPKCS8" in served,
        "@PKCS12CertificateWithRSAPrivateKeyUpload": pkcs12,
        "@PKCS12": pkcs12,
        "@MaximumNumberOfCRLs": 0,
        "@MaximumNumberOfCertificationPathValidationPolicies": 0,
        "@EnforceTLSWebClientAuthExtKeyUsage": False,
        "@NoPrivateKeySharing": False,
        "SignatureAlgorithms": [{"algorithm": oid} for oid in device.keystore.signature_algorithms],
    }

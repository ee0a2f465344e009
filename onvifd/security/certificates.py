"""Certificates and certification paths (Security 5.2.6.3)."""

import ipaddress
from typing import Any

from cryptography import x509

from keystore import Certificate
from onvifd import network
from onvifd.call import Answer, Call
from onvifd.security.arguments import algorithm_identifier, csr_attribute, distinguished_name, extension


def create_pkcs10_csr(call: Call) -> Answer:
    """Security 5.2.6.3.1."""
    arguments = call.arguments
    request = call.device.keystore.create_pkcs10_csr(
        distinguished_name(arguments["Subject"]),
        arguments["KeyID"],
        [csr_attribute(item) for item in arguments["CSRAttribute"]],
        algorithm_identifier(arguments["SignatureAlgorithm"]),
    )
    return {"PKCS10CSR": request}


def create_self_signed_certificate(call: Call) -> Answer:
    """Security 5.2.6.3.2. Without a subjectAltName from the client it names what this device answers to."""
    arguments = call.arguments
    certificate_id = call.device.keystore.create_self_signed_certificate(
        arguments["KeyID"],
        distinguished_name(arguments["Subject"]),
        algorithm_identifier(arguments["SignatureAlgorithm"]),
        x509_version=arguments["X509Version"],
        alias=arguments["Alias"],
        not_before=arguments["notValidBefore"],
        not_after=arguments["notValidAfter"],
        extensions=[extension(item) for item in arguments["Extension"]],
        default_names=_names_of_this_device(),
    )
    return {"CertificateID": certificate_id}


def _names_of_this_device() -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(network.hostname()), x509.DNSName("localhost")]
    return names + [x509.IPAddress(ipaddress.ip_address(address)) for address in network.addresses()]


def upload_certificate(call: Call) -> Answer:
    """Security 5.2.6.3.3."""
    certificate_id, key_id = call.device.keystore.upload_certificate(
        call.arguments["Certificate"],
        alias=call.arguments["Alias"],
        key_alias=call.arguments["KeyAlias"],
        private_key_required=call.arguments["PrivateKeyRequired"],
    )
    return {"CertificateID": certificate_id, "KeyID": key_id}


def get_certificate(call: Call) -> Answer:
    """Security 5.2.6.3.5."""
    return {
        "Certificate": _certificate(call.device.keystore.get_certificate(call.arguments["CertificateID"]))
    }


def get_all_certificates(call: Call) -> Answer:
    """Security 5.2.6.3.6."""
    return {"Certificate": [_certificate(certificate) for certificate in call.device.keystore.certificates()]}


def _certificate(certificate: Certificate) -> dict[str, Any]:
    return {
        "CertificateID": certificate.id,
        "KeyID": certificate.key_id,
        "Alias": certificate.alias,
        "CertificateContent": certificate.der,
        "HasPrivateKey": certificate.has_private_key,
    }


def delete_certificate(call: Call) -> Answer:
    """Security 5.2.6.3.7. The key stays."""
    call.device.keystore.delete_certificate(call.arguments["CertificateID"])
    return {}


def create_certification_path(call: Call) -> Answer:
    """Security 5.2.6.3.8."""
    path_id = call.device.keystore.create_certification_path(
        call.arguments["CertificateIDs"]["CertificateID"], call.arguments["Alias"]
    )
    return {"CertificationPathID": path_id}


def get_certification_path(call: Call) -> Answer:
    """Security 5.2.6.3.9."""
    path = call.device.keystore.get_certification_path(call.arguments["CertificationPathID"])
    return {"CertificationPath": {"CertificateID": path.certificate_ids, "Alias": path.alias}}


def get_all_certification_paths(call: Call) -> Answer:
    """Security 5.2.6.3.10."""
    return {"CertificationPathID": [path.id for path in call.device.keystore.certification_paths()]}


def delete_certification_path(call: Call) -> Answer:
    """Security 5.2.6.3.12. The certificates stay."""
    call.device.keystore.delete_certification_path(call.arguments["CertificationPathID"])
    return {}

"""The decoded data types of the service as the keystore's own (Security 5.5.9, security.wsdl)."""

from typing import Any

from keystore import AlgorithmIdentifier, DistinguishedName, Extension, RequestAttribute
from keystore.errors import InvalidAttribute


def distinguished_name(subject: dict[str, Any]) -> DistinguishedName:
    """tas:DistinguishedName."""
    more = subject["anyAttribute"] or {"DomainComponent": []}
    return DistinguishedName(
        country=tuple(subject["Country"]),
        organization=tuple(subject["Organization"]),
        organizational_unit=tuple(subject["OrganizationalUnit"]),
        distinguished_name_qualifier=tuple(subject["DistinguishedNameQualifier"]),
        state_or_province_name=tuple(subject["StateOrProvinceName"]),
        common_name=tuple(subject["CommonName"]),
        serial_number=tuple(subject["SerialNumber"]),
        locality=tuple(subject["Locality"]),
        title=tuple(subject["Title"]),
        surname=tuple(subject["Surname"]),
        given_name=tuple(subject["GivenName"]),
        initials=tuple(subject["Initials"]),
        pseudonym=tuple(subject["Pseudonym"]),
        generation_qualifier=tuple(subject["GenerationQualifier"]),
        generic_attributes=_attributes(subject["GenericAttribute"]),
        multi_valued_rdns=tuple(_attributes(rdn["Attribute"]) for rdn in subject["MultiValuedRDN"]),
        domain_components=tuple(more["DomainComponent"]),
    )


def _attributes(items: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((item["Type"], item["Value"]) for item in items)


def algorithm_identifier(algorithm: dict[str, Any]) -> AlgorithmIdentifier:
    """tas:AlgorithmIdentifier."""
    return AlgorithmIdentifier(algorithm["algorithm"], algorithm["parameters"])


def extension(item: dict[str, Any]) -> Extension:
    """tas:X509v3Extension."""
    return Extension(item["extnOID"], item["critical"], item["extnValue"])


def csr_attribute(item: dict[str, Any]) -> Extension | RequestAttribute:
    """tas:CSRAttribute.

    Raises InvalidAttribute for the schema's empty and vendor-specific forms, which say nothing to sign.
    """
    if item["X509v3Extension"] is not None:
        return extension(item["X509v3Extension"])
    if item["BasicRequestAttribute"] is not None:
        basic = item["BasicRequestAttribute"]
        return RequestAttribute(basic["OID"], basic["value"])
    raise InvalidAttribute("A CSRAttribute must hold an X509v3Extension or a BasicRequestAttribute")

"""Distinguished names and the other structures that a client describes, and the DER that they become."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from keystore import der
from keystore.errors import InvalidSubject


@dataclass(frozen=True)
class DistinguishedName:
    """A subject as clients describe it (tas:DistinguishedName).

    Each value is either text or, as RFC 4514 2.4 has it, "#" and the hexadecimal digits of an encoded ASN.1
    value, which is then used octet for octet. Types of generic attributes are dotted OIDs or LDAP short names
    ("CN").
    """

    country: tuple[str, ...] = ()
    organization: tuple[str, ...] = ()
    organizational_unit: tuple[str, ...] = ()
    distinguished_name_qualifier: tuple[str, ...] = ()
    state_or_province_name: tuple[str, ...] = ()
    common_name: tuple[str, ...] = ()
    serial_number: tuple[str, ...] = ()
    locality: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    surname: tuple[str, ...] = ()
    given_name: tuple[str, ...] = ()
    initials: tuple[str, ...] = ()
    pseudonym: tuple[str, ...] = ()
    generation_qualifier: tuple[str, ...] = ()
    generic_attributes: tuple[tuple[str, str], ...] = ()
    multi_valued_rdns: tuple[tuple[tuple[str, str], ...], ...] = ()
    domain_components: tuple[str, ...] = ()


@dataclass(frozen=True)
class Extension:
    """An X.509v3 extension: its OID and the DER value that stands inside extnValue's OCTET STRING."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True)
class RequestAttribute:
    """An attribute of a certification request: its OID and one DER value (RFC 2986 4.1)."""

    oid: str
    value: bytes


# Attribute types: what X.520 and RFC 5280 appendix A say of the value. A string type other than UTF8String is
# where they leave no choice of encoding; the sizes are characters.
@dataclass(frozen=True)
class _AttributeType:
    maximum_size: int
    string_type: int = der.UTF8_STRING


_CHARACTERS = {
    der.UTF8_STRING: "Unicode",
    der.PRINTABLE_STRING: "PrintableString",
    der.IA5_STRING: "ASCII",
}

_COUNTRY = "2.5.4.6"
_UNKNOWN_TYPE = _AttributeType(32768)
_TYPES = {
    "2.5.4.3": _AttributeType(64),
    "2.5.4.4": _AttributeType(32768),
    "2.5.4.5": _AttributeType(64, der.PRINTABLE_STRING),
    _COUNTRY: _AttributeType(2, der.PRINTABLE_STRING),
    "2.5.4.7": _AttributeType(128),
    "2.5.4.8": _AttributeType(128),
    "2.5.4.9": _AttributeType(128),
    "2.5.4.10": _AttributeType(64),
    "2.5.4.11": _AttributeType(64),
    "2.5.4.12": _AttributeType(64),
    "2.5.4.13": _AttributeType(1024),
    "2.5.4.17": _AttributeType(40),
    "2.5.4.20": _AttributeType(32, der.PRINTABLE_STRING),
    "2.5.4.46": _AttributeType(32768, der.PRINTABLE_STRING),
    "2.5.4.65": _AttributeType(128),
    "0.9.2342.19200300.100.1.25": _AttributeType(32768, der.IA5_STRING),
    "1.2.840.113549.1.9.1": _AttributeType(255, der.IA5_STRING),
}

# The order of the names in the subject: from the widest to the narrowest, as directories are laid out.
_FIELDS = {
    "domain_components": "0.9.2342.19200300.100.1.25",
    "country": _COUNTRY,
    "state_or_province_name": "2.5.4.8",
    "locality": "2.5.4.7",
    "organization": "2.5.4.10",
    "organizational_unit": "2.5.4.11",
    "common_name": "2.5.4.3",
    "serial_number": "2.5.4.5",
    "title": "2.5.4.12",
    "surname": "2.5.4.4",
    "given_name": "2.5.4.42",
    "initials": "2.5.4.43",
    "pseudonym": "2.5.4.65",
    "generation_qualifier": "2.5.4.44",
    "distinguished_name_qualifier": "2.5.4.46",
}

# The descriptors of RFC 4514 section 3 and of the attribute types of RFC 4519 and RFC 5280.
_SHORT_NAMES = {
    "cn": "2.5.4.3",
    "commonname": "2.5.4.3",
    "sn": "2.5.4.4",
    "surname": "2.5.4.4",
    "serialnumber": "2.5.4.5",
    "c": _COUNTRY,
    "countryname": _COUNTRY,
    "l": "2.5.4.7",
    "localityname": "2.5.4.7",
    "st": "2.5.4.8",
    "stateorprovincename": "2.5.4.8",
    "street": "2.5.4.9",
    "streetaddress": "2.5.4.9",
    "o": "2.5.4.10",
    "organizationname": "2.5.4.10",
    "ou": "2.5.4.11",
    "organizationalunitname": "2.5.4.11",
    "title": "2.5.4.12",
    "description": "2.5.4.13",
    "postalcode": "2.5.4.17",
    "telephonenumber": "2.5.4.20",
    "name": "2.5.4.41",
    "givenname": "2.5.4.42",
    "initials": "2.5.4.43",
    "generationqualifier": "2.5.4.44",
    "x500uniqueidentifier": "2.5.4.45",
    "dnqualifier": "2.5.4.46",
    "pseudonym": "2.5.4.65",
    "organizationidentifier": "2.5.4.97",
    "dc": "0.9.2342.19200300.100.1.25",
    "domaincomponent": "0.9.2342.19200300.100.1.25",
    "uid": "0.9.2342.19200300.100.1.1",
    "userid": "0.9.2342.19200300.100.1.1",
    "emailaddress": "1.2.840.113549.1.9.1",
}


def encode_name(name: DistinguishedName) -> bytes:
    """The DER Name of a subject (RFC 5280 4.1.2.4).

    The relative names stand in the order domain components, country, state, locality, organization, unit,
    common name, serial number, title, surname, given name, initials, pseudonym, generation qualifier,
    qualifier, generic attributes, multi-valued names; equal types in the order given. Text becomes the type's
    own string type where it has just one, and UTF8String otherwise (Security 5.2.6.3.1). Raises
    InvalidSubject.
    """
    relative_names = list(_relative_names(name))
    if not relative_names:
        raise InvalidSubject("The subject is empty: give at least one attribute, such as CommonName")
    return der.sequence(*relative_names)


def _relative_names(name: DistinguishedName) -> Iterator[bytes]:
    for field, oid in _FIELDS.items():
        for value in getattr(name, field):
            yield der.set_of([_attribute(oid, value)])
    for short_name, value in name.generic_attributes:
        yield der.set_of([_attribute(_oid(short_name), value)])
    for attributes in name.multi_valued_rdns:
        if not attributes:
            raise InvalidSubject("A multi-valued relative name of the subject is empty")
        oids = [_oid(short_name) for short_name, _ in attributes]
        if len(set(oids)) < len(oids):
            raise InvalidSubject("A multi-valued relative name of the subject holds one attribute type twice")
        yield der.set_of(_attribute(oid, value) for oid, (_, value) in zip(oids, attributes, strict=True))


def _oid(attribute_type: str) -> str:
    """The dotted OID of an attribute type as RFC 4514 writes it; short names in any case."""
    short = _SHORT_NAMES.get(attribute_type.lower())
    if short is None and not attribute_type[:1].isdigit():
        raise InvalidSubject(
            f"The attribute type {attribute_type[:80]!r} is unknown: give its object identifier"
        )
    return short or attribute_type


def _attribute(oid: str, value: str) -> bytes:
    try:
        attribute_type = der.object_identifier(oid)
    except ValueError as error:
        raise InvalidSubject(f"An attribute type of the subject is invalid: {error}") from error
    return der.sequence(
        attribute_type, _hexadecimal(oid, value) if value.startswith("#") else _text(oid, value)
    )


def _hexadecimal(oid: str, value: str) -> bytes:
    """The value as given. It must be DER, for DER is what it becomes a part of."""
    if not re.fullmatch(r"#([0-9A-Fa-f]{2})+", value):
        raise InvalidSubject(
            f"A value of the attribute {oid} starts with # but is not hexadecimal: give such text in"
            " hexadecimal form as well"
        )
    encoded = bytes.fromhex(value[1:])
    try:
        der.check(encoded)
    except ValueError as error:
        raise InvalidSubject(f"A hexadecimal value of the attribute {oid} is invalid: {error}") from error
    return encoded


def _text(oid: str, value: str) -> bytes:
    attribute_type = _TYPES.get(oid, _UNKNOWN_TYPE)
    if not 1 <= len(value) <= attribute_type.maximum_size:
        raise InvalidSubject(
            f"A value of the attribute {oid} has {len(value)} characters:"
            f" 1 to {attribute_type.maximum_size} are allowed"
        )
    if oid == _COUNTRY and not re.fullmatch("[A-Za-z]{2}", value):
        raise InvalidSubject(f"The country {value} is not a code of two letters (ISO 3166)")
    try:
        return der.text(attribute_type.string_type, value)
    except ValueError as error:
        raise InvalidSubject(
            f"A value of the attribute {oid} has characters outside {_CHARACTERS[attribute_type.string_type]}"
        ) from error

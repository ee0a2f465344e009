"""What a client encodes itself: values in DER."""

from asn1crypto import core, parser

from keystore import der

OCTET_STRING, UTF8_STRING, PRINTABLE_STRING, TELETEX_STRING, IA5_STRING = 0x04, 0x0C, 0x13, 0x14, 0x16
NULL: bytes = core.Null().dump()


def object_identifier(dotted: str) -> bytes:
    encoded: bytes = core.ObjectIdentifier(dotted).dump()
    return encoded


def bit_string(octets: bytes) -> bytes:
    encoded: bytes = core.OctetBitString(octets).dump()
    return encoded


def directory_name(value: bytes) -> bytes:
    """A GeneralName (RFC 5280 4.2.1.6) with one attribute, a common name of any type."""
    common_name = der.sequence(object_identifier("2.5.4.3"), value)
    return der.element(0xA4, der.sequence(der.set_of([common_name])))


UNREADABLE_EXTENSIONS = {
    "1.3.6.1.5.5.7.1.24": der.sequence(der.integer(99)),
    "2.5.29.17": der.sequence(directory_name(bit_string(b"camera"))),
    "2.5.29.18": der.sequence(directory_name(NULL)),
}
"""Good DER that cryptography can't read: a TLS feature without a name, and common names that are no text."""


def tag_and_content(encoded: bytes) -> tuple[int, bytes]:
    return encoded[0], parser.parse(encoded, strict=True)[4]


def parts(encoded: bytes) -> list[bytes]:
    """The elements of a constructed value."""
    return der.elements(encoded)

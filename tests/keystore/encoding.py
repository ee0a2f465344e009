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


def tag_and_content(encoded: bytes) -> tuple[int, bytes]:
    return encoded[0], parser.parse(encoded, strict=True)[4]


def parts(encoded: bytes) -> list[bytes]:
    """The elements of a constructed value."""
    return der.elements(encoded)

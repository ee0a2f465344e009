"""What a client encodes itself: values in DER."""

from cryptography import x509
from cryptography.hazmat import asn1

from keystore import der

OCTET_STRING, UTF8_STRING, PRINTABLE_STRING, TELETEX_STRING, IA5_STRING = 0x04, 0x0C, 0x13, 0x14, 0x16
NULL = asn1.encode_der(asn1.Null())


def object_identifier(dotted: str) -> bytes:
    return asn1.encode_der(x509.ObjectIdentifier(dotted))


def bit_string(octets: bytes) -> bytes:
    return asn1.encode_der(asn1.BitString(octets, 0))


def tag_and_content(encoded: bytes) -> tuple[int, bytes]:
    value = asn1.decode_der(asn1.TLV, encoded)
    return value.tag_bytes[0], bytes(value.data)


def parts(encoded: bytes) -> list[bytes]:
    """The elements of a constructed value."""
    values = der.elements(asn1.decode_der(asn1.TLV, encoded))
    return [der.element(value.tag_bytes[0], value.data) for value in values]

"""DER (X.690) around values of any type, which stand exactly as a client gave them (Security 5.2.6.3.1).

cryptography encodes and decodes every structure whose parts are of known types: see structures.py. But its
48.0.0, which Buildroot 2026.08 has, writes no value of any type (encoding an asn1.TLV raises
NotImplementedError before 50.0.0, and the certificate builders take none), and no INTEGER of more than 64
bits (before 49.0.0), which serial numbers are. So names, attributes, and all that contains them are put
together here from parts that cryptography has encoded. And of a value of any type it checks the tag and the
length, not what is inside: check() does.
"""

import contextlib
import re
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat import asn1

INTEGER, ENUMERATED, UNIVERSAL_STRING, BMP_STRING = 0x02, 0x0A, 0x1C, 0x1E
SEQUENCE, SET, CONSTRUCTED, CONTEXT = 0x30, 0x31, 0x20, 0xA0

_MAXIMUM_DEPTH = 32
# cryptography reads 1.02 and +1.2 as 1.2, and panics at numbers that overflow its 128 bits.
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,37}))+")

# The universal types whose content has rules, as cryptography checks them or as text that must decode.
_TYPES = {
    0x01: bool,
    INTEGER: int,
    0x03: asn1.BitString,
    0x05: asn1.Null,
    0x06: x509.ObjectIdentifier,
    0x0C: str,
    0x13: asn1.PrintableString,
    0x16: asn1.IA5String,
}
_CODECS = {UNIVERSAL_STRING: "utf-32-be", BMP_STRING: "utf-16-be"}
_CONSTRUCTED_TYPES = (0x08, 0x0B, 0x10, 0x11)  # EXTERNAL, EMBEDDED PDV, SEQUENCE, SET


@asn1.sequence
class _Row:
    elements: list[asn1.TLV]


def element(tag: int, *contents: bytes | memoryview) -> bytes:
    """One element of a tag octet, its length, and the contents joined."""
    return bytes((tag,)) + asn1.encode_der(b"".join(contents))[1:]  # an OCTET STRING with another tag


def sequence(*contents: bytes) -> bytes:
    return element(SEQUENCE, *contents)


def set_of(elements: Iterable[bytes], tag: int = SET) -> bytes:
    """A SET OF: DER sorts its elements (X.690 11.6)."""
    return element(tag, *sorted(elements))


def integer(value: int) -> bytes:
    size = max(value, ~value).bit_length() // 8 + 1
    return element(INTEGER, value.to_bytes(size, "big", signed=True))


def object_identifier(dotted: str) -> x509.ObjectIdentifier:
    """An object identifier in dotted form. Raises ValueError if it isn't one."""
    if _OID.fullmatch(dotted):
        with contextlib.suppress(ValueError):
            return x509.ObjectIdentifier(dotted)
    raise ValueError(f"{dotted[:80]!r} is not an object identifier")


def elements(constructed: asn1.TLV) -> list[asn1.TLV]:
    """What a constructed value consists of. Raises ValueError."""
    row: _Row = asn1.decode_der(_Row, sequence(element(SEQUENCE, constructed.data)))
    return row.elements


def check(data: bytes) -> None:
    """Raise ValueError unless the octets are exactly one DER element, all the way down."""
    try:
        _check(asn1.decode_der(asn1.TLV, data), 0)
    except ValueError as error:
        raise ValueError(f"a value is not DER, or is nested in more than {_MAXIMUM_DEPTH} others") from error


def _check(value: asn1.TLV, depth: int) -> None:
    tag = value.tag_bytes[0]
    is_universal, is_constructed = tag < 0x40, bool(tag & CONSTRUCTED)
    if depth > _MAXIMUM_DEPTH:
        raise ValueError("it is nested too deeply")
    if tag == 0 or (is_universal and is_constructed != (tag & 0x1F in _CONSTRUCTED_TYPES)):
        raise ValueError(f"the tag {tag:#04x} is not DER")
    if is_constructed:
        for inner in elements(value):
            _check(inner, depth + 1)
    elif tag == ENUMERATED:
        asn1.decode_der(int, element(INTEGER, value.data))
    elif tag in _TYPES:
        value.parse(_TYPES[tag])
    elif tag in _CODECS:
        bytes(value.data).decode(_CODECS[tag])

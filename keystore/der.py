"""DER (X.690) around values of any type, which stand exactly as a client gave them (Security 5.2.6.3.1).

What a client gives may be of any type, and libraries encode it anew when they build a certificate. So names,
attributes, and all that contains them are put together here. asn1crypto takes BER for DER, and looks into a
value only when it is asked for it: check() does.
"""

import contextlib
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from asn1crypto import core, parser
from cryptography import x509

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OBJECT_IDENTIFIER = 0x01, 0x02, 0x03, 0x04, 0x06
ENUMERATED, UTF8_STRING, PRINTABLE_STRING, IA5_STRING = 0x0A, 0x0C, 0x13, 0x16
UNIVERSAL_STRING, BMP_STRING = 0x1C, 0x1E
SEQUENCE, SET, CONTEXT = 0x30, 0x31, 0xA0

_MAXIMUM_DEPTH = 32
# In octets. The time that asn1crypto takes for a tag grows with the square of its length.
_MAXIMUM_SIZE = 8192
# cryptography reads 1.02 and +1.2 as 1.2, and panics at a number that overflows its 128 bits with 80 added.
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,38}))+")
_MAXIMUM_ARC = 2**128 - 81
_CODECS = {
    UTF8_STRING: "utf-8",
    PRINTABLE_STRING: "ascii",
    IA5_STRING: "ascii",
    UNIVERSAL_STRING: "utf-32-be",
    BMP_STRING: "utf-16-be",
}
_BASE_128 = re.compile(rb"(([\x81-\xff][\x80-\xff]*)?[\x00-\x7f])+")  # X.690 8.19.2
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,./:=?-]*")  # X.680 41.4
_CONSTRUCTED_TYPES = (0x08, 0x0B, 0x10, 0x11)  # EXTERNAL, EMBEDDED PDV, SEQUENCE, SET


def element(tag: int, *contents: bytes) -> bytes:
    """One element of a tag octet, its length, and the contents joined."""
    encoded: bytes = parser.emit(tag >> 6, tag >> 5 & 1, tag & 0x1F, b"".join(contents))
    return encoded


NULL = element(0x05)
TRUE = element(BOOLEAN, b"\xff")


def sequence(*contents: bytes) -> bytes:
    return element(SEQUENCE, *contents)


def set_of(elements: Iterable[bytes], tag: int = SET) -> bytes:
    """A SET OF: DER sorts its elements (X.690 11.6)."""
    return element(tag, *sorted(elements))


def integer(value: int) -> bytes:
    encoded: bytes = core.Integer(value).dump()
    return encoded


def bit_string(octets: bytes) -> bytes:
    return element(BIT_STRING, b"\0", octets)


def object_identifier(dotted: str) -> bytes:
    """The encoding of an object identifier in dotted form. Raises ValueError if it isn't one."""
    if _OID.fullmatch(dotted) and max(map(int, dotted.split("."))) <= _MAXIMUM_ARC:
        with contextlib.suppress(ValueError):
            x509.ObjectIdentifier(dotted)
            encoded: bytes = core.ObjectIdentifier(dotted).dump()
            return encoded
    raise ValueError(f"{dotted[:80]!r} is not an object identifier")


def text(tag: int, value: str) -> bytes:
    """A string of one of the string types. Raises ValueError if the type doesn't have its characters."""
    encoded = element(tag, value.encode(_CODECS[tag]))
    if tag == PRINTABLE_STRING and not _PRINTABLE.fullmatch(value):
        raise ValueError("it has characters that a PrintableString doesn't have")
    return encoded


def time(moment: datetime) -> bytes:
    """The Time of a moment in UTC and whole seconds (RFC 5280 4.1.2.5): UTCTime through 2049."""
    time_type = core.UTCTime if 1950 <= moment.year < 2050 else core.GeneralizedTime
    encoded: bytes = time_type(moment).dump()
    return encoded


def elements(constructed: bytes) -> list[bytes]:
    """What a constructed value consists of. Raises ValueError."""
    *_, contents, _ = parser.parse(constructed, strict=True)
    values = core.SequenceOf(spec=core.Any, contents=contents)
    # The parser found their ends. An object of Any could tell only what is of a type that it knows.
    return [b"".join(values.children[each][3:6]) for each in range(len(values))]


def check(data: bytes) -> None:
    """Raise ValueError unless the octets are exactly one DER element, all the way down.

    Of the contents those are looked at whose types have rules here; a SET OF and a SET can't be told apart.
    """
    if len(data) > _MAXIMUM_SIZE:
        raise ValueError(f"a value has {len(data)} octets, and no more than {_MAXIMUM_SIZE} are allowed")
    try:
        _check(data, 0)
    except ValueError as error:
        raise ValueError(f"a value is not DER, or is nested in more than {_MAXIMUM_DEPTH} others") from error


def _check(data: bytes, depth: int) -> None:
    if depth > _MAXIMUM_DEPTH:
        raise ValueError("it is nested too deeply")
    class_, method, number, _, contents, _ = parser.parse(data, strict=True)
    if parser.emit(class_, method, number, contents) != data:
        raise ValueError("its length is not in the shortest form")
    is_universal = class_ == 0
    if is_universal and (number == 0 or method != (number in _CONSTRUCTED_TYPES)):
        raise ValueError(f"the tag {data[0]:#04x} is not DER")
    if method:
        for inner in elements(data):
            _check(inner, depth + 1)
    elif is_universal and number in _RULES and not _RULES[number](contents):
        raise ValueError(f"the contents are not those of the tag {data[0]:#04x}")


def _is_integer(contents: bytes) -> bool:
    return element(INTEGER, contents) == integer(int.from_bytes(contents, "big", signed=True))


def _is_bit_string(contents: bytes) -> bool:
    """The bits that don't count, as many as the first octet says, are zero."""
    unused = contents[0] if contents else 8
    return unused == 0 or (unused < 8 and len(contents) > 1 and contents[-1] % (1 << unused) == 0)


def _is_text(tag: int, contents: bytes) -> bool:
    return element(tag, contents) == text(tag, contents.decode(_CODECS[tag]))


_RULES: dict[int, Callable[[bytes], object]] = {
    BOOLEAN: lambda contents: contents in (b"\0", b"\xff"),
    INTEGER: _is_integer,
    ENUMERATED: _is_integer,
    BIT_STRING: _is_bit_string,
    NULL[0]: lambda contents: not contents,
    OBJECT_IDENTIFIER: _BASE_128.fullmatch,
    **{tag: partial(_is_text, tag) for tag in _CODECS},
}
"""The universal types whose contents have rules, or are text that must decode."""

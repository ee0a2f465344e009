"""Just enough DER (X.690) for what tests put into requests, made without the code under test."""

from __future__ import annotations

NULL = b"\x05\x00"
SEQUENCE, UTF8_STRING, OBJECT_IDENTIFIER, INTEGER, BOOLEAN = 0x30, 0x0C, 0x06, 0x02, 0x01
CONTEXT = 0xA0
SHA256, SHA384, SHA512 = (f"2.16.840.1.101.3.4.2.{number}" for number in (1, 2, 3))
_MGF1 = "1.2.840.113549.1.1.8"


def element(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*contents: bytes) -> bytes:
    return element(SEQUENCE, b"".join(contents))


def integer(value: int) -> bytes:
    return element(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def utf8(text: str) -> bytes:
    return element(UTF8_STRING, text.encode())


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    content = b""
    for arc in (40 * first + second, *rest):
        octets = [arc & 0x7F]
        while arc := arc >> 7:
            octets.append(0x80 | arc & 0x7F)
        content += bytes(reversed(octets))
    return element(OBJECT_IDENTIFIER, content)


def pss_parameters(hash_oid: str, salt: int, mask_hash_oid: str | None = None) -> bytes:
    """RSASSA-PSS-params (RFC 4055 3.1)."""
    return sequence(
        element(CONTEXT, sequence(oid(hash_oid), NULL)),
        element(CONTEXT | 1, sequence(oid(_MGF1), sequence(oid(mask_hash_oid or hash_oid), NULL))),
        element(CONTEXT | 2, integer(salt)),
    )

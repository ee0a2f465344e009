"""Hostile messages: each becomes a fault, and none takes the parser down."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onvifd.soap.envelope import Limits, Message, parse, serialize
from onvifd.soap.faults import Fault, fault_element
from onvifd.soap.names import NAMESPACES
from tests.official import assert_valid_response
from tests.soap.test_envelope import message

LIMITS = Limits()
MEBIBYTE = 1 << 20

LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
)

MALFORMED = {
    "nothing": b"",
    "white space": b" \n ",
    "no XML": b"hello",
    "HTTP form": b"a=b&c=d",
    "JSON": b'{"method": "GetServices"}',
    "a NUL": message("<a xmlns='urn:x'>\0</a>"),
    "a NUL first": b"\0" + message(),
    "only NULs": b"\0" * MEBIBYTE,
    "a control character": message("<a xmlns='urn:x'>\x1f</a>"),
    "a reference to a control character": message("<a xmlns='urn:x'>&#1;</a>"),
    "a reference to a lone surrogate": message("<a xmlns='urn:x'>&#xD800;</a>"),
    "a lone surrogate": b"<a>\xed\xa0\x80</a>",
    "truncated UTF-8": b"<a>\xe2\x82",
    "wrong UTF-8": b"<a>\xff\xfe</a>",
    "overlong UTF-8": b"<a>\xc0\xbc</a>",
    "half of a UTF-16 character": message().decode().encode("utf-16")[:-1],
    "UTF-32": message().decode().encode("utf-32"),
    "an unknown encoding": b'<?xml version="1.0" encoding="x-nothing"?>' + message(),
    "a multi-byte encoding": b'<?xml version="1.0" encoding="shift_jis"?>' + message(),
    "a codec that is no encoding": b'<?xml version="1.0" encoding="zlib"?>' + message(),
    "a module of Python as the encoding": b'<?xml version="1.0" encoding="aliases"?>' + message(),
    "an unbound prefix": message("<tas:CreateRSAKeyPair/>"),
    "an unbound prefix of an attribute": message('<a xmlns="urn:x" b:c="d"/>'),
    "the xml prefix bound anew": message('<a xmlns="urn:x" xmlns:xml="urn:y"/>'),
    "two attributes of one name": message('<a xmlns="urn:x" b="1" b="2"/>'),
    "two attributes of one qualified name": message(
        '<a xmlns="urn:x" xmlns:b="urn:x" xmlns:c="urn:x" b:d="" c:d=""/>'
    ),
    "an undefined entity": message('<a xmlns="urn:x">&nbsp;</a>'),
    "two roots": message() * 2,
    "cut off": message()[:-1],
    "text after the end": message() + b"text",
    "a document type": b"<!DOCTYPE a>" + message(),
    "an external document type": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd">' + message(),
    "an external entity": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "a parameter entity": b'<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1:1/"> %b;]><a/>',
    "a billion laughs": LAUGHS + b"]><l>&j;</l>",
    "an attribute's default": b'<!DOCTYPE a [<!ATTLIST a b CDATA "c">]><a/>',
    "a long name, cut off": b"<" + b"a" * MEBIBYTE,
    "a long comment, cut off": b"<!--" + b"-a" * MEBIBYTE,
    "a long CDATA section, cut off": b"<a><![CDATA[" + b"]" * MEBIBYTE,
    "a long attribute, cut off": b'<a b="' + b"&amp;" * 200_000,
    "many open angle brackets": b"<" * MEBIBYTE,
}

EXCESSIVE = {
    "deep": message("<a xmlns='urn:x'>" * 63 + "</a>" * 63),
    "very deep": b"<a>" * (MEBIBYTE // 3),
    "attributes": message("<a xmlns='urn:x' " + " ".join(f'b{n}=""' for n in range(64)) + "/>"),
    "100,000 attributes": b"<a " + b" ".join(b'b%d=""' % n for n in range(100_000)) + b"/>",
    "100,000 prefixes": b"<a " + b" ".join(b'xmlns:b%d="c"' % n for n in range(100_000)) + b"/>",
    "elements": message("<a xmlns='urn:x'/>" * 1_999),
    "200,000 elements": message("<a xmlns='urn:x'/>" * 50_000),
}


def declarations(depth: int) -> str:
    return " ".join(f"xmlns:p{depth}.{number}='urn:u'" for number in range(60))


LARGE = {
    "a long name": message(f"<{'a' * MEBIBYTE} xmlns='urn:x'/>"),
    "a long value": message(f"<a xmlns='urn:x'>{'a' * MEBIBYTE}</a>"),
    "a long namespace": message(f"<a xmlns='{'a' * MEBIBYTE}'/>"),
    "many references": message(f"<a xmlns='urn:x'>{'&amp;' * 200_000}</a>"),
    "as deep as may be": message("<a xmlns='urn:x'>" * 62 + "</a>" * 62),
    "as many attributes as may be": message(
        "<a xmlns='urn:x' " + " ".join(f'b{n}=""' for n in range(63)) + "/>"
    ),
    "as many elements as may be": message("<a xmlns='urn:x'>" + "<b/>" * 1_997 + "</a>"),
    "scopes in scopes": message(
        "".join(f"<a xmlns='urn:{n}' {declarations(n)}>" for n in range(60))
        + "".join(f"<b xmlns='u{n}'/>" for n in range(1_900))
        + "</a>" * 60
    ),
}


def outcome(data: bytes, limits: Limits = LIMITS) -> Message | Fault:
    try:
        return parse(data, limits)
    except Fault as fault:
        assert_valid_response(serialize(fault_element(fault), fault.headers))
        return fault


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_well_formed(name: str) -> None:
    """Core 5.8.2.2: ter:WellFormed; SOAP 1.2 part 1, 5: a document type declaration is not allowed."""
    fault = outcome(MALFORMED[name])
    assert isinstance(fault, Fault)
    assert (fault.code, fault.subcodes) == ("Sender", ("ter:WellFormed",))
    assert len(fault.reason) < 200


@pytest.mark.parametrize("name", EXCESSIVE)
def test_what_exceeds_a_limit(name: str) -> None:
    fault = outcome(EXCESSIVE[name])
    assert isinstance(fault, Fault)
    assert (fault.code, fault.subcodes) == ("Sender", ("ter:InvalidArgs",))


@pytest.mark.parametrize("name", LARGE)
def test_what_is_within_the_limits(name: str) -> None:
    request = outcome(LARGE[name])
    assert isinstance(request, Message)
    assert request.scope_of(request.body)["s"] == NAMESPACES["env"]


def test_elements_without_declarations_share_a_scope() -> None:
    """To ask for the scope of each of thousands of elements makes no copy of thousands of declarations."""
    request = outcome(message(f"<a xmlns='urn:x' {declarations(0)}>" + "<b/>" * 2 + "</a>"))
    assert isinstance(request, Message)
    first, second = (request.scope_of(child) for child in request.body)
    assert first is second


def test_what_a_fault_tells_of_the_message_is_short() -> None:
    name = "a" * MEBIBYTE
    for data in (f"<{name}/>".encode(), message(f"<{name}/>"), message(f"&{name};")):
        fault = outcome(data)
        assert isinstance(fault, Fault)
        assert len(fault.reason) < 300


SAMPLE = message(
    '<t:SetUser xmlns:t="urn:t" a="b"><t:User>\u00fc<!-- c --><![CDATA[d]]>&lt;</t:User></t:SetUser>',
    header='<x xmlns="urn:x" s:mustUnderstand="1"/>',
)


@given(st.binary(max_size=200))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_a_message_or_a_fault(data: bytes) -> None:
    outcome(data)


@given(st.data())
@settings(max_examples=1000, deadline=None)
def test_any_damage_to_a_message_leaves_a_message_or_a_fault(data: st.DataObject) -> None:
    damaged = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(damaged)))
        end = min(len(damaged), start + data.draw(st.integers(0, 20)))
        damaged[start:end] = data.draw(
            st.binary(max_size=5)
            | st.sampled_from(
                [b"<", b">", b"&", b'"', b"xmlns:s=''", b"<!DOCTYPE a>", b"]]>", bytes(damaged[5:60])]
            )
        )
    outcome(bytes(damaged))


@given(
    st.text(max_size=100), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252"])
)
@settings(max_examples=300, deadline=None)
def test_any_text_in_any_encoding(text: str, encoding: str) -> None:
    data = f'<?xml version="1.0" encoding="{encoding}"?>' + message("<a xmlns='urn:x'>%</a>").decode()
    outcome(data.replace("%", text).encode(encoding, "replace"))

"""Faults: Core 5.8.2, SOAP 1.2 part 1, 5.4 and part 2, table 20."""

from typing import get_args
from xml.etree.ElementTree import Element

import pytest

from onvifd.soap.envelope import serialize
from onvifd.soap.faults import Code, Fault, fault_element
from onvifd.soap.names import qname
from tests.official import assert_valid_response


@pytest.mark.parametrize("code", get_args(Code))
def test_the_http_status_follows_the_code(code: Code) -> None:
    assert Fault(code, (), "x").status == (400 if code == "Sender" else 500)


@pytest.mark.parametrize("code", get_args(Code))
def test_every_code_is_valid(code: Code) -> None:
    fault = assert_valid_response(serialize(fault_element(Fault(code, (), "x"))))
    assert fault.findtext(f"{qname('env:Code')}/{qname('env:Value')}") == f"env:{code}"
    assert fault.find(f".//{qname('env:Subcode')}") is None


def test_subcodes_are_nested_and_their_prefix_is_declared() -> None:
    """zeep can't read a fault whose ter: is not declared."""
    data = serialize(fault_element(Fault("Sender", ("ter:InvalidArgVal", "ter:KeyID"), "no such key")))
    assert_valid_response(data)
    nested = (
        b"<env:Code><env:Value>env:Sender</env:Value>"
        b"<env:Subcode><env:Value>ter:InvalidArgVal</env:Value>"
        b"<env:Subcode><env:Value>ter:KeyID</env:Value></env:Subcode></env:Subcode></env:Code>"
    )
    assert nested in data
    assert b'xmlns:ter="http://www.onvif.org/ver10/error"' in data


def test_the_reason_is_english() -> None:
    data = serialize(fault_element(Fault("Receiver", ("ter:Action", "ter:X"), "it broke; mend it")))
    assert b'<env:Reason><env:Text xml:lang="en">it broke; mend it</env:Text></env:Reason>' in data


@pytest.mark.parametrize(
    ("code", "subcodes", "opening"),
    [
        ("Sender", ("ter:NotAuthorized",), "Sender not Authorized: "),
        ("Sender", ("ter:InvalidArgs",), "Invalid Args: "),
        ("Receiver", ("ter:ActionNotSupported",), "Optional Action Not Implemented: "),
        ("VersionMismatch", (), "SOAP version mismatch: "),
        ("Sender", ("ter:InvalidArgVal", "ter:KeyID"), ""),
        ("Sender", ("wsnt:InvalidFilterFault",), ""),
        ("Receiver", (), ""),
    ],
)
def test_generic_faults_open_with_the_normative_reason(
    code: Code, subcodes: tuple[str, ...], opening: str
) -> None:
    """Core 5.8.2.2: the Fault Reason is normative. The npm package onvif looks for it."""
    assert Fault(code, subcodes, "why").reason == f"{opening}why"


def test_the_detail_is_optional() -> None:
    detail = Element(qname("tt:Detail"))
    fault = assert_valid_response(serialize(fault_element(Fault("Receiver", ("ter:Action",), "x", detail))))
    assert [child.tag for child in fault.find(qname("env:Detail")) or ()] == [detail.tag]
    fault = assert_valid_response(serialize(fault_element(Fault("Receiver", ("ter:Action",), "x"))))
    assert fault.find(qname("env:Detail")) is None


def test_a_reason_may_hold_any_character() -> None:
    """A fault must always be answered: what XML does not allow is replaced."""
    assert_valid_response(serialize(fault_element(Fault("Sender", ("ter:WellFormed",), "\0<\ud800>&"))))


def test_it_is_an_exception_with_its_reason_as_text() -> None:
    assert str(Fault("Sender", ("ter:InvalidArgs",), "why")) == "why"

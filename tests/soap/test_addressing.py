"""WS-Addressing 1.0, which no client has to use."""

import pytest

from onvifd.soap import addressing
from onvifd.soap.addressing import Addressing
from onvifd.soap.encode import element
from onvifd.soap.envelope import Limits, parse, serialize
from onvifd.soap.faults import Fault, fault_element
from onvifd.soap.names import NAMESPACES
from tests.official import assert_valid_response
from tests.soap.test_envelope import message

WSA = f'xmlns="{NAMESPACES["wsa"]}"'
ACTION = "http://www.onvif.org/ver10/events/wsdl/EventPortType/GetEventPropertiesRequest"
ANONYMOUS = "http://www.w3.org/2005/08/addressing/anonymous"


def test_what_a_request_says_of_itself() -> None:
    header = (
        f"<Action {WSA}> {ACTION}\n</Action><MessageID {WSA}>urn:uuid:1</MessageID><To {WSA}>http://192.0.2.1/</To>"
        f"<ReplyTo {WSA}><Address>{ANONYMOUS}</Address></ReplyTo>"
    )
    request = parse(message(header=header), Limits())
    assert request.addressing == Addressing(ACTION, "urn:uuid:1")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "<x xmlns='urn:x'/>",
        f"<MessageID {WSA}/>",
        "<MessageID xmlns='urn:x'>1</MessageID>",
        f"<ReplyTo {WSA}/>",
    ],
)
def test_nothing_is_required_and_nothing_answered_to_who_says_nothing(header: str) -> None:
    """python-zeep sends no headers with Renew, and cameras refused it (home-assistant/core 45513)."""
    request = parse(message(header=header), Limits())
    assert request.addressing == Addressing()
    assert addressing.reply_headers(request, "urn:reply") == []
    assert addressing.fault_headers(request) == []


def test_only_to_gets_no_answer() -> None:
    """The npm package onvif sends only To, with the subscription's address."""
    request = parse(message(header=f'<To {WSA} s:mustUnderstand="1">http://192.0.2.1/</To>'), Limits())
    assert addressing.reply_headers(request, "urn:reply") == []


def test_a_reply_names_its_request_and_its_action() -> None:
    request = parse(
        message(header=f"<Action {WSA}>{ACTION}</Action><MessageID {WSA}>urn:1</MessageID>"), Limits()
    )
    data = serialize(element("wsnt:UnsubscribeResponse", {}), addressing.reply_headers(request, "urn:reply"))
    assert_valid_response(data)
    assert (
        b"<env:Header><wsa:Action>urn:reply</wsa:Action><wsa:RelatesTo>urn:1</wsa:RelatesTo></env:Header>"
        in data
    )


def test_without_a_message_id_there_is_nothing_to_relate_to() -> None:
    request = parse(message(header=f"<Action {WSA}>{ACTION}</Action>"), Limits())
    assert [block.text for block in addressing.reply_headers(request, "urn:reply")] == ["urn:reply"]


def test_a_fault_has_the_action_of_faults() -> None:
    """WS-Addressing 1.0 SOAP Binding, 6; missing it breaks event clients (onvif/specs 332)."""
    request = parse(message(header=f"<MessageID {WSA}>urn:1</MessageID>"), Limits())
    fault = Fault("Sender", ("ter:InvalidArgs",), "x")
    data = serialize(fault_element(fault), addressing.fault_headers(request))
    assert_valid_response(data)
    assert b"<wsa:Action>http://www.w3.org/2005/08/addressing/soap/fault</wsa:Action>" in data
    assert b"<wsa:RelatesTo>urn:1</wsa:RelatesTo>" in data

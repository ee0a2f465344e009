"""What the client test tool looks at: the conversations of a client with a device."""

from __future__ import annotations

from lxml import etree

from tests.device_test.cases import step
from tests.device_test.client import NAMES, Dut, Exchange, assert_valid, tag

HTTP_UNAUTHORIZED = 401


def conversations(dut: Dut, operation: str) -> list[Exchange]:
    """The requests of an operation with their answers, challenges for credentials left out.

    Asserts that there is one, that each request is valid by the schemas, and [S1] to [S3] of the cases.
    """
    found = [exchange for exchange in dut.exchanges if _is_of(exchange, operation)]
    with step(f"The trace contains at least one conversation with {operation} present"):
        assert found
    for exchange in found:
        with step(f"Client {operation} request messages are valid according to XML Schemas"):
            assert_valid(exchange.sent)
        with step(f"[S2] It has HTTP 200 response code, [S3] Body has child element {operation}Response"):
            dut.assert_response(exchange, operation)
    return found


def sent(exchange: Exchange) -> etree._Element:
    """The child of the Body of a request."""
    return etree.fromstring(exchange.sent).find("env:Body/*", NAMES)


def _is_of(exchange: Exchange, operation: str) -> bool:
    """[S1] soapenv:Body has child element."""
    if exchange.status == HTTP_UNAUTHORIZED or not exchange.sent:
        return False
    return sent(exchange).tag == tag(operation)

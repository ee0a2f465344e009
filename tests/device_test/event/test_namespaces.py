"""Event Device Test Specification, 5.4 Namespace Handling."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from tests.device_test.base import spelling
from tests.device_test.base.spelling import Speller, spelled
from tests.device_test.cases import case, step
from tests.device_test.client import Dut, Endpoint, action, envelope, fill, tag
from tests.device_test.event.helpers import BasicNotification, answered, assert_utc
from tests.device_test.event.prerequisites import BASIC_NOTIFICATION
from tests.device_test.prerequisites import EVENT_SERVICE


def namespaces_case(id: str, section: str, make: Callable[[], Speller]) -> Callable[[Dut], None]:
    @case(id, section, needs=(EVENT_SERVICE, BASIC_NOTIFICATION))
    def test(dut: Dut) -> None:
        usual = BasicNotification(dut, lifetime=10)
        with step("ONVIF Client will invoke Subscribe request with these namespace declarations"):
            body = etree.Element(tag("wsnt:Subscribe"))
            address = {"wsa:Address": usual.consumer.url}
            fill(body, {"ConsumerReference": address, "InitialTerminationTime": "PT10S"})
            exchange = dut.post(
                spelled(envelope([body], _header(dut)), make()), dut.address("wsnt:Subscribe")
            )
        response = answered(dut, exchange, "wsnt:Subscribe")
        endpoint = Endpoint.of(response.find("wsnt:SubscriptionReference"))
        dut.restore.callback(dut.send, "wsnt:Unsubscribe", at=endpoint)
        with step("Verify that valid values for CurrentTime and TerminationTime are returned"):
            lifetime = assert_utc(response.text("wsnt:TerminationTime")) - assert_utc(
                response.text("wsnt:CurrentTime")
            )
            assert lifetime.total_seconds() >= 10

    return test


def _header(dut: Dut) -> list[etree._Element]:
    """As in 6.2, whose attribute shallUnderstand is none of SOAP's."""
    block = etree.Element(tag("wsa:Action"))
    block.text = action("wsnt:SubscribeRequest")
    security = dut.security()
    del security.attrib[tag("env:mustUnderstand")]
    return [block, security]


test_default_in_each_tag = namespaces_case("EVENT-4-1-6", "5.4.1", lambda: spelling.default_in_each_tag)
test_default_in_parent_tag = namespaces_case("EVENT-4-1-7", "5.4.2", lambda: spelling.default_in_parent_tag)
test_not_standard_prefixes = namespaces_case("EVENT-4-1-8", "5.4.3", lambda: spelling.strange_prefixes)
test_different_prefixes = namespaces_case("EVENT-4-1-9", "5.4.4", spelling.different_prefixes)
test_same_prefix = namespaces_case("EVENT-4-1-10", "5.4.5", lambda: spelling.same_prefix)

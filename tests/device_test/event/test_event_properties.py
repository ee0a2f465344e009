"""Event Device Test Specification, 5.1 Event Properties."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.device_test.cases import case, step
from tests.device_test.client import Dut
from tests.device_test.event.procedures import event_properties
from tests.device_test.event.topics import CONCRETE, CONCRETE_SET, ITEM_FILTER, described_topics
from tests.device_test.prerequisites import EVENT_SERVICE


@case("EVENT-1-1-2", "5.1.1", needs=(EVENT_SERVICE,))
def test_get_event_properties(dut: Dut) -> None:
    properties = event_properties(dut)
    with step("Validate that the mandatory TopicExpressionDialects are supported by the DUT"):
        assert {CONCRETE, CONCRETE_SET} <= set(properties.texts("wsnt:TopicExpressionDialect"))
    with step("Validate that the mandatory MessageContentFilterDialects is supported by the DUT"):
        # Core 9.7 lets a device have none; the test case does not.
        assert ITEM_FILTER in properties.texts("tev:MessageContentFilterDialect")
    with step("Verify that the DUT returns a valid topic namespace"):
        locations = properties.texts("tev:TopicNamespaceLocation")
        assert locations and all(urlsplit(location).scheme for location in locations), locations
    with step(
        "Verify that the DUT supports at least one TopicSet, validate that the TopicSet is well formed"
    ):
        described = described_topics(properties)
        assert described, "there is no topic"
        assert all(topic.namespace for topic in described), "a root topic has no namespace"

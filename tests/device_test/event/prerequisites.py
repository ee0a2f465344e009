"""The prerequisites of the EVENT cases, as the event service's capabilities signal them."""

from __future__ import annotations

from tests.device_test.cases import Prerequisite

BASIC_NOTIFICATION = Prerequisite(
    "Event Service with basic notification (MaxNotificationProducers is not 0)",
    lambda capabilities: "tev" in capabilities and capabilities.get("tev:@MaxNotificationProducers") != "0",
)
"""Core 9.3.2: the interface is mandatory if the capability is not zero. The test cases, which are older, want it
of each device."""

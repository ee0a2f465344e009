"""Event Device Test Specification, 5.5 Capabilities."""

from __future__ import annotations

import re

from tests.device_test.cases import case, step
from tests.device_test.client import NAMES, Dut
from tests.device_test.event.helpers import ask
from tests.device_test.prerequisites import EVENT_SERVICE

COMPARED = (
    "WSSubscriptionPolicySupport",
    "WSPullPointSupport",
    "WSPausableSubscriptionManagerInterfaceSupport",
    "MaxNotificationProducers",
    "MaxPullPoints",
    "PersistentNotificationStorage",
    "EventBrokerProtocols",
    "MaxEventBrokers",
)


@case("EVENT-5-1-1", "5.5.1", needs=(EVENT_SERVICE,))
def test_event_service_capabilities(dut: Dut) -> None:
    capabilities = ask(dut, "tev:GetServiceCapabilities").find("tev:Capabilities")
    protocols = capabilities.get("EventBrokerProtocols", "").split()
    brokers = int(capabilities.get("MaxEventBrokers", "0"))
    with step("If at least one item does not correspond to requirements for schema name, FAIL the test"):
        assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", protocol) for protocol in protocols), protocols
    with step(
        "If cap.@MaxEventBrokers > 0 and cap does not contain @EventBrokerProtocols list, FAIL the test"
    ):
        assert protocols or not brokers
    with step("If cap contains @EventBrokerProtocols list and @MaxEventBrokers < 1, FAIL the test"):
        assert brokers >= 1 or not protocols


@case("EVENT-5-1-2", "5.5.2", needs=(EVENT_SERVICE,))
def test_services_and_event_service_capabilities_consistency(dut: Dut) -> None:
    with step("ONVIF Client will invoke GetServices request (IncludeCapability = true)"):
        services = dut.call("tds:GetServices", {"IncludeCapability": True}).all("tds:Service")
    with step("Verify the GetServicesResponse message from the DUT"):
        (service,) = (
            each for each in services if each.findtext("tds:Namespace", "", NAMES).strip() == NAMES["tev"]
        )
        listed = service.find("tds:Capabilities/tev:Capabilities", NAMES)
        assert listed is not None, "it has no capabilities of the event service"
    answered = ask(dut, "tev:GetServiceCapabilities").find("tev:Capabilities")
    with step("If the DUT sent different Capabilities, FAIL the test"):
        differing = [name for name in COMPARED if listed.get(name) != answered.get(name)]
        assert not differing, ", ".join(differing)

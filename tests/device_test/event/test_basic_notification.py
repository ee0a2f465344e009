"""Event Device Test Specification, 5.2 Basic Notification Interface."""

from __future__ import annotations

import time
from datetime import timedelta

from lxml import etree

from tests.device_test.cases import case, step
from tests.device_test.client import Dut
from tests.device_test.event import procedures
from tests.device_test.event.helpers import BasicNotification, own_address, refused
from tests.device_test.event.prerequisites import BASIC_NOTIFICATION
from tests.device_test.event.procedures import content_filter, event_properties, invalid_topic_filter
from tests.device_test.event.topics import (
    Topic,
    chosen_topics,
    described_topics,
    topic_filter,
    topic_of,
    trigger,
)
from tests.device_test.prerequisites import EVENT_SERVICE

NEEDS = (EVENT_SERVICE, BASIC_NOTIFICATION)
INVALID = 'boolean(//tt:SimpleItem[@Name="xyz" and @Value="xyz"])'


@case("EVENT-2-1-9", "5.2.1", needs=NEEDS)
def test_subscribe(dut: Dut) -> None:
    BasicNotification(dut, lifetime=10)


@case("EVENT-2-1-12", "5.2.2", needs=NEEDS)
def test_renew(dut: Dut) -> None:
    subscription = BasicNotification(dut, lifetime=10)
    subscription.renew(10)
    subscription.renew(10, dut.utc_now() + timedelta(seconds=10))


@case("EVENT-2-1-17", "5.2.3", needs=NEEDS)
def test_notify(dut: Dut) -> None:
    properties = event_properties(dut)
    described = described_topics(properties)
    topic = chosen_topics(dut, properties)[0]
    subscription = BasicNotification(dut)
    notified(dut, subscription, topic, described)


@case("EVENT-2-1-18", "5.2.4", needs=NEEDS)
def test_notify_filter(dut: Dut) -> None:
    properties = event_properties(dut)
    described = described_topics(properties)
    topic = chosen_topics(dut, properties)[0]
    subscription = BasicNotification(dut, topic_filter((topic, "")))
    others = notified(dut, subscription, topic, described)
    with step("Check if Notify message(s) are filtered according to the selected Filter"):
        assert not others, [other.path for other in others]


def notified(
    dut: Dut, subscription: BasicNotification, topic: Topic, described: dict[Topic, bool]
) -> set[Topic]:
    """The steps from SetSynchronizationPoint on; the other topics that something was sent of."""
    seen = set()

    def check(message: etree._Element) -> None:
        seen.add(topic_of(message))

    subscription.synchronize()
    trigger(dut, topic, described)
    subscription.until(lambda message: topic_of(message) == topic, check)
    with step("The topics of Notify messages are those of GetEventProperties"):
        assert seen <= set(described), [each.path for each in seen - set(described)]
    return seen - {topic}


@case("EVENT-2-1-19", "5.2.5", needs=NEEDS)
def test_invalid_message_content_filter(dut: Dut) -> None:
    procedures.invalid_filter(dut, "wsnt:Subscribe", _consumer(dut), content_filter(INVALID))


@case("EVENT-2-1-21", "5.2.6", needs=NEEDS)
def test_unsubscribe_negative(dut: Dut) -> None:
    subscription = BasicNotification(dut, lifetime=10)
    subscription.unsubscribe()
    with step("ONVIF Client will invoke a Renew request to verify that the SubscriptionManager is deleted"):
        exchange = dut.send("wsnt:Renew", {"TerminationTime": "PT10S"}, at=subscription.endpoint)
    refused(dut, exchange)


@case("EVENT-2-1-22", "5.2.7", needs=NEEDS)
def test_resource_unknown(dut: Dut) -> None:
    subscription = BasicNotification(dut, lifetime=10)
    subscription.unsubscribe()
    with step("Send the second Unsubscribe Request to the just deleted SubscriptionReference"):
        exchange = dut.send("wsnt:Unsubscribe", at=subscription.endpoint)
    refused(dut, exchange)


@case("EVENT-2-1-23", "5.2.8", needs=NEEDS)
def test_invalid_topic_expression(dut: Dut) -> None:
    procedures.invalid_filter(dut, "wsnt:Subscribe", _consumer(dut), invalid_topic_filter(INVALID))


@case("EVENT-2-1-24", "5.2.9", needs=NEEDS)
def test_set_synchronization_point(dut: Dut) -> None:
    procedures.synchronization_point(dut, BasicNotification)


@case("EVENT-2-1-25", "5.2.10", needs=NEEDS)
def test_conjunction_in_notify_filter(dut: Dut) -> None:
    procedures.conjunction(dut, BasicNotification)


@case("EVENT-2-1-26", "5.2.11", needs=NEEDS)
def test_topic_subtree_in_filter(dut: Dut) -> None:
    procedures.subtree(dut, BasicNotification)


@case("EVENT-2-1-27", "5.2.12", needs=NEEDS)
def test_topic_subtree_and_conjunction_in_notify_filter(dut: Dut) -> None:
    procedures.subtree_and_conjunction(dut, BasicNotification)


@case("EVENT-2-1-28", "5.2.13", needs=NEEDS)
def test_unsubscribe(dut: Dut) -> None:
    subscription = BasicNotification(dut, lifetime=60)
    with step('Wait until timeout1 Timeout expires ("PT1S")'):
        time.sleep(1)
    subscription.unsubscribe()


@case("EVENT-2-1-29", "5.2.14", needs=NEEDS)
def test_message_content_filter(dut: Dut) -> None:
    procedures.message_content_filter(dut, BasicNotification)


def _consumer(dut: Dut) -> dict[str, object]:
    """Where nobody listens: nothing is to be sent."""
    address = own_address(dut)
    host = f"[{address}]" if ":" in address else address
    return {"ConsumerReference": {"wsa:Address": f"http://{host}:9/onvif_notify_server"}}

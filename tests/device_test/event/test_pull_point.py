"""Event Device Test Specification, 5.3 Real-Time Pull-Point Notification Interface."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from lxml import etree

from tests.device_test.cases import Prerequisite, case, step
from tests.device_test.client import Dut
from tests.device_test.event import procedures
from tests.device_test.event.helpers import PullPoint, assert_notification, property_operation, refused
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
from tests.device_test.prerequisites import EVENT_SERVICE, PULL_POINTS

NEEDS = (EVENT_SERVICE, PULL_POINTS)
RENEW = Prerequisite(
    f"Renew: {BASIC_NOTIFICATION.text} (Core 9.1.3)",
    lambda capabilities: BASIC_NOTIFICATION.met(capabilities),
)
"""The test case has Profile A, C, G or S instead, of which the first three have it optional by now."""
MAX_PULL_POINTS = Prerequisite(
    "MaxPullPoints", lambda capabilities: capabilities.get("tev:@MaxPullPoints") is not None
)


@case("EVENT-3-1-9", "5.3.1", needs=NEEDS)
def test_create_pull_point_subscription(dut: Dut) -> None:
    PullPoint(dut, lifetime=10)


@case("EVENT-3-1-12", "5.3.2", needs=(*NEEDS, RENEW))
def test_renew(dut: Dut) -> None:
    PullPoint(dut, lifetime=10).renew(10)


@case("EVENT-3-1-15", "5.3.3", needs=NEEDS)
def test_pull_messages(dut: Dut) -> None:
    properties = event_properties(dut)
    topic = chosen_topics(dut, properties)[0]
    subscription = PullPoint(dut, lifetime=60)
    pulled(dut, subscription, topic, described_topics(properties))


@case("EVENT-3-1-16", "5.3.4", needs=NEEDS)
def test_pull_messages_filter(dut: Dut) -> None:
    properties = event_properties(dut)
    described = described_topics(properties)
    with step("Verify that the DUT sends a GetEventPropertiesResponse; select one Topic"):
        topic = chosen_topics(dut, properties)[0]
    subscription = PullPoint(dut, topic_filter((topic, "")), lifetime=60)
    messages = pulled(dut, subscription, topic, described)
    with step("Verify that the Topic of the NotificationMessage matches the filter"):
        assert all(topic_of(message) == topic for message in messages)


def pulled(
    dut: Dut, subscription: PullPoint, topic: Topic, described: dict[Topic, bool]
) -> list[etree._Element]:
    """The steps from PullMessages on, which waits while the event is triggered; all messages."""
    messages: list[etree._Element] = []
    deadline = time.monotonic() + dut.options.operation_delay
    with ThreadPoolExecutor(1) as pool:
        pulling = pool.submit(subscription.pull, 20, 2)
        subscription.synchronize()
        trigger(dut, topic, described)
        messages += pulling.result()
    # "It may be possible that some other events ... will be sent. ONVIF Client should simply discard such response"
    while not any(_expected(message, topic, described) for message in messages):
        with step(
            "Verify that the DUT sends a PullMessagesResponse that contains at least one NotificationMessage"
        ):
            assert time.monotonic() < deadline
        messages += subscription.pull(20, 2)
    for message in messages:
        assert_notification(message)
    return messages


def _expected(message: etree._Element, topic: Topic, described: dict[Topic, bool]) -> bool:
    return topic_of(message) == topic and (not described[topic] or property_operation(message) is not None)


@case("EVENT-3-1-17", "5.3.5", needs=NEEDS)
def test_invalid_message_content_filter(dut: Dut) -> None:
    chosen = content_filter('boolean((//tt:SimpleItem[@Name="xyz" and @Value="xyz"])')
    procedures.invalid_filter(dut, "tev:CreatePullPointSubscription", {}, chosen)


@case("EVENT-3-1-19", "5.3.6", needs=NEEDS)
def test_unsubscribe_negative(dut: Dut) -> None:
    subscription = PullPoint(dut, lifetime=10)
    subscription.unsubscribe()
    with step(
        "ONVIF Client will invoke a Unsubscribe request to verify that the SubscriptionManager is deleted"
    ):
        exchange = dut.send("wsnt:Unsubscribe", at=subscription.endpoint)
    refused(dut, exchange)


@case("EVENT-3-1-20", "5.3.7", needs=NEEDS)
def test_timeout(dut: Dut) -> None:
    subscription = PullPoint(dut, lifetime=20)
    with step("Wait for 20 s (SubscriptionManager timeout)"):
        # As long as the device has granted: it may be more, and its times are rounded to seconds.
        time.sleep((subscription.termination - subscription.current).total_seconds() + 1)
        exchange = dut.send("wsnt:Unsubscribe", at=subscription.endpoint)
    refused(dut, exchange)


@case("EVENT-3-1-22", "5.3.8", needs=NEEDS)
def test_invalid_topic_expression(dut: Dut) -> None:
    chosen = invalid_topic_filter("xyz")
    procedures.invalid_filter(dut, "tev:CreatePullPointSubscription", {}, chosen)


@case("EVENT-3-1-24", "5.3.9", needs=NEEDS)
def test_pull_messages_as_keep_alive(dut: Dut) -> None:
    properties = event_properties(dut)
    subscription = PullPoint(dut)
    first, begin = subscription.termination, subscription.current
    with step("ONVIF Client waits for 1s"):
        time.sleep(1)
    trigger(dut, chosen_topics(dut, properties)[0], described_topics(properties))
    # A PullMessagesFaultResponse is followed by one with its MaxTimeout; the text has this the other way round.
    subscription.pull(round((first - begin).total_seconds()) + 20, 1)
    with step("Check that TerminationTime > CurrentTime. Check that TerminationTime > T1"):
        assert subscription.termination > subscription.current
        assert subscription.termination > first


@case("EVENT-3-1-25", "5.3.10", needs=NEEDS)
def test_set_synchronization_point(dut: Dut) -> None:
    procedures.synchronization_point(dut, PullPoint)


@case("EVENT-3-1-32", "5.3.11", needs=NEEDS)
def test_pull_messages_timeout(dut: Dut) -> None:
    properties = event_properties(dut)
    subscription = PullPoint(dut)
    # An event ends the minute of waiting; that it is waited for is what this case leaves open.
    trigger(dut, chosen_topics(dut, properties)[0], described_topics(properties))
    with step("The DUT accepts 60s timeout value in PullMessages request"):
        exchange = dut.send(
            "tev:PullMessages", {"Timeout": "PT60S", "MessageLimit": 1}, at=subscription.endpoint, wait=60
        )
        response = dut.assert_response(exchange, "tev:PullMessages")
    with step("If tt is not more than ct, FAIL the test"):
        assert response.moment("tev:TerminationTime") > response.moment("tev:CurrentTime")
    subscription.unsubscribe()


@case("EVENT-3-1-33", "5.3.12", needs=NEEDS)
def test_conjunction_in_pull_messages_filter(dut: Dut) -> None:
    procedures.conjunction(dut, PullPoint)


@case("EVENT-3-1-34", "5.3.13", needs=NEEDS)
def test_topic_subtree_in_pull_messages_filter(dut: Dut) -> None:
    procedures.subtree(dut, PullPoint)


@case("EVENT-3-1-35", "5.3.14", needs=NEEDS)
def test_topic_subtree_and_conjunction_in_filter(dut: Dut) -> None:
    procedures.subtree_and_conjunction(dut, PullPoint)


@case("EVENT-3-1-36", "5.3.15", needs=NEEDS)
def test_unsubscribe(dut: Dut) -> None:
    subscription = PullPoint(dut)
    with step('Wait until timeout1 Timeout expires ("PT1S")'):
        time.sleep(1)
    subscription.unsubscribe()


@case("EVENT-3-1-37", "5.3.16", needs=(*NEEDS, MAX_PULL_POINTS))
def test_maximum_number_of_pull_points(dut: Dut) -> None:
    maximum = dut.capabilities.number("tev:@MaxPullPoints")
    if maximum < 2:
        return  # "If cap.MaxPullPoints < 2, skip other steps"
    properties = event_properties(dut)
    described = described_topics(properties)
    topic = chosen_topics(dut, properties)[0]
    subscriptions: list[PullPoint] = []
    for _ in range(maximum):
        subscriptions.append(PullPoint(dut))
        with step("If s<n> = s<n-1>, close all subscriptions and FAIL the test"):
            endpoints = {
                (each.endpoint.address, tuple(etree.tostring(p) for p in each.endpoint.parameters))
                for each in subscriptions
            }
            assert len(endpoints) == len(subscriptions)
        trigger(dut, topic, described)
        subscriptions[-1].until(lambda message: True)
    for subscription in subscriptions:
        subscription.unsubscribe()


@case("EVENT-3-1-38", "5.3.17", needs=NEEDS)
def test_message_content_filter(dut: Dut) -> None:
    procedures.message_content_filter(dut, PullPoint)

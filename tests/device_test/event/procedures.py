"""The procedures that the basic notification interface and pull points have alike."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from tests.device_test.cases import step
from tests.device_test.client import Dut, Response, tag
from tests.device_test.event.helpers import (
    Subscription,
    ask,
    is_initialized,
    items,
    property_operation,
    refused,
)
from tests.device_test.event.topics import (
    ITEM_FILTER,
    Topic,
    chosen_topics,
    described_topics,
    topic_filter,
    topic_of,
    trigger,
)

Subscribe = Callable[..., Subscription]
"""BasicNotification or PullPoint."""


def event_properties(dut: Dut) -> Response:
    return ask(dut, "tev:GetEventProperties")


def content_filter(expression: str) -> etree._Element:
    element = etree.Element(tag("wsnt:MessageContent"), {"Dialect": ITEM_FILTER})
    element.text = expression
    return element


def synchronization_point(dut: Dut, subscribe: Subscribe) -> None:
    """5.2.9 and 5.3.10: properties are sent at the begin, and again when it is asked for."""
    properties = event_properties(dut)
    described = described_topics(properties)
    if not any(described.values()):
        return  # "does not contain topic with MessageDescription with IsProperty = true, skip other steps"
    topic = chosen_topics(dut, properties)[0]
    subscription = subscribe(dut, topic_filter((topic, "")))
    first = subscription.until(lambda message: property_operation(message) == "Initialized")
    with step("If notification.Topic value is not equal to topic, FAIL the test"):
        assert topic_of(first) == topic
    subscription.synchronize()
    identity = items(first, "Source", "Key")
    again = is_initialized(topic)
    subscription.until(lambda message: again(message) and items(message, "Source", "Key") == identity)
    subscription.unsubscribe()


def conjunction(dut: Dut, subscribe: Subscribe) -> None:
    """5.2.10 and 5.3.12: topic1|topic2."""
    _two_topics(dut, subscribe, subtree=False)


def subtree_and_conjunction(dut: Dut, subscribe: Subscribe) -> None:
    """5.2.12 and 5.3.14: root1//.|topic2."""
    _two_topics(dut, subscribe, subtree=True)


def _two_topics(dut: Dut, subscribe: Subscribe, *, subtree: bool) -> None:
    properties = event_properties(dut)
    described = described_topics(properties)
    if len(described) < 2:
        return  # "If topicSet contains less than 2 topics, skip other steps"
    with step("Two topics for the test"):
        one, two = chosen_topics(dut, properties)[:2]
    expression = topic_filter((one.root, "//.") if subtree else (one, ""), (two, ""))
    subscription = subscribe(dut, expression)
    for topic in (one, two):
        trigger(dut, topic, described)
    missing = {one, two}

    def check(message: etree._Element) -> None:
        # The specification wants all to be of root1 and of topic2 at once, which no two roots can be.
        with step("If notification.Topic value is not equal to topic1 or topic2, FAIL the test"):
            found = topic_of(message)
            assert found in (one, two) or (subtree and found.root == one.root), found.path
        missing.discard(found)

    subscription.until(lambda message: not missing, check)
    subscription.unsubscribe()


def subtree(dut: Dut, subscribe: Subscribe) -> None:
    """5.2.11 and 5.3.13: root//."""
    properties = event_properties(dut)
    topic = chosen_topics(dut, properties)[0]
    subscription = subscribe(dut, topic_filter((topic.root, "//.")))
    trigger(dut, topic, described_topics(properties))

    def check(message: etree._Element) -> None:
        with step("If root element of notification.Topic is not equal to root, FAIL the test"):
            assert topic_of(message).root == topic.root, topic_of(message).path

    subscription.until(lambda message: topic_of(message) == topic, check)
    subscription.unsubscribe()


def message_content_filter(dut: Dut, subscribe: Subscribe) -> None:
    """5.2.14 and 5.3.17: what was sent once passes a filter for its source."""
    properties = event_properties(dut)
    described = described_topics(properties)
    if not any(described.values()):
        return  # "does not contain ... MessageDescription.@IsProperty = "true", skip other steps"
    dialects = properties.texts("tev:MessageContentFilterDialect")
    with step("If messageContentFilterDialectList does not contain at least one item, FAIL the test"):
        assert any(dialects)
    if ITEM_FILTER not in dialects:
        return
    topic = chosen_topics(dut, properties)[0]
    subscription = subscribe(dut, topic_filter((topic, "")))
    first = subscription.until(lambda message: property_operation(message) == "Initialized")
    with step("If notification1.Topic value is not equal to topic, FAIL the test"):
        assert topic_of(first) == topic
    subscription.unsubscribe()
    with step("ONVIF Client generates message content filter (6.6)"):
        found = items(first, "Source")
        assert found, "notificationMessage does not contain a Source item"
        name, value = found[0]
    chosen = content_filter(f'boolean(//tt:SimpleItem[@Name="{name}"and @Value="{value}"])')
    subscription = subscribe(dut, chosen)

    def check(message: etree._Element) -> None:
        with step("If Message does not contain SimpleItem with Name = name and Value = value, FAIL the test"):
            assert (name, value) in items(message, "Source", "Key", "Data")

    subscription.until(is_initialized(topic), check)
    subscription.unsubscribe()


def invalid_filter(dut: Dut, operation: str, arguments: dict[str, object], chosen: etree._Element) -> None:
    """5.2.5, 5.2.8, 5.3.5, 5.3.8: a filter that is refused."""
    with step(f"ONVIF Client will invoke {operation.partition(':')[2]} request with an invalid Filter"):
        exchange = dut.send(operation, {**arguments, "Filter": chosen})
    names = ["InvalidFilterFault"]
    if chosen.tag == tag("wsnt:MessageContent"):
        names += ["InvalidMessageContentExpressionFault"]
    else:
        names += ["TopicNotSupportedFault", "InvalidTopicExpressionFault"]
    refused(dut, exchange, *names)


def invalid_topic_filter(expression: str) -> etree._Element:
    element = topic_filter((Topic("", ("x",)), ""))
    element.text = expression
    return element

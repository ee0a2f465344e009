"""Event Device Test Specification, 5.6 Seek."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lxml import etree

from tests.device_test.cases import case, step
from tests.device_test.client import NAMES, Dut
from tests.device_test.event.helpers import PullPoint, ask, assert_notification, assert_utc
from tests.device_test.event.procedures import event_properties
from tests.device_test.event.topics import Topic, described_topics, topic_filter, topic_of
from tests.device_test.prerequisites import EVENT_SERVICE, PULL_POINTS, flag

NEEDS = (EVENT_SERVICE, PULL_POINTS, flag("tev:@PersistentNotificationStorage"))
BEGIN = Topic(NAMES["tns1"], ("EventBuffer", "Begin"))
MISPLACED = timedelta(seconds=5)
"""How far from its place in the order of times an event may be."""


@case("EVENT-6-1-3", "5.6.1", needs=NEEDS)
def test_begin_of_buffer(dut: Dut) -> None:
    described = described_topics(event_properties(dut))
    with step("Check if there is an event with Topic tns1:EventBuffer/Begin"):
        assert BEGIN in described
    with step("Check that this event is not a Property event (MessageDescription.IsProperty = false)"):
        assert not described[BEGIN]
    subscription = PullPoint(dut, topic_filter((BEGIN, "")))
    seek(dut, subscription, _text(dut.utc_now()), reverse=True)
    time = utc_time(the_begin(subscription))
    nothing(subscription)
    seek(dut, subscription, time, reverse=False)
    the_begin(subscription)
    nothing(subscription)


@case("EVENT-6-1-4", "5.6.2", needs=NEEDS)
def test_seek(dut: Dut) -> None:
    begin = begin_of_buffer(dut)
    subscription = PullPoint(dut)
    created = subscription.current
    seek(dut, subscription, _text(begin - timedelta(seconds=1)))
    messages: list[etree._Element] = []
    while (message := next_message(subscription, begin)) is not None:
        messages.append(message)
        if assert_utc(utc_time(message)) >= created:
            break
    with step("Verify that there is at least one message from persistent notification storage"):
        assert messages
    with step("Verify that the first notification has Topic = tns1:EventBuffer/Begin"):
        assert topic_of(messages[0]) == BEGIN
    with step("Verify that all events are ordered by increasing Message.UtcTime"):
        times = [assert_utc(utc_time(each)) for each in messages]
        assert all(time >= max(times[: number + 1]) - MISPLACED for number, time in enumerate(times))


@case("EVENT-6-1-5", "5.6.3", needs=NEEDS)
def test_seek_reverse(dut: Dut) -> None:
    begin = begin_of_buffer(dut)
    subscription = PullPoint(dut)
    seek(dut, subscription, _text(dut.utc_now()), reverse=True)
    messages: list[etree._Element] = []
    while (message := next_message(subscription, begin)) is not None:
        messages.append(message)
        if topic_of(message) == BEGIN:
            break
    with step("Verify that there is at least one message from persistent notification storage"):
        assert messages
    with step("Verify that the last notification has Topic = tns1:EventBuffer/Begin"):
        assert topic_of(messages[-1]) == BEGIN
    with step("Verify that all events are ordered by decreasing Message.UtcTime"):
        times = [assert_utc(utc_time(each)) for each in messages]
        assert all(time <= min(times[: number + 1]) + MISPLACED for number, time in enumerate(times))


def begin_of_buffer(dut: Dut) -> datetime:
    """6.4 Find begin of buffer time."""
    subscription = PullPoint(dut, topic_filter((BEGIN, "")))
    seek(dut, subscription, _text(dut.utc_now()), reverse=True)
    time = assert_utc(utc_time(the_begin(subscription)))
    subscription.unsubscribe()
    return time


def seek(dut: Dut, subscription: PullPoint, time: str, *, reverse: bool | None = None) -> None:
    ask(dut, "tev:Seek", {"UtcTime": time, "Reverse": reverse}, at=subscription.endpoint)


def the_begin(subscription: PullPoint) -> etree._Element:
    messages = subscription.pull(20, 1)
    with step("Verify that the DUT sends a PullMessagesResponse that contains one NotificationMessage"):
        assert len(messages) == 1
    assert_notification(messages[0])
    with step("Verify that received event is event with Topic = tns1:EventBuffer/Begin"):
        assert topic_of(messages[0]) == BEGIN
    return messages[0]


def nothing(subscription: PullPoint) -> None:
    messages = subscription.pull(20, 1)
    with step("Verify that the DUT sends a PullMessagesResponse that contains no NotificationMessages"):
        assert not messages


def next_message(subscription: PullPoint, begin: datetime) -> etree._Element | None:
    messages = subscription.pull(20, 1)
    if not messages:
        return None
    assert_notification(messages[0])
    with step("Verify that Message.UtcTime is greater or equal to BeginOfBufferTime1"):
        assert assert_utc(utc_time(messages[0])) >= begin
    return messages[0]


def utc_time(message: etree._Element) -> str:
    return str(message.find("wsnt:Message/tt:Message", NAMES).get("UtcTime"))


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"

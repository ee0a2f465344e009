"""Filters of a subscription (Core 9.3.2, WS-BaseNotification 1.3)."""

from copy import deepcopy
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

import pytest

from onvifd.events.errors import (
    InvalidFilter,
    InvalidMessageContentExpression,
    InvalidTopicExpression,
    NotificationFault,
    TopicExpressionDialectUnknown,
    TopicNotSupported,
)
from onvifd.events.filters import EVERYTHING, MAXIMUM_EXPRESSIONS, Filter, parse_filter
from onvifd.events.itemfilter import DIALECT
from onvifd.events.notifications import Notification, key_status_notification
from onvifd.events.topics import CONCRETE_SET, KEY_STATUS, Topic
from onvifd.soap.names import NAMESPACES, qname

KEY_EVENT = key_status_notification("key-1", None, "generating", datetime(2030, 1, 1, tzinfo=UTC))
OTHER_EVENT = Notification(Topic("tns1:Other", (), ()), KEY_EVENT.time, (), ())


def expression(text: str | None, dialect: str = CONCRETE_SET) -> Element:
    element = Element(qname("wsnt:TopicExpression"), {"Dialect": dialect})
    element.text = text
    return element


def parse(*elements: Element) -> Filter:
    return parse_filter(elements, lambda _: NAMESPACES)


def test_an_empty_filter_passes_everything() -> None:
    """Core 9.1.1: without a filter the client is told of all events."""
    assert parse() == EVERYTHING
    assert EVERYTHING.passes(KEY_EVENT)


def test_a_topic_filter() -> None:
    """Core 9.6.3."""
    selection = parse(expression("tns1:Advancedsecurity//."))
    assert selection.passes(KEY_EVENT)
    assert not selection.passes(OTHER_EVENT)


def test_all_of_several_filters_must_pass() -> None:
    """WS-BaseNotification 1.3, 4.2: filters are joined by AND."""
    selection = parse(
        expression("tns1:Advancedsecurity//."), expression("tns1:Advancedsecurity/Keystore/KeyStatus")
    )
    assert selection.topics == {KEY_STATUS}
    with pytest.raises(TopicNotSupported):
        parse(expression("tns1:Advancedsecurity//."), expression("tns1:Device//."))


def test_prefixes_are_those_in_scope_of_the_expression() -> None:
    """Core 9.6.3: a QName's prefix means what it means where the expression stands."""
    first, second = expression("a:Advancedsecurity//."), expression("a:Advancedsecurity//.")
    scopes = {first: {"a": NAMESPACES["tns1"]}, second: {"a": "urn:vendor"}}
    assert parse_filter([first], scopes.__getitem__).topics == {KEY_STATUS}
    with pytest.raises(TopicNotSupported):
        parse_filter([second], scopes.__getitem__)


def content(text: str, dialect: str = DIALECT) -> Element:
    element = Element(qname("wsnt:MessageContent"), {"Dialect": dialect})
    element.text = text
    return element


KEY_1 = 'boolean(//tt:SimpleItem[@Name="KeyID" and @Value="key-1"])'
KEY_2 = KEY_1.replace("key-1", "key-2")


def test_message_content_selects_among_the_notifications_of_the_topics() -> None:
    """Core 9.4.4; all of several filters have to hold (WS-BaseNotification 1.3, 4.2)."""
    assert parse(content(KEY_1)).passes(KEY_EVENT)
    assert not parse(content(KEY_2)).passes(KEY_EVENT)
    assert parse(content(KEY_1), content(f"not({KEY_2})")).passes(KEY_EVENT)
    assert not parse(content(KEY_1), content(KEY_2)).passes(KEY_EVENT)
    assert parse(expression("tns1:Advancedsecurity//."), content(KEY_1)).passes(KEY_EVENT)
    assert not parse(content(f"not({KEY_2})")).passes(OTHER_EVENT)


def test_message_content_that_no_notification_can_have() -> None:
    """EVENT-2-1-19, EVENT-3-1-17: the item xyz is in no topic's description."""
    strange = 'boolean(//tt:SimpleItem[@Name="xyz" and @Value="xyz"])'
    for elements in ([content(strange)], [content(KEY_1), content(strange)]):
        with pytest.raises(InvalidMessageContentExpression, match="GetEventProperties"):
            parse(*elements)
    assert parse(content(f"not({strange})")).passes(KEY_EVENT)


@pytest.mark.parametrize(
    ("element", "fault"),
    [
        (content(KEY_1), InvalidMessageContentExpression),
        (expression("tns1:Advancedsecurity//."), InvalidTopicExpression),
    ],
)
def test_as_much_as_can_be(element: Element, fault: type[NotificationFault]) -> None:
    """Each expression of message content is evaluated for each notification; a topic's may be long."""
    parse(*[element] * MAXIMUM_EXPRESSIONS)
    with pytest.raises(fault, match="8"):
        parse(*[element] * (MAXIMUM_EXPRESSIONS + 1))
    nested = deepcopy(element)
    nested.append(Element("x"))
    with pytest.raises(fault):
        parse(nested)


@pytest.mark.parametrize("name", ["wsnt:ProducerProperties", "tt:TopicExpression", "tev:MessageContent"])
def test_other_kinds_of_filter(name: str) -> None:
    """WS-BaseNotification 1.3, InvalidFilterFault."""
    with pytest.raises(InvalidFilter) as error:
        parse(expression("tns1:Advancedsecurity//."), Element(qname(name)))
    assert error.value.unknown == (qname(name),)


def test_expressions_that_are_not_text() -> None:
    """WS-BaseNotification 1.3, InvalidTopicExpressionFault."""
    nested = expression("tns1:Advancedsecurity//.")
    nested.append(Element("x"))
    for element in (nested, expression(None)):
        with pytest.raises(InvalidTopicExpression):
            parse(element)


def test_an_expression_needs_its_dialect() -> None:
    """WS-BaseNotification 1.3: the attribute is mandatory; white space around a URI counts for nothing."""
    with pytest.raises(TopicExpressionDialectUnknown):
        parse(Element(qname("wsnt:TopicExpression")))
    assert parse(expression("tns1:Advancedsecurity//.", f"\n {CONCRETE_SET} ")).topics == {KEY_STATUS}

"""What a subscription wants to hear of (Core 9.3.2)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from onvifd.events import itemfilter
from onvifd.events.errors import (
    InvalidFilter,
    InvalidMessageContentExpression,
    InvalidTopicExpression,
    NotificationFault,
    TopicNotSupported,
)
from onvifd.events.notifications import Notification
from onvifd.events.topics import TOPICS, Topic, select
from onvifd.soap.names import qname, split

TOPIC_EXPRESSION = qname("wsnt:TopicExpression")
MESSAGE_CONTENT = qname("wsnt:MessageContent")

MAXIMUM_EXPRESSIONS = 8
"""Expressions of each kind in one filter. Those of message content are evaluated for every notification."""

ScopeOf = Callable[[Element], Mapping[str, str]]


@dataclass(frozen=True)
class Filter:
    """A subscription's filter. The topic set is fixed, so its topic expressions are a set of topics."""

    topics: frozenset[Topic]
    content: tuple[itemfilter.Expression, ...] = ()

    def passes(self, notification: Notification) -> bool:
        items = (*notification.source, *notification.data)
        return notification.topic in self.topics and all(expression(items) for expression in self.content)

    def can_pass(self, topic: Topic) -> bool:
        """Whether there can be a notification of one of the topics that passes."""
        items = [(name, None) for name, _type in (*topic.source, *topic.data)]
        return all(expression(items) is not False for expression in self.content)


EVERYTHING = Filter(frozenset(TOPICS))


def parse_filter(elements: Sequence[Element], scope_of: ScopeOf) -> Filter:
    """The filter that the children of a wsnt:FilterType describe; none of them: everything.

    A notification must satisfy all of several expressions (WS-BaseNotification 1.3, 4.2). Raises
    InvalidFilter for another kind of filter, and what `topics.select` and `itemfilter.parse` raise.
    """
    unknown = [element.tag for element in elements if element.tag not in (TOPIC_EXPRESSION, MESSAGE_CONTENT)]
    if unknown:
        raise InvalidFilter("This device filters by TopicExpression and MessageContent only", unknown)
    topics = EVERYTHING.topics
    for element in _expressions(elements, TOPIC_EXPRESSION, InvalidTopicExpression):
        topics &= select(element.text or "", _dialect(element), scope_of(element))
    content = tuple(
        itemfilter.parse(element.text or "", _dialect(element), scope_of(element))
        for element in _expressions(elements, MESSAGE_CONTENT, InvalidMessageContentExpression)
    )
    if not topics:
        raise TopicNotSupported("No topic of this device matches all of the topic expressions at once")
    selection = Filter(topics, content)
    if not any(map(selection.can_pass, topics)):
        raise InvalidMessageContentExpression(
            "No notification can ever pass the message content filter: GetEventProperties lists the items"
            " that the notifications of each topic have"
        )
    return selection


def _expressions(elements: Sequence[Element], tag: str, fault: type[NotificationFault]) -> list[Element]:
    found = [element for element in elements if element.tag == tag]
    if len(found) > MAXIMUM_EXPRESSIONS or any(map(len, found)):
        raise fault(
            f"A filter can have {MAXIMUM_EXPRESSIONS} {split(tag)[1]} at most, of text without elements in it"
        )
    return found


def _dialect(element: Element) -> str:
    return element.get("Dialect", "").strip()

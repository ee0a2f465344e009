"""What a subscription wants to hear of (Core 9.3.2)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from onvifd.events import itemfilter
from onvifd.events.errors import (
    InvalidFilter,
    InvalidMessageContentExpression,
    InvalidTopicExpression,
    TopicNotSupported,
)
from onvifd.events.notifications import Notification
from onvifd.events.topics import TOPICS, Topic, select
from onvifd.soap.names import qname

TOPIC_EXPRESSION = qname("wsnt:TopicExpression")
MESSAGE_CONTENT = qname("wsnt:MessageContent")

MAXIMUM_EXPRESSIONS = 8
"""Message content filters of one subscription: each is evaluated for every notification."""

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
    content: list[itemfilter.Expression] = []
    for element in elements:
        dialect, scope = element.get("Dialect", "").strip(), scope_of(element)
        if element.tag == TOPIC_EXPRESSION:
            if len(element):
                raise InvalidTopicExpression("A topic expression is text, without elements in it")
            topics &= select(element.text or "", dialect, scope)
        elif len(element) or len(content) == MAXIMUM_EXPRESSIONS:
            raise InvalidMessageContentExpression(
                f"There can be {MAXIMUM_EXPRESSIONS} message content filters, of text without elements in it"
            )
        else:
            content.append(itemfilter.parse(element.text or "", dialect, scope))
    if not topics:
        raise TopicNotSupported("No topic of this device matches all of the topic expressions at once")
    selection = Filter(topics, tuple(content))
    if not any(map(selection.can_pass, topics)):
        raise InvalidMessageContentExpression(
            "No notification can ever pass the message content filter: GetEventProperties lists the items"
            " that the notifications of each topic have"
        )
    return selection

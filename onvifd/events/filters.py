"""What a subscription wants to hear of (Core 9.3.2)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from onvifd.events.errors import InvalidFilter, InvalidTopicExpression, TopicNotSupported
from onvifd.events.notifications import Notification
from onvifd.events.topics import TOPICS, Topic, select
from onvifd.soap.names import qname

TOPIC_EXPRESSION = qname("wsnt:TopicExpression")


@dataclass(frozen=True)
class Filter:
    """A subscription's filter. The topic set is fixed, so its topic expressions are a set of topics."""

    topics: frozenset[Topic]

    def passes(self, notification: Notification) -> bool:
        return notification.topic in self.topics


EVERYTHING = Filter(frozenset(TOPICS))


def parse_filter(elements: Sequence[Element], scope_of: Callable[[Element], Mapping[str, str]]) -> Filter:
    """The filter that the children of a wsnt:FilterType describe; none of them: everything.

    A notification must satisfy all of several expressions (WS-BaseNotification 1.3, 4.2). Raises
    InvalidFilter for another kind of filter, and what `topics.select` raises.
    """
    unknown = [element.tag for element in elements if element.tag != TOPIC_EXPRESSION]
    if unknown:
        raise InvalidFilter("This device filters by TopicExpression only", unknown)
    topics = EVERYTHING.topics
    for element in elements:
        if len(element):
            raise InvalidTopicExpression("A topic expression is text, without elements in it")
        topics &= select(element.text or "", element.get("Dialect", "").strip(), scope_of(element))
    if not topics:
        raise TopicNotSupported("No topic of this device matches all of the topic expressions at once")
    return Filter(topics)

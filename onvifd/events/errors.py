"""What the event service refuses, as Core 9.9 and WS-BaseNotification 1.3 name it.

The text of each is an English reason that tells the client how to mend its request.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from onvifd.soap.names import PREFIXES, split


class EventError(Exception):
    """The root of this layer's errors."""


class InvalidArgument(EventError):
    """A value that fits the schema and still makes no sense (Core 5.8.2.2, InvalidArgVal)."""


class NoNotificationProducer(EventError):
    """The basic notification interface is switched off: MaxNotificationProducers is 0 (Core 9.3.2)."""


class NotificationFault(EventError):
    """A fault that the WSDL declares for the operation: a receiver fault with a detail element (Core 9.9)."""

    element: ClassVar[str]
    """The detail element's name; the fault's subcode too."""

    def detail(self, now: datetime) -> Mapping[str, Any]:
        """The detail element's content at the time of the fault: a wsrf-bf:BaseFaultType, mostly extended."""
        return {
            "wsrf-bf:Timestamp": now,
            "wsrf-bf:Description": {"@xml:lang": "en", "": str(self)},
        }


class ResourceUnknown(NotificationFault):
    """The URL names no subscription, or one that has ended (Core 9.1.3, 9.1.4)."""

    element = "wsrf-r:ResourceUnknownFault"


class SubscribeCreationFailed(NotificationFault):
    """No subscription of the kind is free (Core 9.1.6), or its consumer is none for this device."""

    element = "wsnt:SubscribeCreationFailedFault"


class UnableToGetMessages(NotificationFault):
    """Another PullMessages already waits at this pull point (Core 9.1.2)."""

    element = "wsnt:UnableToGetMessagesFault"


class TopicExpressionDialectUnknown(NotificationFault):
    """A dialect other than those of Core 9.6.3."""

    element = "wsnt:TopicExpressionDialectUnknownFault"


class InvalidTopicExpression(NotificationFault):
    """A topic expression that breaks the grammar of its dialect (Core 9.6.3)."""

    element = "wsnt:InvalidTopicExpressionFault"


class TopicNotSupported(NotificationFault):
    """A well-formed topic expression that selects no topic of this device."""

    element = "wsnt:TopicNotSupportedFault"


class InvalidMessageContentExpression(NotificationFault):
    """A message content filter of another dialect, or that breaks the grammar, or that nothing passes."""

    element = "wsnt:InvalidMessageContentExpressionFault"


def _prefixed(tag: str) -> str:
    """A client's element name as QName content. A namespace that no envelope declares has to be left out."""
    namespace, local = split(tag)
    prefix = PREFIXES.get(namespace)
    return local if prefix is None else f"{prefix}:{local}"


class InvalidFilter(NotificationFault):
    """Kinds of filter that the device does not support."""

    element = "wsnt:InvalidFilterFault"

    def __init__(self, reason: str, unknown: Sequence[str]) -> None:
        """`unknown` are the filter elements' names, as `{namespace}name`."""
        super().__init__(reason)
        self.unknown = tuple(unknown)

    def detail(self, now: datetime) -> Mapping[str, Any]:
        return {**super().detail(now), "wsnt:UnknownFilter": [_prefixed(tag) for tag in self.unknown]}


class UnrecognizedPolicyRequest(NotificationFault):
    """Subscription policies that the device does not know."""

    element = "wsnt:UnrecognizedPolicyRequestFault"

    def __init__(self, reason: str, unrecognized: Sequence[str]) -> None:
        """`unrecognized` are the policy elements' names, as `{namespace}name`."""
        super().__init__(reason)
        self.unrecognized = tuple(unrecognized)

    def detail(self, now: datetime) -> Mapping[str, Any]:
        return {
            **super().detail(now),
            "wsnt:UnrecognizedPolicy": [_prefixed(tag) for tag in self.unrecognized],
        }


class _UnacceptableTime(NotificationFault):
    def __init__(self, reason: str, minimum: timedelta, maximum: timedelta) -> None:
        """`minimum` and `maximum`, counted from the fault, bound what the client may ask instead."""
        super().__init__(reason)
        self.minimum = minimum
        self.maximum = maximum

    def detail(self, now: datetime) -> Mapping[str, Any]:
        return {
            **super().detail(now),
            "wsnt:MinimumTime": now + self.minimum,
            "wsnt:MaximumTime": now + self.maximum,
        }


class UnacceptableInitialTerminationTime(_UnacceptableTime):
    """A new subscription's end is past, or further away than the device allows (Core 9.1.1)."""

    element = "wsnt:UnacceptableInitialTerminationTimeFault"


class UnacceptableTerminationTime(_UnacceptableTime):
    """A renewed subscription's end is past, or further away than the device allows (Core 9.1.3)."""

    element = "wsnt:UnacceptableTerminationTimeFault"


class PullTimeoutTooLong(NotificationFault):
    """PullMessages would wait longer than the device supports (Core 9.1.2, PullMessagesFaultResponse)."""

    element = "tev:PullMessagesFaultResponse"

    def __init__(self, reason: str, maximum_timeout: timedelta, maximum_limit: int) -> None:
        super().__init__(reason)
        self.maximum_timeout = maximum_timeout
        self.maximum_limit = maximum_limit

    def detail(self, now: datetime) -> Mapping[str, Any]:
        """Both limits; this element is ONVIF's own and carries no time."""
        return {"tev:MaxTimeout": self.maximum_timeout, "tev:MaxMessageLimit": self.maximum_limit}

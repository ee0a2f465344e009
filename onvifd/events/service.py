"""The operations of the Event service (Core 9)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, overload

from onvifd.call import Answer, Call, Device
from onvifd.consumers import ConsumerRefused
from onvifd.events import itemfilter, notify
from onvifd.events.errors import NoNotificationProducer, SubscribeCreationFailed, UnrecognizedPolicyRequest
from onvifd.events.filters import Filter, parse_filter
from onvifd.events.topics import DIALECTS, TOPIC_NAMESPACE_LOCATION, TOPICS, topic_set
from onvifd.soap.datatypes import Duration
from onvifd.soap.names import qname

SUBSCRIPTION_PATH = "/onvif/subscription/"
"""The subscription's id follows: many clients drop reference parameters and queries, none the path."""

MESSAGE_SCHEMAS = (
    "http://www.onvif.org/onvif/ver10/schema/onvif.xsd",
    "http://www.onvif.org/ver10/advancedsecurity/wsdl/advancedsecurity.wsdl",
)
"""Where the types of the message descriptions are declared."""

CHANGED_ONLY = qname("tev:ChangedOnly")


def get_service_capabilities(call: Call) -> Answer:
    """Core 9.8."""
    return {"Capabilities": service_capabilities(call.device)}


def service_capabilities(device: Device) -> Answer:
    """tev:Capabilities, for GetServices too."""
    return {
        "@WSSubscriptionPolicySupport": False,
        "@WSPullPointSupport": True,  # of older versions of the service: GetCapabilities has it
        "@WSPausableSubscriptionManagerInterfaceSupport": False,
        "@MaxNotificationProducers": device.producers.maximum,
        "@MaxPullPoints": device.pull_points.maximum,
        "@PersistentNotificationStorage": False,
    }


def get_event_properties(call: Call) -> Answer:
    """Core 9.7."""
    return {
        "TopicNamespaceLocation": TOPIC_NAMESPACE_LOCATION,
        "wsnt:FixedTopicSet": True,
        "wstop:TopicSet": topic_set(TOPICS),
        "wsnt:TopicExpressionDialect": DIALECTS,
        "MessageContentFilterDialect": itemfilter.DIALECT,
        "MessageContentSchemaLocation": MESSAGE_SCHEMAS,
    }


def create_pull_point_subscription(call: Call) -> Answer:
    """Core 9.1.1."""
    selection, now, lifetime = _asked(call)
    pull_point_id, granted = call.device.pull_points.create(selection, lifetime)
    return {
        "SubscriptionReference": {"wsa:Address": call.base_url + SUBSCRIPTION_PATH + pull_point_id},
        "wsnt:CurrentTime": now,
        "wsnt:TerminationTime": now + granted,
    }


def subscribe(call: Call) -> Answer:
    """WS-BaseNotification 1.3, 4.2; Core 9.3."""
    producers = call.device.producers
    if not producers.maximum:
        raise NoNotificationProducer(
            "This device sends no notifications by itself: use CreatePullPointSubscription and PullMessages"
        )
    selection, now, lifetime = _asked(call)
    reference = call.arguments["ConsumerReference"]
    header = notify.header_blocks(_any(reference["ReferenceParameters"]))
    try:
        consumer = call.device.consumers.consumer(reference["Address"][""].strip())
    except ConsumerRefused as error:
        raise SubscribeCreationFailed(str(error)) from None
    address, granted = producers.create(
        selection, lifetime, consumer, header, call.base_url + SUBSCRIPTION_PATH
    )
    return {
        "SubscriptionReference": {"wsa:Address": address},
        "CurrentTime": now,
        "TerminationTime": now + granted,
    }


def _asked(call: Call) -> tuple[Filter, datetime, timedelta | None]:
    """What both ways to subscribe have in common: the filter, the time now, and the lifetime."""
    _check_policy(call.arguments["SubscriptionPolicy"])
    selection = parse_filter(_any(call.arguments["Filter"]), call.scope_of)
    now = call.device.now()
    return selection, now, _span(call.arguments["InitialTerminationTime"], now)


def pull_messages(call: Call) -> Answer:
    """Core 9.1.2. Blocks up to the request's Timeout."""
    timeout = _span(call.arguments["Timeout"], call.device.now())
    pulled = call.device.pull_points.pull(_subscription_id(call), timeout, call.arguments["MessageLimit"])
    now = call.device.now()
    return {
        "CurrentTime": now,
        "TerminationTime": now + pulled.remaining,
        "wsnt:NotificationMessage": [notification.answer() for notification in pulled.notifications],
    }


def renew(call: Call) -> Answer:
    """Core 9.1.3."""
    now = call.device.now()
    lifetime = call.device.subscriptions.renew(
        _subscription_id(call), _span(call.arguments["TerminationTime"], now)
    )
    return {"wsnt:TerminationTime": now + lifetime, "wsnt:CurrentTime": now}


def unsubscribe(call: Call) -> Answer:
    """Core 9.1.4."""
    call.device.subscriptions.unsubscribe(_subscription_id(call))
    return {}


def set_synchronization_point(call: Call) -> Answer:
    """Core 9.5."""
    call.device.subscriptions.synchronize(_subscription_id(call))
    return {}


def _subscription_id(call: Call) -> str:
    return call.path.partition("?")[0].rstrip("/").rpartition("/")[2]


def _any(argument: Mapping[str, Any] | None) -> list[Any]:
    return [] if argument is None else argument["any"]


def _check_policy(policy: Mapping[str, Any] | None) -> None:
    # ChangedOnly is honoured as it stands: it leaves out events of properties, and no topic here is one.
    unrecognized = [element.tag for element in _any(policy) if element.tag != CHANGED_ONLY]
    if unrecognized:
        raise UnrecognizedPolicyRequest(
            "The only subscription policy that this device knows is tev:ChangedOnly", unrecognized
        )


@overload
def _span(end: datetime | Duration, now: datetime) -> timedelta: ...
@overload
def _span(end: None, now: datetime) -> None: ...
def _span(end: datetime | Duration | None, now: datetime) -> timedelta | None:
    """How long from now until a time, or until a duration has passed."""
    if end is None:
        return None
    if isinstance(end, datetime):
        return end - now
    try:
        return end.after(now) - now
    except OverflowError:  # the duration leads out of the calendar
        return timedelta.min if end.months < 0 or end.seconds < 0 else timedelta.max

"""The Notify message (WS-BaseNotification 1.3, 3.2) as it is sent to a consumer."""

import uuid
from copy import deepcopy
from xml.etree.ElementTree import Element

from onvifd.consumers import Sender
from onvifd.events.producers import Producer
from onvifd.soap.encode import element
from onvifd.soap.envelope import serialize
from onvifd.soap.names import qname

ACTION = "http://docs.oasis-open.org/wsn/bw-2/NotificationConsumer/Notify"
_HEADERS = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{ACTION}"'}


def send(sender: Sender, producer: Producer) -> None:
    """Send a producer's batch. Raises DeliveryFailed."""
    sender.post(producer.consumer, message(producer), _HEADERS)


def message(producer: Producer) -> bytes:
    """A producer's batch in an envelope."""
    reference = {"wsa:Address": producer.address}
    content = [
        {"SubscriptionReference": reference, **notification.answer()} for notification in producer.batch
    ]
    headers = [
        element("wsa:Action", ACTION),
        element("wsa:MessageID", f"urn:uuid:{uuid.uuid4()}"),
        element("wsa:To", producer.consumer.url),
        *map(_header_block, producer.reference_parameters),
    ]
    return serialize(element("wsnt:Notify", {"NotificationMessage": content}), headers)


def _header_block(reference_parameter: Element) -> Element:
    """WS-Addressing 1.0 SOAP Binding 2.3."""
    block = deepcopy(reference_parameter)
    block.set(qname("wsa:IsReferenceParameter"), "true")
    return block

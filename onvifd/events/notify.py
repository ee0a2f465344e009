"""The Notify message (WS-BaseNotification 1.3, 3.2) as it is sent to a consumer."""

import uuid
from collections.abc import Sequence
from copy import deepcopy
from xml.etree.ElementTree import Element

from onvifd.consumers import Sender
from onvifd.events.errors import SubscribeCreationFailed
from onvifd.events.producers import Producer
from onvifd.soap.encode import element
from onvifd.soap.envelope import serialize
from onvifd.soap.names import qname

ACTION = "http://docs.oasis-open.org/wsn/bw-2/NotificationConsumer/Notify"
MAXIMUM_HEADER = 8192
"""Bytes of a message with the reference parameters alone: they stay in memory as long as the subscription."""

_HEADERS = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{ACTION}"'}


def header_blocks(reference_parameters: Sequence[Element]) -> list[Element]:
    """What every message repeats in its header, so that the consumer knows what it is about.

    WS-Addressing 1.0 Core 3.3, SOAP Binding 2.3. Raises SubscribeCreationFailed for too much of it.
    """
    blocks = [deepcopy(parameter) for parameter in reference_parameters]
    for block in blocks:
        block.set(qname("wsa:IsReferenceParameter"), "true")
        block.tail = None
    if len(serialize((), blocks)) > MAXIMUM_HEADER:
        raise SubscribeCreationFailed(
            f"The ReferenceParameters are too large: a message with them has more than {MAXIMUM_HEADER} bytes"
        )
    return blocks


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
        *producer.header,
    ]
    return serialize(element("wsnt:Notify", {"NotificationMessage": content}), headers)

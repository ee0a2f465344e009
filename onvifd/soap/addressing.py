"""WS-Addressing: what a message says of itself, and what its answer says. Never required of a client.

The services speak version 1.0 (`wsa`), WS-Discovery the submission of 2004 (`wsadis`).

Answers go back on the request's own connection whatever ReplyTo says, as every ONVIF client expects.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from onvifd.soap.names import NAMESPACES, qname

if TYPE_CHECKING:
    from onvifd.soap.envelope import Message

NAMESPACE = NAMESPACES["wsa"]

FAULT_ACTION = f"{NAMESPACE}/soap/fault"
"""The action of every fault that WS-Addressing itself does not define (SOAP Binding 1.0 section 6)."""


@dataclass(frozen=True)
class Addressing:
    """The message addressing properties of a request that count here; None for what it does not say."""

    action: str | None = None
    message_id: str | None = None


def read(header: Element | None, version: str = "wsa") -> Addressing:
    """The properties in a SOAP header, the first of each; `version` is the prefix of its namespace."""
    if header is None:
        return Addressing()
    return Addressing(
        action=_text(header.find(qname(f"{version}:Action"))),
        message_id=_text(header.find(qname(f"{version}:MessageID"))),
    )


def reply_headers(message: "Message", action: str) -> list[Element]:
    """The header blocks of an answer, `action` being its own; none to a client that uses no WS-Addressing."""
    request = message.addressing
    if request.message_id is None and request.action is None:
        return []
    blocks = [_block("wsa:Action", action)]
    if request.message_id is not None:
        blocks.append(_block("wsa:RelatesTo", request.message_id))
    return blocks


def fault_headers(message: "Message") -> list[Element]:
    """The header blocks of a fault."""
    return reply_headers(message, FAULT_ACTION)


def _block(name: str, text: str) -> Element:
    block = Element(qname(name))
    block.text = text
    return block


def _text(element: Element | None) -> str | None:
    return (element.text or "").strip() or None if element is not None else None

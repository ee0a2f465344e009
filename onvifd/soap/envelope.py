"""SOAP 1.2 envelopes: bytes to header and body, and back (SOAP 1.2 part 1, sections 2 and 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn
from xml.etree.ElementTree import Element, QName, SubElement

from onvifd.soap import addressing
from onvifd.soap.addressing import Addressing
from onvifd.soap.faults import Fault
from onvifd.soap.names import NAMESPACES, SERVICE, qname, split
from onvifd.soap.xmlreader import Document, Limits, read
from onvifd.soap.xmlwriter import write

__all__ = ["Limits", "Message", "parse", "serialize"]

_ENVELOPE = NAMESPACES["env"]
_HEADER = qname("env:Header")
_BODY = qname("env:Body")
_ENCODING_STYLE = qname("env:encodingStyle")
_MUST_UNDERSTAND = qname("env:mustUnderstand")
_ROLE = qname("env:role")
_NO_ENCODING = f"{_ENVELOPE}/encoding/none"
_OUR_ROLES = frozenset({"", f"{_ENVELOPE}/role/next", f"{_ENVELOPE}/role/ultimateReceiver"})
_EXCERPT = 80


@dataclass(frozen=True, eq=False)
class Message:
    """A request."""

    header: Element | None
    body: Element
    """The child of Body: the operation's element."""
    addressing: Addressing
    _document: Document = field(repr=False)

    def scope_of(self, element: Element) -> Mapping[str, str]:
        """The namespace of each prefix in scope of an element: what a QName in its content means."""
        return self._document.scope_of(element)


def parse(data: bytes, limits: Limits, version: str = "wsa") -> Message:
    """The message in `data`; `version` is the prefix of the WS-Addressing that it may use.

    Raises Fault (Core 5.8.2.2), and nothing else, for everything that is not a SOAP 1.2 request with exactly
    one element in its body, or that demands what this device does not do.
    """
    document = read(data, limits)
    header, body = _parts(document.root)
    operation = _operation(body)
    if header is not None:
        _check_header(header, limits, NAMESPACES[version])
    return Message(header, operation, addressing.read(header, version), document)


def _parts(root: Element) -> tuple[Element | None, Element]:
    """Header and Body of an envelope, which may hold nothing else (SOAP 1.2 part 1, 5.1)."""
    if root.tag != qname("env:Envelope"):
        _refuse_version(root)
    children = list(root)
    header = children.pop(0) if children and children[0].tag == _HEADER else None
    if not children:
        raise Fault("Sender", ("ter:Tag",), "the envelope has no Body")
    body = children.pop(0)
    if body.tag != _BODY:
        _refuse_child(body)
    if children:
        _refuse_child(children[0])
    for part in (root, header, body):
        if part is not None and _ENCODING_STYLE in part.attrib:
            name = split(part.tag)[1]
            raise Fault("Sender", ("ter:ProhibAttr",), f"encodingStyle may not stand on {name}; leave it out")
    return header, body


def _refuse_version(root: Element) -> NoReturn:
    """SOAP 1.2 part 1, 5.4.7: the fault names the envelope that would be understood."""
    upgrade = Element(qname("env:Upgrade"))
    SubElement(upgrade, qname("env:SupportedEnvelope"), {"qname": "env:Envelope"})
    reason = f"expected the Envelope of SOAP 1.2 ({_ENVELOPE}), not {_shown(root.tag)}"
    raise Fault("VersionMismatch", (), reason, headers=[upgrade])


def _refuse_child(element: Element) -> NoReturn:
    namespace, local = split(element.tag)
    if local in ("Header", "Body") and namespace != _ENVELOPE:
        raise Fault("Sender", ("ter:Namespace",), f"{local} is not in the envelope's namespace, {_ENVELOPE}")
    reason = f"an Envelope holds one Header, or none, and then one Body; unexpected: {_shown(element.tag)}"
    raise Fault("Sender", ("ter:TagMismatch",), reason)


def _operation(body: Element) -> Element:
    children = list(body)
    if not children:
        raise Fault("Sender", ("ter:Tag",), "the Body is empty: the operation's element is missing")
    if len(children) > 1:
        raise Fault("Sender", ("ter:TagMismatch",), f"the Body has {len(children)} elements; send one")
    operation = children[0]
    if not split(operation.tag)[0]:
        reason = f"{_shown(operation.tag)} has no namespace; an operation is in its service's"
        raise Fault("Sender", ("ter:Namespace",), reason)
    _check_encoding(operation)
    # What was checked here is no business of the operation's schema, which has no such attribute.
    operation.attrib.pop(_ENCODING_STYLE, None)
    return operation


def _check_header(header: Element, limits: Limits, wsa: str) -> None:
    """The rules for mandatory header blocks (SOAP 1.2 part 1, 2.4 and 5.2.3)."""
    if len(header) > limits.header_blocks:
        raise Fault("Sender", ("ter:InvalidArgs",), f"the Header has more than {limits.header_blocks} blocks")
    refused = []
    for block in header:
        if block.get(_ROLE, "").strip() not in _OUR_ROLES:
            continue
        if block.tag == qname("wsse:Security") or split(block.tag)[0] == wsa:
            _check_encoding(block)
            _must_understand(block)
        elif _must_understand(block):
            refused.append(block.tag)
    if refused:
        _refuse_blocks(refused)


def _must_understand(block: Element) -> bool:
    value = block.get(_MUST_UNDERSTAND, "false").strip()
    if value not in ("0", "1", "false", "true"):
        reason = f"mustUnderstand of {_shown(split(block.tag)[1])} is neither true nor false"
        raise Fault("Sender", ("ter:InvalidArgVal",), reason)
    return value in ("1", "true")


def _refuse_blocks(tags: Sequence[str]) -> NoReturn:
    """SOAP 1.2 part 1, 5.4.8: each block that was not understood is named in a header block of the answer."""
    headers = []
    for tag in tags:
        block = Element(qname("env:NotUnderstood"))
        block.attrib["qname"] = QName(tag)  # type: ignore[assignment]
        headers.append(block)
    raise Fault("MustUnderstand", (), f"this device does not know {_shown(', '.join(tags))}", headers=headers)


def _check_encoding(element: Element) -> None:
    style = element.get(_ENCODING_STYLE, "").strip()
    if style not in ("", _NO_ENCODING):
        name = _shown(split(element.tag)[1])
        raise Fault("DataEncodingUnknown", (), f"{name} must be plain XML, without an encodingStyle")


def _shown(text: str) -> str:
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}..."


def serialize(
    body: Element | Sequence[Element],
    headers: Sequence[Element] = (),
    prefixes: tuple[str, ...] = SERVICE,
) -> bytes:
    """The message with this content of Body and Header, in UTF-8; `prefixes` as in xmlwriter.write.

    Raises ValueError for a character that XML 1.0 does not allow.
    """
    envelope = Element(qname("env:Envelope"))
    if headers:
        SubElement(envelope, _HEADER).extend(headers)
    content = [body] if isinstance(body, Element) else body
    SubElement(envelope, _BODY).extend(content)
    return write(envelope, prefixes)

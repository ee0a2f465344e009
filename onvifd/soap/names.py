"""The XML namespaces of the wire, each with the one prefix that this device uses for it."""

import functools
from types import MappingProxyType

NAMESPACES = MappingProxyType(
    {
        "env": "http://www.w3.org/2003/05/soap-envelope",
        "xml": "http://www.w3.org/XML/1998/namespace",
        "xs": "http://www.w3.org/2001/XMLSchema",
        "xsi": "http://www.w3.org/2001/XMLSchema-instance",
        "ter": "http://www.onvif.org/ver10/error",
        "tt": "http://www.onvif.org/ver10/schema",
        "tns1": "http://www.onvif.org/ver10/topics",
        "tds": "http://www.onvif.org/ver10/device/wsdl",
        "tas": "http://www.onvif.org/ver10/advancedsecurity/wsdl",
        "tev": "http://www.onvif.org/ver10/events/wsdl",
        "wsa": "http://www.w3.org/2005/08/addressing",
        "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
        "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
        "wsnt": "http://docs.oasis-open.org/wsn/b-2",
        "wstop": "http://docs.oasis-open.org/wsn/t-1",
        "wsrf-bf": "http://docs.oasis-open.org/wsrf/bf-2",
        "wsrf-r": "http://docs.oasis-open.org/wsrf/r-2",
        "wsadis": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
        "d": "http://schemas.xmlsoap.org/ws/2005/04/discovery",
        "dn": "http://www.onvif.org/ver10/network/wsdl",
    }
)

DISCOVERY = ("env", "wsadis", "d", "dn", "tds")
"""The prefixes of a discovery message: all that it needs, since a datagram has to be short."""

SERVICE = tuple(prefix for prefix in NAMESPACES if prefix not in ("xml", "wsadis", "d", "dn"))
"""The prefixes of every other message, whatever it holds."""

PREFIXES = MappingProxyType({NAMESPACES[prefix]: prefix for prefix in ("xml", *SERVICE)})
"""The prefix of each namespace that every envelope of a service declares."""


@functools.cache
def qname(name: str) -> str:
    """`tas:KeyID` as ElementTree spells it, `{namespace}KeyID`.

    For names that the code writes, not for a client's. Raises KeyError for an unknown prefix.
    """
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def split(tag: str) -> tuple[str, str]:
    """Namespace and local name of ElementTree's `{namespace}local`; no namespace is ""."""
    if not tag.startswith("{"):
        return "", tag
    namespace, _, local = tag[1:].partition("}")
    return namespace, local


class QualifiedName(str):
    """A QName as content, `tas:KeyID`, of a prefix that the envelope declares.

    Raises KeyError for a prefix that is not one of NAMESPACES.
    """

    __slots__ = ()

    def __new__(cls, name: str) -> "QualifiedName":
        qname(name)
        return super().__new__(cls, name)

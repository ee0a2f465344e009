"""Discovery messages: a datagram as what it asks for, and what the device says as a datagram (WSD 4 to 6)."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

from onvifd.discovery import matching
from onvifd.soap import envelope
from onvifd.soap.encode import element
from onvifd.soap.faults import Fault, fault_element
from onvifd.soap.names import DISCOVERY, NAMESPACES, qname

NAMESPACE = NAMESPACES["d"]
_EVERYONE = "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
_ANONYMOUS = f"{NAMESPACES['wsadis']}/role/anonymous"
_LIMITS = envelope.Limits(depth=16, elements=100, header_blocks=16)
_LONGEST_ID = 255
MAXIMUM_PROBED = 64
"""Scopes that one Probe may ask for."""


@dataclass(frozen=True)
class Probe:
    """Who is there, with these types and these scopes? (WSD 5.1)"""

    message_id: str
    types: frozenset[str]
    """As `{namespace}local`."""
    scopes: tuple[str, ...]
    rule: str


@dataclass(frozen=True)
class Resolve:
    """Where is the one with this address? (WSD 6.1)"""

    message_id: str
    address: str


def asks(data: bytes) -> bool:
    """Whether a datagram may ask for something. When the power returns, hundreds of devices say Hello."""
    return b"Probe" in data or b"Resolve" in data


def read(data: bytes) -> Probe | Resolve | None:
    """What a datagram asks for; None for other messages and for malformed ones, which nobody answers
    (Core 7.3.6)."""
    try:
        message = envelope.parse(data, _LIMITS, "wsadis")
    except Fault:
        return None
    message_id = message.addressing.message_id
    if message_id is None or len(message_id) > _LONGEST_ID:
        return None
    if message.body.tag == qname("d:Probe"):
        return _probe(message, message_id)
    if message.body.tag == qname("d:Resolve"):
        address = message.body.findtext(f"{qname('wsadis:EndpointReference')}/{qname('wsadis:Address')}", "")
        return Resolve(message_id, address.strip())
    return None


def _probe(message: envelope.Message, message_id: str) -> Probe | None:
    types = message.body.find(qname("d:Types"))
    scopes = message.body.find(qname("d:Scopes"))
    probed = tuple(dict.fromkeys(_words(scopes)))
    try:
        names = frozenset(_expanded(_words(types), message.scope_of(types)) if types is not None else ())
    except KeyError:
        return None
    if len(probed) > MAXIMUM_PROBED:
        return None
    rule = (scopes.get("MatchBy", "").strip() if scopes is not None else "") or matching.DEFAULT
    return Probe(message_id, names, probed, rule)


def _words(element: Element | None) -> list[str]:
    return (element.text or "").split() if element is not None else []


def _expanded(names: Iterable[str], namespaces: Mapping[str, str]) -> list[str]:
    """QNames as `{namespace}local`. Raises KeyError for a prefix that is not declared."""
    split = (name.rpartition(":") for name in names)
    return [f"{{{namespaces[prefix]}}}{local}" for prefix, _, local in split]


class AppSequence(NamedTuple):
    """The AppSequence of a message (WSD appendix I)."""

    instance_id: int
    message_number: int


@dataclass(frozen=True)
class Target:
    """What the device says of itself, but for its addresses, which differ from link to link."""

    endpoint_reference: str
    types: tuple[str, ...]
    """With the prefixes of NAMESPACES."""
    scopes: tuple[str, ...]
    metadata_version: int

    @property
    def expanded_types(self) -> frozenset[str]:
        """As `{namespace}local`."""
        return frozenset(map(qname, self.types))

    def description(self, xaddrs: Sequence[str]) -> dict[str, Any]:
        """The content of Hello, ProbeMatch and ResolveMatch."""
        return {
            "wsadis:EndpointReference": {"Address": self.endpoint_reference},
            "Types": " ".join(self.types),
            "Scopes": " ".join(self.scopes),
            "XAddrs": " ".join(xaddrs),
            "MetadataVersion": self.metadata_version,
        }


def hello(target: Target, xaddrs: Sequence[str], sequence: AppSequence) -> bytes:
    """WSD 4.1."""
    return _message("Hello", element("d:Hello", target.description(xaddrs)), _EVERYONE, sequence)


def bye(target: Target, sequence: AppSequence) -> bytes:
    """WSD 4.2."""
    content = {"wsadis:EndpointReference": {"Address": target.endpoint_reference}}
    return _message("Bye", element("d:Bye", content), _EVERYONE, sequence)


def probe_matches(probe: Probe, target: Target, xaddrs: Sequence[str], sequence: AppSequence) -> bytes:
    """WSD 5.3."""
    body = element("d:ProbeMatches", {"ProbeMatch": target.description(xaddrs)})
    return _message("ProbeMatches", body, _ANONYMOUS, sequence, probe.message_id)


def resolve_matches(resolve: Resolve, target: Target, xaddrs: Sequence[str], sequence: AppSequence) -> bytes:
    """WSD 6.2."""
    body = element("d:ResolveMatches", {"ResolveMatch": target.description(xaddrs)})
    return _message("ResolveMatches", body, _ANONYMOUS, sequence, resolve.message_id)


def matching_rule_not_supported(probe: Probe, sequence: AppSequence) -> bytes:
    """Core 7.3.6."""
    supported = element("d:SupportedMatchingRules", " ".join(matching.RULES))
    fault = Fault(
        "Sender",
        ("d:MatchingRuleNotSupported",),
        "the matching rule specified is not supported; the detail lists those that are",
        supported,
    )
    return _message("fault", fault_element(fault), _ANONYMOUS, sequence, probe.message_id)


def _message(
    action: str, body: Element, to: str, sequence: AppSequence, relates_to: str | None = None
) -> bytes:
    header = {
        "wsadis:Action": f"{NAMESPACE}/{action}",
        "wsadis:MessageID": uuid.uuid4().urn,
        "wsadis:RelatesTo": relates_to,
        "wsadis:To": to,
        "d:AppSequence": {
            "@InstanceId": sequence.instance_id,
            "@MessageNumber": sequence.message_number,
        },
    }
    return envelope.serialize(body, list(element("env:Header", header)), DISCOVERY)

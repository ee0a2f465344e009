"""WS-Discovery as the ONVIF client of the device test speaks it: raw datagrams, all of them recorded."""

from __future__ import annotations

import ipaddress
import select
import socket
import struct
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from lxml import etree
from pyroute2 import IPRoute

from tests.device_test.client import NAMES, Dut, Exchange, envelope, fill, tag

PORT = 3702
GROUPS = {socket.AF_INET: "239.255.255.250", socket.AF_INET6: "ff02::c"}
EVERYONE = "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
LARGEST = 65536
UDP_MAX_DELAY = 0.25
"""Seconds until a message is sent again (SOAP-over-UDP 1.0, appendix I)."""
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
_MULTICAST = {
    socket.AF_INET: (socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.IP_MULTICAST_IF),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.IPV6_MULTICAST_IF),
}


class Message:
    """What a device sent: a Hello, a Bye, a ProbeMatches or a fault."""

    def __init__(self, data: bytes) -> None:
        """Raises AssertionError if it is no SOAP 1.2 message."""
        self.data = data
        try:
            self.envelope = etree.fromstring(data, _PARSER)
        except etree.XMLSyntaxError as error:
            raise AssertionError(f"the device sent no XML: {error}") from None
        assert self.envelope.tag == tag("env:Envelope"), f"{self.envelope.tag} is no SOAP 1.2 envelope"

    @property
    def body(self) -> etree._Element:
        """The child of the Body."""
        found = self.envelope.findall("env:Body/*", NAMES)
        assert len(found) == 1, "the Body has not exactly one child"
        return found[0]

    @property
    def kind(self) -> str:
        """`Hello` and so on, if that is its Action and its content; else an empty text."""
        action = self.header("Action")
        name = etree.QName(self.body)
        if name.namespace == NAMES["d"] and action == f"{NAMES['d']}/{name.localname}":
            return str(name.localname)
        return ""

    def header(self, name: str) -> str:
        """The text of a block of WS-Addressing, or an empty one."""
        return (self.envelope.findtext(f"env:Header/wsadis:{name}", "", NAMES)).strip()

    @property
    def target(self) -> etree._Element:
        """The element that describes the device: Hello, Bye, or the one ProbeMatch."""
        if self.kind != "ProbeMatches":
            return self.body
        found = self.body.findall("d:ProbeMatch", NAMES)
        assert len(found) == 1, f"{len(found)} elements d:ProbeMatch"
        return found[0]

    def words(self, name: str) -> list[str]:
        """The items of a list such as `d:XAddrs`, of which there is one."""
        found = self.target.findall(name, NAMES)
        assert len(found) == 1, f"{len(found)} elements {name}"
        return (found[0].text or "").split()

    def text(self, path: str) -> str:
        found = self.target.findall(path, NAMES)
        assert len(found) == 1, f"{len(found)} elements {path}"
        return (found[0].text or "").strip()

    def types(self) -> set[str]:
        """d:Types as `{namespace}local`. Raises AssertionError for a prefix that is not declared."""
        declared = self.target.find("d:Types", NAMES).nsmap
        found = set()
        for word in self.words("d:Types"):
            prefix, _, local = word.rpartition(":")
            assert (prefix or None) in declared, f"the prefix of the type {word} is not declared"
            found.add(f"{{{declared[prefix or None]}}}{local}")
        return found


class Discovery:
    """Hears what the device says to all, and asks it; what was heard is kept."""

    def __init__(self, dut: Dut) -> None:
        """Where the device's name has addresses of both families, it is discovered with the first."""
        self._dut = dut
        self._stack = ExitStack()
        family, _, _, _, address = socket.getaddrinfo(dut.host, PORT, type=socket.SOCK_DGRAM)[0]
        self._family = socket.AddressFamily(family)
        self.address = str(address[0])
        """The device's."""
        self._interface = self._own_interface()
        self._listener = self._socket(GROUPS[self._family])
        level, join, _ = _MULTICAST[self._family]
        self._listener.setsockopt(level, join, self._membership())
        self.said: list[Message] = []
        """To all, each once, in the order in which they came."""

    def close(self) -> None:
        self._stack.close()

    def _own_interface(self) -> int:
        """The index of the interface that the options name, or that the way to the device leads through."""
        name = self._dut.options.discovery_interface
        if name:
            return socket.if_nametoindex(name)
        with IPRoute() as kernel:
            (route,) = kernel.route("get", dst=self.address)
        return int(route.get_attr("RTA_OIF"))

    def _membership(self) -> bytes:
        group = socket.inet_pton(self._family, GROUPS[self._family])
        if self._family == socket.AF_INET:
            return group + struct.pack("=4si", bytes(4), self._interface)
        return group + struct.pack("=i", self._interface)

    def _socket(self, address: str) -> socket.socket:
        sock = self._stack.enter_context(socket.socket(self._family, socket.SOCK_DGRAM))
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, PORT) if self._family == socket.AF_INET else (address, PORT, 0, self._interface))
        return sock

    # -- what is heard

    def hear(self, seconds: float) -> Iterator[Message]:
        """What the device says to all within a time, and has said so far."""
        yield from self.said
        for data in self._receive([self._listener], seconds):
            message = Message(data)
            if message.kind in ("Hello", "Bye") and self._is_new(message):
                self.said.append(message)
                self._dut.exchanges.append(Exchange(b"(heard)", data, 0, (), b""))
                yield message

    def _is_new(self, message: Message) -> bool:
        """Each is sent several times (SOAP-over-UDP)."""
        return message.header("MessageID") not in [each.header("MessageID") for each in self.said]

    def forget(self) -> None:
        """Only what is said from now on counts."""
        for _ in self.hear(0):
            pass
        self.said.clear()

    def wait_for(
        self, kind: str, seconds: float, condition: Callable[[Message], bool] = lambda _: True
    ) -> Message:
        """The first message of a kind for which the condition is true. AssertionError if none comes in time."""
        for message in self.hear(seconds):
            if message.kind == kind and condition(message):
                return message
        raise AssertionError(f"the device sent no such {kind} within {seconds} s")

    # -- what is asked

    def probe(
        self,
        types: Sequence[str] = (),
        scopes: Sequence[str] = (),
        *,
        rule: str | None = None,
        unicast: bool = False,
        spell: Callable[[bytes], bytes] = lambda document: document,
    ) -> Message | None:
        """Send a Probe and return what the device answers, or None if it is silent for DISCOVERY_TIMEOUT.

        `types` are of the namespaces of NAMES: `tds:Device`. `spell` may rewrite the document; QNames in its
        text have the prefixes of NAMES, which have to be declared on the envelope.
        """
        message_id = uuid.uuid4().urn
        document = spell(_probe(message_id, types, scopes, rule))
        with socket.socket(self._family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            level, _, choose = _MULTICAST[self._family]
            ipv4 = self._family == socket.AF_INET
            index = struct.pack("=4s4si", bytes(4), bytes(4), self._interface) if ipv4 else self._interface
            sock.setsockopt(level, choose, index)
            to = (self.address if unicast else GROUPS[self._family], PORT)
            answer = None
            for message in self._ask(sock, document, to):
                answer = message
                if answer.header("RelatesTo") in ("", message_id):
                    break
        self._dut.exchanges.append(Exchange(document, answer.data if answer else b"", 0, (), b""))
        if answer is not None:
            found = answer.header("RelatesTo")
            assert found == message_id, f"RelatesTo is {found!r}, not the MessageID {message_id!r}"
        return answer

    def _ask(self, sock: socket.socket, document: bytes, to: tuple[str, int]) -> Iterator[Message]:
        """What comes back for a message that is sent twice, as SOAP-over-UDP has it: the first may get lost, and does
        where the device is only just beginning to listen."""
        for seconds in (UDP_MAX_DELAY, self._dut.options.discovery_timeout):
            sock.sendto(document, to)
            yield from map(Message, self._receive([sock], seconds))

    def _receive(self, sockets: list[socket.socket], seconds: float) -> Iterator[bytes]:
        """The datagrams of the device within a time."""
        deadline = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select(sockets, [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                return
            data, source = ready[0].recvfrom(LARGEST)
            if self._sent_by_the_device(source):
                yield data

    def _sent_by_the_device(self, source: tuple[object, ...]) -> bool:
        sender = ipaddress.ip_address(str(source[0]).partition("%")[0])
        # Multicast over IPv6 comes from the link-local address, which only the device's own messages tell.
        return str(sender) == self.address or (sender.version == 6 and sender.is_link_local)


def _probe(message_id: str, types: Sequence[str], scopes: Sequence[str], rule: str | None) -> bytes:
    body = etree.Element(tag("d:Probe"), nsmap=NAMES)
    content: dict[str, object] = {}
    if types:
        content["Types"] = " ".join(types)
    if scopes:
        content["Scopes"] = {"@MatchBy": rule, "": " ".join(scopes)} if rule else " ".join(scopes)
    fill(body, content)
    header = etree.Element(tag("env:Header"), nsmap=NAMES)
    fill(
        header,
        {
            "wsadis:MessageID": message_id,
            "wsadis:To": EVERYONE,
            "wsadis:Action": f"{NAMES['d']}/Probe",
        },
    )
    return envelope([body], list(header))

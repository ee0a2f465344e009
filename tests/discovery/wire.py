"""The other side, in raw datagrams: a client with sockets of its own, which believes nothing unseen."""

from __future__ import annotations

import itertools
import socket
import struct
import time
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from tests.namespaces import Host
from tests.support import wait_until

PORT = 3702
REPEAT = 0.5
"""Seconds until a message that was not answered is sent again."""
GROUP, GROUP6 = "239.255.255.250", "ff02::c"
D = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
A = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
S = "http://www.w3.org/2003/05/soap-envelope"
TDS = "http://www.onvif.org/ver10/device/wsdl"
DN = "http://www.onvif.org/ver10/network/wsdl"
NAMES = {"d": D, "a": A, "s": S}


def request(action: str, body: str, message_id: str | None = None) -> bytes:
    message_id = message_id or uuid.uuid4().urn
    return (
        f'<s:Envelope xmlns:s="{S}" xmlns:a="{A}" xmlns:d="{D}" xmlns:tds="{TDS}" xmlns:dn="{DN}"><s:Header>'
        f'<a:Action s:mustUnderstand="1">{D}/{action}</a:Action><a:MessageID>{message_id}</a:MessageID>'
        f'<a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def probe(types: str = "", scopes: str = "", match_by: str = "", message_id: str | None = None) -> bytes:
    rule = f' MatchBy="{match_by}"' if match_by else ""
    content = f"<d:Types>{types}</d:Types>" if types else ""
    content += f"<d:Scopes{rule}>{scopes}</d:Scopes>" if scopes or match_by else ""
    return request("Probe", f"<d:Probe>{content}</d:Probe>", message_id)


def resolve(address: str) -> bytes:
    reference = f"<a:EndpointReference><a:Address>{address}</a:Address></a:EndpointReference>"
    return request("Resolve", f"<d:Resolve>{reference}</d:Resolve>")


def id_of(message: bytes) -> str:
    return str(ET.fromstring(message).findtext(".//a:MessageID", None, NAMES))


@dataclass(frozen=True)
class Heard:
    """A message of the device."""

    root: ET.Element
    data: bytes
    source: tuple[object, ...]
    interface: str
    """Of the client."""

    @property
    def action(self) -> str:
        return self.text("a:Action").rpartition("/")[2]

    @property
    def sequence(self) -> tuple[int, int]:
        """InstanceId and MessageNumber."""
        (found,) = self.root.iter(f"{{{D}}}AppSequence")
        return int(found.attrib["InstanceId"]), int(found.attrib["MessageNumber"])

    @property
    def version(self) -> int:
        return int(self.text("d:MetadataVersion"))

    @property
    def types(self) -> set[str]:
        """As `{namespace}local`: the prefixes are declared on the envelope."""
        declared = dict(ns for _, ns in ET.iterparse(_Bytes(self.data), ["start-ns"]))
        names = (name.partition(":") for name in self.text("d:Types").split())
        return {f"{{{declared[prefix]}}}{local}" for prefix, _, local in names}

    def text(self, name: str) -> str:
        """The text of the one element of this name."""
        found = self.root.findall(f".//{name}", NAMES)
        assert len(found) == 1, f"{len(found)} {name}"
        return found[0].text or ""

    def words(self, name: str) -> list[str]:
        return self.text(name).split()


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._parts = [data]

    def read(self, _: int = -1) -> bytes:
        return self._parts.pop() if self._parts else b""


class Client:
    """Sockets on a host: one that hears the groups on all its interfaces, and one that asks, per interface."""

    def __init__(self, host: Host, interfaces: Iterable[str]) -> None:
        self._stack = ExitStack()
        self.heard: list[Heard] = []
        """What was said to the groups, each repetition too."""
        self.answers: list[Heard] = []
        self._names: dict[int, str] = {}
        self._listeners: list[socket.socket] = []
        self._asking: dict[str, socket.socket] = {}
        self._asking6: dict[str, socket.socket] = {}
        with host.entered():
            for name in interfaces:
                index = socket.if_nametoindex(name)
                self._names[index] = name
                self._listeners += [self._listener(name, index), self._listener6(name, index)]
                self._asking[name] = self._asker(name, index)
                self._asking6[name] = self._asker6(name, index)

    def _socket(self, family: int, name: str) -> socket.socket:
        sock = self._stack.enter_context(socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
        return sock

    def _listener(self, name: str, index: int) -> socket.socket:
        sock = self._socket(socket.AF_INET, name)
        sock.bind((GROUP, PORT))
        member = struct.pack("=4s4si", socket.inet_aton(GROUP), bytes(4), index)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        return sock

    def _listener6(self, name: str, index: int) -> socket.socket:
        sock = self._socket(socket.AF_INET6, name)
        sock.bind((GROUP6, PORT, 0, index))
        member = socket.inet_pton(socket.AF_INET6, GROUP6) + struct.pack("=i", index)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
        return sock

    def _asker(self, name: str, index: int) -> socket.socket:
        sock = self._socket(socket.AF_INET, name)
        sock.setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index)
        )
        sock.bind(("", 0))
        return sock

    def _asker6(self, name: str, index: int) -> socket.socket:
        sock = self._socket(socket.AF_INET6, name)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sock.bind(("", 0))
        return sock

    def close(self) -> None:
        self._stack.close()

    def send(self, data: bytes, interface: str, to: str = GROUP) -> None:
        """To an address by its family, the groups among them."""
        sock = (self._asking6 if ":" in to else self._asking)[interface]
        sock.sendto(data, (to, PORT))

    def poll(self) -> None:
        """Read all that has come."""
        for sock in self._listeners:
            self.heard += self._read(sock)
        for sock in itertools.chain(self._asking.values(), self._asking6.values()):
            self.answers += self._read(sock)

    def _read(self, sock: socket.socket) -> list[Heard]:
        name = sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0").decode()
        found = []
        with suppress(BlockingIOError):
            while True:
                data, source = sock.recvfrom(65536)
                if source[1] == PORT:  # and not what the client itself said to the group
                    found.append(Heard(ET.fromstring(data), data, source, name))
        return found

    def wait(self, condition: Callable[[], object]) -> None:
        """Read until it is so."""

        def read_and_ask() -> object:
            self.poll()
            return condition()

        wait_until(read_and_ask)

    def answers_to(self, message_id: str, number: int = 2) -> list[Heard]:
        """The answers to a message, of which so many are awaited."""
        found: list[Heard] = []

        def complete() -> bool:
            found[:] = [each for each in self.answers if each.text("a:RelatesTo") == message_id]
            return len(found) >= number

        self.wait(complete)
        return found

    def ask(self, data: bytes, interface: str, to: str = GROUP) -> Heard:
        """Send until it is answered, as SOAP-over-UDP has it: a datagram may be lost. The first answer."""
        due = 0.0
        found: list[Heard] = []

        def answered() -> bool:
            nonlocal due
            if time.monotonic() >= due:
                due = time.monotonic() + REPEAT
                self.send(data, interface, to)
            found[:] = [each for each in self.answers if each.text("a:RelatesTo") == id_of(data)]
            return bool(found)

        self.wait(answered)
        return found[0]

    def said(self, action: str, condition: Callable[[Heard], bool] = lambda _: True) -> list[Heard]:
        """What was said to all so far, each message once."""
        self.poll()
        different = {each.text("a:MessageID"): each for each in self.heard if each.action == action}
        return [each for each in different.values() if condition(each)]

    def wait_for(self, action: str, condition: Callable[[Heard], bool] = lambda _: True) -> Heard:
        """The first message to all for which the condition is true."""
        self.wait(lambda: self.said(action, condition))
        return self.said(action, condition)[0]

"""A SOAP client that a test controls to the last byte, made without the code under test.

    soap = Soap(device)                       # a BenchDevice, or whatever has url, user, password
    reply = soap.call("tas:CreateRSAKeyPair", {"KeyLength": 2048})
    reply.text("tas:KeyID")                   # of a reply with status 200
    soap.call("tas:DeleteKey", {"KeyID": "x"}).fault() == Fault("Sender", ("InvalidArgVal", "KeyID"), ...)
    soap.call("tds:GetUsers", auth=None).status == 401

Every SOAP message that comes back is validated against the official schemas, so `reply.body` can be trusted.
`post` sends any bytes as a request's body, `exchange` any bytes as a whole request.
"""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

import requests
from requests.auth import HTTPDigestAuth

from tests.auth import wire
from tests.official import assert_valid_response

NAMES = {
    "env": wire.ENV,
    "wsse": wire.WSSE,
    "wsu": wire.WSU,
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "tas": "http://www.onvif.org/ver10/advancedsecurity/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
    "ter": "http://www.onvif.org/ver10/error",
    "tns1": "http://www.onvif.org/ver10/topics",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "wstop": "http://docs.oasis-open.org/wsn/t-1",
    "wsa": "http://www.w3.org/2005/08/addressing",
}
"""The prefixes that requests declare and that `Reply.find` understands."""

CONTENT_TYPE = "application/soap+xml; charset=utf-8"
TIMEOUT = 90.0
"""Seconds for an answer: longer than any PullMessages."""

Auth = Literal["wsse", "digest"] | None
Arguments = Mapping[str, Any] | str


class Endpoint(Protocol):
    """What Soap needs of a device."""

    @property
    def url(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def password(self) -> str: ...


class Fault(NamedTuple):
    """A SOAP fault, its codes without prefixes (that these are declared is checked when it is validated)."""

    code: str
    subcodes: tuple[str, ...]
    reason: str

    @property
    def codes(self) -> tuple[str, ...]:
        return (self.code, *self.subcodes)


@dataclass(frozen=True)
class Reply:
    """An answer: the child of its Body is `body`, or None if it is no SOAP message."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """As sent: a name may come several times."""
    content: bytes
    body: Element | None

    def all(self, header: str) -> list[str]:
        """The values of an HTTP header."""
        return [value for name, value in self.headers if name.lower() == header.lower()]

    def ok(self) -> Element:
        """The response element of a successful operation. Raises AssertionError for anything else."""
        assert self.status == 200, f"{self.status}: {self.content.decode(errors='replace')}"
        assert self.body is not None and not self.body.tag.endswith("}Fault")
        return self.body

    def find(self, path: str) -> Element:
        """The one element at a path within a successful response, such as `tas:KeyID`."""
        (found,) = self.ok().findall(path, NAMES)
        return found

    def text(self, path: str) -> str:
        return self.find(path).text or ""

    def binary(self, path: str) -> bytes:
        """The octets of a base64 value."""
        return base64.b64decode(self.text(path), validate=True)

    def texts(self, path: str) -> list[str]:
        """The texts of all elements at a path, which may be none."""
        return [element.text or "" for element in self.ok().findall(path, NAMES)]

    def fault(self) -> Fault:
        """The fault that was answered. Raises AssertionError if it is none."""
        body = self.body
        assert body is not None and body.tag == f"{{{wire.ENV}}}Fault", f"{self.status}: {self.content!r}"
        code, *subcodes = [
            (value.text or "").rpartition(":")[2] for value in body.iterfind(".//env:Value", NAMES)
        ]
        return Fault(code, tuple(subcodes), body.findtext("env:Reason/env:Text", "", NAMES))

    def header(self, name: str) -> str | None:
        """The text of a SOAP header block such as `wsa:Action`; None if it is not there."""
        match = re.search(rb"<env:Header>.*</env:Header>", self.content, re.DOTALL)
        found = match and re.search(rb"<%b[^>]*>([^<]*)</%b>" % (name.encode(), name.encode()), match[0])
        return found[1].decode() if found else None


class Soap:
    """Calls operations of a device.

    `url` replaces the device's own, `user` and `password` the administrator's. `verify` is a file with the
    authorities that an HTTPS server must be certified by; without it none is asked for. `session` is where
    the requests go through, kept-alive connections and all. As a context manager it closes them.
    """

    def __init__(
        self,
        device: Endpoint,
        *,
        url: str | None = None,
        user: str | None = None,
        password: str | None = None,
        verify: Path | None = None,
        session: requests.Session | None = None,
    ) -> None:
        self.url = url or device.url
        self.user = user or device.user
        self.password = password or device.password
        self._digest = HTTPDigestAuth(self.user, self.password)
        self.session = session or requests.Session()
        self.session.trust_env = False
        self.session.verify = str(verify) if verify else False

    def call(
        self,
        operation: str,
        arguments: Arguments = "",
        *,
        auth: Auth = "wsse",
        header: str = "",
        url: str | None = None,
        http: Mapping[str, str] | None = None,
    ) -> Reply:
        """Call an operation such as `tas:GetAllKeys`.

        `arguments` are XML text or a mapping: see `xml`. `header` is XML for the SOAP Header besides what
        `auth` puts there, `url` where to send it (a subscription, say), `http` more HTTP headers.
        """
        body = f"<{operation}>{xml(arguments, operation.partition(':')[0])}</{operation}>"
        if auth == "wsse":
            header += security(self.user, self.password)
        return self.post(envelope(body, header), url=url, http=http, auth=auth)

    def post(
        self,
        data: bytes,
        *,
        url: str | None = None,
        http: Mapping[str, str] | None = None,
        auth: Auth = None,
        method: str = "POST",
    ) -> Reply:
        """Send bytes as the body of a request; `auth="digest"` logs in with HTTP Digest."""
        response = self.session.request(
            method,
            url or self.url,
            data=data,
            headers={"Content-Type": CONTENT_TYPE, **(http or {})},
            auth=self._digest if auth == "digest" else None,
            timeout=TIMEOUT,
        )
        return reply(response.status_code, tuple(response.raw.headers.iteritems()), response.content)

    def __enter__(self) -> Soap:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()


def reply(status: int, headers: tuple[tuple[str, str], ...], content: bytes) -> Reply:
    """An answer, validated if it is a SOAP message."""
    soap = any(name.lower() == "content-type" and "soap+xml" in value for name, value in headers)
    return Reply(status, headers, content, assert_valid_response(content) if soap and content else None)


def envelope(body: str, header: str = "") -> bytes:
    """A request with all prefixes of NAMES declared."""
    declarations = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in NAMES.items())
    head = f"<env:Header>{header}</env:Header>" if header else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f"<env:Envelope{declarations}>{head}<env:Body>{body}</env:Body></env:Envelope>"
    ).encode()


def security(user: str, password: str, created: str | None = None, must_understand: str = "1") -> str:
    """A wsse:Security header with a fresh UsernameToken."""
    attribute = f' env:mustUnderstand="{must_understand}"' if must_understand else ""
    content = wire.token(user, password, created or wire.zulu(datetime.now(UTC)))
    return f"<wsse:Security{attribute}>{content}</wsse:Security>"


def xml(arguments: Arguments, prefix: str) -> str:
    """The content of an element as XML.

    A mapping's keys are child elements in order, in the namespace of `prefix` unless they have one of their
    own (`tt:Name`); `@name` is an attribute, `""` the text. Values are text, numbers, booleans, bytes
    (base64), aware datetimes, mappings, sequences of these (the element comes several times) or None (it
    does not come).
    """
    if isinstance(arguments, str):
        return arguments
    return "".join(_child(name, value, prefix) for name, value in arguments.items() if name[:1] != "@")


def _child(name: str, value: object, prefix: str) -> str:
    if value is None:
        return ""
    if name == "":
        return escape(_text(value))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "".join(_child(name, item, prefix) for item in value)
    own, _, local = name.rpartition(":")
    tag = f"{own or prefix}:{local}"
    if not isinstance(value, Mapping):
        return f"<{tag}>{escape(_text(value))}</{tag}>"
    attributes = "".join(f" {key[1:]}={quoteattr(_text(v))}" for key, v in value.items() if key[:1] == "@")
    return f"<{tag}{attributes}>{xml(value, own or prefix)}</{tag}>"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return wire.zulu(value.astimezone(UTC))
    return str(value)


def exchange(url: str, *parts: bytes, context: ssl.SSLContext | None = None) -> bytes:
    """Send bytes on a connection of their own and return all that comes back until the server closes it.

    Each part is sent when the server has answered something to the one before. A request is to say
    `Connection: close`, or be of HTTP/1.0.
    """
    target = urlsplit(url)
    assert target.hostname is not None and target.port is not None
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection((target.hostname, target.port), TIMEOUT))
        if context is not None:
            connection = stack.enter_context(context.wrap_socket(connection, server_hostname=target.hostname))
        received = b""
        for number, part in enumerate(parts):
            connection.sendall(part)
            if number + 1 < len(parts):
                received += connection.recv(65536)
        while data := connection.recv(65536):
            received += data
    return received


def parse(received: bytes) -> Reply:
    """The last answer in what `exchange` returned; interim ones (1xx) are left out."""
    head, _, content = received.partition(b"\r\n\r\n")
    status = int(head.split(None, 2)[1])
    if status < 200:
        return parse(content)
    lines = [line.partition(": ") for line in head.decode("latin-1").split("\r\n")[1:]]
    headers = tuple((name, value) for name, _, value in lines)
    if any(name.lower() == "transfer-encoding" for name, _ in headers):
        content = _dechunk(content)
    return reply(status, headers, content)


def _dechunk(content: bytes) -> bytes:
    size, _, rest = content.partition(b"\r\n")
    length = int(size, 16)
    return rest[:length] + (_dechunk(rest[length + 2 :]) if length else b"")

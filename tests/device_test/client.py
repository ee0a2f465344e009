"""The ONVIF client of the device test: raw requests, and answers that are checked before they are believed.

    dut = Dut("http://192.0.2.1", "admin", "secret", Options())
    key_id = dut.call("tas:CreateRSAKeyPair", {"KeyLength": 2048}).text("tas:KeyID")
    dut.expect_fault("tas:DeleteKey", {"KeyID": "none"}, "env:Sender", "ter:InvalidArgVal", "ter:KeyID")

An operation goes to the service that GetServices names for its namespace, or to an `Endpoint` such as a
subscription's. Every exchange is recorded as bytes.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import re
import secrets
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
import xmlschema
from elementpath.datatypes import Duration
from lxml import etree
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPDigestAuth

from tests.device_test.options import Options
from tests.official import official_schemas

_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
NAMES = {
    "env": "http://www.w3.org/2003/05/soap-envelope",
    "wsse": f"{_OASIS}wssecurity-secext-1.0.xsd",
    "wsu": f"{_OASIS}wssecurity-utility-1.0.xsd",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "tas": "http://www.onvif.org/ver10/advancedsecurity/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
    "ter": "http://www.onvif.org/ver10/error",
    "tns1": "http://www.onvif.org/ver10/topics",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "wstop": "http://docs.oasis-open.org/wsn/t-1",
    "wsrf-rw": "http://docs.oasis-open.org/wsrf/rw-2",
    "wsrf-bf": "http://docs.oasis-open.org/wsrf/bf-2",
    "wsrf-r": "http://docs.oasis-open.org/wsrf/r-2",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wsadis": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "d": "http://schemas.xmlsoap.org/ws/2005/04/discovery",
    "dn": "http://www.onvif.org/ver10/network/wsdl",
    "xs": "http://www.w3.org/2001/XMLSchema",
}
"""The prefixes that requests declare and that paths and fault codes here are written with."""

TOPIC_PREFIXES = ("topic1", "topic2")
"""For the namespaces of topics: prefixes that occur in text only."""

_PREFIXES = {uri: prefix for prefix, uri in NAMES.items()}
_EVENTS = "http://www.onvif.org/ver10/events/wsdl/EventPortType"
_PULL_POINT = "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription"
_WSN = "http://docs.oasis-open.org/wsn/bw-2"
_PORT_TYPES = {
    "tev:GetServiceCapabilities": _EVENTS,
    "tev:GetEventProperties": _EVENTS,
    "tev:CreatePullPointSubscription": _EVENTS,
    "tev:PullMessages": _PULL_POINT,
    "tev:Seek": _PULL_POINT,
    "tev:SetSynchronizationPoint": _PULL_POINT,
    "wsnt:Subscribe": f"{_WSN}/NotificationProducer",
    "wsnt:Renew": f"{_WSN}/SubscriptionManager",
    "wsnt:Unsubscribe": f"{_WSN}/SubscriptionManager",
}
"""Those of the event service, whose messages have an Action of WS-Addressing (Event Test Specification 6.3)."""

Arguments = Mapping[str, Any]
RECORDED = 10_000
"""Exchanges of a case that are kept, the latest ones."""


@dataclass(frozen=True)
class Exchange:
    """A request and its answer, as bytes; `status` 0 and no content if none came."""

    request: bytes
    response: bytes
    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes

    @property
    def sent(self) -> bytes:
        """The body of the request."""
        return self.request.partition(b"\r\n\r\n")[2]

    def all(self, header: str) -> list[str]:
        """The values of a header of the response."""
        return [value for name, value in self.headers if name.lower() == header.lower()]

    def envelope(self) -> etree._Element:
        """The SOAP 1.2 message that was answered. Raises AssertionError if it is none, or not a valid one."""
        types = [value.partition(";")[0].strip().lower() for value in self.all("Content-Type")]
        assert types == ["application/soap+xml"], f"HTTP {self.status}: the Content-Type is {types}"
        try:
            root = etree.fromstring(self.content, _PARSER)
        except etree.XMLSyntaxError as error:
            raise AssertionError(f"HTTP {self.status}: no XML: {error}") from None
        assert root.tag == tag("env:Envelope"), f"{root.tag} is no SOAP 1.2 envelope"
        assert len(root.findall("env:Body/*", NAMES)) == 1, "the Body has not exactly one child"
        assert_valid(self.content)
        return root


def assert_valid(message: bytes) -> None:
    """That a message is valid by the official schemas."""
    document = xmlschema.XMLResource(io.BytesIO(message))
    errors = [str(error) for error in official_schemas().iter_errors(document)]
    assert not errors, "not valid by the official schemas: " + "\n".join(errors)


_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


@dataclass(frozen=True)
class Fault:
    """A SOAP fault: its code and subcodes with the prefixes of NAMES, such as `ter:InvalidArgVal`."""

    codes: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Response:
    """A successful answer. Paths are ElementTree's, below the response element."""

    exchange: Exchange
    envelope: etree._Element

    @property
    def element(self) -> etree._Element:
        """The response element, the child of the Body."""
        return self.envelope.find("env:Body/*", NAMES)

    def all(self, path: str) -> list[etree._Element]:
        return self.element.findall(path, NAMES)

    def find(self, path: str) -> etree._Element:
        """The one element at a path."""
        found = self.all(path)
        assert len(found) == 1, f"{len(found)} elements {path} in {self.element.tag}"
        return found[0]

    def text(self, path: str) -> str:
        return (self.find(path).text or "").strip()

    def texts(self, path: str) -> list[str]:
        return [(element.text or "").strip() for element in self.all(path)]

    def boolean(self, path: str) -> bool:
        return self.text(path) in ("true", "1")

    def binary(self, path: str) -> bytes:
        """The octets of a base64 value."""
        return base64.b64decode(self.text(path))

    def moment(self, path: str) -> datetime:
        """A date and time."""
        return datetime.fromisoformat(self.text(path)).astimezone(UTC)

    def seconds(self, path: str) -> float:
        """A duration, a month counted as 30 days."""
        duration = Duration.fromstring(self.text(path))
        return float(duration.months * 30 * 86400 + duration.seconds)

    def header(self, name: str) -> str | None:
        """The text of a SOAP header block such as `wsa:Action`; None if it is not there."""
        return self.envelope.findtext(f"env:Header/{name}", None, NAMES)


@dataclass(frozen=True)
class Endpoint:
    """A WS-Addressing endpoint reference: where a subscription is."""

    address: str
    parameters: tuple[etree._Element, ...] = ()
    """What every message to it has to repeat in its header."""

    @classmethod
    def of(cls, reference: etree._Element) -> Endpoint:
        parameters = reference.findall("wsa:ReferenceParameters/*", NAMES)
        return cls(reference.findtext("wsa:Address", "", NAMES).strip(), tuple(parameters))


class Capabilities:
    """What a device signals: the services that it has, and the capabilities of each."""

    def __init__(
        self,
        addresses: Mapping[str, str],
        answers: Callable[[str, Arguments], bool] = lambda operation, arguments: False,
    ) -> None:
        self.addresses = dict(addresses)
        """The XAddr of each service, by its namespace."""
        self.answers = answers
        """Whether an operation that no capability signals is answered with anything but ActionNotSupported."""
        self.documents: dict[str, etree._Element] = {}
        """The Capabilities element of each service, by the prefix of its namespace."""

    def __contains__(self, prefix: str) -> bool:
        """Whether there is the service with the namespace of a prefix."""
        return NAMES[prefix] in self.addresses

    def get(self, path: str) -> str | None:
        """An attribute such as `tas:KeystoreCapabilities/@RSAKeyLengths` or `tev:@MaxPullPoints`."""
        document = self.documents.get(path.partition(":")[0])
        parent, _, attribute = path.rpartition("@")
        element = parent.rstrip("/")
        if document is None:
            return None
        found = document if element.endswith(":") else document.find(element, NAMES)
        return None if found is None else found.get(attribute)

    def flag(self, path: str) -> bool:
        return self.get(path) in ("true", "1")

    def number(self, path: str) -> int:
        """0 if it is not signalled."""
        return int(self.get(path) or 0)

    def words(self, path: str) -> list[str]:
        """The items of a list."""
        return (self.get(path) or "").split()


class Dut:
    """The device under test, asked by one user.

    `verify` is a PEM file with the authorities that an HTTPS server must be certified by; without it none
    is asked for. `certificate` is one with the client's certificate and private key. `restore` is closed after
    each case.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        options: Options,
        *,
        verify: Path | None = None,
        certificate: Path | None = None,
    ) -> None:
        target = urlsplit(url)
        self.url = (
            url if target.path.strip("/") else f"{target.scheme}://{target.netloc}/onvif/device_service"
        )
        self.user = user
        self.password = password
        self.options = options
        self.exchanges: deque[Exchange] = deque(maxlen=RECORDED)
        self.restore = contextlib.ExitStack()
        self._verify = verify
        self._certificate = certificate
        self._patient_until = 0.0
        self._capabilities: Capabilities | None = None
        self._methods: dict[str, str] = {}
        self.digest = HTTPDigestAuth(user, password)

    @property
    def host(self) -> str:
        """Its address or name, without a port."""
        return urlsplit(self.url).hostname or ""

    def as_user(self, user: str, password: str) -> Dut:
        """The same device, asked by someone else."""
        return self._share_with(
            Dut(self.url, user, password, self.options, verify=self._verify, certificate=self._certificate)
        )

    def via(self, url: str, *, verify: Path | None = None, certificate: Path | None = None) -> Dut:
        """The same device, at another URL of its device service."""
        return self._share_with(
            Dut(url, self.user, self.password, self.options, verify=verify, certificate=certificate)
        )

    def _share_with(self, sibling: Dut) -> Dut:
        sibling.exchanges = self.exchanges
        sibling.restore = self.restore
        return sibling

    def be_patient(self) -> None:
        """ "ONVIF Client waits for time operationDelay": for that long a refused or lost connection is no failure.

        A device may start its web server anew after it has answered. What it must do within that time is to
        be polled for.
        """
        self._patient_until = time.monotonic() + self.options.operation_delay

    # -- what it signals

    @property
    def capabilities(self) -> Capabilities:
        """Asked for at the first use."""
        if self._capabilities is None:
            self.refresh()
        assert self._capabilities is not None
        return self._capabilities

    def refresh(self) -> Capabilities:
        """Ask for the services and their capabilities anew."""
        services = self.call("tds:GetServices", {"IncludeCapability": False}, at=self.url)
        addresses = {
            service.findtext("tds:Namespace", "", NAMES).strip(): service.findtext(
                "tds:XAddr", "", NAMES
            ).strip()
            for service in services.all("tds:Service")
        }
        self._capabilities = Capabilities(addresses, self._answers)
        for prefix in ("tds", "tas", "tev"):
            if prefix in self._capabilities:
                self.refresh_service(prefix)
        return self._capabilities

    def refresh_service(self, prefix: str) -> Capabilities:
        """Ask for the capabilities of one service anew, the one with the namespace of a prefix."""
        response = self.call(f"{prefix}:GetServiceCapabilities")
        self.capabilities.documents[prefix] = response.find(f"{prefix}:Capabilities")
        return self.capabilities

    def _answers(self, operation: str, arguments: Arguments) -> bool:
        body = self.send(operation, arguments).envelope().find("env:Body/*", NAMES)
        return body.tag != tag("env:Fault") or "ter:ActionNotSupported" not in _fault(body).codes

    def address(self, operation: str) -> str:
        """Where an operation such as `tas:GetAllKeys` goes."""
        prefix = operation.partition(":")[0]
        if prefix == "tds":
            return self.url
        if prefix == "wsnt":
            prefix = "tev"
        found = self.capabilities.addresses.get(NAMES[prefix])
        assert found, f"GetServices names no service of {NAMES[prefix]}"
        return found

    # -- operations

    def call(
        self,
        operation: str,
        arguments: Arguments | None = None,
        *,
        at: str | Endpoint | None = None,
        wait: float = 0,
    ) -> Response:
        """Carry out an operation. Raises AssertionError unless its valid response comes with HTTP status 200.

        `arguments` are the children of its element: see `fill`. `at` is where to send it, `wait` how many
        seconds longer than others it may take.
        """
        return self.assert_response(self.send(operation, arguments, at=at, wait=wait), operation)

    def assert_response(self, exchange: Exchange, operation: str) -> Response:
        """That what was answered is an operation's valid response."""
        envelope = exchange.envelope()
        body = envelope.find("env:Body/*", NAMES)
        if body.tag == tag("env:Fault"):
            fault = _fault(body)
            codes = "/".join(fault.codes)
            raise AssertionError(f"{operation} is answered with the fault {codes}: {fault.reason}")
        assert body.tag == tag(f"{operation}Response"), f"{operation} is answered with {body.tag}"
        assert exchange.status == 200, f"{operation} is answered with HTTP status {exchange.status}"
        return Response(exchange, envelope)

    def expect_fault(
        self,
        operation: str,
        arguments: Arguments | None = None,
        *codes: str,
        at: str | Endpoint | None = None,
        wait: float = 0,
    ) -> Fault:
        """Have an operation refused with a fault of these codes, or with any. AssertionError otherwise.

        The codes are `env:Sender`, `ter:InvalidArgVal` and so on, from the outermost; further subcodes of the
        device are left out of account.
        """
        return self.assert_fault(self.send(operation, arguments, at=at, wait=wait), *codes)

    def assert_fault(self, exchange: Exchange, *codes: str) -> Fault:
        """That what was answered is a fault of these codes."""
        body = exchange.envelope().find("env:Body/*", NAMES)
        assert body.tag == tag("env:Fault"), f"{body.tag} is answered and not a fault"
        fault = _fault(body)
        assert fault.codes[: len(codes)] == codes, (
            f"the fault is {'/'.join(fault.codes)}, not {'/'.join(codes)}"
        )
        # SOAP 1.2 Part 2, table 20: 400 for env:Sender, 500 for the others.
        status = 400 if fault.codes[0] == "env:Sender" else 500
        assert exchange.status == status, f"the HTTP status of {fault.codes[0]} is {exchange.status}"
        return fault

    def utc_now(self) -> datetime:
        """The device's clock: UTCDateTime of GetSystemDateAndTime."""
        now = self.call("tds:GetSystemDateAndTime").find("tds:SystemDateAndTime/tt:UTCDateTime")
        parts = (
            "Date/tt:Year",
            "Date/tt:Month",
            "Date/tt:Day",
            "Time/tt:Hour",
            "Time/tt:Minute",
            "Time/tt:Second",
        )
        return datetime(*(int(now.findtext(f"tt:{part}", "", NAMES)) for part in parts), tzinfo=UTC)

    def send(
        self,
        operation: str,
        arguments: Arguments | None = None,
        *,
        at: str | Endpoint | None = None,
        wait: float = 0,
    ) -> Exchange:
        """Send an operation and return whatever is answered. The method of authentication is found out once
        for each operation (Base Test Specification 4.3.5)."""
        endpoint = at if isinstance(at, Endpoint) else Endpoint(at or self.address(operation))
        body = etree.Element(tag(operation), nsmap=NAMES)
        fill(body, arguments or {})
        method = self._methods.get(operation)
        if self.options.authentication != "select":
            method = self.options.authentication
        if method is None:
            exchange = self._post(body, operation, endpoint, "none", wait)
            method = self._methods[operation] = _method(exchange)
            if method == "none":
                return exchange
        return self._post(body, operation, endpoint, method, wait)

    def _post(
        self, body: etree._Element, operation: str, endpoint: Endpoint, method: str, wait: float
    ) -> Exchange:
        header = _addressing(operation, endpoint)
        if method == "token":
            header.append(self.security())
        return self.post(
            envelope([body], header),
            endpoint.address,
            auth=self.digest if method == "digest" else None,
            wait=wait,
        )

    def security(self, created: str | None = None) -> etree._Element:
        """A wsse:Security header with a fresh UsernameToken."""
        created = created or f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        nonce = secrets.token_bytes(16)
        digest = hashlib.sha1(nonce + created.encode() + self.password.encode()).digest()
        header = etree.Element(tag("wsse:Security"), {tag("env:mustUnderstand"): "1"}, nsmap=NAMES)
        token = {
            "Username": self.user,
            "Password": {"@Type": f"{_OASIS}username-token-profile-1.0#PasswordDigest", "": digest},
            "Nonce": {"@EncodingType": f"{_OASIS}soap-message-security-1.0#Base64Binary", "": nonce},
            "wsu:Created": created,
        }
        fill(header, {"UsernameToken": token})
        return header

    def post(
        self,
        data: bytes,
        url: str | None = None,
        *,
        auth: AuthBase | None = None,
        wait: float = 0,
        headers: Mapping[str, str] | None = None,
        http: str = "POST",
    ) -> Exchange:
        """Send bytes as the body of a request. Raises AssertionError if nothing is answered."""
        # A connection of its own for each request: a web server that has just been configured anew closes
        # those that were kept alive.
        fields = {
            "Content-Type": "application/soap+xml; charset=utf-8",
            "Connection": "close",
            **(headers or {}),
        }
        with requests.Session() as session, warnings.catch_warnings():
            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
            session.mount("http://", _OneRequest())
            session.mount("https://", _OneRequest())
            session.trust_env = False
            session.verify = str(self._verify) if self._verify else False
            session.cert = str(self._certificate) if self._certificate else None
            request = session.prepare_request(
                requests.Request(http, url or self.url, data=data, headers=fields, auth=auth)
            )
            timeout = self.options.message_timeout + wait
            try:
                response = self._answer(session, request, timeout)
            except requests.RequestException as error:
                self.exchanges.append(Exchange(_request_bytes(request), b"", 0, (), b""))
                raise AssertionError(f"no answer from {request.url}: {error}") from error
        found = [_exchange(each) for each in (*response.history, response)]
        self.exchanges.extend(found)
        return found[-1]

    def _answer(
        self, session: requests.Session, request: requests.PreparedRequest, timeout: float
    ) -> requests.Response:
        while True:
            try:
                return session.send(request, timeout=timeout, allow_redirects=False)
            except requests.ConnectionError:
                if time.monotonic() >= self._patient_until:
                    raise
                time.sleep(0.1)


class _OneRequest(HTTPAdapter):
    """Sends nothing on a connection after a request with `Connection: close` (RFC 9112 9.6).

    requests would send the answer to a Digest challenge there, if the device has not said that it closes, too.
    """

    def send(self, *arguments: Any, **options: Any) -> requests.Response:
        self.close()
        return super().send(*arguments, **options)


# -- messages


def tag(name: str) -> str:
    """`tas:KeyID` as lxml and ElementTree write it."""
    prefix, _, local = name.rpartition(":")
    return f"{{{NAMES[prefix]}}}{local}"


def envelope(body: Sequence[etree._Element], header: Sequence[etree._Element] = ()) -> bytes:
    """A SOAP 1.2 message with all prefixes of NAMES declared on its envelope."""
    root = etree.Element(tag("env:Envelope"), nsmap=NAMES)
    if header:
        etree.SubElement(root, tag("env:Header")).extend(header)
    etree.SubElement(root, tag("env:Body")).extend(body)
    etree.cleanup_namespaces(root, keep_ns_prefixes=[*NAMES, *TOPIC_PREFIXES])
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def fill(parent: etree._Element, arguments: Arguments) -> None:
    """Give an element its content.

    A mapping's keys are child elements in order, in the parent's namespace unless they have one of their own
    (`tt:Name`); `@name` is an attribute, `""` the text. Values are text, numbers, booleans, bytes (base64),
    aware datetimes, mappings, elements to be taken as they are, sequences of these (the element comes several
    times) or None (it does not come).
    """
    namespace = etree.QName(parent).namespace
    for name, value in arguments.items():
        if value is None:
            continue
        if name[:1] == "@":
            parent.set(name[1:], _text(value))
        elif name == "":
            parent.text = _text(value)
        else:
            for item in value if isinstance(value, list | tuple) else (value,):
                child = etree.SubElement(parent, tag(name) if ":" in name else f"{{{namespace}}}{name}")
                if isinstance(item, Mapping):
                    fill(child, item)
                elif etree.iselement(item):
                    child.append(item)
                else:
                    child.text = _text(item)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return str(value)


def _addressing(operation: str, endpoint: Endpoint) -> list[etree._Element]:
    """The header blocks of WS-Addressing, for what is sent to the event service and to a subscription."""
    if operation not in _PORT_TYPES:
        return []
    blocks = []
    for name, value in (("wsa:Action", action(f"{operation}Request")), ("wsa:To", endpoint.address)):
        block = etree.Element(tag(name), nsmap=NAMES)
        block.text = value
        blocks.append(block)
    for parameter in endpoint.parameters:
        block = etree.fromstring(etree.tostring(parameter))
        block.set(tag("wsa:IsReferenceParameter"), "true")
        blocks.append(block)
    return blocks


def action(message: str) -> str:
    """The Action of a message of the event service, such as `wsnt:RenewResponse`."""
    operation = message.removesuffix("Request").removesuffix("Response")
    return f"{_PORT_TYPES[operation]}/{message.partition(':')[2]}"


def _fault(element: etree._Element) -> Fault:
    values = element.findall(".//env:Value", NAMES)
    codes = []
    for value in values:
        prefix, _, local = (value.text or "").strip().rpartition(":")
        uri = value.nsmap.get(prefix or None)
        assert uri is not None, f"the prefix of the fault code {value.text} is not declared"
        codes.append(f"{_PREFIXES.get(uri, uri)}:{local}")
    return Fault(tuple(codes), element.findtext("env:Reason/env:Text", "", NAMES).strip())


def _method(exchange: Exchange) -> str:
    """Base Test Specification 4.3.5: how to authenticate, from the answer to a request without credentials."""
    if exchange.status == 401 and any(
        value.lower().startswith("digest") for value in exchange.all("WWW-Authenticate")
    ):
        return "digest"
    with contextlib.suppress(AssertionError):
        body = exchange.envelope().find("env:Body/*", NAMES)
        if body.tag == tag("env:Fault") and _fault(body).codes[:2] == ("env:Sender", "ter:NotAuthorized"):
            return "token"
    return "none"


# -- the record


def _request_bytes(request: requests.PreparedRequest) -> bytes:
    head = [f"{request.method} {request.path_url} HTTP/1.1", f"Host: {urlsplit(request.url or '').netloc}"]
    head += [f"{name}: {value}" for name, value in request.headers.items()]
    body = request.body or b""
    return "\r\n".join([*head, "", ""]).encode() + (body.encode() if isinstance(body, str) else body)


def _exchange(response: requests.Response) -> Exchange:
    headers = tuple(response.raw.headers.iteritems())
    head = [f"HTTP/1.1 {response.status_code} {response.reason}"]
    head += [f"{name}: {value}" for name, value in headers]
    answered = "\r\n".join([*head, "", ""]).encode() + response.content
    return Exchange(
        _request_bytes(response.request), answered, response.status_code, headers, response.content
    )


_SECRETS = re.compile(
    rb"(<(?:\w+:)?(?:Password|Passphrase|EncryptionPassphrase|IntegrityPassphrase)\b[^>]*>)[^<]*"
    rb"|(response=\")[0-9a-f]*"
)


def masked(data: bytes) -> bytes:
    """Recorded bytes without passwords, passphrases and digests of them."""
    return _SECRETS.sub(lambda match: (match[1] or match[2]) + b"***", data)

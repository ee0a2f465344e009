"""A device to try operations on: its real application, nginx and store in this process."""

from __future__ import annotations

import base64
import contextlib
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from onvifd import app
from onvifd.assembly import Running
from onvifd.schema import Schema
from onvifd.soap.names import NAMESPACES, qname
from tests.application import Answer, Client, assembled
from tests.keystore.stores import Store
from tests.operations.claims import SUCCESS, Codes, witness
from tests.operations.store import logical_content
from tests.pki import PrivateKey, rsa_key

SHA256_RSA = "1.2.840.113549.1.1.11"
SHA256_ECDSA = "1.2.840.10045.4.3.2"
RSASSA_PSS = "1.2.840.113549.1.1.10"
GENERIC = "its log says why"
"""What the device says of a failure that nobody foresaw: a defect, wherever it is seen."""

_XMLNS = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items() if prefix != "xml")
_INTERNALS = re.compile(
    r"Traceback|object at 0x|<class|\bNone\b|\w+Error\b|Exception|sqlite|\bxmlschema\b|\bXsd\w+|__\w+|"
    r"\w+\(\)|\bErrorStack\b|\bcodec\b|/tmp/|\.py\b|\{\s*kind"
)


def request(operation: str, content: str = "", attributes: str = "") -> str:
    """An operation's element; its namespace is the default one of the content."""
    prefix, _, name = operation.partition(":")
    return f'<{name} xmlns="{NAMESPACES[prefix]}" {_XMLNS}{attributes}>{content}</{name}>'


def leaf(name: str, value: object) -> str:
    """`<KeyID>key-1</KeyID>`, its value escaped."""
    return f"<{name}>{escape(str(value))}</{name}>"


def der(name: str, value: bytes) -> str:
    return f"<{name}>{base64.b64encode(value).decode()}</{name}>"


def algorithm(oid: str = SHA256_RSA, parameters: bytes | None = None) -> str:
    more = "" if parameters is None else der("parameters", parameters)
    return f"<SignatureAlgorithm><algorithm>{oid}</algorithm>{more}</SignatureAlgorithm>"


def date_and_time(zone: str = "CET-1CEST,M3.5.0,M10.5.0/3", month: int = 11, kind: str = "Manual") -> str:
    """The content of SetSystemDateAndTime."""
    time = f"{leaf('tt:Hour', 12)}{leaf('tt:Minute', 0)}{leaf('tt:Second', 30)}"
    date = f"{leaf('tt:Year', 2026)}{leaf('tt:Month', month)}{leaf('tt:Day', 25)}"
    return (
        f"{leaf('DateTimeType', kind)}{leaf('DaylightSavings', 'true')}<TimeZone>{leaf('tt:TZ', zone)}</TimeZone>"
        f"<UTCDateTime><tt:Time>{time}</tt:Time><tt:Date>{date}</tt:Date></UTCDateTime>"
    )


CAMERA = "<Subject><CommonName>camera.test</CommonName></Subject>"


def assert_helpful(reason: str) -> None:
    """English for who sent the request, with nothing of how the device is made."""
    assert GENERIC not in reason
    assert len(reason.split()) >= 3, reason
    assert not _INTERNALS.search(reason), reason


def values(answer: Element, name: str) -> list[str]:
    """The texts of all elements with a name such as `tas:KeyID`, in document order."""
    return [element.text or "" for element in answer.iter(qname(name))]


def value(answer: Element, name: str) -> str:
    (only,) = values(answer, name)
    return only


@functools.cache
def _schema() -> Schema:
    return Schema.load()


class Camera:
    """One device, asked by its administrator."""

    def __init__(self, running: Running) -> None:
        self.running = running
        endpoint = app.SoapEndpoint(running.device, _schema(), running.authenticator)
        self.client = Client(app.create(endpoint))
        self.store = Store(running.device.keystore, running.store.database, running.store.sealer)

    def ask(self, body: str, path: str = "/onvif/device_service", user: str = "Administrator") -> Answer:
        """Send a Body's content to a path."""
        return _Addressed(self.client, path).call(body, user)

    def call(self, operation: str, content: str = "", **where: str) -> Answer:
        answer = self.ask(request(operation, content), **where)
        witness(operation, SUCCESS if answer.status == 200 else tuple(answer.subcodes))
        return answer

    def do(self, operation: str, content: str = "", **where: str) -> Element:
        """Carry out an operation; the response element."""
        answer = self.call(operation, content, **where)
        assert answer.status == 200, (answer.subcodes, answer.reason)
        assert answer.body is not None and answer.body.tag == qname(f"{operation}Response")
        return answer.body

    def refuse(
        self, operation: str, content: str, codes: Codes, culprit: str = "", path: str = "/onvif/x"
    ) -> Answer:
        """Have an operation refused with a fault whose reason names the culprit, and nothing changed."""
        before = logical_content(self.running)
        answer = self.call(operation, content, path=path)
        assert answer.body is not None and answer.body.tag == qname("env:Fault"), answer.body
        assert tuple(answer.subcodes) == codes, answer.reason
        assert answer.status == (400 if codes[0] == "env:Sender" else 500)
        assert_helpful(answer.reason)
        assert culprit.lower() in answer.reason.lower(), answer.reason
        assert logical_content(self.running) == before
        return answer

    # What tests begin with

    def put_key(self, key: PrivateKey | int = 0, status: str = "ok") -> str:
        """The ID of a new key pair like a generated one; the same number is the same key."""
        return self.store.put_key(key, status)

    def put_generating(self) -> str:
        """The ID of a key whose generation has not begun, and won't until another one is asked for."""
        key_id = self.put_key(0, "generating")
        self.execute(
            "UPDATE key_pair SET public_key = NULL, private_key = NULL, key_length = 2048 WHERE id = ?",
            key_id,
        )
        return key_id

    def damage_private_key(self, key_id: str) -> None:
        """What a broken flash cell does to a sealed private key."""
        self.execute(
            "UPDATE key_pair SET private_key = CAST(private_key || x'00' AS BLOB) WHERE id = ?", key_id
        )

    def execute(self, statement: str, *parameters: object) -> None:
        """Change the store behind the device's back."""
        with self.running.store.database.transaction() as connection:
            connection.execute(statement, parameters)

    @contextlib.contextmanager
    def read_only(self, table: str) -> Iterator[None]:
        """Within it every change of a table fails in SQLite, as it does on a broken flash."""
        for event in ("INSERT", "UPDATE", "DELETE"):
            self.execute(
                f"CREATE TRIGGER broken_{event} BEFORE {event} ON {table}"
                " BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
            )
        try:
            yield
        finally:
            for event in ("INSERT", "UPDATE", "DELETE"):
                self.execute(f"DROP TRIGGER broken_{event}")

    def upload(self, certificate: bytes, more: str = "") -> str:
        """The certificate ID."""
        answer = self.do("tas:UploadCertificate", der("Certificate", certificate) + more)
        return value(answer, "tas:CertificateID")

    def self_sign(self, key_id: str, subject: str = CAMERA, more: str = "") -> str:
        """The certificate ID."""
        content = subject + leaf("KeyID", key_id) + algorithm() + more
        return value(self.do("tas:CreateSelfSignedCertificate", content), "tas:CertificateID")

    def path_of(self, *certificate_ids: str) -> str:
        """The ID of a new certification path."""
        answer = self.do("tas:CreateCertificationPath", certificate_list(*certificate_ids))
        return value(answer, "tas:CertificationPathID")

    def self_signed_path(self, key: PrivateKey | int = 0) -> tuple[str, bytes]:
        """A certification path of one self-signed certificate for a key pair of its own: its ID, and the
        certificate (DER)."""
        certificate_id = self.self_sign(self.put_key(key))
        return self.path_of(certificate_id), self.certificate(certificate_id)

    def certificate(self, certificate_id: str) -> bytes:
        """A certificate's DER, as GetCertificate tells it."""
        answer = self.do("tas:GetCertificate", leaf("CertificateID", certificate_id))
        return base64.b64decode(value(answer, "tas:CertificateContent"))

    def assign(self, path_id: str) -> None:
        self.do("tas:AddServerCertificateAssignment", leaf("CertificationPathID", path_id))

    @property
    def http_port(self) -> int:
        return self._port("HTTP")

    @property
    def https_port(self) -> int:
        return self._port("HTTPS")

    def _port(self, name: str) -> int:
        protocol = self.running.device.protocols.get(name)
        assert protocol is not None
        return protocol.ports[0]

    def set_https(self, enabled: bool, *ports: int) -> None:
        content = protocol("HTTPS", enabled, *(ports or (self.https_port,)))
        self.do("tds:SetNetworkProtocols", content)

    def subscribe(self, lifetime: str = "PT1H", topic_filter: str = "") -> str:
        """The URL path of a new pull point."""
        content = topic_filter + leaf("InitialTerminationTime", lifetime)
        answer = self.do("tev:CreatePullPointSubscription", content)
        address = value(answer, "wsa:Address")
        return "/" + address.split("/", 3)[3]


def certificate_list(*certificate_ids: str) -> str:
    return (
        f"<CertificateIDs>{''.join(leaf('CertificateID', each) for each in certificate_ids)}</CertificateIDs>"
    )


def protocol(name: str, enabled: bool, *ports: object) -> str:
    """One element of SetNetworkProtocols."""
    numbers = "".join(f"<tt:Port>{port}</tt:Port>" for port in ports)
    return (
        f"<NetworkProtocols><tt:Name>{name}</tt:Name><tt:Enabled>{str(enabled).lower()}</tt:Enabled>{numbers}"
        "</NetworkProtocols>"
    )


def public_key_info(key: PrivateKey | int) -> bytes:
    """The SubjectPublicKeyInfo (DER)."""
    key = rsa_key(key) if isinstance(key, int) else key
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class _Addressed(Client):
    """A client whose calls go to one path."""

    def __init__(self, client: Client, path: str) -> None:
        super().__init__(client.application)
        self._path = path

    def send(self, data: bytes, *, method: str = "POST", path: str = "") -> Answer:
        return super().send(data, method=method, path=path or self._path)


@contextlib.contextmanager
def factory_state(directory: Path, **settings: object) -> Iterator[Camera]:
    """A device of factory state; `settings` are fields of Config."""
    with assembled(directory, **settings) as running:
        yield Camera(running)

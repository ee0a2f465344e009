"""A device with something of everything, and for each operation a request that it would carry out."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from onvifd.config import (
    Config,
    DeviceConfig,
    DiscoveryConfig,
    KeystoreConfig,
    NotificationConfig,
    ServiceConfig,
)
from onvifd.events.producers import Producer
from tests import pki
from tests.application import PASSWORD
from tests.operations import asn1
from tests.operations.camera import (
    Camera,
    algorithm,
    certificate_list,
    date_and_time,
    der,
    factory_state,
    leaf,
    protocol,
)
from tests.operations.store import VOLATILE
from tests.support import free_port

SUBJECT = (
    "<Subject><Country>SE</Country><CommonName>camera.test</CommonName>"
    "<GenericAttribute><Type>2.5.4.13</Type><Value>description</Value></GenericAttribute>"
    "<MultiValuedRDN><Attribute><Type>O</Type><Value>Maker</Value></Attribute></MultiValuedRDN>"
    "<anyAttribute><DomainComponent>test</DomainComponent></anyAttribute></Subject>"
)
EXTENSION = leaf("extnOID", "1.2.3.4") + leaf("critical", "false") + der("extnValue", asn1.utf8("x"))
SUBSCRIBED = ("tev:PullMessages", "tev:SetSynchronizationPoint", "wsnt:Renew", "wsnt:Unsubscribe")
"""The operations that are sent to a pull point's own address."""
TLS = (
    "tds:SetNetworkProtocols",
    "tds:SetSystemFactoryDefault",
    "tas:AddServerCertificateAssignment",
    "tas:RemoveServerCertificateAssignment",
    "tas:ReplaceServerCertificateAssignment",
)
"""The operations that change what the web server serves."""


@dataclass(frozen=True)
class Furnished:
    """The device, and what there is on it."""

    camera: Camera
    key: str
    """A key pair with its private key, and no certificate."""
    certificate: str
    """A certificate that is in no path."""
    path: str
    """A certification path that is not assigned."""
    assigned: str
    """The one that HTTPS presents."""
    new_port: int
    unused_certificate: bytes
    """One that is not stored (DER)."""

    def where(self, operation: str) -> str:
        """The URL path to send an operation to: a new pull point, where it takes one."""
        return self.camera.subscribe() if operation in SUBSCRIBED else "/onvif/device_service"


def _user(name: str) -> str:
    return (
        f"<User><tt:Username>{name}</tt:Username><tt:Password>{PASSWORD}</tt:Password>"
        "<tt:UserLevel>User</tt:UserLevel></User>"
    )


VALID: dict[str, Callable[[Furnished], str]] = {
    "tds:GetServices": lambda f: leaf("IncludeCapability", "true"),
    "tds:GetServiceCapabilities": lambda f: "",
    "tds:GetCapabilities": lambda f: leaf("Category", "Device") + leaf("Category", "Events"),
    "tds:GetWsdlUrl": lambda f: "",
    "tds:GetSystemDateAndTime": lambda f: "",
    "tds:SetSystemDateAndTime": lambda f: date_and_time(),
    "tds:GetEndpointReference": lambda f: "",
    "tds:GetHostname": lambda f: "",
    "tds:GetDNS": lambda f: "",
    "tds:GetNetworkDefaultGateway": lambda f: "",
    "tds:GetDeviceInformation": lambda f: "",
    "tds:GetScopes": lambda f: "",
    "tds:SetScopes": lambda f: leaf("Scopes", "urn:x") + leaf("Scopes", "urn:y"),
    "tds:AddScopes": lambda f: leaf("ScopeItem", "urn:x"),
    "tds:RemoveScopes": lambda f: leaf("ScopeItem", "urn:configurable"),
    "tds:GetDiscoveryMode": lambda f: "",
    "tds:SetDiscoveryMode": lambda f: leaf("DiscoveryMode", "NonDiscoverable"),
    "tds:SetSystemFactoryDefault": lambda f: leaf("FactoryDefault", "Soft"),
    "tds:SystemReboot": lambda f: "",
    "tds:GetNetworkInterfaces": lambda f: "",
    "tds:GetNetworkProtocols": lambda f: "",
    "tds:SetNetworkProtocols": lambda f: protocol("HTTP", True, f.new_port) + protocol("HTTPS", False, 443),
    "tds:GetUsers": lambda f: "",
    "tds:CreateUsers": lambda f: _user("alice") + _user("bob"),
    "tds:SetUser": lambda f: _user("User"),
    "tds:DeleteUsers": lambda f: leaf("Username", "User") + leaf("Username", "Operator"),
    "tas:GetServiceCapabilities": lambda f: "",
    "tas:CreateRSAKeyPair": lambda f: leaf("KeyLength", 2048) + leaf("Alias", "alias"),
    "tas:GetKeyStatus": lambda f: leaf("KeyID", f.key),
    "tas:GetPrivateKeyStatus": lambda f: leaf("KeyID", f.key),
    "tas:GetAllKeys": lambda f: "",
    "tas:DeleteKey": lambda f: leaf("KeyID", f.key),
    "tas:CreatePKCS10CSR": lambda f: (
        SUBJECT
        + leaf("KeyID", f.key)
        + f"<CSRAttribute><X509v3Extension>{EXTENSION}</X509v3Extension></CSRAttribute>"
        + "<CSRAttribute><BasicRequestAttribute><OID>1.2.840.113549.1.9.7</OID>"
        + f"{der('value', asn1.utf8('x'))}</BasicRequestAttribute></CSRAttribute>"
        + algorithm(parameters=asn1.NULL)
    ),
    "tas:CreateSelfSignedCertificate": lambda f: (
        leaf("X509Version", 3)
        + SUBJECT
        + leaf("KeyID", f.key)
        + leaf("Alias", "alias")
        + leaf("notValidBefore", "2026-01-01T00:00:00Z")
        + leaf("notValidAfter", "2036-01-01T00:00:00Z")
        + algorithm(parameters=asn1.NULL)
        + f"<Extension>{EXTENSION}</Extension>"
    ),
    "tas:UploadCertificate": lambda f: (
        der("Certificate", f.unused_certificate)
        + leaf("Alias", "alias")
        + leaf("KeyAlias", "alias")
        + leaf("PrivateKeyRequired", "true")
    ),
    "tas:GetCertificate": lambda f: leaf("CertificateID", f.certificate),
    "tas:GetAllCertificates": lambda f: "",
    "tas:DeleteCertificate": lambda f: leaf("CertificateID", f.certificate),
    "tas:CreateCertificationPath": lambda f: certificate_list(f.certificate) + leaf("Alias", "alias"),
    "tas:GetCertificationPath": lambda f: leaf("CertificationPathID", f.path),
    "tas:GetAllCertificationPaths": lambda f: "",
    "tas:DeleteCertificationPath": lambda f: leaf("CertificationPathID", f.path),
    "tas:AddServerCertificateAssignment": lambda f: leaf("CertificationPathID", f.path),
    # HTTPS has to be off for it: see `ready`.
    "tas:RemoveServerCertificateAssignment": lambda f: leaf("CertificationPathID", f.assigned),
    "tas:ReplaceServerCertificateAssignment": lambda f: (
        leaf("OldCertificationPathID", f.assigned) + leaf("NewCertificationPathID", f.path)
    ),
    "tas:GetAssignedServerCertificates": lambda f: "",
    "tev:GetServiceCapabilities": lambda f: "",
    "tev:GetEventProperties": lambda f: "",
    "tev:CreatePullPointSubscription": lambda f: (
        '<Filter><wsnt:TopicExpression Dialect="http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete">'
        "tns1:Advancedsecurity/Keystore/KeyStatus</wsnt:TopicExpression></Filter>"
        + leaf("InitialTerminationTime", "PT1H")
        + "<SubscriptionPolicy><tev:ChangedOnly/></SubscriptionPolicy>"
    ),
    "tev:PullMessages": lambda f: leaf("Timeout", "PT0S") + leaf("MessageLimit", 1),
    "tev:SetSynchronizationPoint": lambda f: "",
    "wsnt:Subscribe": lambda f: (
        "<ConsumerReference><wsa:Address>http://127.0.0.1:9/notify</wsa:Address><wsa:ReferenceParameters>"
        '<x:Camera xmlns:x="urn:vms">7</x:Camera></wsa:ReferenceParameters></ConsumerReference>'
        '<Filter><wsnt:MessageContent Dialect="http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter">'
        'boolean(//tt:SimpleItem[@Name="KeyID"])</wsnt:MessageContent></Filter>'
        + leaf("InitialTerminationTime", "PT1H")
        + "<SubscriptionPolicy><tev:ChangedOnly/></SubscriptionPolicy>"
    ),
    "wsnt:Renew": lambda f: leaf("TerminationTime", "PT1H"),
    "wsnt:Unsubscribe": lambda f: "",
}
"""The content of a request that the device carries out, with every kind of element that it takes."""


def ready(furnished: Furnished, operation: str) -> None:
    """Prepare for the one operation that is refused in the ordinary state."""
    if operation == "tas:RemoveServerCertificateAssignment":
        furnished.camera.set_https(False)


@contextlib.contextmanager
def furnished(directory: Path) -> Iterator[Furnished]:
    """HTTPS is on; there are keys of both types, certificates, paths, users, scopes and a pull point."""
    settings = {
        "service": ServiceConfig(maximum_pull_points=10_000),
        "notification": NotificationConfig(("127.0.0.0/8",), 10_000),
        "keystore": KeystoreConfig(None, 64, 64, 64, 3),
        "device": DeviceConfig(reboot=("true",), set_clock=("true",)),
        "discovery": DiscoveryConfig(interfaces=("none",)),
    }
    with factory_state(directory, **settings) as camera:
        root = pki.Authority.root()
        key = camera.put_key(0)
        camera.put_key(pki.ec_key(0))
        camera.put_key(3, "corrupt")
        assigned, _ = camera.self_signed_path(1)
        path, _ = camera.self_signed_path(2)
        camera.assign(assigned)
        camera.set_https(True)
        camera.do("tds:AddScopes", leaf("ScopeItem", "urn:configurable"))
        camera.subscribe()
        yield Furnished(
            camera=camera,
            key=key,
            certificate=camera.upload(root.der),
            path=path,
            assigned=assigned,
            new_port=free_port(),
            unused_certificate=root.issue(pki.rsa_key(0).public_key()),
        )


Rows = dict[str, list[tuple[object, ...]]]


def saved(camera: Camera) -> Rows:
    """All rows of all tables."""
    with camera.running.store.database.read() as connection:
        return {
            name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in _tables(connection)
        }


def restore(furnished: Furnished, rows: Rows, operation: str) -> None:
    """Bring back what was saved, after an operation was carried out; the web server serves it again.

    Subscriptions to consumers end. They would by themselves, as soon as there is something to send: nobody is there.
    """
    running = furnished.camera.running
    subscriptions = running.device.subscriptions
    with subscriptions.changed:
        for producer in subscriptions.of_kind(Producer):
            subscriptions.end(producer.id, "The test is over")
    change = running.device.webserver.change() if operation in TLS else contextlib.nullcontext()
    with change, running.store.database.transaction() as connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        for name in _tables(connection):
            connection.execute(f'DELETE FROM "{name}"')
            for row in rows[name]:
                connection.execute(f'INSERT INTO "{name}" VALUES ({",".join("?" * len(row))})', row)


def _tables(connection: sqlite3.Connection) -> list[str]:
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return [name for (name,) in names if name not in VOLATILE and not name.startswith("sqlite_")]


def size_limit(camera: Camera) -> int:
    """Bytes of the largest request."""
    config: Config = camera.running.device.config
    return config.service.maximum_request_size

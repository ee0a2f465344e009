"""The steps of use case 6.1.1 (TLS Configuration Add-on), as a client's user takes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from lxml import etree

from tests.pki import Authority
from tests.soap_client import NAMES
from tests.support import wait_until
from tests.workflow.clients import Client

SHA256_WITH_RSA = {"algorithm": "1.2.840.113549.1.1.11"}
KEY_STATUS = "tns1:Advancedsecurity/Keystore/KeyStatus"
CONCRETE = "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete"
GENERATION_TIMEOUT = 300.0
"""Seconds, also in an emulated device on a busy machine."""


@dataclass(frozen=True)
class CertifiedPath:
    """A certification path on the device, and the certificates (DER) that it is made of."""

    id: str
    chain: tuple[bytes, ...]


def create_key(client: Client, alias: str = "HTTPS") -> str:
    """Step 1: a key pair, generated in the background; the ID of one that is ready."""
    key_id: str = client.call("keystore", "CreateRSAKeyPair", KeyLength=2048, Alias=alias).KeyID
    wait_until(
        lambda: client.call("keystore", "GetKeyStatus", KeyID=key_id) == "ok",
        GENERATION_TIMEOUT,
        interval=0.05,
    )
    return key_id


def certification_request(client: Client, key_id: str) -> bytes:
    """Step 2: a certificate signing request (DER) for it."""
    request: bytes = client.call(
        "keystore",
        "CreatePKCS10CSR",
        Subject={"CommonName": ["camera.test"], "Organization": ["Müller & Söhne"]},
        KeyID=key_id,
        SignatureAlgorithm=SHA256_WITH_RSA,
    )
    return request


def upload(client: Client, der: bytes, **more: Any) -> str:
    """Step 3, for one certificate, unless the device has it already: its ID."""
    for certificate in client.call("keystore", "GetAllCertificates") or ():
        if certificate.CertificateContent == der:
            return str(certificate.CertificateID)
    return str(client.call("keystore", "UploadCertificate", Certificate=der, **more).CertificateID)


def certified_path(
    client: Client, root: Authority, intermediate: Authority, alias: str = "HTTPS"
) -> CertifiedPath:
    """Steps 1 to 4: a new key, certified by the authority, in a path up to its root."""
    request = certification_request(client, create_key(client, alias))
    chain = (intermediate.sign_request(request), intermediate.der, root.der)
    ids = [upload(client, chain[0], Alias=alias, PrivateKeyRequired=True)]
    ids += [upload(client, der) for der in chain[1:]]
    return CertifiedPath(certification_path(client, ids, alias), chain)


def certification_path(client: Client, certificate_ids: list[str], alias: str = "HTTPS") -> str:
    """Step 4: the ID of a path of these certificates."""
    path_id: str = client.call(
        "keystore", "CreateCertificationPath", CertificateIDs={"CertificateID": certificate_ids}, Alias=alias
    )
    return path_id


def assign(client: Client, path_id: str) -> None:
    """Step 5."""
    client.call("tlsserver", "AddServerCertificateAssignment", CertificationPathID=path_id)


def enable_https(client: Client, port: int) -> None:
    """Step 6."""
    protocol = {"Name": "HTTPS", "Enabled": True, "Port": [port]}
    client.call("devicemgmt", "SetNetworkProtocols", NetworkProtocols=[protocol])


def serve_https(client: Client, port: int, root: Authority, intermediate: Authority) -> CertifiedPath:
    """All steps."""
    path = certified_path(client, root, intermediate)
    assign(client, path.id)
    enable_https(client, port)
    return path


def replace(client: Client, old_path_id: str, new_path_id: str) -> None:
    """Step 3 of use case 6.1.2: HTTPS presents another path from now on."""
    client.call(
        "tlsserver",
        "ReplaceServerCertificateAssignment",
        OldCertificationPathID=old_path_id,
        NewCertificationPathID=new_path_id,
    )


def protocols(client: Client) -> dict[str, tuple[bool, list[int]]]:
    """Whether each protocol is enabled, and its ports."""
    found = client.call("devicemgmt", "GetNetworkProtocols")
    return {protocol.Name: (protocol.Enabled, list(protocol.Port)) for protocol in found}


def subscribe(client: Client) -> Any:
    """A pull point for the status of keys."""
    expression = etree.Element(f"{{{NAMES['wsnt']}}}TopicExpression", nsmap={"tns1": NAMES["tns1"]})
    expression.set("Dialect", CONCRETE)
    expression.text = KEY_STATUS
    return client.call(
        "events",
        "CreatePullPointSubscription",
        Filter={"_value_1": [expression]},
        InitialTerminationTime="PT5M",
    )


def pull(client: Client, subscription: Any) -> list[tuple[str, str | None, str]]:
    """The key, old and new status of each event that waits, or else of the next one.

    They are read from the XML: the clients lose the topic and all but the last item of an event's data.
    """
    client.at(subscription, "pullpoint", "PullMessages", Timeout=timedelta(seconds=30), MessageLimit=10)
    response = ElementTree.fromstring(client.received)
    return [_key_status(message) for message in response.iterfind(".//wsnt:NotificationMessage", NAMES)]


def _key_status(message: Element) -> tuple[str, str | None, str]:
    assert message.findtext("wsnt:Topic", "", NAMES).strip() == KEY_STATUS
    source, data = (
        {
            item.get("Name", ""): item.get("Value", "")
            for item in message.iterfind(f".//tt:{part}/tt:SimpleItem", NAMES)
        }
        for part in ("Source", "Data")
    )
    return source["KeyID"], data.get("OldStatus"), data["NewStatus"]


def contents(client: Client) -> dict[str, str]:
    """All that a client can ask of what the device has stored, as the device sends it."""
    found = {}

    def keep(service: str, operation: str, **arguments: Any) -> Any:
        result = client.call(service, operation, **arguments)
        body = ElementTree.fromstring(client.received).find("env:Body", NAMES)
        assert body is not None
        found[f"{operation} {arguments}"] = ElementTree.canonicalize(ElementTree.tostring(body))
        return result

    keep("keystore", "GetAllKeys")
    keep("keystore", "GetAllCertificates")
    for path_id in keep("keystore", "GetAllCertificationPaths"):
        keep("keystore", "GetCertificationPath", CertificationPathID=path_id)
    keep("tlsserver", "GetAssignedServerCertificates")
    keep("devicemgmt", "GetUsers")
    keep("devicemgmt", "GetNetworkProtocols")
    keep("devicemgmt", "GetEndpointReference")
    return found

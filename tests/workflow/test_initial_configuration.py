"""A client gives the device a CA-signed certificate, and HTTPS serves it: TLS Configuration Add-on 6.1.1."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cryptography import x509

from tests.bench_device import BenchDevice
from tests.pki import Authority
from tests.soap_client import NAMES
from tests.workflow import steps
from tests.workflow.clients import Client
from tests.workflow.tls import assert_presented

Connect = Callable[..., Client]
SERVICES = {NAMES["tds"], NAMES["tas"], NAMES["tev"]}


@pytest.fixture
def client(device: BenchDevice, connect: Connect) -> Client:
    return connect(device)


def test_services_without_capabilities(client: Client, device: BenchDevice) -> None:
    """Core 8.1.2.2: the three services, each at an address of this device."""
    services = client.call("devicemgmt", "GetServices", IncludeCapability=False)
    assert {service.Namespace for service in services} == SERVICES
    base = device.url.partition("/onvif/")[0]
    assert all(service.XAddr.startswith(f"{base}/onvif/") for service in services)
    assert not any(service.Capabilities for service in services)


def test_services_with_capabilities(client: Client) -> None:
    """Core 8.1.2.2: each with the capabilities that its own GetServiceCapabilities answers."""
    client.call("devicemgmt", "GetServices", IncludeCapability=True)
    listed = {
        service.findtext("tds:Namespace", "", NAMES): canonical(capabilities)
        for service in ElementTree.fromstring(client.received).iterfind(".//tds:Service", NAMES)
        for capabilities in service.iterfind("tds:Capabilities/*", NAMES)
    }
    asked = {}
    for service, prefix in (("devicemgmt", "tds"), ("security", "tas"), ("events", "tev")):
        client.call(service, "GetServiceCapabilities")
        (capabilities,) = ElementTree.fromstring(client.received).iterfind(f".//{prefix}:Capabilities", NAMES)
        asked[NAMES[prefix]] = canonical(capabilities)
    assert listed == asked


def canonical(element: ElementTree.Element) -> str:
    return ElementTree.canonicalize(ElementTree.tostring(element))


def test_the_add_on_is_announced(client: Client) -> None:
    """TLS Configuration Add-on 7.1.1: the string in the Addons list."""
    capabilities = client.call("devicemgmt", "GetServiceCapabilities")
    assert "TLSServerConfiguration" in capabilities.System.Addons


def test_the_capabilities_of_the_security_service(client: Client) -> None:
    """TLS Configuration Add-on 7.2.1 names the old attributes; Security 5.5.7 has new ones beside them."""
    capabilities = client.call("security", "GetServiceCapabilities")
    keystore = capabilities.KeystoreCapabilities
    assert keystore.RSAKeyPairGeneration
    assert keystore.PKCS10ExternalCertificationWithRSA
    assert keystore.SelfSignedCertificateCreationWithRSA
    assert keystore.PKCS10
    assert keystore.SelfSignedCertificateCreation
    assert "RSA" in keystore.KeyPairGeneration
    assert {2048, 3072, 4096} <= set(keystore.RSAKeyLengths)
    assert keystore.MaximumNumberOfKeys >= 32
    assert keystore.MaximumNumberOfCertificates >= 32
    assert keystore.MaximumNumberOfCertificationPaths >= 16
    assert steps.SHA256_WITH_RSA["algorithm"] in [each.algorithm for each in keystore.SignatureAlgorithms]
    tls = capabilities.TLSServerCapabilities
    assert {"1.2", "1.3"} <= set(tls.TLSServerSupported)
    assert tls.MaximumNumberOfTLSCertificationPaths >= 2


def test_the_capabilities_of_the_event_service(client: Client) -> None:
    """Core 9.8; TLS Configuration Add-on: the status of keys through a pull point."""
    assert client.call("events", "GetServiceCapabilities").MaxPullPoints >= 16
    client.call("events", "GetEventProperties")
    properties = ElementTree.fromstring(client.received)
    assert properties.find(".//tns1:Advancedsecurity/Keystore/KeyStatus", NAMES) is not None


def test_the_status_of_a_new_key_by_asking_and_by_an_event(client: Client) -> None:
    """Security 5.2.6.2.1, 5.2.6.2.3, 5.5.8.1: OldStatus is in the event unless the key is generating."""
    subscription = steps.subscribe(client)
    key_id = steps.create_key(client)
    events: list[tuple[str, str | None, str]] = []
    while not events or events[-1][2] == "generating":
        events += steps.pull(client, subscription)
    assert events == [(key_id, None, "generating"), (key_id, "generating", "ok")]
    (key,) = [key for key in client.call("keystore", "GetAllKeys") if key.KeyID == key_id]
    assert key.KeyStatus == "ok"
    assert key.hasPrivateKey
    assert client.call("keystore", "GetPrivateKeyStatus", KeyID=key_id)
    client.at(subscription, "subscription", "Unsubscribe")


def test_a_certified_key_is_served(
    fresh_device: BenchDevice, connect: Connect, root: Authority, intermediate: Authority, root_file: Path
) -> None:
    """The whole use case, one client, step by step; then it goes on over HTTPS."""
    port = fresh_device.https_port
    client = connect(fresh_device)
    assert steps.protocols(client) == {"HTTP": (True, [fresh_device.http_port]), "HTTPS": (False, [port])}

    key_id = steps.create_key(client)
    request = steps.certification_request(client, key_id)
    subject = x509.load_der_x509_csr(request).subject
    assert {attribute.value for attribute in subject} == {"camera.test", "Müller & Söhne"}

    leaf = intermediate.sign_request(request)
    uploaded = client.call(
        "keystore", "UploadCertificate", Certificate=leaf, Alias="camera", PrivateKeyRequired=True
    )
    assert uploaded.KeyID == key_id
    chain = (leaf, intermediate.der, root.der)
    ids = [uploaded.CertificateID, *(steps.upload(client, der) for der in chain[1:])]
    stored = {each.CertificateID: each for each in client.call("keystore", "GetAllCertificates")}
    assert [stored[certificate].CertificateContent for certificate in ids] == list(chain)
    assert [stored[certificate].HasPrivateKey for certificate in ids] == [True, False, False]

    path_id = steps.certification_path(client, ids)
    assert client.call("keystore", "GetAllCertificationPaths") == [path_id]
    path = client.call("keystore", "GetCertificationPath", CertificationPathID=path_id)
    assert path.CertificateID == ids

    steps.assign(client, path_id)
    assert client.call("tlsserver", "GetAssignedServerCertificates") == [path_id]
    assert not fresh_device.listening_on(port), "an assignment alone switches nothing on"
    steps.enable_https(client, port)
    assert_presented(port, root_file, chain)

    secured = connect(fresh_device, use_https=True, ca=root_file)
    assert steps.protocols(secured) == {"HTTP": (True, [fresh_device.http_port]), "HTTPS": (True, [port])}
    services = secured.call("devicemgmt", "GetServices", IncludeCapability=False)
    assert all(service.XAddr.startswith(f"https://127.0.0.1:{port}/onvif/") for service in services)
    subscription = steps.subscribe(secured)
    assert subscription.SubscriptionReference.Address._value_1.startswith(f"https://127.0.0.1:{port}/")
    new_key = steps.create_key(secured)
    assert {event[0] for event in steps.pull(secured, subscription)} == {new_key}
    # The client that did all this over HTTP has lost nothing.
    assert {key.KeyID for key in client.call("keystore", "GetAllKeys")} >= {key_id, new_key}
    assert steps.protocols(client)["HTTPS"] == (True, [port])

"""What was answered is there after the next start, HTTPS and all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.bench_device import BenchDevice
from tests.pki import Authority
from tests.soap_client import NAMES, Soap
from tests.workflow import steps
from tests.workflow.clients import Client, Zeep
from tests.workflow.tls import assert_presented


def test_the_device_is_the_same_after_a_stop_and_a_start(
    fresh_device: BenchDevice,
    connect: Callable[..., Client],
    root: Authority,
    intermediate: Authority,
    root_file: Path,
) -> None:
    _assert_same_after(fresh_device.stop, fresh_device, connect, root, intermediate, root_file)


def test_the_device_is_the_same_after_a_power_cut(
    fresh_device: BenchDevice, root: Authority, intermediate: Authority, root_file: Path
) -> None:
    """kill -9 for all its processes at once."""
    _assert_same_after(fresh_device.kill, fresh_device, Zeep, root, intermediate, root_file)


def _assert_same_after(
    end: Callable[[], None],
    device: BenchDevice,
    connect: Callable[..., Client],
    root: Authority,
    intermediate: Authority,
    root_file: Path,
) -> None:
    client = connect(device)
    users = [{"Username": "operator", "Password": "second secret", "UserLevel": "Operator"}]
    client.call("devicemgmt", "CreateUsers", User=users)
    spare = steps.certified_path(client, root, intermediate, alias="spare")
    path = steps.certified_path(client, root, intermediate)
    steps.assign(client, spare.id)
    steps.assign(client, path.id)
    steps.enable_https(client, device.https_port)
    assert client.call("tlsserver", "GetAssignedServerCertificates") == [spare.id, path.id]
    before = contents(client)

    end()
    device.start()

    client = connect(device)
    assert contents(client) == before
    assert_presented(device.https_port, root_file, path.chain)
    assert contents(connect(device, use_https=True, ca=root_file)) == before
    operator = Soap(device, user="operator", password="second secret")
    assert operator.call("tds:GetDeviceInformation").ok() is not None
    # And it goes on: the keys are usable, and the IDs of new objects are new ones.
    again = steps.certified_path(client, root, intermediate, alias="after the restart")
    assert again.id not in (path.id, spare.id)


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

"""What was answered is there after the next start, HTTPS and all."""

from collections.abc import Callable
from pathlib import Path

from tests.bench_device import BenchDevice
from tests.pki import Authority
from tests.soap_client import Soap
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
    before = steps.contents(client)

    end()
    device.start()

    client = connect(device)
    assert steps.contents(client) == before
    assert_presented(device.https_port, root_file, path.chain)
    assert steps.contents(connect(device, use_https=True, ca=root_file)) == before
    operator = Soap(device, user="operator", password="second secret")
    assert operator.call("tds:GetDeviceInformation").ok() is not None
    # And it goes on: the keys are usable, and the IDs of new objects are new ones.
    again = steps.certified_path(client, root, intermediate, alias="after the restart")
    assert again.id not in (path.id, spare.id)

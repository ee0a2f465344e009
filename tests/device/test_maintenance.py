"""Factory default and reboot (Core 8.3.8, 8.3.13), on a whole device."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from keystore import AlgorithmIdentifier, DistinguishedName, KeyStatus
from onvifd import assembly
from onvifd.config import DeviceConfig
from onvifd.events.filters import EVERYTHING
from onvifd.events.subscriptions import Subscription
from onvifd.soap.names import NAMESPACES
from onvifd.state import Protocol
from tests.application import Answer, Client, assembled, client_of
from tests.support import free_port, wait_until

SHA256_WITH_RSA = AlgorithmIdentifier("1.2.840.113549.1.1.11")
TDS = NAMESPACES["tds"]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[assembly.Running]:
    commands = DeviceConfig(
        reboot=("/bin/sh", "-c", f"echo rebooted >{tmp_path}/reboot"),
        factory_default=("/bin/sh", "-c", f"cd {tmp_path} && test ! -e refuse && echo $1 >reset", "reset"),
    )
    with assembled(tmp_path / "device", device=commands) as running:
        yield running


@pytest.fixture
def client(running: assembly.Running) -> Client:
    return client_of(running)


def use(running: assembly.Running) -> tuple[int, int]:
    """Leave traces of every kind: a served certificate, a moved port, a scope. The HTTP and HTTPS ports."""
    device = running.device
    key_id, _ = device.keystore.create_rsa_key_pair(2048)
    wait_until(lambda: device.keystore.get_key(key_id).status is KeyStatus.OK)
    certificate = device.keystore.create_self_signed_certificate(
        key_id, DistinguishedName(common_name=("camera",)), SHA256_WITH_RSA
    )
    http, https = free_port(), free_port()
    with device.webserver.change():
        device.keystore.assign_server_certificate(device.keystore.create_certification_path([certificate]))
        device.protocols.set(
            [Protocol("HTTP", True, (http,)), Protocol("HTTPS", True, (https,))], certificate_assigned=True
        )
    device.scopes.add(["onvif://www.onvif.org/location/gate"])
    return http, https


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
        return True
    return False


def factory_default(client: Client, kind: str) -> Answer:
    return client.call(
        f'<SetSystemFactoryDefault xmlns="{TDS}">'
        f"<FactoryDefault>{kind}</FactoryDefault></SetSystemFactoryDefault>",
        user="Administrator",
    )


@pytest.mark.parametrize("kind", ["Hard", "Soft"])
def test_it_wipes_keystore_users_scopes_and_subscriptions(
    running: assembly.Running, client: Client, kind: str
) -> None:
    use(running)
    running.device.pull_points.create(EVERYTHING, None)
    assert factory_default(client, kind).status == 200
    device = running.device
    assert (
        device.keystore.keys()
        == device.keystore.certificates()
        == device.keystore.certification_paths()
        == []
    )
    assert device.keystore.assigned_server_certificates() == []
    assert [user.name for user in device.users.all()] == ["Administrator"]
    assert device.scopes.configurable() == []
    with device.subscriptions.changed:
        assert device.subscriptions.of_kind(Subscription) == []
    # Its password is the provisioned one: it gets in again.
    assert client.call(f'<GetUsers xmlns="{TDS}"/>', user="Administrator").status == 200


def test_a_hard_one_brings_back_the_factorys_ports(running: assembly.Running, client: Client) -> None:
    http, https = use(running)
    factory_default(client, "Hard")
    (factory,) = running.device.config.protocols.http.ports
    assert listens(factory)
    assert not listens(http)
    assert not listens(https)


def test_a_soft_one_keeps_the_ports(running: assembly.Running, client: Client) -> None:
    """It stays reachable where it was; HTTPS has lost its certificate."""
    http, https = use(running)
    factory_default(client, "Soft")
    assert listens(http)
    assert not listens(https)
    assert running.device.protocols.get("HTTPS") == Protocol("HTTPS", False, (https,))


def test_a_soft_one_of_a_device_with_https_alone_brings_back_the_factorys_ports(
    running: assembly.Running, client: Client
) -> None:
    """Without its certificate HTTPS can't be served, and the device must stay reachable."""
    http, https = use(running)
    with running.device.webserver.change():
        running.device.protocols.set([Protocol("HTTP", False, (http,))], certificate_assigned=True)
    factory_default(client, "Soft")
    (factory,) = running.device.config.protocols.http.ports
    assert listens(factory)
    assert not listens(https)


def test_a_failure_leaves_everything(
    running: assembly.Running, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, https = use(running)
    monkeypatch.setattr(type(running.device.scopes), "reset", _fail)
    assert factory_default(client, "Hard").status == 500
    assert_unchanged(running, https)


def test_an_image_that_refuses_leaves_everything(
    running: assembly.Running, client: Client, tmp_path: Path
) -> None:
    http, https = use(running)
    (tmp_path / "refuse").touch()
    assert factory_default(client, "Hard").status == 500
    assert listens(http)
    assert_unchanged(running, https)


def test_the_image_is_not_reset_where_the_web_server_can_not_follow(
    running: assembly.Running, client: Client, tmp_path: Path
) -> None:
    """What the vendor's command did can't be undone."""
    _, https = use(running)
    (factory,) = running.device.config.protocols.http.ports
    wait_until(lambda: not listens(factory))
    with socket.create_server(("127.0.0.1", factory)):
        assert factory_default(client, "Hard").status == 400
    assert not (tmp_path / "reset").exists()
    assert_unchanged(running, https)
    assert factory_default(client, "Hard").status == 200
    assert (tmp_path / "reset").read_text() == "Hard\n"


def assert_unchanged(running: assembly.Running, https: int) -> None:
    assert len(running.device.keystore.keys()) == 1
    assert len(running.device.users.all()) == 3
    with socket.create_connection(("127.0.0.1", https)) as raw:
        context = ssl._create_unverified_context()
        with context.wrap_socket(raw) as connection:
            assert connection.getpeercert(binary_form=True) == running.device.keystore.certificates()[0].der


def _fail(_: object) -> None:
    raise OSError("the disk")


def test_a_reboot_runs_the_vendors_command_after_the_answer(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onvifd.hooks.REBOOT_DELAY", 0.01)
    answer = client.call(f'<SystemReboot xmlns="{TDS}"/>', user="Administrator")
    assert answer.status == 200
    assert answer.body is not None and answer.body.findtext(f"{{{TDS}}}Message")
    wait_until(lambda: (tmp_path / "reboot").exists())

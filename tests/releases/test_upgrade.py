"""A device is updated: the store that an earlier release has left is opened by this one, and is all there."""

import configparser
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench_device import REPOSITORY, BenchDevice
from tests.pki import Authority
from tests.releases.contents import OPERATOR, PASSWORD, RELEASES, Contents, dump, restore, saved
from tests.soap_client import Soap
from tests.support import wait_until
from tests.webserver.support import chain
from tests.workflow import steps
from tests.workflow.clients import Zeep


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def updated(release: str, tmp_path: Path) -> Iterator[BenchDevice]:
    """A device that ran a release and now runs this version, before its start."""
    device = BenchDevice(state=tmp_path / "state", password=PASSWORD)
    restore(release, device.state, device.http_port, device.https_port)
    yield device
    device.close()


def inspect(state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "keystore", str(state)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_updated_device_has_all_that_it_had_and_goes_on(
    release: str, updated: BenchDevice, root: Authority, intermediate: Authority
) -> None:
    device, had = updated, saved(release)
    device.start()
    with Soap(device) as soap:
        ports = {"HTTP": device.http_port, "HTTPS": device.https_port}
        protocols = {
            name: [enabled, *(str(ports[name]) for _ in numbers)]
            for name, (enabled, *numbers) in had.protocols.items()
        }
        assert Contents.of(soap) == replace(had, protocols=protocols)
        # What the power cut interrupted is finished.
        (unfinished,) = (key_id for key_id, (alias, _) in had.keys.items() if alias == "unfinished")
        status = {"KeyID": unfinished}
        wait_until(lambda: soap.call("tas:GetKeyStatus", status).text("tas:KeyStatus") == "ok", 60)
    name, password = OPERATOR
    with Soap(device, user=name, password=password) as operator:
        operator.call("tds:GetDeviceInformation").ok()
    served = had.assigned[-1]
    assert chain("127.0.0.1", device.https_port) == had.chain(served)

    # Use case 6.1.2, with a key that the release has generated, and one of this version's.
    client = Zeep(device)
    (spare,) = (key_id for key_id, (alias, _) in had.keys.items() if alias == "without a certificate")
    certificate = root.sign_request(steps.certification_request(client, spare))
    client.call("keystore", "UploadCertificate", Certificate=certificate, PrivateKeyRequired=True)
    path = steps.certified_path(client, root, intermediate)
    steps.replace(client, served, path.id)
    assert chain("127.0.0.1", device.https_port) == path.chain
    device.stop()
    assert inspect(device.state).returncode == 0


def test_a_store_is_verified_before_the_update_and_stays_as_it_is(updated: BenchDevice) -> None:
    before = dump(updated.state)
    run = inspect(updated.state)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.endswith("The store is sound.\n")
    assert dump(updated.state) == before


def test_onvifd_check_does_not_update_a_store(updated: BenchDevice, tmp_path: Path) -> None:
    """It could not be opened by the release any more, and the update may yet be put off."""
    before = dump(updated.state)
    config = tmp_path / "onvifd.toml"
    config.write_text(f'state_dir = "{updated.state}"\nrun_dir = "{tmp_path}/run"\n')
    command = [sys.executable, "-m", "onvifd", "check", "--config", str(config)]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert run.stderr == ""
    assert str(updated.state) not in run.stdout
    assert dump(updated.state) == before


def test_every_release_has_left_a_store() -> None:
    """Add it with `python -m tests.releases.record` when releasing."""
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    changes = (REPOSITORY / "CHANGELOG.md").read_text()
    released = re.findall(r"^## (\d+\.\d+\.\d+)", changes, re.MULTILINE)
    assert sorted(released) == RELEASES
    assert setup["metadata"]["version"] in released

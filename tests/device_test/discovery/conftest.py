"""The default device of the DISCOVERY cases: `onvifd serve` on a host of its own, and the suite at the other end of the
cable. A device that the options name is discovered through the host's own network."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import pytest
import requests

from tests.device_test.cases import step
from tests.device_test.client import Dut
from tests.device_test.discovery.client import Discovery
from tests.device_test.options import Options
from tests.namespaces import Host, connect, hosts, serving
from tests.support import wait_until

PASSWORD = "secret-of-the-bench"
ADDRESS = "192.0.2.10"
START_TIMEOUT = 60.0
RESTART_DELAY = 5.0
"""It reboots after a second, and older versions of gunicorn take another one to see that they shall end."""
DISCOVERY_TIMEOUT = 3.0
"""Six times what WS-Discovery's APP_MAX_DELAY permits."""

CONFIGURATION = """
state_dir = "{directory}"
run_dir = "{directory}/run"
"""


@dataclasses.dataclass(frozen=True)
class Laboratory:
    """The default device, and the host that it is tested from."""

    dut: Dut
    client: Host


@pytest.fixture(scope="session")
def laboratory(
    device_options: Options, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Laboratory | None]:
    """None where the options name a device."""
    if device_options.device:
        yield None
        return
    with hosts("device", "client") as (device, client):
        connect(device, "eth0", client, "eth0")
        device.ip(f"address add {ADDRESS}/24 dev eth0")
        client.ip("address add 192.0.2.1/24 dev eth0")
        url = f"http://{ADDRESS}/onvif/device_service"
        directory = tmp_path_factory.mktemp("discovery")
        configuration = CONFIGURATION.format(directory=directory / "state")
        with serving(device, directory, configuration, PASSWORD):
            options = dataclasses.replace(
                device_options, restart_delay=RESTART_DELAY, discovery_timeout=DISCOVERY_TIMEOUT
            )
            dut = Dut(url, "admin", PASSWORD, options)
            with client.entered():
                wait_until(lambda: _answers(url), START_TIMEOUT)
                wait_until(lambda: _is_found(dut), START_TIMEOUT)
            yield Laboratory(dut, client)


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.post(url, timeout=5).status_code == 401
    return False


def _is_found(dut: Dut) -> bool:
    """A device that has just been started answers requests a moment before it listens for a Probe."""
    with contextlib.closing(Discovery(dut)) as client:
        return client.probe() is not None


@pytest.fixture(autouse=True)
def other_end(laboratory: Laboratory | None) -> Iterator[None]:
    """What a case does is done on the client's host."""
    with laboratory.client.entered() if laboratory else contextlib.nullcontext():
        yield


@pytest.fixture(scope="session")
def shared_dut(device_options: Options, laboratory: Laboratory | None) -> Dut:
    if laboratory is not None:
        return laboratory.dut
    return Dut(device_options.device, device_options.user, device_options.password, device_options)


@pytest.fixture
def discovery(dut: Dut) -> Iterator[Discovery]:
    with step("Start an ONVIF Client."), contextlib.closing(Discovery(dut)) as client:
        yield client

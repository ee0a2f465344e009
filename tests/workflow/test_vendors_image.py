"""The cases of ONVIF's Base Device Test that the bench is no device for: an image with RTSP, a clock that can be set and
discovery, on a network of its own. It is tested as a vendor tests a camera in the lab."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.bench_device import REPOSITORY
from tests.device_test import nested
from tests.namespaces import Host, connect, hosts, serving
from tests.support import wait_until

ADDRESS = "192.0.2.10"
PASSWORD = "secret-of-the-lab"
TIMEOUT = 180.0
CONFIGURATION = """
state_dir = "{directory}/state"
run_dir = "{directory}/run"

[device]
set_clock = ["sh", "-c", "echo \\"$@\\" >>{directory}/hooks", "clock"]
factory_default = ["sh", "-c", "echo \\"$@\\" >>{directory}/hooks", "factory"]
ntp = true

[protocols.rtsp]
enabled = true
ports = [554]
hook = ["sh", "-c", "echo \\"$@\\" >>{directory}/hooks", "rtsp"]
"""
CASES = {
    "DEVICE-2-1-34": "test_network.py::test_set_network_protocols_configuration",
    "DEVICE-3-1-4": "test_system.py::test_set_system_date_and_time_invalid_time_zone",
    "DEVICE-3-1-5": "test_system.py::test_set_system_date_and_time_invalid_date",
    "DEVICE-3-1-6": "test_system.py::test_factory_default_hard",
    "DEVICE-3-1-7": "test_system.py::test_factory_default_soft",
    "DEVICE-3-1-8": "test_system.py::test_reboot",
    "DEVICE-3-1-11": "test_system.py::test_set_system_date_and_time",
}


def test_the_device_test_of_a_camera_in_the_lab(tmp_path: Path) -> None:
    with hosts("device", "client") as (device, client):
        connect(device, "eth0", client, "eth0")
        device.ip(f"address add {ADDRESS}/24 dev eth0")
        client.ip("address add 192.0.2.1/24 dev eth0")
        configuration = CONFIGURATION.format(directory=tmp_path)
        with serving(device, tmp_path, configuration, PASSWORD) as process:
            started = tmp_path / "run" / "webserver"
            wait_until(lambda: started.exists() or process.poll() is not None, 60)
            output = _device_test(client)
    for case in CASES:
        assert re.search(rf"^{case} +passed$", output, re.MULTILINE), output
    hooks = (tmp_path / "hooks").read_text().splitlines()
    assert {"enabled 10554", "disabled 10554", "Hard", "Soft"} <= {*hooks}
    assert any(re.fullmatch(r"Manual \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ .+", line) for line in hooks), hooks


def _device_test(client: Host) -> str:
    nodes = [f"tests/device_test/base/{node}" for node in CASES.values()]
    options = ["--restart-delay=2", "--poll-interval=0.1", "--discovery-timeout=3"]
    done = subprocess.run(
        ["ip", "netns", "exec", client.name, *nested.COMMAND, f"--device=http://{ADDRESS}", *options, *nodes],
        cwd=REPOSITORY,
        env={**os.environ, "DEVICE_TEST_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return done.stdout + done.stderr

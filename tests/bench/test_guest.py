"""The main job on a whole device: booted, driven from outside, restarted."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.guest import Guest
from tests.bench.image import REPOSITORY, Image
from tests.device_test import nested
from tests.pki import Authority
from tests.support import free_port, wait_until
from tests.workflow import steps
from tests.workflow.clients import OnvifPython
from tests.workflow.tls import openssl_chain, python_leaf

pytestmark = pytest.mark.bench

TIMEOUT = 300.0
SERIES = ("security", "addon", "base", "event")
WITH_HELLO = ("test_factory_default_hard", "test_factory_default_soft", "test_reboot")
"""QEMU's user network has no multicast. The tests here do the same without it."""


def test_the_main_job(guest: Guest, root: Authority, intermediate: Authority, root_file: Path) -> None:
    """TLS Configuration Add-on 6.1.1, 6.1.2, and a reboot (Core 8.3.13) that keeps it all."""
    port = guest.https_port
    client = OnvifPython(guest)
    assert steps.protocols(client) == {"HTTP": (True, [80]), "HTTPS": (False, [443])}
    path = steps.serve_https(client, port, root, intermediate)
    assert openssl_chain(port, root_file) == path.chain

    secured = OnvifPython(guest, use_https=True, ca=root_file)
    new = steps.certified_path(secured, root, intermediate, alias="update")
    steps.replace(secured, path.id, new.id)
    assert openssl_chain(port, root_file) == new.chain
    assert python_leaf(port, root_file, name="localhost") == new.chain[0]

    before = steps.contents(client)
    assert not re.search("out of memory", guest.shell("dmesg"), re.IGNORECASE)
    assert client.call("devicemgmt", "SystemReboot")
    wait_until(lambda: guest.starts() == 2, TIMEOUT)
    guest.wait_until_it_answers()
    assert steps.contents(OnvifPython(guest)) == before
    assert steps.contents(OnvifPython(guest, use_https=True, ca=root_file)) == before
    assert openssl_chain(port, root_file) == new.chain


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
def test_factory_default(
    kind: str, guest: Guest, root: Authority, intermediate: Authority, root_file: Path
) -> None:
    """Core 8.3.8: nothing is left of what was set up, now and after the next start; the label's password works."""
    port = guest.https_port
    client = OnvifPython(guest)
    factory = steps.contents(client)
    path = steps.serve_https(client, port, root, intermediate)
    assert openssl_chain(port, root_file) == path.chain
    client.call("devicemgmt", "SetSystemFactoryDefault", FactoryDefault=kind)
    for _ in range(2):
        # The first UsernameTokens after a power cut would be refused: see onvifd.auth.watermark.
        client = OnvifPython(guest, http_digest=True)
        assert steps.protocols(client)["HTTPS"] == (False, [port if kind == "Soft" else 443])
        after = steps.contents(client)
        ignored = {"GetNetworkProtocols {}"} if kind == "Soft" else set()
        assert {key: after[key] for key in after.keys() - ignored} == {
            key: factory[key] for key in factory.keys() - ignored
        }
        assert not guest.serves(port)
        guest.cut_power()
        guest.boot()


def test_onvifs_test_cases(guest: Guest) -> None:
    """The device test suite, as a vendor runs it against a camera that no multicast reaches."""
    run = subprocess.run(
        [
            *nested.COMMAND,
            *(f"tests/device_test/{series}" for series in SERIES),
            *(f"--deselect=tests/device_test/base/test_system.py::{case}" for case in WITH_HELLO),
            *("--device", guest.url, f"--https-port={guest.https_port}"),
            *("--operation-delay=120", "--message-timeout=120", "--poll-interval=1"),
        ],
        cwd=REPOSITORY,
        env=os.environ | {"DEVICE_TEST_PASSWORD": guest.password},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"{run.stdout[-20_000:]}{run.stderr}\n{guest.log()}"
    print(run.stdout)


def test_the_port_of_another_device_is_not_taken_for_its_own(image: Image) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = run_bench(image, f"--http={port}")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == f"tests/bench/run: port {port} is in use\n"


def test_a_device_keeps_the_password_of_its_label(image: Image, tmp_path: Path) -> None:
    label = Guest(image, tmp_path, password="the first").directory / "password"
    run = run_bench(image, f"--state={tmp_path}", "--admin-password=another")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        f"tests/bench/run: this device left the factory with another password: see {label}\n"
    )
    assert label.read_text() == "the first"


def test_why_it_does_not_start_is_said(image: Image) -> None:
    port = str(free_port())
    run = run_bench(image, f"--http={free_port()}", "--https", port, port)
    assert run.returncode == 1
    assert run.stderr.startswith("tests/bench/run: QEMU ended\n")
    assert f"tcp:127.0.0.1:{port}" in run.stderr
    assert "Traceback" not in run.stderr
    assert "ready" not in run.stdout


def run_bench(image: Image, *options: str) -> subprocess.CompletedProcess[str]:
    """The command, which is expected to end."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "tests.bench.run"),
            *(f"--arch={image.architecture}", f"--server={image.server}", *options),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )

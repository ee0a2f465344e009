"""The clients of PyPI besides the flow: their own event managers, their bootstraps, a command."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from tests.bench_device import BenchDevice
from tests.interop.programs import TIMEOUT, Program
from tests.soap_client import Soap
from tests.support import free_port, wait_until

TOPIC = "tns1:Advancedsecurity/Keystore/KeyStatus"

Python = Callable[[str], Program]


@pytest.fixture(scope="module")
def base(device: BenchDevice) -> str:
    """What every address of the device begins with."""
    return device.url.removesuffix("device_service")


def test_the_event_manager_of_onvif_zeep_async(device: BenchDevice, python: Python, base: str) -> None:
    """Home Assistant's: a pull point for ten minutes, SetSynchronizationPoint, pulls of PT1M, Renew, Unsubscribe.

    Had the device granted less than half of the time, the manager would distrust durations from then on.
    """
    found = python("onvif-zeep-async").run(device, "listen", 600)
    assert found["heard"] == [[found["key"], "generating"], [found["key"], "ok"]]
    assert found["topic"] == TOPIC
    assert found["lost"] == 0
    assert found["absolute times"] is False
    assert found["address"].startswith(base)


def test_the_notification_manager_of_onvif_zeep_async(device: BenchDevice, python: Python, base: str) -> None:
    """Home Assistant prefers it to pulling where it can: Subscribe for ten minutes, Renew, Unsubscribe."""
    found = python("onvif-zeep-async").run(device, "receive")
    assert found["heard"] == [[found["key"], "generating"], [found["key"], "ok"]]
    assert found["address"].startswith(base)


def test_a_pull_point_of_onvif_zeep(device: BenchDevice, python: Python, base: str) -> None:
    """Its address is in GetCapabilities, and it asks for no time; its objects lose the topics."""
    found = python("onvif-zeep").run(device, "pull")
    assert found["messages"] == 2
    assert found["address"].startswith(base)
    assert found["pull points"] >= 16


def test_onvif_zeep_connects_again_and_again(device: BenchDevice, python: Python) -> None:
    """Each time it makes a pull point that nobody pulls. None left is no reason not to connect."""
    with Soap(device) as soap:
        limit = int(soap.call("tev:GetServiceCapabilities").find("tev:Capabilities").attrib["MaxPullPoints"])
        made = []
        while len(made) < limit:
            answer = soap.call("tev:CreatePullPointSubscription", {"InitialTerminationTime": "PT1M"})
            if answer.status != 200:
                break
            made.append(answer.text(".//wsa:Address"))
        assert python("onvif-zeep").run(device, "status")["protocols"]["HTTP"] == [True, [device.http_port]]
        for address in made:
            soap.call("wsnt:Unsubscribe", url=address).ok()


def test_libonvif_explores(device: BenchDevice, python: Python, base: str) -> None:
    """What the device does not have is a fault that the client reads, and goes on."""
    found = python("libonvif").run(device, "explore")
    assert found["information"]["manufacturer"] == "onvifd"
    assert found["hostname"]
    assert found["interfaces"] >= 1
    assert found["topics"] == [TOPIC.removeprefix("tns1:")]
    assert abs(found["time offset"]) <= 1
    assert found["events"] == f"{base}event_service"
    assert "ter:ActionNotSupported" in found["errors"]
    assert "NotAuthorized" not in found["errors"]


def test_a_pull_point_of_libonvif(device: BenchDevice, python: Python, base: str) -> None:
    """A filter with a doubled prefix and an unknown topic, no time asked for, pulls of PT2S."""
    found = python("libonvif").run(device, "pull")
    assert found["address"].startswith(base)
    assert found["empty"]["notifications"] == []
    assert found["empty"]["current_time"] < found["empty"]["termination_time"]
    statuses = [
        (each["topic"], {item["name"]: item["value"] for item in each["message"]["data"]}["NewStatus"])
        for each in found["heard"]
    ]
    assert statuses == [(TOPIC, "generating"), (TOPIC, "ok")]
    assert found["left"] == 0


def test_the_event_server_of_libonvif(device: BenchDevice, python: Python, base: str) -> None:
    """Subscribe with the same filter; its server is one of HTTP/1.0."""
    found = python("libonvif").run(device, "receive", free_port())
    assert found["address"].startswith(base)
    heard = [(each["topic"], each["data"]["NewStatus"]) for each in found["heard"]]
    assert heard == [(TOPIC.removeprefix("tns1:"), status) for status in ("generating", "ok")]
    assert found["left"] == 0


def onvif_command(device: BenchDevice, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """onvif-python's command; its cache lies in the home directory."""
    where = ["-H", "127.0.0.1", "-P", str(device.http_port), "-u", device.user, "-p", device.password]
    return subprocess.run(
        [Path(sys.executable).with_name("onvif"), *arguments, *where],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_the_command_onvif(device: BenchDevice, tmp_path: Path) -> None:
    """A key, its request, the protocols, in both ways to log in; and what is refused, with the reason."""

    def ask(*arguments: str) -> str:
        run = onvif_command(device, tmp_path, *arguments)
        assert run.returncode == 0, f"{run.stdout}{run.stderr}\n{device.log()}"
        return run.stdout

    created = ask("keystore", "CreateRSAKeyPair", "KeyLength=2048", "Alias=command")
    key = created.partition("'KeyID': '")[2].partition("'")[0]
    wait_until(lambda: ask("keystore", "GetKeyStatus", f"KeyID={key}").strip() == "ok", 60)
    csr = ast.literal_eval(
        ask(
            *("keystore", "CreatePKCS10CSR", f"KeyID={key}", 'Subject={"CommonName": "camera.test"}'),
            *('SignatureAlgorithm={"algorithm": "1.2.840.113549.1.1.11"}', "--digest"),
        )
    )
    assert x509.load_der_x509_csr(csr).is_signature_valid
    protocols = f'NetworkProtocols=[{{"Name": "HTTPS", "Enabled": {{}}, "Port": [{device.https_port}]}}]'
    ask("devicemgmt", "SetNetworkProtocols", protocols.replace("{}", "false"), "--digest")
    assert f"{device.https_port}" in ask("devicemgmt", "GetNetworkProtocols")
    refused = onvif_command(
        device, tmp_path, "devicemgmt", "SetNetworkProtocols", protocols.replace("{}", "true")
    )
    assert refused.returncode != 0
    assert "HTTPS needs a certificate" in refused.stderr

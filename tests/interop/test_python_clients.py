"""The clients of PyPI besides the flow: their own event managers, their bootstraps, a command."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.bench_device import BenchDevice
from tests.interop.programs import Program
from tests.soap_client import Soap
from tests.support import free_port

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


def test_the_command_of_onvif_python(device: BenchDevice, command: Program, base: str) -> None:
    """Its shell, which keeps the address of a pull point for later lines; Renew and Unsubscribe there."""
    found = command.run(device, "pull")
    (address,) = found["address"]
    assert address.startswith(base), found["said"]
    assert found["heard"] == [*found["key"], "generating", *found["key"], "ok"], found["said"]
    assert "ONVIF Version : 26.06" in found["said"]
    assert "Error" not in found["said"]
    with Soap(device) as soap:
        gone = soap.call("wsnt:Unsubscribe", url=address).fault().codes
        assert gone == ("Receiver", "ResourceUnknownFault")


def test_the_command_says_why_it_was_refused(device: BenchDevice, command: Program) -> None:
    run = command.attempt(device, "https", device.https_port)
    assert run.returncode != 0
    assert "HTTPS needs a certificate" in run.stderr

"""The vendor's command for RTSP."""

from pathlib import Path

import pytest

from onvifd.config import ProtocolConfig, ProtocolsConfig, RTSPConfig
from onvifd.hooks import HookFailed, ProtocolHook
from onvifd.state import Protocol
from tests.application import assembled, client_of
from tests.support import free_port


def script(directory: Path, text: str) -> str:
    path = directory / "hook"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("protocol", "arguments"),
    [
        (Protocol("RTSP", True, (554, 8554)), "fixed enabled 554 8554"),
        (Protocol("RTSP", False, (554,)), "fixed disabled 554"),
    ],
)
def test_the_command_gets_the_state_and_the_ports(tmp_path: Path, protocol: Protocol, arguments: str) -> None:
    ProtocolHook((script(tmp_path, f'echo "$@" >{tmp_path}/seen'), "fixed")).run(protocol)
    assert (tmp_path / "seen").read_text().strip() == arguments


def test_without_a_command_nothing_is_run() -> None:
    ProtocolHook(()).run(Protocol("RTSP", True, (554,)))


def test_a_command_can_refuse(tmp_path: Path) -> None:
    with pytest.raises(HookFailed, match="could not set RTSP to enabled"):
        ProtocolHook((script(tmp_path, "exit 3"),)).run(Protocol("RTSP", True, (554,)))


def test_a_missing_command_is_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(HookFailed):
        ProtocolHook((str(tmp_path / "absent"),)).run(Protocol("RTSP", True, (554,)))


def test_a_command_that_hangs_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onvifd.hooks.TIMEOUT", 0.2)
    with pytest.raises(HookFailed):
        ProtocolHook((script(tmp_path, "exec sleep 60"),)).run(Protocol("RTSP", True, (554,)))


def test_a_device_comes_up_without_its_streaming_server(tmp_path: Path) -> None:
    """Where nobody could reach the device nobody could mend it."""
    http = ProtocolConfig(True, (free_port(),))
    rtsp = RTSPConfig(True, (free_port(),), (script(tmp_path, "exit 3"),))
    with assembled(tmp_path / "device", protocols=ProtocolsConfig(http=http, rtsp=rtsp)) as running:
        answer = client_of(running).call(
            '<GetSystemDateAndTime xmlns="http://www.onvif.org/ver10/device/wsdl"/>'
        )
        assert answer.status == 200

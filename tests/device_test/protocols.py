"""GetNetworkProtocols and SetNetworkProtocols, which several series use."""

from __future__ import annotations

from typing import NamedTuple

from tests.device_test.cases import step
from tests.device_test.client import NAMES, Dut


class Protocol(NamedTuple):
    """A NetworkProtocol."""

    name: str
    enabled: bool
    ports: tuple[int, ...]

    def element(self) -> dict[str, object]:
        """The content of the element."""
        return {"tt:Name": self.name, "tt:Enabled": self.enabled, "tt:Port": self.ports}


def network_protocols(dut: Dut) -> dict[str, Protocol]:
    """GetNetworkProtocols, by name."""
    with step("ONVIF Client invokes GetNetworkProtocols to retrieve configured network protocols of the DUT"):
        found = [
            Protocol(
                element.findtext("tt:Name", "", NAMES).strip(),
                element.findtext("tt:Enabled", "", NAMES).strip() in ("true", "1"),
                tuple(int(port.text) for port in element.iterfind("tt:Port", NAMES)),
            )
            for element in dut.call("tds:GetNetworkProtocols").all("tds:NetworkProtocols")
        ]
        names = [protocol.name for protocol in found]
        assert len(set(names)) == len(names), f"a protocol comes twice: {names}"
    return {protocol.name: protocol for protocol in found}


def set_network_protocols(dut: Dut, *wanted: Protocol) -> None:
    """SetNetworkProtocols, and the time operationDelay."""
    names = ", ".join(f"{each.name} {'enabled' if each.enabled else 'disabled'}" for each in wanted)
    with step(f"ONVIF Client invokes SetNetworkProtocols message with parameters {names}"):
        dut.call("tds:SetNetworkProtocols", {"NetworkProtocols": [each.element() for each in wanted]})
        dut.be_patient()

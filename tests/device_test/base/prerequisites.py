"""The prerequisites of the DEVICE and SECURITY cases, as the device service signals them.

The test cases know two kinds of devices: with network configuration, and without. Devices of the second kind may
serve some of its operations all the same: Core 8.2 leaves that open, and the TLS Configuration Add-on 7.2.3 asks for
SetNetworkProtocols of each. What they serve is tested.
"""

from __future__ import annotations

from tests.device_test.cases import Prerequisite
from tests.device_test.client import NAMES, Arguments
from tests.device_test.prerequisites import flag, listed

NETWORK_CONFIGURATION = Prerequisite(
    "network configuration (System/NetworkConfigNotSupported is not true)",
    lambda capabilities: not capabilities.flag("tds:System/@NetworkConfigNotSupported"),
)
NETWORK_PROTOCOLS = Prerequisite(
    "network configuration (System/NetworkConfigNotSupported is not true), or the add-on TLSServerConfiguration",
    lambda capabilities: (
        NETWORK_CONFIGURATION.met(capabilities)
        or listed("tds:System/@Addons", "TLSServerConfiguration").met(capabilities)
    ),
)
USER_CONFIGURATION = Prerequisite(
    "user configuration (System/UserConfigNotSupported is not true)",
    lambda capabilities: not capabilities.flag("tds:System/@UserConfigNotSupported"),
)
IPV6 = flag("tds:Network/@IPVersion6")
NTP = Prerequisite("Network/NTP > 0", lambda capabilities: capabilities.number("tds:Network/@NTP") > 0)
SYSTEM_LOGGING = flag("tds:System/@SystemLogging")
REMOTE_USERS = flag("tds:Security/@RemoteUserHandling")
USERNAME_TOKEN = flag("tds:Security/@UsernameToken")
HTTP_DIGEST = flag("tds:Security/@HttpDigest")


def answered(operation: str, arguments: Arguments | None = None) -> Prerequisite:
    """An optional operation that no capability signals: all but ter:ActionNotSupported is an answer.

    The arguments are such that nothing happens.
    """
    name = operation.partition(":")[2]
    return Prerequisite(
        f"{name} (answered with ter:ActionNotSupported)",
        lambda capabilities: capabilities.answers(operation, arguments or {}),
    )


def network(operation: str) -> Prerequisite:
    """An operation that reads the network configuration."""
    name = operation.partition(":")[2]
    return Prerequisite(
        f"{NETWORK_CONFIGURATION.text}, or {name} all the same",
        lambda capabilities: NETWORK_CONFIGURATION.met(capabilities) or capabilities.answers(operation, {}),
    )


def service(namespace: str) -> Prerequisite:
    """A service that GetServices lists."""
    return Prerequisite(
        f"a service of {namespace} (GetServices)", lambda capabilities: namespace in capabilities.addresses
    )


GET_CAPABILITIES = answered("tds:GetCapabilities")
SERVICES = {
    "Analytics": "http://www.onvif.org/ver20/analytics/wsdl",
    "Device": NAMES["tds"],
    "DeviceIO": "http://www.onvif.org/ver10/deviceIO/wsdl",
    "Events": NAMES["tev"],
    "Imaging": "http://www.onvif.org/ver20/imaging/wsdl",
    "Media": "http://www.onvif.org/ver10/media/wsdl",
    "PTZ": "http://www.onvif.org/ver20/ptz/wsdl",
    "Receiver": "http://www.onvif.org/ver10/receiver/wsdl",
    "Recording": "http://www.onvif.org/ver10/recording/wsdl",
    "Replay": "http://www.onvif.org/ver10/replay/wsdl",
    "Search": "http://www.onvif.org/ver10/search/wsdl",
}
"""The services of GetCapabilities, and their namespaces."""

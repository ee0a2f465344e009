"""The discovery mode (Core 8.3.18 and 8.3.19): whether the device answers who looks for it."""

from onvifd.call import Answer, Call


class DiscoveryNotSupported(Exception):
    """This device has no discovery whose mode could be set, as it signals (Core 8.1.2.3)."""


def get_discovery_mode(call: Call) -> Answer:
    """Core 8.3.18."""
    device = call.device
    return {"DiscoveryMode": device.discovery.mode if device.config.discovery.enabled else "NonDiscoverable"}


def set_discovery_mode(call: Call) -> Answer:
    """Core 8.3.19."""
    device = call.device
    if not device.config.discovery.enabled:
        raise DiscoveryNotSupported("This device does not support discovery, as its capabilities say")
    device.discovery.set_mode(call.arguments["DiscoveryMode"])
    return {}

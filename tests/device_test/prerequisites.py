"""The prerequisites that several series have, as a device signals them."""

from __future__ import annotations

import re

from tests.device_test.cases import Prerequisite


def flag(path: str) -> Prerequisite:
    """A boolean capability, such as `tas:KeystoreCapabilities/@RSAKeyPairGeneration`."""
    return Prerequisite(_title(path), lambda capabilities: capabilities.flag(path))


def positive(path: str) -> Prerequisite:
    """A number of something that a device has room for."""
    return Prerequisite(f"{_title(path)} > 0", lambda capabilities: capabilities.number(path) > 0)


def listed(path: str, *words: str) -> Prerequisite:
    """A list that is not empty, or has one of some words."""
    if words:
        return Prerequisite(
            f"{_title(path)} contains {' or '.join(words)}",
            lambda capabilities: not set(words).isdisjoint(capabilities.words(path)),
        )
    return Prerequisite(_title(path), lambda capabilities: bool(capabilities.words(path)))


def _title(path: str) -> str:
    return re.sub(r"\w+:|@", "", path)


DEVICE_SERVICE = Prerequisite("Device Service", lambda capabilities: "tds" in capabilities)
SECURITY_SERVICE = Prerequisite("Security Configuration Service", lambda capabilities: "tas" in capabilities)
EVENT_SERVICE = Prerequisite("Event Service", lambda capabilities: "tev" in capabilities)
PULL_POINTS = Prerequisite(
    "Event Service with pull points (MaxPullPoints is not 0)",
    lambda capabilities: "tev" in capabilities and capabilities.get("tev:@MaxPullPoints") != "0",
)

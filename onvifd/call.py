"""What a handler is given: the request's arguments, who asks, and the device it acts on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element

from keystore import Keystore
from onvifd.auth.users import User, Users
from onvifd.clock import Clock
from onvifd.config import Config
from onvifd.consumers import Policy
from onvifd.discovery.state import DiscoveryState
from onvifd.events.producers import Producers
from onvifd.events.pullpoints import PullPoints
from onvifd.events.subscriptions import Subscriptions
from onvifd.hooks import Hook, ProtocolHook
from onvifd.state import Protocols, Scopes
from onvifd.webserver.apply import WebServer

Answer = Mapping[str, Any]
"""The response's content as plain values, in the order of the schema: see onvifd.soap.encode."""


@dataclass(frozen=True)
class Service:
    """What GetServices says of one service (Core 8.1.2.2)."""

    namespace: str
    path: str
    major: int
    minor: int
    capabilities: Callable[["Device"], Answer | None]
    """The content of its Capabilities element, or None if it has none."""


@dataclass(frozen=True)
class Device:
    """The parts of the running device that the services act on."""

    config: Config
    keystore: Keystore
    users: Users
    protocols: Protocols
    scopes: Scopes
    discovery: DiscoveryState
    webserver: WebServer
    subscriptions: Subscriptions
    pull_points: PullPoints
    producers: Producers
    consumers: Policy
    protocol_hook: ProtocolHook
    clock: Clock
    factory_default: Hook
    """Resets what the image owns, to `Hard` or `Soft`."""
    reboot: Callable[[], None]
    """Starts to restart the device, and returns before that begins."""
    endpoint_reference: str
    services: Sequence[Service]
    served: frozenset[str]
    """The operations that are served, as `tas:CreateRSAKeyPair`: capabilities are derived from it."""

    def now(self) -> datetime:
        """The device's clock, which may have been set since the last look."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class Call:
    """One request, checked and authorised."""

    arguments: dict[str, Any]
    """The decoded body: see onvifd.schema."""
    user: User | None
    """None where no credentials are needed (PRE_AUTH)."""
    base_url: str
    """Scheme, host and port as the client wrote them: `http://192.0.2.1:8080`."""
    path: str
    """The URL's path, which names the subscription for its operations."""
    scope_of: Callable[[Element], Mapping[str, str]]
    """The namespace prefixes in scope of an element of the arguments."""
    device: Device

"""Two hosts and two cables: the camera with eth0 and eth1, the client at the other ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from keystore import Database
from onvifd.discovery.state import DiscoveryState
from onvifd.discovery.target import Settings, TargetService
from tests.discovery.wire import Client
from tests.namespaces import Host, connect, hosts

EPR = "urn:uuid:6fb7a1c4-9f0c-4d5e-8a3b-0123456789ab"
SETTINGS = Settings(
    endpoint_reference=EPR,
    types=("tds:Device", "dn:NetworkVideoTransmitter"),
    path="/onvif/device_service",
    listen=("0.0.0.0", "::"),
    interfaces=(),
)


@dataclass(frozen=True)
class Network:
    camera: Host
    client: Host


@pytest.fixture
def network() -> Iterator[Network]:
    with hosts("camera", "client") as (camera, client):
        for number, prefix in enumerate(("192.0.2", "198.51.100")):
            connect(camera, f"eth{number}", client, f"far{number}")
            camera.ip(f"address add {prefix}.10/24 dev eth{number}")
            client.ip(f"address add {prefix}.1/24 dev far{number}")
        camera.ip("address add 2001:db8::10/64 dev eth0 nodad")
        client.ip("address add 2001:db8::1/64 dev far0 nodad")
        yield Network(camera, client)


@pytest.fixture
def client(network: Network) -> Iterator[Client]:
    client = Client(network.client, ["far0", "far1"])
    yield client
    client.close()


@dataclass
class Camera:
    """The target service on the camera, and what it announces."""

    network: Network
    database: Database
    settings: Settings = SETTINGS
    scopes: list[str] = field(default_factory=lambda: ["onvif://www.onvif.org/name/x", "urn:other"])
    ports: list[tuple[str, int]] = field(default_factory=lambda: [("http", 80)])
    service: TargetService | None = None
    delay: float = 0.0
    """Seconds before a message that is sent at a random time."""
    delays: list[tuple[float, float]] = field(default_factory=list)
    """The bounds of each random time that was asked for."""

    def _uniform(self, low: float, high: float) -> float:
        self.delays.append((low, high))
        return self.delay if low == 0 else 0.0

    @property
    def state(self) -> DiscoveryState:
        return DiscoveryState(self.database)

    def start(self, **settings: tuple[str, ...]) -> Camera:
        self.service = TargetService(
            replace(self.settings, **settings),  # type: ignore[arg-type]
            self.state,
            lambda: self.scopes,
            lambda: self.ports,
            uniform=self._uniform,
        )
        self.database.watch(self.service.changed)
        with self.network.camera.entered():
            self.service.start()
        return self

    def changed(self) -> None:
        assert self.service is not None
        self.service.changed()

    def stop(self) -> None:
        if self.service is not None:
            self.service.close()


@pytest.fixture
def make_camera(network: Network, tmp_path: Path) -> Iterator[Callable[[], Camera]]:
    """A camera that is not started; each has the same memory."""
    with ExitStack() as stack:
        database = Database(tmp_path / "onvifd.db")
        stack.callback(database.close)

        def make() -> Camera:
            camera = Camera(network, database)
            stack.callback(camera.stop)
            return camera

        yield make


@pytest.fixture
def camera(make_camera: Callable[[], Camera], client: Client) -> Camera:
    """Started when the client already listens."""
    return make_camera().start()

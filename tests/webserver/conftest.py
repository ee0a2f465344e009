from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from onvifd.webserver.model import ServerCertificate
from onvifd.webserver.nginx import Nginx
from tests.support import free_port
from tests.webserver.support import MANAGED, NEWEST_NGINX, Device, credential, newest_nginx
from tests.webserver.vendor import Vendor


@pytest.fixture(scope="session")
def credentials() -> dict[str, ServerCertificate]:
    return {
        "rsa-1": credential(1),
        "rsa-2": credential(2),
        "ec-1": credential(1, "EC"),
        "ec-2": credential(2, "EC"),
    }


@pytest.fixture(params=MANAGED)
def server(request: pytest.FixtureRequest) -> str:
    """The name of each web server that the service can run.

    Others that tests name: with `-external` appended where init runs it, NEWEST_NGINX.
    """
    return str(request.param)


@pytest.fixture
def vendor(tmp_path: Path, server: str) -> Iterator[Vendor | None]:
    """The image around an external web server, which runs."""
    name, _, mode = server.partition("-")
    if mode != "external":
        yield None
        return
    vendor = Vendor(name, tmp_path / "root").start()
    yield vendor
    vendor.stop()


@pytest.fixture
def make(
    tmp_path: Path, credentials: dict[str, ServerCertificate], server: str, vendor: Vendor | None
) -> Iterator[Callable[..., Device]]:
    """Makes devices that have not started; they are closed when the test ends."""
    devices: list[Device] = []

    def factory(**options: Any) -> Device:
        if vendor is not None:
            defaults: dict[str, Any] = {"server": vendor.server, "run": vendor.root / "run" / "onvifd"}
        elif server == NEWEST_NGINX:
            defaults = {"server": Nginx, "program": newest_nginx()}
        else:
            defaults = {"server": MANAGED[server]}
        devices.append(Device(tmp_path, dict(credentials), **defaults | options))
        return devices[-1]

    yield factory
    for device in devices:
        device.close()


@pytest.fixture
def ports() -> tuple[int, int, int]:
    """Three free ports."""
    found: set[int] = set()
    while len(found) < 3:
        found.add(free_port())
    first, second, third = found
    return first, second, third


@pytest.fixture
def device(make: Callable[..., Device], ports: tuple[int, int, int]) -> Device:
    """A running device: HTTP on the first port, HTTPS with rsa-1 on the second."""
    device = make()
    device.store(http=ports[:1], https=ports[1:2], assigned=["rsa-1"])
    device.webserver.start()
    return device

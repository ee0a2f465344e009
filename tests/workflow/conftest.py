"""The devices and clients of the main job."""

from collections.abc import Callable

import pytest

from tests.workflow.clients import CLIENTS, Client


@pytest.fixture(params=list(CLIENTS))
def connect(request: pytest.FixtureRequest) -> Callable[..., Client]:
    """Makes a client of a device: each test runs once with every client."""
    maker: Callable[..., Client] = CLIENTS[request.param]
    return maker

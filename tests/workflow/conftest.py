"""The devices and clients of the main job."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pki import Authority
from tests.workflow.clients import CLIENTS, Client


@pytest.fixture(scope="session")
def root_file(root: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root as a PEM file, for what takes its trust from files."""
    path = tmp_path_factory.mktemp("ca") / "root.pem"
    path.write_bytes(root.pem)
    return path


@pytest.fixture(params=list(CLIENTS))
def connect(request: pytest.FixtureRequest) -> Callable[..., Client]:
    """Makes a client of a device: each test runs once with every client."""
    maker: Callable[..., Client] = CLIENTS[request.param]
    return maker

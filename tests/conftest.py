"""Fixtures that every part of the suite shares."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench_device import BenchDevice
from tests.pki import Authority

pytest_plugins = ["tests.device_test.plugin"]

# A verifying TLS client of a test trusts what the test tells it, not what the environment adds.
for _variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
    os.environ.pop(_variable, None)


@pytest.fixture(scope="module")
def device() -> Iterator[BenchDevice]:
    """A running device of factory state at the module's first test; its tests share it."""
    with BenchDevice() as device:
        yield device


@pytest.fixture
def fresh_device() -> Iterator[BenchDevice]:
    """A running device of factory state for one test."""
    with BenchDevice() as device:
        yield device


@pytest.fixture(scope="session")
def root() -> Authority:
    """The root of the test's certification authority."""
    return Authority.root()


@pytest.fixture(scope="session")
def intermediate(root: Authority) -> Authority:
    """The authority under the root that signs devices' certificates."""
    return root.intermediate()


@pytest.fixture(scope="session")
def root_file(root: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root as a PEM file, for what takes its trust from files."""
    path = tmp_path_factory.mktemp("ca") / "root.pem"
    path.write_bytes(root.pem)
    return path

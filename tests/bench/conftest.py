"""The device in QEMU. BENCH_ARCH and BENCH_SERVER choose another one than x86_64 with nginx."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import image as images
from tests.bench.guest import Guest
from tests.bench.image import Image

MEMORY = 96
"""MiB."""
PASSWORD = 'it\'s "$HOME"'
"""Of any characters, which none of the device's shells may take for its own."""


@pytest.fixture(scope="session")
def image() -> Image:
    """Built unless it is there, as tests/bench/build does."""
    return images.build(os.environ.get("BENCH_ARCH", "x86_64"), os.environ.get("BENCH_SERVER", "nginx"))


@pytest.fixture
def guest(image: Image, tmp_path: Path) -> Iterator[Guest]:
    """A small device that leaves the factory and is switched on."""
    with Guest(image, tmp_path, memory=MEMORY, password=PASSWORD) as guest:
        yield guest

"""Devices for the tests of the operations."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.operations.camera import Camera, factory_state


@pytest.fixture
def make_camera(tmp_path: Path) -> Iterator[Callable[..., Camera]]:
    """Makes devices of factory state; keyword arguments are fields of Config."""
    numbers = itertools.count()
    with ExitStack() as stack:

        def make(**settings: object) -> Camera:
            directory = tmp_path / f"device-{next(numbers)}"
            directory.mkdir()
            return stack.enter_context(factory_state(directory, **settings))

        yield make


@pytest.fixture
def camera(make_camera: Callable[..., Camera]) -> Camera:
    """A device of factory state."""
    return make_camera()

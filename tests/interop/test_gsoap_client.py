"""gSOAP's client, with strict validation of all that it receives, besides the flow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.bench_device import BenchDevice
from tests.interop.programs import Program


@pytest.mark.parametrize("mode", ["wsse", "digest"])
def test_it_hears_of_a_key(device: BenchDevice, gsoap: Callable[[str], Program], mode: str) -> None:
    """A pull point of a minute, renewed for two; the events' content is what the schemas leave open."""
    found = gsoap(mode).run(device, "listen")
    assert found["heard"] == [[found["key"], "generating"], [found["key"], "ok"]]
    assert found["address"].startswith(device.url.removesuffix("device_service"))
    assert found["life"] == [60, 120]

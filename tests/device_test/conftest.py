"""The device under test: the one that the options name, or else `onvifd demo`, one for each process."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import pytest

from tests.bench_device import BenchDevice
from tests.device_test.cases import case_of, step
from tests.device_test.client import Dut
from tests.device_test.options import Options
from tests.device_test.plugin import DUT

BENCH_POLL_INTERVAL = 0.1
BENCH_RESTART_DELAY = 2.0


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A vendor's device meets the cases alone, and last those that need one of their own: it may be another device
    afterwards."""
    if not Options.of(config).device:
        return
    cases = [(case.own_device, item) for item in items if (case := case_of(item)) is not None]
    config.hook.pytest_deselected(items=[item for item in items if case_of(item) is None])
    items[:] = [item for _, item in sorted(cases, key=lambda pair: pair[0])]


@pytest.fixture(scope="session")
def device_options(pytestconfig: pytest.Config) -> Options:
    return Options.of(pytestconfig)


@pytest.fixture(scope="session")
def shared_dut(device_options: Options) -> Iterator[Dut]:
    """The device that the cases of this process share."""
    if device_options.device:
        yield Dut(device_options.device, device_options.user, device_options.password, device_options)
    else:
        with bench(device_options) as dut:
            yield dut


@contextlib.contextmanager
def bench(options: Options) -> Iterator[Dut]:
    """A default device of factory state."""
    with BenchDevice() as device:
        options = dataclasses.replace(
            options,
            poll_interval=BENCH_POLL_INTERVAL,
            restart_delay=BENCH_RESTART_DELAY,
            https_port=device.https_port,
        )
        yield Dut(device.url, device.user, device.password, options)


@pytest.fixture
def dut(request: pytest.FixtureRequest, device_options: Options) -> Iterator[Dut]:
    """The device under test, for a case that it signals the prerequisites of."""
    case = case_of(request.node)
    with contextlib.ExitStack() as stack:
        if case is not None and case.own_device and not device_options.device:
            dut = stack.enter_context(bench(device_options))
        else:
            dut = request.getfixturevalue("shared_dut")
        request.node.stash[DUT] = dut
        dut.exchanges.clear()
        with step("ONVIF Client gets the services of the DUT and their capabilities"):
            unmet = case.unmet(dut.capabilities) if case is not None else None
        if unmet:
            pytest.skip(unmet)
        stack.enter_context(contextlib.closing(dut.restore))
        yield dut

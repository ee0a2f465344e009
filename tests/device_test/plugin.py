"""What the device test adds to pytest: its options and its report.

A plugin that tests/conftest.py names: under xdist the process that prints the report loads no conftest.py of
the directories below.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.device_test import options, report
from tests.device_test.cases import case_of
from tests.device_test.client import Dut

DUT = pytest.StashKey[Dut]()
"""The device that a test is about."""
FAILED = pytest.StashKey[bool]()
"""Whether it has failed so far."""


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_to(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "device_test_case(case): a test case of ONVIF's (tests/device_test/cases.py)"
    )
    if config.getoption("device_test_device") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--device: the cases alter one device, so they run in one process (no -n)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --device there are only the cases: the tests of the device test itself concern nobody's camera."""
    if config.getoption("device_test_device"):
        others = [item for item in items if case_of(item) is None]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if case_of(item) is not None]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    result = yield
    case = case_of(item)
    if case is not None:
        error = call.excinfo.value if call.excinfo else None
        values = report.properties(case, error, item.stash.get(DUT, None))
        item.stash[FAILED] = item.stash.get(FAILED, False) or result.failed
        result.user_properties.append((report.PROPERTY, values))
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        each
        for group in terminalreporter.stats.values()
        for each in group
        if isinstance(each, pytest.TestReport)
    ]
    found = report.outcomes(reports)
    if found:
        terminalreporter.section("ONVIF device test")
        for line in report.lines(found):
            terminalreporter.write_line(line)

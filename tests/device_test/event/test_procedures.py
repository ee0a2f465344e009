"""The procedures for devices with properties: they pass with one that is right, and fail with each that is not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.device_test.cases import failed_step
from tests.device_test.client import Dut
from tests.device_test.event import procedures, test_seek
from tests.device_test.event.helpers import BasicNotification, PullPoint
from tests.device_test.event.scripted import VENDOR, ScriptedDevice
from tests.device_test.event.topics import Topic, trigger
from tests.device_test.options import Options

Procedure = Callable[[Dut, procedures.Subscribe], None]
ALL = (
    procedures.synchronization_point,
    procedures.conjunction,
    procedures.subtree,
    procedures.subtree_and_conjunction,
    procedures.message_content_filter,
)
LATE = "without the expected"
"""In the step that fails when something has not come in time."""
KINDS = pytest.mark.parametrize("subscribe", [BasicNotification, PullPoint])


@contextlib.contextmanager
def scripted(defect: str = "", operation_delay: float = 20.0, **options: str) -> Iterator[Dut]:
    with ScriptedDevice(defect) as device:
        dut = Dut(device.url, "admin", "secret", Options(operation_delay=operation_delay, **options))
        with contextlib.closing(dut.restore):
            yield dut


@KINDS
@pytest.mark.parametrize("procedure", ALL)
def test_a_device_that_is_right(procedure: Procedure, subscribe: procedures.Subscribe) -> None:
    with scripted() as dut:
        procedure(dut, subscribe)


@KINDS
@pytest.mark.parametrize("procedure", ALL)
def test_topics_that_the_operator_chooses(procedure: Procedure, subscribe: procedures.Subscribe) -> None:
    """The vendor's namespace has no prefix that everybody knows."""
    with scripted(topics="v:Building/Door|tns1:Monitoring/ProcessorUsage") as dut:
        procedure(dut, subscribe)


@KINDS
@pytest.mark.parametrize(
    ("defect", "procedure", "text"),
    [
        ("synchronization", procedures.synchronization_point, LATE),
        ("operation", procedures.synchronization_point, LATE),
        ("time", procedures.synchronization_point, "UTC time"),
        ("or", procedures.conjunction, LATE),
        ("topics", procedures.subtree, "root element"),
        ("subtree", procedures.subtree, LATE),
        ("subtree", procedures.subtree_and_conjunction, LATE),
        ("content", procedures.message_content_filter, "does not contain SimpleItem"),
        ("source", procedures.message_content_filter, "6.6"),
    ],
)
def test_a_device_with_a_defect(
    defect: str, procedure: Procedure, text: str, subscribe: procedures.Subscribe
) -> None:
    delay = 0.5 if text == LATE else 20.0
    with scripted(defect, delay) as dut, pytest.raises(AssertionError) as failure:
        procedure(dut, subscribe)
    assert text in (failed_step(failure.value) or "")


SEEK = (test_seek.test_begin_of_buffer, test_seek.test_seek, test_seek.test_seek_reverse)


@pytest.mark.parametrize("case", SEEK)
def test_seek_on_a_device_that_is_right(case: Callable[[Dut], None]) -> None:
    with scripted() as dut:
        case(dut)


@pytest.mark.parametrize(
    ("defect", "case", "text"),
    [
        ("begin", test_seek.test_begin_of_buffer, "contains one"),
        ("seek filter", test_seek.test_begin_of_buffer, "Topic = tns1:EventBuffer/Begin"),
        ("time", test_seek.test_begin_of_buffer, "UTC time"),
        ("begin", test_seek.test_seek, "contains one"),
        ("order", test_seek.test_seek, "first notification"),
        ("past", test_seek.test_seek, "greater or equal"),
        ("direction", test_seek.test_seek_reverse, "contains one"),
        ("order", test_seek.test_seek_reverse, "decreasing"),
        ("past", test_seek.test_seek_reverse, "greater or equal"),
    ],
)
def test_seek_on_a_device_with_a_defect(defect: str, case: Callable[[Dut], None], text: str) -> None:
    with scripted(defect) as dut, pytest.raises(AssertionError) as failure:
        case(dut)
    assert text in (failed_step(failure.value) or "")


def test_other_topics_are_triggered_by_a_command(tmp_path: Path) -> None:
    """With the topic, as the operator would be told it."""
    door = Topic(VENDOR, ("Building", "Door"))
    told = tmp_path / "told"
    with scripted(trigger=f"sh -c 'echo $0 >{told}'") as dut:
        trigger(dut, door, {door: False})
    assert told.read_text() == "Building/Door\n"
    with scripted() as dut, pytest.raises(AssertionError, match="--trigger"):
        trigger(dut, door, {door: False})


def test_a_topic_that_the_device_has_not() -> None:
    with scripted(topics="tns1:Nowhere") as dut, pytest.raises(AssertionError, match="Nowhere"):
        procedures.subtree(dut, PullPoint)

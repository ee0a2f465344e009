"""Bad input of every kind gets the specified fault, and changes nothing.

For every operation of the table the requests are generated: from one that the device would carry out
(tests.operations.furnished), from the official schema, which says what is wrong, and from lists of values that
somebody once found a hole with.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from onvifd.operations import SERVED
from tests.application import Answer
from tests.operations.camera import assert_helpful, request
from tests.operations.claims import Codes
from tests.operations.faults import FURTHER, SPECIFIED
from tests.operations.furnished import VALID, Furnished, furnished, ready, restore, saved
from tests.operations.mutations import HOSTILE, WRONG_TYPES, is_valid, mutants, shares, with_text, written
from tests.operations.store import logical_content, stored, subscriptions

OPERATIONS = sorted(SERVED)
INVALID_ARGS = ("env:Sender", "ter:InvalidArgs")


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnished(tmp_path_factory.mktemp("furnished") / "device") as device:
        yield device


def valid_request(device: Furnished, operation: str) -> Element:
    return ElementTree.fromstring(request(operation, VALID[operation](device)))


def send(device: Furnished, body: Element, path: str) -> Answer:
    return device.camera.ask(written(body), path)


def codes_of(operation: str) -> set[Codes]:
    """All faults that an operation may answer to a request that is well-formed."""
    own = {codes for name, codes in FURTHER if name == operation}
    return {*SPECIFIED[operation], *own, INVALID_ARGS}


def assert_fault(answer: Answer, what: str, *expected: Codes, sent: str = "") -> None:
    codes = tuple(answer.subcodes)
    assert codes in expected, f"{what}: {codes} {answer.reason}"
    assert answer.status == (400 if codes[0] == "env:Sender" else 500), what
    assert_helpful(answer.reason.replace(sent, "the value"))


def test_there_is_a_valid_request_for_each_operation() -> None:
    assert VALID.keys() == SERVED


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_valid_request_is_carried_out(device: Furnished, operation: str) -> None:
    """What the tests below change one thing in."""
    before = saved(device.camera)
    ready(device, operation)
    body = valid_request(device, operation)
    assert is_valid(body)
    answer = send(device, body, device.where(operation))
    assert answer.status == 200, answer.reason
    restore(device, before, operation)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_that_breaks_its_schema(device: Furnished, operation: str) -> None:
    """Core 5.8.2.2: missing, surplus, doubled, misplaced and misnamed elements, wrong namespaces and types."""
    path = device.where(operation)
    before = logical_content(device.camera.running)
    tried = 0
    for what, body in mutants(valid_request(device, operation)):
        if not is_valid(body):
            tried += 1
            assert_fault(send(device, body, path), what, INVALID_ARGS)
            assert stored(device.camera.running) == before["stored"], what
    assert tried > 4
    assert logical_content(device.camera.running) == before


@pytest.mark.parametrize("operation", OPERATIONS)
def test_values_of_the_wrong_type(device: Furnished, operation: str) -> None:
    """Core 5.8.2.2: ter:InvalidArgs for what the schema refuses; else the operation's own faults, or success."""
    assert_every_value_is_handled(device, operation, WRONG_TYPES)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_hostile_values(device: Furnished, operation: str) -> None:
    assert_every_value_is_handled(device, operation, HOSTILE)


def assert_every_value_is_handled(device: Furnished, operation: str, texts: list[str]) -> None:
    rows = saved(device.camera)
    ready(device, operation)
    base = valid_request(device, operation)
    path = device.where(operation)
    before = logical_content(device.camera.running)
    for position, share in shares(base, texts):
        for text in share:
            body = with_text(base, position, text)
            what = f"{text:.80} at {list(body.iter())[position].tag}"
            # The official pattern of an OID takes exponential time for long numbers.
            invalid = len(text) <= 40 and not is_valid(body)
            answer = send(device, body, path)
            if answer.status == 200:
                assert not invalid, what
                restore(device, rows, operation)
                ready(device, operation)
                path = device.where(operation)
                running = device.camera.running  # which serves again what it served before
                before |= {"stored": stored(running), "subscriptions": subscriptions(running)}
            else:
                assert_fault(answer, what, *({INVALID_ARGS} if invalid else codes_of(operation)), sent=text)
                assert stored(device.camera.running) == before["stored"], what
    assert logical_content(device.camera.running) == before
    restore(device, rows, operation)

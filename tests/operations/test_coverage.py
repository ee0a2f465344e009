"""Every operation of the table has a positive test, and every fault of its section a test or a good reason."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import tests.operations
from onvifd.operations import SERVED
from tests.operations.claims import SUCCESS, Claim, claims_of
from tests.operations.faults import FURTHER, IMPOSSIBLE, SPECIFIED


def _claimed() -> Iterator[Claim]:
    """What the tests of this package claim, whether they are selected in this run or not."""
    for module in pkgutil.iter_modules(tests.operations.__path__, "tests.operations."):
        if module.name.rpartition(".")[2].startswith("test_"):
            for name, function in vars(importlib.import_module(module.name)).items():
                if name.startswith("test_"):
                    yield from claims_of(function)


CLAIMED = frozenset(_claimed())
TO_TEST = {(operation, codes) for operation, listed in SPECIFIED.items() for codes in listed}


def test_the_faults_of_each_operation_are_transcribed() -> None:
    assert SPECIFIED.keys() == SERVED


@pytest.mark.parametrize("operation", sorted(SERVED))
def test_each_operation_has_a_positive_test(operation: str) -> None:
    assert (operation, SUCCESS) in CLAIMED


@pytest.mark.parametrize("operation", sorted(SERVED))
def test_each_fault_of_an_operation_has_a_test_or_a_reason(operation: str) -> None:
    missing = {
        claim
        for claim in TO_TEST | FURTHER.keys()
        if claim[0] == operation and claim not in CLAIMED and claim not in IMPOSSIBLE
    }
    assert not missing


def test_no_test_claims_what_is_not_listed() -> None:
    faults = {claim for claim in CLAIMED if claim[1] != SUCCESS}
    assert not faults - TO_TEST - FURTHER.keys()
    assert not {operation for operation, _ in CLAIMED} - SERVED


def test_reasons_are_given_for_listed_faults_without_a_test_only() -> None:
    assert IMPOSSIBLE.keys() <= TO_TEST
    assert not IMPOSSIBLE.keys() & CLAIMED
    assert not FURTHER.keys() & TO_TEST
    for reason in (*IMPOSSIBLE.values(), *FURTHER.values()):
        assert reason.endswith(".") and len(reason.split()) > 5

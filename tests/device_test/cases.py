"""How a device test case is written.

One function for each Test Case ID, step by step as its specification words it:

    @case("ADVANCED_SECURITY-1-1-5", "5.1.5", needs=(SECURITY_SERVICE, RSA_KEY_PAIR_GENERATION))
    def test_delete_key(dut: Dut) -> None:
        with step("ONVIF Client invokes GetAllKeys"):
            initial = dut.call("tas:GetAllKeys").texts("tas:KeyAttribute/tas:KeyID")
        key_id = create_rsa_key_pair(dut)  # a helper procedure of the specification, with steps of its own
        with step("ONVIF Client invokes DeleteKey with parameters KeyID := keyID"):
            dut.call("tas:DeleteKey", {"KeyID": key_id})
        with step("If finalKeyList is not equal to initialKeyList, FAIL the test"):
            assert dut.call("tas:GetAllKeys").texts("tas:KeyAttribute/tas:KeyID") == initial

- `needs` are the case's prerequisites (`prerequisites.py` has the common ones). One that the device does not
  signal makes the case *not applicable*. Nothing else skips a case.
- `dut` is the device under test: see `client.py`. `dut.call` fails unless the response is the one of the
  operation and valid by the official schemas; `dut.expect_fault` fails unless it is a fault with these codes.
- Whatever can fail is within a `step`, whose text is the specification's. The innermost step that fails is
  named in the report, with the bytes of the last exchanges.
- A case leaves the device as it met it, also when it fails: `dut.restore` is a contextlib.ExitStack which is
  closed after the case (`dut.restore.callback(...)`).
- `own_device=True` gives the case a device of its own if the default one is used, for those that users, the
  network or the whole state depend on. Every other case of a process shares one, which no other process uses:
  a case may change what it likes, for as long as it restores it.
- The IDs of a series that must exist are in `series.py`.
- Where the specification of the service and the test case disagree, a comment in the test says how and why.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import pytest

from tests.device_test.client import Capabilities

Test = TypeVar("Test", bound=Callable[..., None])


class Prerequisite(NamedTuple):
    """What a device must signal for a case to apply to it."""

    text: str
    """The capability as the device signals it."""
    met: Callable[[Capabilities], bool]


class Case(NamedTuple):
    id: str
    """The Test Case ID."""
    section: str
    """Where the specification describes it."""
    needs: tuple[Prerequisite, ...]
    own_device: bool

    def unmet(self, capabilities: Capabilities) -> str | None:
        """The first prerequisite that a device does not signal."""
        return next((need.text for need in self.needs if not need.met(capabilities)), None)


def case(
    id: str,
    section: str,
    *,
    needs: tuple[Prerequisite, ...] = (),
    own_device: bool = False,
) -> Callable[[Test], Test]:
    """Mark a test function as the Test Case with this ID."""
    return pytest.mark.device_test_case(Case(id, section, needs, own_device))


def case_of(item: pytest.Item) -> Case | None:
    """The case that a collected test is, if it is one."""
    marker = item.get_closest_marker("device_test_case")
    return marker.args[0] if marker else None


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """A step of the test procedure: what fails within is reported with its text."""
    try:
        yield
    except Exception as error:
        if not hasattr(error, "step"):
            error.step = text  # type: ignore[attr-defined]
        raise


def failed_step(error: BaseException | None) -> str | None:
    """The innermost step of the first failure: what failed while cleaning up after it comes later."""
    found: Any = None
    while error is not None:
        found = getattr(error, "step", found)
        error = error.__context__
    return found

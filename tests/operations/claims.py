"""What a test of an operation claims to prove, and that it keeps its word.

`@covers` and `@provokes` write the claim on the test, where test_coverage.py finds it without running
anything; when the test runs, they fail it unless the device has answered that way. The answers are witnessed
by tests.operations.camera.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Codes = tuple[str, ...]
"""The codes of a fault, outermost first: `("env:Sender", "ter:InvalidArgVal", "ter:KeyID")`."""
Claim = tuple[str, Codes]
"""An operation and a fault's codes; no codes where the operation succeeds."""

SUCCESS: Codes = ()


@dataclass
class Claims:
    """All claims of one test."""

    claims: set[Claim] = field(default_factory=set)


_witnessed: set[Claim] = set()


def witness(operation: str, codes: Codes) -> None:
    """Note how the device has answered an operation."""
    _witnessed.add((operation, codes))


def covers(*operations: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The test proves that these operations do what they are for."""
    return _claiming({(operation, SUCCESS) for operation in operations})


def provokes(operation: str, *codes: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The test proves that this fault of an operation is answered where it should be."""
    return _claiming({(operation, codes)})


def claims_of(test: Any) -> set[Claim]:
    """What a function claims; nothing if it is none of these tests."""
    claims = getattr(test, "claims", None)
    return claims.claims if isinstance(claims, Claims) else set()


def _claiming(claims: set[Claim]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def checked(*arguments: Any, **fixtures: Any) -> None:
            _witnessed.clear()
            test(*arguments, **fixtures)
            missing = claims - _witnessed
            assert not missing, f"claimed but not seen: {sorted(missing)}"

        checked.claims = Claims(claims | claims_of(test))  # type: ignore[attr-defined]
        return checked

    return decorate

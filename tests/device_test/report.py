"""The report of the device test: a line for each Test Case ID, a total for each series."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest

from tests.device_test.cases import Case, failed_step
from tests.device_test.client import Dut, masked

PROPERTY = "device_test_case"
LONGEST = 8000
"""Octets of a message that are shown."""
SHOWN = 4
"""The latest exchanges, of a case that failed."""


KINDS = ("passed", "not applicable", "failed")
"""Of outcomes. A test has several phases; the last of these kinds is what it comes to."""


class Outcome(NamedTuple):
    id: str
    kind: str
    """One of KINDS."""
    detail: str
    """The step that failed or the capability that the device does not signal."""
    exchanges: str


def properties(case: Case, error: BaseException | None, dut: Dut | None) -> dict[str, Any]:
    """What the report needs to know of one phase of a test. It travels between processes: plain values."""
    failed = error is not None and not isinstance(error, pytest.skip.Exception)
    return {
        "id": case.id,
        "step": failed_step(error) if failed else None,
        "exchanges": exchanges(dut) if failed and dut is not None else "",
    }


def exchanges(dut: Dut) -> str:
    """The last exchanges with a device, readable, passwords and digests masked."""
    lines = []
    for exchange in list(dut.exchanges)[-SHOWN:]:
        lines += ["--> " + _shown(exchange.request), "<-- " + (_shown(exchange.response) or "(nothing)")]
    return "\n".join(lines)


def _shown(message: bytes) -> str:
    text = masked(message)
    cut = f"\n... {len(text) - LONGEST} more octets" if len(text) > LONGEST else ""
    return (text[:LONGEST].decode(errors="backslashreplace") + cut).replace("\r\n", "\n")


def outcomes(reports: Iterable[pytest.TestReport]) -> list[Outcome]:
    """One for each case, by ID."""
    found: dict[str, Outcome] = {}
    for report in reports:
        values = dict(report.user_properties).get(PROPERTY)
        if values is None:
            continue
        outcome = _outcome(report, values)
        known = found.get(outcome.id, outcome)
        found[outcome.id] = max(known, outcome, key=lambda each: KINDS.index(each.kind))
    return sorted(found.values(), key=lambda outcome: _order(outcome.id))


def _outcome(report: pytest.TestReport, values: dict[str, Any]) -> Outcome:
    if report.failed:
        step = values["step"] or f"({report.when})"
        return Outcome(values["id"], "failed", step, values["exchanges"])
    if report.skipped:
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        return Outcome(values["id"], "not applicable", reason.removeprefix("Skipped: "), "")
    return Outcome(values["id"], "passed", "", "")


def _order(id: str) -> tuple[object, ...]:
    return series(id), [int(number) for number in re.findall(r"-(\d+)", id)]


def series(id: str) -> str:
    """`ADVANCED_SECURITY` of `ADVANCED_SECURITY-1-1-2`."""
    return re.split(r"-\d", id, maxsplit=1)[0]


def lines(found: list[Outcome]) -> list[str]:
    """The report."""
    width = max(len(outcome.id) for outcome in found) + 2
    text = []
    for outcome in found:
        line = f"{outcome.id:{width}}"
        if outcome.kind == "passed":
            text.append(f"{line}passed")
        elif outcome.kind == "not applicable":
            text.append(f"{line}not applicable: {outcome.detail}")
        else:
            text += [f"{line}FAILED at «{outcome.detail}»", *outcome.exchanges.splitlines()]
    text.append("")
    for name in dict.fromkeys(series(outcome.id) for outcome in found):
        kinds = [outcome.kind for outcome in found if series(outcome.id) == name]
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("passed", "failed", "not applicable"))
        text.append(f"{name}: {counts}, {len(kinds)} in all")
    return text

"""What is measured, in which order."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmark import memory, report, rounds, servers, times
from tests.benchmark.subjects import certificates, subjects


@dataclass(frozen=True)
class Effort:
    """How often everything is measured."""

    starts: int
    keys: int
    rounds: int
    turn: float
    """Seconds for each subject in each round."""
    replacements: int


FULL = Effort(starts=5, keys=40, rounds=7, turn=0.4, replacements=100)
QUICK = Effort(starts=2, keys=16, rounds=3, turn=0.15, replacements=8)


def measure(effort: Effort) -> Iterator[str]:
    """Measure everything; the lines of the report."""
    yield _machine()
    device_starts, hello_starts = _starts(effort.starts - 1)
    with contextlib.ExitStack() as stack:
        device = stack.enter_context(servers.device())
        idle = memory.proportional(device.processes())
        hello = stack.enter_context(servers.hello())
        idle += memory.proportional(hello.processes())
        keys = times.generate_keys(device, effort.keys)
        uploaded = certificates(device)
        routes = {
            "straight to the service": subjects(device, hello, lambda server: server.socket, uploaded),
            "through nginx": subjects(device, hello, lambda server: server.http, uploaded),
        }
        yield from report.load(rounds.run(routes, effort.rounds, effort.turn))
        loaded = memory.proportional(device.processes()) + memory.proportional(hello.processes())
        replacements = {"nginx": times.replace_certificates(device, effort.replacements)}
        secured = memory.proportional(device.processes())
    with servers.device("lighttpd") as device:
        replacements["lighttpd"] = times.replace_certificates(device, effort.replacements)
    yield from report.memory(idle, loaded, secured)
    yield from report.times([*device_starts, device.start], [*hello_starts, hello.start], keys)
    yield from report.replacements(replacements)
    yield report.NOTES


def _starts(number: int) -> tuple[list[float], list[float]]:
    """Start both servers in turn; the seconds until each first answer."""
    device_starts, hello_starts = [], []
    for _ in range(number):
        with servers.device() as device:
            device_starts.append(device.start)
        with servers.hello() as hello:
            hello_starts.append(hello.start)
    return device_starts, hello_starts


def _machine() -> str:
    packages = ("falcon", "gunicorn", "xmlschema", "cryptography")
    versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)
    return f"{os.cpu_count()} processors, Python {platform.python_version()}, {versions}"

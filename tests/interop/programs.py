"""The programs that drive clients of other languages and environments: a command line, and JSON."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench_device import BenchDevice

TIMEOUT = 120


@dataclass(frozen=True)
class Program:
    """A program whose first argument is a command, and whose output is one JSON value."""

    command: tuple[str | Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self, device: BenchDevice, name: str, *arguments: str | Path | int, url: str | None = None
    ) -> Any:
        """What a command says of a device, reached at its own address or another.

        Raises AssertionError with all that the client and the device said if it fails.
        """
        done = self.attempt(device, name, *arguments, url=url)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}\n{device.log()}"
        return json.loads(done.stdout)

    def attempt(
        self, device: BenchDevice, name: str, *arguments: str | Path | int, url: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The same, for one that may fail."""
        return subprocess.run(
            [*self.command, name, url or device.url, device.user, device.password, *map(str, arguments)],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

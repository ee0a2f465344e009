"""The Python packages of the image: the wheel of this repository and the wheels that it depends on."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.debian import Architecture, run

GLIBC = 36
"""The minor version in Debian 12: wheels for newer ones don't run."""


def install(architecture: Architecture, debian: Path, sources: Sequence[Path], directory: Path) -> None:
    """Make `root`, to be laid over the unpacked `debian`, and `sizes.json` in a directory.

    Also the bytecode of Debian's own modules.
    """
    (library,) = (debian / "usr/lib").glob("python3.*")
    version = library.name.removeprefix("python")
    root = directory / "root"
    packages = root / "usr/lib/python3/dist-packages"
    with tempfile.TemporaryDirectory() as work:
        for path in sources:  # setuptools leaves things where it builds
            run("cp", "-r", path, work)
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
        run(*pip, "wheel", "--no-deps", f"--wheel-dir={work}", work)
        (wheel,) = Path(work).glob("*.whl")
        platforms = (f"--platform=manylinux_2_{minor}_{architecture.name}" for minor in range(17, GLIBC + 1))
        only = ("--only-binary=:all:", "--implementation=cp", f"--python-version={version}")
        run(*pip, "install", "--no-compile", f"--target={packages}", *only, *platforms, wheel)
    _move_program(packages / "bin/onvifd", root / "usr/bin/onvifd")
    shutil.rmtree(packages / "bin")
    shutil.copytree(library, root / "usr/lib" / library.name, symlinks=True)
    # The same for every architecture; it is loaded where there are no sources.
    compiler = (f"/usr/bin/{library.name}", "-m", "compileall", "-q", "-b")
    run(*compiler, "-s", root, "-p", "/", root / "usr/lib")
    found = importlib.metadata.distributions(path=[str(packages)])
    sizes = {f"{each.name} (Python)": _installed_size(each) for each in found}
    (directory / "sizes.json").write_text(json.dumps(sizes))


def _move_program(program: Path, target: Path) -> None:
    """Its first line names the Python that pip ran on."""
    target.parent.mkdir()
    target.write_text(re.sub(r"\A#!.*", "#!/usr/bin/python3", program.read_text()))
    target.chmod(0o755)


def _installed_size(distribution: importlib.metadata.Distribution) -> int:
    """Bytes of its files, with bytecode for sources."""
    files = [Path(str(distribution.locate_file(file))) for file in distribution.files or ()]
    installed = [file.with_suffix(".pyc") if file.suffix == ".py" else file for file in files]
    return sum(path.stat().st_size for path in installed if path.is_file())

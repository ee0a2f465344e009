"""The image: kernel, root and empty data partitions for QEMU."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench import debian, kernel, wheels
from tests.bench.debian import ARCHITECTURES, BuildError, run

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
CACHE = REPOSITORY / "build" / "bench"
FILES = HERE / "files"

SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "onvifd", "keystore")
"""What this repository's wheel is made of."""

SERVERS = ("nginx", "lighttpd")
DATA_SIZE = "128M"
DATA = {"ext4": ("mke2fs", "-q", "-t", "ext4"), "f2fs": ("mkfs.f2fs", "-q")}
"""How the data partition is made, by its file system: as its tool does it if it is told nothing."""

PASSWD = "root:x:0:0:root:/:/bin/sh\nwww-data:x:33:33::/:/bin/false\nonvifd:x:100:100::/:/bin/false\n"
GROUP = "root:x:0:\ntty:x:5:\nwww-data:x:33:\nonvifd:x:100:\n"
CONFIGURATION = {"state_dir": '"/data/onvifd"', "reboot": '["/bin/sh", "-c", "echo >/run/reboot"]'}
"""The settings of etc/onvifd.toml that an integrator has to change."""


@dataclass(frozen=True)
class Image:
    """What QEMU boots."""

    directory: Path
    architecture: str
    server: str

    @property
    def kernel(self) -> Path:
        return self.directory / "kernel"

    @property
    def root(self) -> Path:
        """The root's disk, only to be read."""
        return self.directory / "root.qcow2"

    @property
    def sizes(self) -> Path:
        """Bytes by package, in JSON."""
        return self.directory / "sizes.json"

    def data(self, filesystem: str) -> Path:
        """An empty data partition's disk, to be copied."""
        return self.directory / f"data-{filesystem}.qcow2"


def build(architecture: str = "x86_64", server: str = "nginx") -> Image:
    """The image, made unless it is there. Raises BuildError."""
    if os.geteuid():
        raise BuildError("only root can build the image: its files belong to several users")
    chosen = ARCHITECTURES[architecture]
    unpacked = _once(
        f"debian-{architecture}",
        _digest(HERE / "debian.py"),
        lambda directory: debian.unpack(chosen, directory),
    )
    source = kernel.source()
    settings = [FILES / "kernel.config", FILES / f"kernel-{architecture}.config"]
    compiled = _once(
        f"kernel-{architecture}",
        f"{source.name} {source.stat().st_size} {_digest(HERE / 'kernel.py', *settings)}",
        lambda directory: kernel.compile(chosen, source, settings, directory),
    )
    sources = [REPOSITORY / name for name in SOURCES]
    installed = _once(
        f"python-{architecture}",
        unpacked.name + _digest(HERE / "wheels.py", *sources),
        lambda directory: wheels.install(chosen, unpacked / "root", sources, directory),
    )
    directory = _once(
        f"image-{architecture}-{server}",
        unpacked.name
        + compiled.name
        + installed.name
        + _digest(HERE / "image.py", FILES, REPOSITORY / "etc"),
        lambda directory: _make(unpacked, compiled, installed, server, directory),
    )
    return Image(directory, architecture, server)


def _digest(*inputs: Path) -> str:
    """What is in these files, and in those of these directories."""
    digest = hashlib.sha256()
    for path in inputs:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".pyc":
                digest.update(f"{file.relative_to(REPOSITORY)} {file.stat().st_size}\n".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def _once(name: str, inputs: str, make: Callable[[Path], None]) -> Path:
    """The directory that was made out of these inputs, now or before. Former ones of the name are removed."""
    CACHE.mkdir(parents=True, exist_ok=True)
    target = CACHE / f"{name}-{hashlib.sha256(inputs.encode()).hexdigest()[:16]}"
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            print(f"making {target.relative_to(REPOSITORY)}", file=sys.stderr, flush=True)
            for former in CACHE.glob(f"{name}-*/"):
                shutil.rmtree(former)
            work = CACHE / f"{name}-unfinished"
            work.mkdir()
            make(work)
            work.rename(target)
    return target


def _make(unpacked: Path, compiled: Path, installed: Path, server: str, directory: Path) -> None:
    """All that the image consists of, out of the Debian packages, the kernel and the Python packages."""
    shutil.copy(compiled / "kernel", directory)
    sizes = [json.loads((part / "sizes.json").read_text()) for part in (unpacked, installed)]
    (directory / "sizes.json").write_text(json.dumps(sizes[0] | sizes[1]))
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        work = Path(name)
        for part in (unpacked, installed):
            run("cp", "-a", part / "root", work)
        _remove_sources(work / "root/usr/lib")
        _furnish(work / "root", server)
        size = int(run("du", "--summarize", "--block-size=1M", work / "root").split()[0])
        run(
            "mke2fs",
            "-q",
            "-t",
            "ext4",
            "-b",
            "4096",  # of itself it would take 1024 here, and reading would cost more processor time
            "-O",
            "^has_journal",
            "-d",
            work / "root",
            work / "root.disk",
            f"{size * 5 // 4}M",
        )
        for filesystem, command in DATA.items():
            run("truncate", "-s", DATA_SIZE, work / f"data-{filesystem}.disk")
            run(*command, work / f"data-{filesystem}.disk")
        for disk in work.glob("*.disk"):
            run("qemu-img", "convert", "-O", "qcow2", disk, directory / f"{disk.stem}.qcow2")


def _remove_sources(directory: Path) -> None:
    """Leave Python's bytecode alone there, as Buildroot does."""
    for compiled in directory.rglob("*.pyc"):
        compiled.with_suffix(".py").unlink(missing_ok=True)


def _furnish(root: Path, server: str) -> None:
    """The init system, and onvifd's files as the packages of buildroot/ install them."""
    for name in ("data", "dev", "etc/onvifd", "etc/default", "proc", "run", "sys", "tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "sbin/init").unlink(missing_ok=True)  # a dependency brings systemd
    (root / "sbin/init").symlink_to("/bin/busybox")
    for applet in run("/bin/busybox", "--list").split():
        if not any((root / place / applet).exists() for place in ("bin", "sbin")):
            (root / "bin" / applet).symlink_to("/bin/busybox")
    (root / "var/run").symlink_to("/run")
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    _copy(FILES / "inittab", root / "etc/inittab")
    for name in ("rcS", "rcK"):
        _copy(FILES / name, root / "etc/init.d" / name)
    for name in ("commands", "reboot-when-asked"):
        _copy(FILES / name, root / "usr/libexec" / name)
    _copy(REPOSITORY / "etc/init.d/onvifd", root / "etc/init.d/S60onvifd")
    (root / "etc/default/onvifd").symlink_to("/run/provisioning")
    configuration = (REPOSITORY / "etc/onvifd.toml").read_text()
    for setting, value in (CONFIGURATION | {"server": f'"{server}"'}).items():
        configuration, number = re.subn(rf"(?m)^{setting} = [^#\n]*", f"{setting} = {value} ", configuration)
        assert number == 1, setting
    (root / "etc/onvifd/onvifd.toml").write_text(configuration)


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    target.chmod(0o755 if source.read_bytes().startswith(b"#!") else 0o644)

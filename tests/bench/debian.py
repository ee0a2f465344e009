"""The Debian packages of the image: found by this machine's own apt, unpacked, never installed."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("busybox-static", "python3", "nginx-light", "lighttpd", "lighttpd-mod-openssl", "util-linux")
"""util-linux for the init script's setpriv."""
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/lib/systemd")
ENVIRONMENT = os.environ | {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
"""root's PATH, where su or cron left another one."""
MERGED = "/usr/share/mmdebstrap/hooks/merged-usr"


class BuildError(Exception):
    """The bench can't be built here; the text says what is missing."""


@dataclass(frozen=True)
class Architecture:
    """What it is called."""

    name: str
    debian: str


ARCHITECTURES = {
    each.name: each for each in (Architecture("x86_64", "amd64"), Architecture("aarch64", "arm64"))
}
KERNELS = {"ext4": "linux-image-cloud", "f2fs": "linux-image"}
"""The package that depends on the newest kernel, by the file system that it is to know. The cloud kernel is nearer to
a camera's in size, but has no file system for flash."""


def run(*command: str | Path, directory: Path | None = None) -> str:
    """Run a program of the build; what it printed. Raises BuildError with what it said."""
    try:
        done = subprocess.run(
            command, cwd=directory, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise BuildError(f"{error.filename} is not installed") from None
    if done.returncode:
        raise BuildError(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def sources() -> list[str]:
    """Where this machine's apt finds Debian, as lines of a sources.list. Raises BuildError."""
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    listed = run(
        "apt-get",
        "indextargets",
        "--format=deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
        "Created-By: Packages",
        "Origin: Debian",
    )
    lines = sorted(
        {
            line
            for line in listed.splitlines()
            if line.split()[2] == release or line.split()[2].startswith(f"{release}-")
        }
    )
    if not lines:
        raise BuildError("apt knows no Debian archive for this machine's release: run apt-get update")
    return lines


def unpack(architecture: Architecture, directory: Path) -> None:
    """Make `root`, a `kernel-*` for each file system and `sizes.json` in a directory: the unpacked packages, and
    the bytes that each takes.
    """
    listing = directory / "sources.list"
    listing.write_text("\n".join(sources()) + "\n")
    archives = directory / "archives"
    archives.mkdir()
    keep = f'cp "$1"/var/cache/apt/archives/*.deb {archives}'
    run(
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=extract",
        f"--architectures={architecture.debian}",
        f"--hook-dir={MERGED}",
        f"--include={','.join(PACKAGES)}",
        *(f"--dpkgopt=path-exclude=/{path}/*" for path in LEFT_OUT),
        f"--extract-hook={keep}",
        *(f"--extract-hook={_fetch(name, architecture, directory)}" for name in KERNELS),
        platform.freedesktop_os_release()["VERSION_CODENAME"],
        directory / "root",
        listing,
    )
    sizes = {path.name.partition("_")[0]: _unpacked_size(path) for path in archives.glob("*.deb")}
    (directory / "sizes.json").write_text(json.dumps(sizes))
    for name in KERNELS:
        (package,) = (directory / f"fetched-{name}").glob("*.deb")
        run("dpkg-deb", "-x", package, directory / f"kernel-{name}")
        shutil.rmtree(directory / f"fetched-{name}")
    shutil.rmtree(archives)


def _fetch(name: str, architecture: Architecture, directory: Path) -> str:
    """The command that downloads a kernel, with the apt that mmdebstrap has set up for the architecture."""
    package = f"{KERNELS[name]}-{architecture.debian}"
    newest = f"apt-cache depends {package} | sed -n 's/.*Depends: *\\(linux-image-[0-9]\\)/\\1/p' | head -n1"
    target = directory / f"fetched-{name}"
    return f'mkdir {target} && cd {target} && export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" && apt-get download $({newest})'


def _unpacked_size(package: Path) -> int:
    """Bytes of the files in a package that the image takes."""
    total = 0
    for line in run("dpkg-deb", "-c", package).splitlines():
        mode, _, size, _, _, name = line.split(maxsplit=5)
        if mode.startswith("-") and not name.removeprefix("./").startswith(LEFT_OUT):
            total += int(size)
    return total


def modules(kernel: Path, wanted: Sequence[str]) -> list[Path]:
    """The files of kernel modules with all that they need, in the order of loading; built-in ones left out."""
    (version,) = (path.name for path in (kernel / "lib/modules").iterdir())
    run("depmod", "-b", kernel, version)
    files: dict[Path, None] = {}
    for name in wanted:
        shown = run("modprobe", "-d", kernel, "-S", version, "--show-depends", name)
        files |= dict.fromkeys(
            Path(line.split()[1]) for line in shown.splitlines() if line.startswith("insmod")
        )
    return list(files)

"""The Debian packages of the image: found by this machine's own apt, unpacked, never installed."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
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
    linux: str


ARCHITECTURES = {
    each.name: each
    for each in (Architecture("x86_64", "amd64", "x86_64"), Architecture("aarch64", "arm64", "arm64"))
}


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
    """Make `root` and `sizes.json` in a directory: the unpacked packages, and the bytes that each takes."""
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
        platform.freedesktop_os_release()["VERSION_CODENAME"],
        directory / "root",
        listing,
    )
    sizes = {path.name.partition("_")[0]: _unpacked_size(path) for path in archives.glob("*.deb")}
    (directory / "sizes.json").write_text(json.dumps(sizes))
    shutil.rmtree(archives)


def _unpacked_size(package: Path) -> int:
    """Bytes of the files in a package that the image takes."""
    total = 0
    for line in run("dpkg-deb", "-c", package).splitlines():
        mode, _, size, _, _, name = line.split(maxsplit=5)
        if mode.startswith("-") and not name.removeprefix("./").startswith(LEFT_OUT):
            total += int(size)
    return total

"""A machine of its own on this one: namespaces, an init, and the files of etc/ where an image has them.

Its ports 80 and 443 are free, its user onvifd exists, and nothing that it does is seen outside.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import pytest

from onvifd.webserver.process import SYSTEM_PATH
from tests.support import wait_until
from tests.webserver.vendor import EXAMPLES, PAGE

T = TypeVar("T")
Init = Literal["systemd", "sysv"]
Adapt = Callable[[Path], None]

REPOSITORY = EXAMPLES.parent
SYSTEMD = Path("/lib/systemd/systemd")
UID = 950
PASSWORD = "machine-secret"
NAMESPACES = (
    "--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc", "--net", "--ipc", "--uts",
)  # fmt: skip
_CLONE_NEWNET = 0x40000000

_BOOT = """
set -eu
mount -t tmpfs -o mode=755 tmpfs /run
for directory in etc opt srv var/lib; do
    mount --bind {root}/$directory /$directory
done
mount --bind {repository} /opt/onvifd/source
mount --bind {packages} /opt/onvifd/packages
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=1777 tmpfs /var/tmp
ip link set lo up
"""
_BOOT_SYSTEMD = """
mount -t cgroup2 none /sys/fs/cgroup
exec env -i PATH="$PATH" container=test SYSTEMD_UNIT_PATH=/etc/units {systemd} --system \\
    --unit=up.target --log-level=warning --log-target=console
"""
_BOOT_SYSV = """
touch /run/up
while :; do sleep 0.2; done  # waits, as an init does, for all that lose their parent
"""

_EMPTY = "[Unit]\nDefaultDependencies=no\n"
_LOGGED = "[Service]\nStandardError=append:/opt/log\n"


class Machine:
    """See the module: with a web server, managed or external, and its example configuration.

    `adapt` changes /etc, which is in the directory that it is given, before the machine starts.
    """

    def __init__(self, root: Path, init: Init, server: str, mode: str, adapt: Adapt) -> None:
        self.root = root
        self.init = init
        self.server = server
        self.external = mode == "external"
        self._ending = contextlib.ExitStack()
        self._cgroup = self._ending.enter_context(_cgroup()) if init == "systemd" else None
        for directory in ("opt/onvifd/source", "opt/onvifd/packages", "srv/ui", "var/lib/nginx"):
            (root / directory).mkdir(parents=True)
        (root / "srv" / "ui" / "index.html").write_text(PAGE)
        program = root / "opt" / "onvifd" / "onvifd"
        python = Path(sys.executable).resolve()
        program.write_text(
            "#!/bin/sh\nPYTHONPATH=/opt/onvifd/source:/opt/onvifd/packages PYTHONDONTWRITEBYTECODE=1"
            f' exec {python} -m onvifd "$@"\n'
        )
        program.chmod(0o755)
        (root / "opt" / "log").touch()
        self._install(mode)
        adapt(root / "etc")

    def _install(self, mode: str) -> None:
        etc = self.root / "etc"
        subprocess.run(["cp", "-a", "/etc", str(etc)], check=True)
        for secret in ("shadow", "shadow-", "gshadow", "gshadow-"):
            (etc / secret).unlink(missing_ok=True)
        for file, line in (
            ("passwd", f"onvifd:x:{UID}:{UID}::/nonexistent:/usr/sbin/nologin"),
            ("group", f"onvifd:x:{UID}:"),
        ):
            with (etc / file).open("a") as accounts:
                accounts.write(f"{line}\n")
        for name in (self.server, "onvifd", "units"):
            (etc / name).mkdir(exist_ok=True)
        for example in (EXAMPLES / self.server).iterdir():
            shutil.copy(example, etc / self.server / example.name)
        shutil.copy(EXAMPLES / self.server / f"{mode}.toml", etc / "onvifd" / "onvifd.toml")
        (etc / "default" / "onvifd").write_text(f"ONVIFD_ADMIN_PASSWORD={PASSWORD}\n")
        (etc / "default" / "webserver").write_text(f"SERVER={self.server}\n")
        for example in (*(EXAMPLES / "systemd").iterdir(), *(EXAMPLES / "init.d").iterdir()):
            text = example.read_text().replace("/usr/bin/onvifd", "/opt/onvifd/onvifd")
            text = text.replace("/usr/bin/$DAEMON", "/opt/onvifd/$DAEMON")
            copy = etc / ("units" if example.parent.name == "systemd" else "init.d") / example.name
            copy.write_text(text)
            copy.chmod(example.stat().st_mode)
        if self.init == "systemd":
            self._for_systemd(etc)

    def _for_systemd(self, etc: Path) -> None:
        units = etc / "units"
        for target in ("up", "sysinit", "basic", "network", "shutdown", "multi-user", "paths"):
            (units / f"{target}.target").write_text(_EMPTY)
        for unit in ("onvifd", self.server):
            (units / f"{unit}.service.d").mkdir()
            (units / f"{unit}.service.d" / "log.conf").write_text(_LOGGED)
        if self.external:
            reload = units / "onvifd-reload.service"
            reload.write_text(reload.read_text().replace("nginx.service", f"{self.server}.service"))
            toml = etc / "onvifd" / "onvifd.toml"
            toml.write_text(_with_systemd(toml.read_text()))

    def boot(self) -> Machine:
        """Start it, and wait for its init."""
        script = _BOOT.format(
            root=self.root, repository=REPOSITORY, packages=sysconfig.get_paths()["purelib"]
        ) + (_BOOT_SYSTEMD.format(systemd=SYSTEMD) if self.init == "systemd" else _BOOT_SYSV)
        join = f"echo $$ >{self._cgroup}/cgroup.procs; " if self._cgroup else ""
        namespaces = " ".join((*NAMESPACES, "--cgroup") if self._cgroup else NAMESPACES)
        with (self.root / "boot.log").open("w") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", f'{join}exec unshare {namespaces} sh -c "$0"', script],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._ending.callback(self._kill)
        self._pid = int(wait_until(self._child))
        thread = ThreadPoolExecutor(1, initializer=_enter_network, initargs=(self._pid,))
        self._thread = self._ending.enter_context(thread)
        is_up = (
            ("systemctl", "is-active", "up.target") if self.init == "systemd" else ("test", "-e", "/run/up")
        )
        wait_until(lambda: not self.run(*is_up, check=False).returncode or self._dead())
        return self

    def _dead(self) -> bool:
        assert self._process.poll() is None, self.log()
        return False

    def _child(self) -> str:
        self._dead()
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return children.read_text().strip()

    def halt(self) -> None:
        self._ending.close()

    def _kill(self) -> None:
        self._process.kill()  # and with it the first process of the machine, and with that all others
        self._process.wait()

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command within."""
        enter = ["nsenter", "--target", str(self._pid), "--mount", "--pid", "--net", "--ipc", "--uts"]
        if self._cgroup:
            enter.append("--cgroup")
        run = subprocess.run([*enter, *command], capture_output=True, text=True, check=False, timeout=60)
        assert not check or run.returncode == 0, f"{command}: {run.stdout}{run.stderr}\n{self.log()}"
        return run

    def service(self, action: str, name: str, *, check: bool = True) -> str:
        """Let init start or stop the service or the web server."""
        if self.init == "systemd":
            unit = self.server if name == "webserver" else name
            return self.run("systemctl", action, unit, check=check).stdout
        return self.run(f"/etc/init.d/{name}", action, check=check).stdout

    def call(self, function: Callable[..., T], *arguments: object, **named: object) -> T:
        """Call a function in this process whose connections are those of the machine."""
        return self._thread.submit(function, *arguments, **named).result()

    def processes(self, user: int = UID) -> dict[int, Program]:
        """Those of a user, by their IDs outside."""
        found = {}
        namespace = Path(f"/proc/{self._pid}/ns/pid").readlink()
        for entry in os.scandir("/proc"):
            with contextlib.suppress(OSError, ValueError, StopIteration):
                if entry.name.isdecimal() and Path(f"{entry.path}/ns/pid").readlink() == namespace:
                    program = Program.read(Path(entry.path))
                    if program.user == user:
                        found[int(entry.name)] = program
        return found

    def log(self) -> str:
        """All that was said, for the message of a failed test."""
        files = (self.root / "boot.log", self.root / "opt" / "log")
        return "\n".join(f"--- {file.name}\n{file.read_text()}" for file in files)


@dataclass(frozen=True)
class Program:
    """What a process is and may do."""

    command: str
    user: int
    capabilities: int
    """All that it has or could get: the bounding set too."""

    @classmethod
    def read(cls, process: Path) -> Program:
        fields = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        sets = (int(fields[f"Cap{name}"], 16) for name in ("Inh", "Prm", "Eff", "Bnd", "Amb"))
        capabilities = 0
        for each in sets:
            capabilities |= each
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        return cls(command, int(fields["Uid"].split()[1]), capabilities)


def _with_systemd(toml: str) -> str:
    """Settings as the example's comments say that they are with systemd."""
    kept = (line for line in toml.splitlines() if "# none with systemd" not in line)
    return "\n".join(re.sub(r"^(\w+ = ).*# with systemd: ", r"\1", line) for line in kept) + "\n"


@contextlib.contextmanager
def _cgroup() -> Iterator[Path]:
    """A control group for a machine, so that its init is at the top of all that it sees."""
    group = _new_cgroup()
    if group is None:
        pytest.skip("this machine has no control groups (version 2) that a test may use")
    yield group
    wait_until(lambda: _removed(group))


def _removed(group: Path) -> bool:
    """Whether a control group could be removed: its last processes may still be ending."""
    with contextlib.suppress(OSError):
        for directory, _, _ in os.walk(group, topdown=False):
            Path(directory).rmdir()
        return True
    return False


def _new_cgroup() -> Path | None:
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    for _, directory, kind, *_ in mounts:
        if kind == "cgroup2":
            group = Path(directory) / f"onvifd-test-{os.getpid()}"
            with contextlib.suppress(OSError):
                group.mkdir()
                return group
    return None


def _enter_network(pid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/proc/{pid}/ns/net").open() as namespace:
        if libc.setns(namespace.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def machine(
    root: Path, init: Init, server: str, mode: str, adapt: Adapt = lambda etc: None
) -> Iterator[Machine]:
    """A running machine. Skips where there can be none."""
    obstacle = _obstacle(init)
    if obstacle:
        pytest.skip(obstacle)
    root.mkdir()
    found = Machine(root, init, server, mode, adapt)
    try:
        yield found.boot()
    finally:
        found.halt()


def _obstacle(init: Init) -> str | None:
    """What this machine lacks to give another one."""
    if os.geteuid() != 0:
        return "only root can make namespaces with other users"
    needed = ("nsenter", "ip", "setpriv", "systemctl" if init == "systemd" else "start-stop-daemon")
    for name in needed:
        if shutil.which(name, path=SYSTEM_PATH) is None:
            return f"{name} is not installed"
    if init == "systemd" and not SYSTEMD.exists():
        return "systemd is not installed"
    if subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True, check=False).returncode:
        return "this kernel gives no namespaces"
    as_nobody = ["setpriv", f"--reuid={UID}", "--clear-groups", str(Path(sys.executable).resolve()), "-c", ""]
    if subprocess.run(as_nobody, capture_output=True, check=False).returncode:
        return "this Python is not for every user to run"
    return None

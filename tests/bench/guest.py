"""A device in QEMU: power on, power off, and what one sees of it from outside."""

from __future__ import annotations

import base64
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import requests

from tests.bench.image import Image
from tests.soap_client import CONTENT_TYPE, envelope
from tests.support import free_port, is_free

HOST = "127.0.0.1"
FACTORY_HTTP, FACTORY_HTTPS = 80, 443
BOOT_TIMEOUT = 600.0
"""Seconds to the first answer, on a busy machine. A quiet one needs a hundredth."""
COMMAND_TIMEOUT = 120.0
GET_TIME = envelope("<tds:GetSystemDateAndTime/>", "")
MACHINES = {
    # The emulation does byte by byte what these two say to be fast.
    "x86_64": (
        "qemu-system-x86_64",
        "-machine",
        "q35",
        "-cpu",
        "max,-erms,-fsrm",
        "-append",
        "console=ttyS0",
    ),
    "aarch64": (
        "qemu-system-aarch64",
        "-machine",
        "virt",
        "-cpu",
        "cortex-a53",
        "-append",
        "console=ttyAMA0",
    ),
}
_STATUS = re.compile(rb"\r?\nbench: status (\d+)\r?\n")


class Guest:
    """One device: an image with a data partition of its own.

    `directory` is where the data partition, the console's log and all else of it is kept; with `filesystem`
    the empty data partition is made there unless there is one. `https_ports` are ports that reach the guest's
    ports of the same number. `memory` is in MiB, `http_port` reaches the port 80, on which a device leaves the
    factory. As a context manager it is switched on, and its power is cut at the end.

    Raises AssertionError for a password that is not the one with which the device there left the factory.
    """

    def __init__(
        self,
        image: Image,
        directory: Path,
        *,
        password: str | None = None,
        filesystem: str = "ext4",
        memory: int = 256,
        http_port: int | None = None,
        https_ports: Sequence[int] = (),
    ) -> None:
        self.image = image
        self.user = "admin"
        self.http_port = http_port or free_port()
        self.https_ports = tuple(https_ports) or (free_port(), free_port())
        self.directory = directory
        self.filesystem = filesystem
        self.memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._commands: socket.socket | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self.password = self._label(password)
        if not self.data.exists():
            self.erase()

    def _label(self, password: str | None) -> str:
        """The password that the factory gave this device: the one that it has, or this one, or a random one."""
        label = self.directory / "password"
        if not label.exists():
            label.touch(mode=0o600)
            label.write_text(password or secrets.token_urlsafe(12))
        given = label.read_text()
        assert password in (None, given), f"this device left the factory with another password: see {label}"
        return given

    # -- what it is for clients

    @property
    def https_port(self) -> int:
        return self.https_ports[0]

    @property
    def url(self) -> str:
        """The device service on the factory's HTTP port."""
        return f"http://{HOST}:{self.http_port}/onvif/device_service"

    @property
    def https_url(self) -> str:
        return f"https://{HOST}:{self.https_port}/onvif/device_service"

    @property
    def data(self) -> Path:
        """The disk with the data partition."""
        return self.directory / "data.qcow2"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was never switched on"
        return self._process

    @property
    def on(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def console(self) -> str:
        """What the guest said on its serial console since it was last switched on."""
        return (self.directory / "console").read_text(errors="replace")

    def erase(self) -> None:
        """Give it an empty data partition."""
        shutil.copy(self.image.data(self.filesystem), self.data)

    def starts(self) -> int:
        """How often init has started onvifd since it was last switched on."""
        return self.console().count("Starting onvifd: ")

    # -- power

    def power_on(self) -> None:
        """Switch it on, and wait for nothing. Raises AssertionError if another program has one of its ports."""
        assert not self.on
        for port in (self.http_port, *self.https_ports):
            # QEMU would end, and another device answer in its place.
            assert is_free(port), f"port {port} is in use"
        (self.directory / "console").write_bytes(b"")  # QEMU takes a moment to
        with (self.directory / "qemu.log").open("wb") as log:
            self._process = subprocess.Popen(
                self._arguments(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _arguments(self) -> list[str]:
        image = self.image
        program, *machine = MACHINES[image.architecture]
        machine[-1] += (
            f" root=/dev/vda rootfstype=ext4 ro quiet panic=-1 bench.data={self.filesystem}:/dev/vdb"
        )
        forwarded = [(self.http_port, FACTORY_HTTP), *((port, port) for port in self.https_ports)]
        rules = "".join(f",hostfwd=tcp:{HOST}:{outside}-:{inside}" for outside, inside in forwarded)
        return [
            # Whoever kills the test kills the guest.
            "setpriv", "--pdeathsig", "KILL", program, *machine,
            "-accel", "tcg",
            "-m", f"{self.memory}",
            "-nodefaults", "-no-user-config", "-display", "none",
            "-kernel", str(image.kernel),
            "-drive", f"file={image.root},if=virtio,format=qcow2,readonly=on",
            # What the guest has flushed lies in this machine's page cache when QEMU is killed; what it has not,
            # in the guest's memory or in QEMU's.
            "-drive", f"file={self.data},if=virtio,format=qcow2,cache=writeback",
            "-netdev", f"user,id=net,restrict=on{rules}",
            "-device", "virtio-net-pci,netdev=net,romfile=",
            "-device", "virtio-rng-pci",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=commands,path={self.directory / 'commands'},server=on,wait=off",
            "-device", "virtconsole,chardev=commands",
            "-serial", f"file:{self.directory / 'console'}",
            "-fw_cfg", f"name=opt/onvifd/password,file={self.directory / 'password'}",
        ]  # fmt: skip

    def wait_until_it_answers(self, timeout: float = BOOT_TIMEOUT) -> None:
        """Raises AssertionError with what it said if it does not."""
        deadline = time.monotonic() + timeout
        while not self.answers():
            assert self.on, f"QEMU ended\n{self.log()}"
            assert time.monotonic() < deadline, f"no answer within {timeout} s\n{self.log()}"
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether anybody gets an ONVIF answer on the factory's HTTP port."""
        with requests.Session() as session:
            session.trust_env = False
            try:
                response = session.post(self.url, GET_TIME, headers={"Content-Type": CONTENT_TYPE}, timeout=5)
            except requests.RequestException:
                return False
            return response.status_code == 200

    def serves(self, port: int) -> bool:
        """Whether TLS is spoken on a port. QEMU accepts connections, and ends them if nobody listens."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with socket.create_connection((HOST, port), COMMAND_TIMEOUT) as plain, context.wrap_socket(plain):
                return True
        except (ConnectionError, ssl.SSLError):
            return False

    def boot(self) -> None:
        """Switch it on and wait for the first answer."""
        self.power_on()
        self.wait_until_it_answers()

    def cut_power(self) -> None:
        """What the guest has not flushed is lost."""
        self.process.kill()
        self.process.wait()
        if self._commands is not None:
            self._commands.close()
            self._commands = None

    def log(self) -> str:
        """All that is known of its life, for the message of a failed test."""
        qemu = (self.directory / "qemu.log").read_text(errors="replace")
        return f"--- QEMU\n{qemu}\n--- console\n{self.console()[-20_000:]}"

    def __enter__(self) -> Guest:
        try:
            self.boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Cut its power, if it is on."""
        if self.on:
            self.cut_power()

    # -- inside

    def fetch_state_as_left(self, directory: Path) -> None:
        """Put into a directory what was in the data partition when the guest was switched on."""
        archive = base64.b64decode(self.shell("tar -cz -C /run/as-left . | base64"))
        subprocess.run(["tar", "-xz", "-C", str(directory)], input=archive, check=True)

    def shell(self, command: str, timeout: float = COMMAND_TIMEOUT) -> str:
        """What a command line prints that root runs in the guest. Raises AssertionError if it fails."""
        if self._commands is None:
            self._commands = socket.socket(socket.AF_UNIX)
            self._commands.connect(str(self.directory / "commands"))
        connection = self._commands
        connection.settimeout(timeout)
        connection.sendall(command.encode() + b"\n")
        received = b""
        while not (end := _STATUS.search(received)):
            data = connection.recv(65536)
            assert data, f"the guest went away\n{self.log()}"
            received += data
        output = received[: end.start()].decode(errors="replace").replace("\r\n", "\n")
        assert int(end[1]) == 0, f"{command}: status {int(end[1])}\n{output}"
        return output

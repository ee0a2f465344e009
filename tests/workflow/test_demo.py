"""`onvifd demo` as a command: what it prints, what it leaves behind, and what it keeps to itself."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.bench_device import REPOSITORY, BenchDevice
from tests.pki import Authority
from tests.soap_client import Reply, Soap
from tests.support import wait_until
from tests.workflow import steps
from tests.workflow.clients import Zeep

REFUSED = ("UnableToGetMessagesFault",)
DEVICE_SERVICE = "/onvif/device_service"


def test_its_output_says_how_to_log_in(device: BenchDevice) -> None:
    lines = [line for line in device.output if not line.startswith("keeps root")]
    assert [line.split()[0] for line in lines] == ["url", "user", "password", "state", "ready"]
    assert device.announced == {
        "url": f"http://127.0.0.1:{device.http_port}{DEVICE_SERVICE}",
        "user": "admin",
        "password": "secret",
        "state": str(device.state),
    }
    assert Soap(device).call("tds:GetUsers").texts(".//tt:Username") == ["admin"]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_it_answers_on_the_loopback_addresses(device: BenchDevice, host: str) -> None:
    url = f"http://{host}:{device.http_port}{DEVICE_SERVICE}"
    assert Soap(device, url=url).call("tds:GetUsers").status == 200


def test_it_listens_nowhere_else(device: BenchDevice) -> None:
    listening = _listening_sockets(device)
    assert listening == {f"127.0.0.1:{device.http_port}", f"[::1]:{device.http_port}"}


def _listening_sockets(device: BenchDevice) -> set[str]:
    """The TCP addresses on which any of the device's processes listens."""
    ours = set()
    for pid in device.processes():
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                ours.add(str(descriptor.readlink()))
    found = set()
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state, inode = (line.split()[column] for column in (1, 3, 9))
            if state == "0A" and f"socket:[{inode}]" in ours:
                found.add(_address(family, local))
    return found


def _address(family: socket.AddressFamily, local: str) -> str:
    """`0100007F:1F90` of /proc/net/tcp, whose words are in the machine's order."""
    address, port = local.split(":")
    words = [int(address[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(address), 8)]
    host = socket.inet_ntop(family, b"".join(words))
    return f"[{host}]:{int(port, 16)}" if family == socket.AF_INET6 else f"{host}:{int(port, 16)}"


def test_a_random_password_is_another_one_each_time() -> None:
    passwords = set()
    for _ in range(2):
        with BenchDevice(password=None) as device:
            passwords.add(device.password)
            assert Soap(device).call("tds:GetUsers").status == 200
            assert Soap(device, password="secret").call("tds:GetUsers").status == 400
    assert len(passwords) == 2
    assert all(len(password) >= 12 for password in passwords)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory for sockets, whose paths have 107 octets at most."""
    with tempfile.TemporaryDirectory(prefix="onvifd-") as name:
        yield Path(name)


@pytest.mark.parametrize("group", [False, True], ids=["to the demo", "to its process group"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_and_leaves_nothing_behind(
    short_path: Path, number: signal.Signals, group: bool
) -> None:
    """Ctrl-C is SIGINT to the whole group, a terminal that closes SIGHUP. `stop` looks for processes and ports."""
    with BenchDevice(temporary=True, environment={"TMPDIR": str(short_path)}) as device:
        assert device.state.parent == short_path
        Soap(device).call("tas:GetAllKeys").ok()
        device.stop(number, group=group)
        assert list(short_path.iterdir()) == []
        assert [line.split()[0] for line in device.output][-1] == "ready"
        assert "Traceback" not in device.errors()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_impatience_leaves_nothing_behind(short_path: Path, number: signal.Signals) -> None:
    """Ctrl-C or Ctrl-\\ again and again, until the web server has ended."""
    with BenchDevice(temporary=True, environment={"TMPDIR": str(short_path)}) as device:

        def ended_after_another_one() -> bool:
            os.killpg(device.process.pid, number)
            return not device.web_servers()

        wait_until(ended_after_another_one)
        assert device.wait() == 0, device.log()
        assert not device.processes()
        assert list(short_path.iterdir()) == []
        assert "SIGKILL" not in device.errors()


def test_impatience_after_a_polite_signal_leaves_nothing_behind(short_path: Path) -> None:
    """The web server waits for the rest of a request, and somebody at the terminal not even for that."""
    with BenchDevice(temporary=True, environment={"TMPDIR": str(short_path)}) as device:
        with socket.create_connection(("127.0.0.1", device.http_port)) as connection:
            connection.sendall(b"POST /onvif/device_service HTTP/1.1\r\nHost: camera\r\n")
            device.process.terminate()
            wait_until(lambda: not device.listening())
            os.killpg(device.process.pid, signal.SIGINT)
            assert device.wait() == 0, device.log()
        assert not device.processes()
        assert list(short_path.iterdir()) == []
        assert "SIGKILL" not in device.errors()


def test_a_long_poll_does_not_hold_up_the_end(fresh_device: BenchDevice) -> None:
    """A PullMessages that waits is told that its pull point has ended."""
    soap = Soap(fresh_device)
    address = soap.call("tev:CreatePullPointSubscription").text(".//wsa:Address")
    answers: list[Reply] = []

    def pull(timeout: str) -> Reply:
        arguments = {"Timeout": timeout, "MessageLimit": 1}
        with Soap(fresh_device) as own:
            return own.call("tev:PullMessages", arguments, url=address)

    def pull_until_not_refused() -> None:
        while not answers or answers[-1].fault().subcodes == REFUSED:
            answers.append(pull("PT1M"))

    puller = threading.Thread(target=pull_until_not_refused, daemon=True)
    puller.start()
    # There is one pull at a time: that another one is refused says that the first one waits.
    wait_until(lambda: pull("PT0S").status != 200)
    fresh_device.stop()
    puller.join(10)
    assert answers[-1].fault().subcodes == ("ResourceUnknownFault",)


def test_only_the_state_is_left_of_a_demo_with_state(fresh_device: BenchDevice, root: Authority) -> None:
    _commission(fresh_device, root)
    fresh_device.stop()
    assert {path.name for path in fresh_device.state.iterdir()} == {
        "last-token",
        "lock",
        "onvifd.db",
        "onvifd.kek",
    }


def test_a_second_demo_runs_beside_the_first(device: BenchDevice) -> None:
    with BenchDevice(password="another one") as second:
        assert Soap(second).call("tds:GetUsers").status == 200
        assert Soap(device).call("tds:GetUsers").status == 200
        assert Soap(second, password=device.password).call("tds:GetUsers").status == 400
        assert not device.processes().keys() & second.processes().keys()
    assert Soap(device).call("tds:GetUsers").status == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_busy_port_is_one_clear_line(address: str) -> None:
    device = BenchDevice(temporary=True)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.closing(device), socket.create_server((address, device.http_port), family=family):
        device.launch()
        assert device.wait() != 0
        (line,) = device.errors().splitlines()
        assert line.startswith("onvifd: ")
        assert str(device.http_port) in line
        assert "ready" not in device.output
        assert not device.processes()
        assert not Path(tempfile.gettempdir(), f"onvifd-demo-{device.http_port}").exists()


# -- secrets


@pytest.fixture
def commissioned(root: Authority) -> Iterator[BenchDevice]:
    """A device that serves HTTPS, with a password of its own choice."""
    with BenchDevice(password=None) as device:
        _commission(device, root)
        yield device


def _commission(device: BenchDevice, root: Authority) -> None:
    steps.serve_https(Zeep(device), device.https_port, root, root.intermediate())


def test_others_can_read_nothing(commissioned: BenchDevice) -> None:
    """Files, directories and sockets of the state, while it runs and when it has stopped."""
    for running in (True, False):
        if not running:
            commissioned.stop()
        for path in (commissioned.state, *commissioned.state.rglob("*")):
            mode = path.lstat().st_mode
            assert stat.S_ISLNK(mode) or not mode & 0o077, f"{path}: {stat.filemode(mode)}"


def test_secrets_are_in_no_log_and_no_command_line(commissioned: BenchDevice) -> None:
    """Neither the password, but for the one line, nor a private key."""
    device = commissioned
    Soap(device, password="a wrong password").call("tds:GetUsers")
    Soap(device).call("tds:CreateUsers", "<tds:User/>")
    key_lines = _private_key_lines(device)
    password = device.password
    commands = list(device.processes().values())
    assert device.web_servers()
    device.stop()
    printed = [line for line in device.output if line != f"password  {password}"]
    for text in (*printed, device.errors(), *commands):
        for secret in (password, "a wrong password", "PRIVATE KEY", *key_lines):
            assert secret not in text


def _private_key_lines(device: BenchDevice) -> list[str]:
    """The base64 lines of what the web server reads."""
    (pem,) = (device.state / "run").rglob("*.key")
    return [line for line in pem.read_text().splitlines() if not line.startswith("-----")]


def test_private_keys_and_passwords_are_sealed_on_disk(commissioned: BenchDevice) -> None:
    (pem,) = (commissioned.state / "run").rglob("*.key")
    key = load_pem_private_key(pem.read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    numbers = key.private_numbers()
    secrets = [
        number.to_bytes((number.bit_length() + 7) // 8) for number in (numbers.d, numbers.p, numbers.q)
    ]
    commissioned.stop()
    stored = b"".join(path.read_bytes() for path in commissioned.state.iterdir())
    for secret in (*secrets, b"PRIVATE KEY", commissioned.password.encode()):
        assert secret not in stored


def test_the_password_of_the_environment_is_not_passed_on() -> None:
    with BenchDevice(password=None, environment={"ONVIFD_ADMIN_PASSWORD": "from outside"}) as device:
        assert "password  from outside" in device.output
        assert Soap(device, password="from outside").call("tds:GetUsers").status == 200
        assert device.web_servers()
        for pid in device.web_servers():
            assert b"from outside" not in Path(f"/proc/{pid}/environ").read_bytes()


# -- root

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up root")


def _users(device: BenchDevice) -> set[int]:
    """The user IDs of all its processes: real, effective, saved, of the file system."""
    found: set[int] = set()
    for pid in device.processes():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a former web server's has ended
            line = re.search(r"^Uid:(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
            assert line is not None
            found.update(map(int, line[1].split()))
    assert found
    return found


@as_root
def test_it_says_so_when_it_keeps_root(device: BenchDevice) -> None:
    """It does where the unprivileged user could not read the program or reach the state."""
    kept = [line for line in device.output if line.startswith("keeps root")]
    assert (_users(device) == {0}) == bool(kept)
    for line in kept:
        user, obstacle = re.findall(r"since (\S+) can't read (.*)", line)[0]
        reading = subprocess.run(
            ["test", "-r", obstacle], user=user, group=pwd.getpwnam(user).pw_gid, check=False
        )
        assert reading.returncode != 0, f"{user} can read {obstacle}"


@as_root
def test_root_is_given_up(tmp_path: Path, root: Authority) -> None:
    """Of a program that everybody can read no process is root's, nor is any file that it leaves."""
    python = _python_for_everybody()
    if python is None:
        pytest.skip("no interpreter of this version that everybody can read")
    with tempfile.TemporaryDirectory(prefix="onvifd-for-everybody-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        _copy_program(directory / "program")
        (directory / "states").mkdir(mode=0o755)
        with BenchDevice(
            directory / "states" / "one",
            program=(python, "-m", "onvifd"),
            directory=directory / "program",
            environment={"PYTHONDONTWRITEBYTECODE": "1"},
        ) as device:
            assert not [line for line in device.output if line.startswith("keeps root")]
            assert 0 not in _users(device)
            _commission(device, root)
            assert 0 not in _users(device)
            device.restart()
            assert 0 not in _users(device)
            assert 0 not in {path.lstat().st_uid for path in (device.state, *device.state.rglob("*"))}


def _python_for_everybody() -> str | None:
    """An interpreter that can use the installed packages, and that every user can run."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        version = "import sys; print(*sys.version_info[:2])"
        with contextlib.suppress(OSError):
            run = subprocess.run(
                [candidate, "-I", "-c", version], user="nobody", capture_output=True, text=True, check=False
            )
            if run.stdout.split() == [str(part) for part in sys.version_info[:2]]:
                return candidate
    return None


def _copy_program(directory: Path) -> None:
    """This package and the packages that it needs, where everybody can read them."""
    directory.mkdir(mode=0o755)
    for name in ("onvifd", "keystore"):
        shutil.copytree(REPOSITORY / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    required = [each for each in importlib.metadata.requires("onvifd") or () if "extra ==" not in each]
    for name in (*(re.split("[^a-z0-9]", each)[0] for each in required), *_REQUIRED_BY_THEM):
        for file in importlib.metadata.files(name) or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                target = directory / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), target)
    for path in directory.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


_REQUIRED_BY_THEM = ("cffi", "packaging")

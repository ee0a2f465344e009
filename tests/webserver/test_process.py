"""Programs left by a crashed run, and those that only look like one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onvifd.webserver.process import Supervisor, command, find, processes
from tests.support import kill_all, wait_until
from tests.webserver.support import MANAGED, Device, post, process_of

Ports = tuple[int, int, int]
Make = Callable[..., Device]

CRASHING = """
import sys, threading
from pathlib import Path
from tests.webserver.support import MANAGED, Device
device = Device(Path(sys.argv[1]), {}, MANAGED[sys.argv[3]])
device.store(http=[int(sys.argv[2])])
device.webserver.start()
print(device.server._supervisor.pid, flush=True)
threading.Event().wait()
"""


@pytest.fixture
def crashed(tmp_path: Path, ports: Ports, server: str) -> Iterator[int]:
    """The process ID of the web server that a killed service left."""
    service = subprocess.Popen(
        [sys.executable, "-c", CRASHING, str(tmp_path), str(ports[0]), server],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert service.stdout is not None
    with service, service.stdout:
        pid = int(service.stdout.readline())
        service.kill()
    yield pid
    place = tmp_path / "run dir" / "webserver"
    kill_all(
        lambda: [
            process.pid
            for process in processes()
            if str(tmp_path) in process.command or process.directory == place
        ]
    )


def gone(pid: int) -> bool:
    return command(pid) == ""


def test_the_one_of_a_crashed_run_is_replaced(crashed: int, make: Make, ports: Ports) -> None:
    assert not gone(crashed)
    assert post("127.0.0.1", ports[0])["status"] == 503
    device = make()
    device.webserver.start()
    assert gone(crashed)
    device.assert_agreement()


@pytest.mark.parametrize("server", ["nginx"], indirect=True)
def test_workers_that_lost_their_master_are_replaced(crashed: int, make: Make, ports: Ports) -> None:
    orphans = [process.pid for process in processes() if process.parent == crashed]
    assert orphans
    os.kill(crashed, signal.SIGKILL)
    wait_until(lambda: gone(crashed))
    assert post("127.0.0.1", ports[0])["status"] == 503
    device = make()
    device.webserver.start()
    assert all(map(gone, orphans))
    device.assert_agreement()


def test_other_programs_are_not_touched(make: Make, ports: Ports) -> None:
    """One that has the process ID of the old nginx, and one that has its file open."""
    device = make()
    device.store(http=ports[:1])
    webserver = device.run / "webserver"
    webserver.mkdir()
    arguments = [sys.executable, "-c", "input()", *device.server._arguments]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, cwd=webserver) as other:
        (webserver / "nginx.pid").write_text(f"{other.pid}\n")
        device.webserver.start()
        device.webserver.close()
        assert other.poll() is None
        other.kill()


def test_the_one_of_another_device_is_not_touched(device: Device, tmp_path: Path, server: str) -> None:
    pid = process_of(device)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    second = Device(elsewhere, {}, MANAGED[server])
    second.webserver.start()
    second.close()
    assert process_of(device) == pid
    device.assert_agreement()


def test_a_program_that_is_just_being_started_again_is_told(tmp_path: Path) -> None:
    """It may have read its files before they were changed."""
    told = tmp_path / "told"
    program = f"trap 'echo >{told}; exit' USR1; echo; while :; do sleep 0.1; done"
    killed, started, signalled = threading.Event(), threading.Event(), threading.Event()

    def spawn() -> subprocess.Popen[bytes]:
        """Starts it; the second time it is a while until anybody learns of it."""
        child = subprocess.Popen(["sh", "-c", program], stdout=subprocess.PIPE, start_new_session=True)
        assert child.stdout is not None
        with child.stdout:
            child.stdout.readline()
        if killed.is_set():
            started.set()
            signalled.wait(1)
        return child

    supervisor = Supervisor("a program", spawn, lambda _: False, signal.SIGTERM)
    supervisor.replace()
    pid = supervisor.pid
    assert pid is not None
    killed.set()
    os.kill(pid, signal.SIGKILL)
    assert started.wait(10)
    supervisor.start_or_signal(signal.SIGUSR1)
    signalled.set()
    wait_until(told.exists)
    supervisor.stop()


def test_a_process_shows_its_parent_user_and_command() -> None:
    found = find(os.getpid())
    assert found is not None
    assert (found.parent, found.user) == (os.getppid(), os.geteuid())
    assert "python" in found.command
    assert found.directory == Path.cwd()
    assert found in list(processes())


def test_a_process_that_has_gone() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert find(process.pid) is None
    assert command(process.pid) == ""

"""Whatever fails: the client got a fault or the change is fully there, and the device answers.

Each failure with each web server, one that the service runs and one that init runs.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keystore.database import Database
from keystore.errors import DatabaseError
from onvifd.webserver.errors import ApplyFailed, PortInUse, WebServerError
from onvifd.webserver.external import External
from tests.support import wait_until
from tests.webserver.support import Device, after, pem, post, process_of, refuses
from tests.webserver.vendor import Vendor

Ports = tuple[int, int, int]
Make = Callable[..., Device]

SERVERS = ("nginx", "lighttpd", "nginx-external", "lighttpd-external")
every_server = pytest.mark.parametrize("server", SERVERS, indirect=True)
only_external = pytest.mark.parametrize("server", SERVERS[2:], indirect=True)

ANSWERS_WITHIN = 5.0
"""Seconds in which an installer's tool must reach the device again, on its old or its new ports."""


@pytest.fixture
def kill(vendor: Vendor | None) -> Callable[[Device], None]:
    """Kills the web server, whoever runs it."""

    def killing(device: Device) -> None:
        pid = vendor.pid if vendor is not None else process_of(device)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    return killing


def answers(ports: Ports) -> bool:
    """Whether the device can be reached over HTTP."""
    for port in ports[0], ports[2]:
        with contextlib.suppress(OSError):
            if post("127.0.0.1", port)["status"] == 200:
                return True
    return False


def assert_one_or_the_other(device: Device, ports: Ports, *outcomes: dict[str, Any]) -> None:
    """It answers in time, and serves all of one of these outcomes and nothing of the others."""
    wait_until(lambda: answers(ports), ANSWERS_WITHIN)
    before = device.wanted()
    fitting = []
    for outcome in outcomes:
        with contextlib.suppress(ZeroDivisionError), device.database.transaction():
            device.store(**outcome)
            if device.wanted() == before:
                fitting.append(outcome)
            raise ZeroDivisionError
    assert len(fitting) == 1, before
    try:
        wait_until(lambda: agrees(device, ports))
    except AssertionError:
        device.assert_agreement(set(ports) - before.ports)  # says what is wrong
        raise


def agrees(device: Device, ports: Ports) -> bool:
    with contextlib.suppress(AssertionError, OSError):
        device.assert_agreement(set(ports) - device.wanted().ports)
        return True
    return False


def old(ports: Ports) -> dict[str, Any]:
    return {"http": ports[:1], "https": ports[1:2], "assigned": ["rsa-1"]}


def new(ports: Ports) -> dict[str, Any]:
    return {"http": [ports[0], ports[2]], "https": ports[1:2], "assigned": ["ec-1", "rsa-2"]}


def moved(ports: Ports) -> dict[str, Any]:
    return {"http": ports[2:], "https": ports[1:2], "assigned": ["rsa-2"]}


def mended(device: Device) -> bool:
    """Whether what is stored is served again, which each change sees to."""
    with contextlib.suppress(WebServerError):
        device.change()
        return True
    return False


def assert_works(device: Device, ports: Ports) -> None:
    """Once nothing fails any more, the change succeeds."""
    device.change(**new(ports))
    device.assert_agreement()


# -- commands


@every_server
def test_the_program_refuses_the_configuration(device: Device, ports: Ports) -> None:
    files = device.server._files
    files.program, program = "/bin/false", files.program
    with pytest.raises(ApplyFailed, match="refuses this"):
        device.change(**new(ports))
    assert_one_or_the_other(device, ports, old(ports))
    files.program = program
    assert_works(device, ports)


@only_external
@pytest.mark.parametrize(
    ("failing", "reason"),
    [
        ({"check": ("/bin/false",)}, "command that checks the web server failed"),
        ({"check": ("/nowhere/check",)}, "command that checks the web server can't be run"),
        ({"check": ("/bin/sleep", "60"), "timeout": 0.3}, "command that checks the web server did not end"),
        ({"reload": ("/bin/false",), "restart": ()}, "command that reloads the web server failed"),
        ({"reload": ("/bin/sleep", "60"), "restart": (), "timeout": 0.3}, "did not end in time"),
        ({"reload": ("/bin/true",), "restart": ()}, "does not serve the change"),
    ],
)
def test_a_command_fails_hangs_or_does_nothing(
    make: Make, ports: Ports, failing: dict[str, Any], reason: str
) -> None:
    device = make(patience=1.5)
    device.store(**old(ports))
    device.webserver.start()
    assert isinstance(device.server, External)
    commands = device.server._commands
    device.server._commands = replace(commands, **failing)
    with pytest.raises(ApplyFailed, match=reason):
        device.change(**new(ports))
    assert_one_or_the_other(device, ports, old(ports))
    device.server._commands = commands
    assert_works(device, ports)


@pytest.mark.parametrize("server", ["lighttpd-external"], indirect=True)
@pytest.mark.parametrize(
    ("failing", "reason"),
    [
        ({"restart": ("/bin/false",)}, "command that restarts the web server failed"),
        ({"restart": ("/bin/sleep", "60"), "timeout": 0.3}, "did not end in time"),
        ({"restart": ("/bin/true",)}, "does not serve the change"),
        ({"restart": ()}, "Port {} is still served"),
    ],
)
def test_a_restart_fails_hangs_or_does_nothing(
    make: Make, ports: Ports, failing: dict[str, Any], reason: str
) -> None:
    """Or is only a reload, which leaves a port open that is to be closed."""
    device = make(patience=1.5)
    device.store(**old(ports))
    device.webserver.start()
    commands = device.server._commands
    device.server._commands = replace(commands, **failing)
    with pytest.raises(ApplyFailed, match=reason.format(ports[0])):
        device.change(**moved(ports))
    assert answers(ports)
    device.server._commands = commands
    wait_until(lambda: mended(device))
    assert_one_or_the_other(device, ports, old(ports))
    assert_works(device, ports)


@pytest.mark.parametrize("server", ["lighttpd"], indirect=True)
@pytest.mark.parametrize("program", [("/bin/false",), ("/bin/sleep", "60"), ("/nowhere/lighttpd",)])
@pytest.mark.parametrize("still", [False, True])
def test_the_new_lighttpd_fails_hangs_or_is_not_there(
    make: Make, ports: Ports, program: tuple[str, ...], still: bool
) -> None:
    """Of the service's own. `still`: also on the way back; then the former one goes on, untold."""
    device = make(patience=1.0)
    device.store(**old(ports))
    device.webserver.start()
    right, device.server._arguments = device.server._arguments, program
    if not still:
        once = iter([None])

        def mend() -> None:
            device.server._arguments = right

        switch = device.webserver._generations.switch

        def back(generation: Path) -> None:
            switch(generation)
            if next(once, mend) is mend:
                mend()

        device.webserver._generations.switch = back  # type: ignore[method-assign]
    with pytest.raises(WebServerError):
        device.change(**new(ports))
    wait_until(lambda: answers(ports), ANSWERS_WITHIN)
    device.server._arguments = right
    wait_until(lambda: mended(device))
    assert_one_or_the_other(device, ports, old(ports))
    assert_works(device, ports)


@pytest.mark.parametrize("server", ["nginx"], indirect=True)
def test_nginx_takes_no_reload(make: Make, ports: Ports) -> None:
    """The service's own, stopped in its tracks: its worker goes on with the former state."""
    device = make(patience=0.5)
    device.store(**old(ports))
    device.webserver.start()
    master = process_of(device)
    os.kill(master, signal.SIGSTOP)
    try:
        with pytest.raises(ApplyFailed, match="did not take it over"):
            device.change(**new(ports))
        assert answers(ports)
    finally:
        os.kill(master, signal.SIGCONT)
    wait_until(lambda: mended(device))
    assert_one_or_the_other(device, ports, old(ports))
    assert_works(device, ports)


# -- ports and disks


@every_server
def test_a_port_is_taken_between_check_and_reload(make: Make, ports: Ports) -> None:
    device = make(patience=3.0)
    device.store(**old(ports))
    device.webserver.start()
    taken: list[socket.socket] = []
    after(device, "check", lambda: taken or taken.append(socket.create_server(("127.0.0.1", ports[2]))))
    with pytest.raises(PortInUse) as caught:
        device.change(**new(ports))
    assert caught.value.port == ports[2]
    wait_until(lambda: answers((ports[0],) * 3), ANSWERS_WITHIN)
    taken[0].close()
    assert_one_or_the_other(device, ports, old(ports))
    assert_works(device, ports)


@contextlib.contextmanager
def small_file_system(directory: Path, size: str) -> Iterator[None]:
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(directory)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small file system")
    yield
    subprocess.run(["umount", "-l", str(directory)], check=True)


def fill(directory: Path, left: int = 0) -> Path:
    """Fill a file system but for some blocks; the file that does."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    os.truncate(ballast, ballast.stat().st_size - left * 4096)
    return ballast


@pytest.fixture
def small_disk(make: Make) -> Iterator[tuple[Device, Path]]:
    """A device whose web server's files are on a small file system of their own."""
    device = make()
    with small_file_system(device.server.directory, "256k"):
        yield device, device.server.directory
        device.webserver.close()


@pytest.fixture
def small_partition(make: Make, tmp_path: Path) -> Iterator[tuple[Device, Path]]:
    """A device whose database is on a small file system of its own."""
    directory = tmp_path / "state"
    with small_file_system(directory, "1m"):
        device = make(state=directory)
        yield device, directory
        device.close()


@every_server
@pytest.mark.parametrize("left", [0, 1, 2])
def test_the_disk_is_full(small_disk: tuple[Device, Path], ports: Ports, left: int) -> None:
    """`left`: the blocks that are still free: it gets full sooner or later in the change."""
    device, directory = small_disk
    device.store(**old(ports))
    device.webserver.start()
    ballast = fill(directory, left)
    with pytest.raises(ApplyFailed, match="No space left"):
        device.change(**new(ports))
    assert_one_or_the_other(device, ports, old(ports))
    ballast.unlink()
    assert_works(device, ports)


@every_server
def test_the_databases_disk_is_full(small_partition: tuple[Device, Path], ports: Ports) -> None:
    """The change is served already when its commit fails."""
    device, directory = small_partition
    device.store(**old(ports))
    device.webserver.start()
    loads: list[Path] = []
    after(device, "load", lambda: loads.append(device.current))
    ballast = fill(directory)
    with pytest.raises(DatabaseError):
        fill_up(device, moved(ports))
    assert len(loads) == 2, "there and back"
    device.assert_agreement(closed=ports[2:])
    ballast.unlink()
    assert_one_or_the_other(device, ports, old(ports))
    assert_works(device, ports)


def fill_up(device: Device, outcome: dict[str, Any]) -> None:
    """A change with more to store than the last block of a file has room for."""
    with device.webserver.change(), device.database.transaction() as connection:
        device.store(**outcome)
        connection.executemany("INSERT INTO owner VALUES (?)", [(number,) for number in range(2000)])


# -- deaths


@every_server
@pytest.mark.parametrize("step", ["render", "check", "load"])
def test_the_web_server_is_killed_during_a_change(
    device: Device, ports: Ports, kill: Callable[[Device], None], step: str
) -> None:
    once = iter([None])
    after(device, step, lambda: [kill(device) for _ in once])
    try:
        device.change(**new(ports))
    except WebServerError:
        assert_one_or_the_other(device, ports, old(ports))
    else:
        assert_one_or_the_other(device, ports, new(ports))
    assert_works(device, ports)


@pytest.mark.parametrize("server", ["lighttpd"], indirect=True)
def test_the_web_server_is_killed_when_a_change_is_written_and_not_loaded(
    device: Device,
    ports: Ports,
    kill: Callable[[Device], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody has opened the new ports yet: whoever starts it again has to wait for them."""
    load = device.server.load

    def late() -> None:
        kill(device)
        wait_until(lambda: "can't be started: a change is about to open more ports" in caplog.text)
        load()

    monkeypatch.setattr(device.server, "load", late)
    device.change(**new(ports))
    monkeypatch.undo()
    assert_one_or_the_other(device, ports, new(ports))
    kill(device)
    wait_until(lambda: agrees(device, ports))


@every_server
def test_the_web_server_is_killed_at_any_time(
    device: Device, ports: Ports, kill: Callable[[Device], None]
) -> None:
    """Again and again while one change follows the other."""
    done = threading.Event()

    def killing() -> None:
        chance = random.Random(1)
        while not done.wait(chance.uniform(0.4, 0.9)):
            kill(device)

    killer = threading.Thread(target=killing)
    killer.start()
    expected = old(ports)
    try:
        for outcome in itertools.islice(itertools.cycle([new(ports), moved(ports), old(ports)]), 6):
            try:
                device.change(**outcome)
            except WebServerError:
                continue
            expected = outcome
    finally:
        done.set()
        killer.join()
    assert_one_or_the_other(device, ports, expected)
    assert_works(device, ports)


STEPS = (
    "store",
    "create",
    "render",
    "check",
    "switch",
    "load",
    "settled",
    "commit",
    "committed",
    "keep_only",
)


def dying_at(device: Device, step: str) -> None:
    """Let this process kill itself when a change has done one of STEPS."""

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if step in ("create", "switch", "keep_only"):
        generations = device.webserver._generations
        original = getattr(generations, step)
        setattr(generations, step, lambda *given: (original(*given), die()))
    elif step == "store":
        original_store = device.store
        device.store = lambda **wanted: (original_store(**wanted), die())  # type: ignore[method-assign]
    elif step == "settled":
        settled = device.server.settled
        device.server.settled = lambda: settled() and die()
    elif step == "commit":  # all is verified, and the transaction still open
        verify = device.webserver._verify
        device.webserver._verify = lambda *given: (verify(*given), die())  # type: ignore[method-assign,assignment]
    elif step == "committed":
        device.database.after_commit = lambda callback: Database.after_commit(device.database, die)  # type: ignore[method-assign]
    else:
        after(device, step, die)


def killed(victim: Callable[[], None]) -> None:
    """Run what kills itself in a process of its own."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            victim()
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the step was not reached"
    assert os.WTERMSIG(status) == signal.SIGKILL


@every_server
@pytest.mark.parametrize("step", STEPS)
def test_the_service_is_killed_between_two_steps(make: Make, ports: Ports, step: str) -> None:
    """kill -9; then the next start of the service."""

    def victim() -> None:
        device = make()
        device.store(**old(ports))
        device.webserver.start()
        dying_at(device, step)
        device.change(**moved(ports))

    killed(victim)
    device = make()
    stored = device.wanted().http_ports
    assert stored == (ports[2:] if step in ("committed", "keep_only") else ports[:1])
    device.webserver.start()
    assert_one_or_the_other(device, ports, moved(ports) if stored == ports[2:] else old(ports))
    assert refuses("127.0.0.1", ports[0]) == (stored == ports[2:])
    assert_works(device, ports)


@every_server
@pytest.mark.parametrize("step", ["switch", "load", "commit"])
def test_the_service_is_killed_on_the_way_back(make: Make, ports: Ports, step: str) -> None:
    """It has taken the change, but verification found a certificate missing."""

    def victim() -> None:
        device = make(patience=0.5)
        device.store(**old(ports))
        device.webserver.start()
        go_back = device.webserver._go_back

        def dying(*given: Any) -> list[int]:
            dying_at(device, step)
            return go_back(*given)

        device.webserver._go_back = dying  # type: ignore[method-assign]
        certificate = device.credentials["rsa-2"]
        short = replace(certificate, chain_pem=pem(certificate.certificates_der[0]))
        device.credentials["rsa-2"] = short
        device.change(**moved(ports))

    killed(victim)
    device = make()
    device.webserver.start()
    assert_one_or_the_other(device, ports, old(ports))
    assert refuses("127.0.0.1", ports[2])
    assert_works(device, ports)

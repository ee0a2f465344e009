"""The init scripts where all commands are BusyBox's, as in a Buildroot image."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import wait_until
from tests.webserver.machine import Machine, machine
from tests.webserver.support import refuses

APPLETS = "/opt/applets"
LOG = "/opt/messages"


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "machine", "sysv", "nginx", "managed") as image:
        install_applets(image)
        # The log is the machine's own.
        image.run("sh", "-c", "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3")
        image.run("mknod", "-m", "666", "/dev/urandom", "c", "1", "9")
        image.run("busybox", "syslogd", "-O", LOG)
        yield image


def install_applets(image: Machine) -> None:
    image.run("mkdir", APPLETS)
    image.run("busybox", "--install", "-s", APPLETS)


def init_script(image: Machine, action: str, name: str = "onvifd") -> tuple[int, str]:
    """The script's exit status and what it said."""
    path = f"PATH={APPLETS}:/usr/sbin:/usr/bin:/sbin"
    run = image.run("env", path, f"{APPLETS}/sh", f"/etc/init.d/{name}", action, check=False)
    return run.returncode, run.stdout + run.stderr


def is_up(image: Machine) -> bool:
    return not image.call(refuses, "127.0.0.1", 80)


def test_it_starts_and_stops_the_device(image: Machine) -> None:
    assert init_script(image, "start") == (0, "Starting onvifd: OK\n")
    assert init_script(image, "start") == (0, "Starting onvifd: OK (it runs already)\n")
    wait_until(lambda: is_up(image))
    assert init_script(image, "stop") == (0, "Stopping onvifd: OK\n")
    assert not is_up(image)
    assert image.processes() == {}


def test_it_can_stop_what_it_has_just_started(image: Machine) -> None:
    assert init_script(image, "restart") == (0, "Stopping onvifd: FAIL\nStarting onvifd: OK\n")
    assert init_script(image, "restart") == (0, "Stopping onvifd: OK\nStarting onvifd: OK\n")
    assert init_script(image, "stop") == (0, "Stopping onvifd: OK\n")
    assert image.processes() == {}


def test_what_a_crash_left_does_no_harm(image: Machine) -> None:
    """Another process may have the process ID by now, even a shell."""
    image.run("sh", "-c", "sh -c 'sleep 1000; :' >/dev/null 2>&1 & echo $! >/var/run/onvifd.pid")
    image.run("touch", "/var/run/onvifd.log")
    assert init_script(image, "stop") == (1, "Stopping onvifd: FAIL\n")
    assert init_script(image, "start") == (0, "Starting onvifd: OK\n")
    assert init_script(image, "stop") == (0, "Stopping onvifd: OK\n")
    assert "sleep 1000" in [program.command for program in image.processes(0).values()]


def test_the_reason_why_it_does_not_start_is_in_the_systems_log(image: Machine) -> None:
    image.run("sed", "-i", 's/server = "nginx"/server = "apache"/', "/etc/onvifd/onvifd.toml")
    init_script(image, "start")
    reason = "webserver.server must be one of nginx, lighttpd, not 'apache'"
    wait_until(lambda: f"onvifd: /etc/onvifd/onvifd.toml: {reason}" in image.run("cat", LOG).stdout)


def test_without_setpriv_it_says_that_it_failed(image: Machine) -> None:
    image.run(
        "sed",
        "-i",
        "s|/usr/bin/setpriv|/usr/bin/missing|; s/^START_TIMEOUT=.*/START_TIMEOUT=1/",
        "/etc/init.d/onvifd",
    )
    assert init_script(image, "start") == (1, "Starting onvifd: FAIL\n")
    assert "/usr/bin/missing: not found" in image.run("cat", LOG).stdout


def test_the_state_follows_the_user_to_another_id(image: Machine) -> None:
    """Buildroot chooses the ID, and an update may choose another one."""
    database = "/var/lib/onvifd/onvifd.db"
    owners = []
    for uid in (1777, 1888):
        for file in ("passwd", "group"):
            image.run("sed", "-i", f"s/^onvifd:x:[0-9]*/onvifd:x:{uid}/", f"/etc/{file}")
        assert init_script(image, "start")[0] == 0
        wait_until(lambda: is_up(image))
        owners.append(image.run("stat", "-c", "%u", database).stdout.strip())
        assert init_script(image, "stop")[0] == 0
    assert owners == ["1777", "1888"]


def test_a_state_directory_in_either_of_tomls_quotes_is_made(image: Machine) -> None:
    settings = "state_dir = '/opt/state'\\nrun_dir = \"/run/ours\""
    image.run("sed", "-i", f"1i {settings}", "/etc/onvifd/onvifd.toml")
    assert init_script(image, "start")[0] == 0
    wait_until(lambda: is_up(image))
    assert image.run("stat", "-c", "%U %a", "/opt/state", "/run/ours").stdout == "onvifd 700\n" * 2


@pytest.mark.parametrize("server", ["nginx", "lighttpd"])
def test_the_web_servers_own_script(tmp_path: Path, server: str) -> None:
    with machine(tmp_path / "machine", "sysv", server, "external") as image:
        install_applets(image)
        assert init_script(image, "start", "webserver") == (0, f"Starting {server}: OK\n")
        assert init_script(image, "start", "webserver") == (0, f"Starting {server}: OK (it runs already)\n")
        assert image.processes()
        assert init_script(image, "stop", "webserver") == (0, f"Stopping {server}: OK\n")
        assert image.processes() == {}
        assert init_script(image, "stop", "webserver") == (0, f"Stopping {server}: OK (it does not run)\n")

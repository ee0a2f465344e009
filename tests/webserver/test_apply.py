"""Changing what is served: one step with a way back."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keystore.errors import DatabaseError
from onvifd.webserver import listeners
from onvifd.webserver.errors import AlreadyRunning, ApplyFailed, EnablingTlsFailed, PortInUse
from onvifd.webserver.model import ServerCertificate
from onvifd.webserver.process import processes
from tests.support import wait_until
from tests.webserver.support import (
    LOOPBACK,
    MANAGED,
    Device,
    after,
    connection_to,
    credential,
    foreign_listener,
    leaf,
    pem,
    post,
    process_of,
    program_of,
    refuses,
    trusting_anything,
)

Ports = tuple[int, int, int]
Make = Callable[..., Device]

only_nginx = pytest.mark.parametrize("server", ["nginx"], indirect=True)
only_lighttpd = pytest.mark.parametrize("server", ["lighttpd"], indirect=True)

SLOW = """#!{python}
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a run in the background has it ignored
os.environ["PATH"] += ":/usr/sbin"
parent = os.getppid()
if not {{"-t", "-tt", "-v", "-V"}} & {{*sys.argv}}:
    while not os.path.exists("{come}"):
        if os.getppid() != parent:
            sys.exit("whoever started this is gone")
        time.sleep(0.02)
os.execvp("{program}", ["{program}", *sys.argv[1:]])
"""
"""A web server that answers questions about itself and its configuration, but starts only when it may."""


# -- changes


def test_ports_are_added_moved_and_removed(device: Device, ports: Ports) -> None:
    """Core 8.2.13: several ports of one protocol; what the client reads back is what is served."""
    first, second, third = ports
    device.change(http=[first, third])
    device.assert_agreement()
    device.change(http=[third])
    device.assert_agreement(closed=[first])
    device.change(http=[third], https=[first])
    device.assert_agreement(closed=[second])
    device.change(https=[])
    device.assert_agreement(closed=[first, second])


def test_two_protocols_can_change_their_ports(device: Device, ports: Ports) -> None:
    device.change(http=ports[1:2], https=ports[:1])
    device.assert_agreement()


def test_https_alone_and_no_port_at_all(device: Device, ports: Ports) -> None:
    device.change(http=[])
    device.assert_agreement(closed=ports[:1])
    device.change(https=[])
    device.assert_agreement(closed=ports[:2])
    device.change(http=ports[2:])
    device.assert_agreement(closed=ports[:2])


def test_after_a_replacement_every_new_connection_sees_the_new_certificate(
    device: Device, ports: Ports
) -> None:
    """Design: the answer is sent when the next connection meets the change. nginx starts its new worker 0.1 s
    before the old one stops accepting: 20 connections at once after each of 30 replacements."""
    with ThreadPoolExecutor(20) as clients:
        for number in range(30):
            name = ("rsa-2", "rsa-1")[number % 2]
            device.change(assigned=[name])
            seen = set(clients.map(lambda i: leaf(LOOPBACK[i % 2], ports[1]), range(20)))
            assert seen == {device.credentials[name].certificates_der[0]}


def test_the_same_configuration_is_not_loaded_again(device: Device) -> None:
    before = device.current
    device.change()
    assert device.current == before


def test_changes_wait_for_each_other(device: Device, ports: Ports) -> None:
    names = ["rsa-1", "rsa-2"] * 4
    with ThreadPoolExecutor(4) as clients:
        list(clients.map(lambda name: device.change(assigned=[name]), names))
    device.assert_agreement()


def test_a_request_in_flight_is_answered_by_the_old_worker(device: Device, ports: Ports) -> None:
    """A long poll lives through reloads, also when its own port is removed."""
    with ThreadPoolExecutor(2) as clients:
        polls = [
            clients.submit(post, "127.0.0.1", ports[0], "/onvif/wait"),
            clients.submit(post, "::1", ports[1], "/onvif/wait", context=trusting_anything()),
        ]
        for _ in polls:
            assert device.service.waiting.acquire(timeout=10)
        device.change(assigned=["rsa-2"])
        device.change(http=ports[2:])
        assert refuses("127.0.0.1", ports[0])
        assert not any(poll.done() for poll in polls)
        device.service.released.set()
        assert [poll.result(20)["status"] for poll in polls] == [200, 200]


def test_clients_that_poll_throughout_see_no_failure_on_new_connections(device: Device, ports: Ports) -> None:
    done = threading.Event()
    statuses: list[int] = []

    def poll(context: Any, port: int) -> None:
        while not done.is_set():
            statuses.append(post("127.0.0.1", port, context=context)["status"])

    with ThreadPoolExecutor(3) as clients:
        polling = [
            clients.submit(poll, None, ports[0]),
            clients.submit(poll, trusting_anything(), ports[1]),
            clients.submit(poll, trusting_anything(), ports[1]),
        ]
        try:
            for name in ["rsa-2", "ec-1", "rsa-1"] * 3:
                device.change(assigned=[name])
        finally:
            done.set()
        for poller in polling:
            poller.result(20)
    assert set(statuses) == {200}


# -- failures, and the way back


@contextlib.contextmanager
def unchanged(device: Device, closed: tuple[int, ...] = ()) -> Any:
    """Whatever happens within: afterwards all is as it was."""
    before = device.wanted()
    yield
    assert device.wanted() == before
    device.assert_agreement(closed)


@pytest.mark.parametrize("address", LOOPBACK)
def test_a_port_of_another_program_is_found_before_anything_changes(
    device: Device, ports: Ports, address: str
) -> None:
    """Core 8.2.13, PortAlreadyInUse; on either address family."""
    generation, other = device.current, ports[2]
    with foreign_listener(other, address), unchanged(device):
        with pytest.raises(PortInUse, match=f"Port {other} is in use") as caught:
            device.change(http=[ports[0], other])
        assert caught.value.port == other
        assert device.current == generation
    device.change(http=[ports[0], other])
    device.assert_agreement()


def test_past_connections_do_not_make_a_port_busy(device: Device, ports: Ports) -> None:
    """A connection that the server closed first leaves the port in TIME_WAIT."""
    device.change(http=[ports[0], ports[2]])
    with socket.create_connection(("127.0.0.1", ports[2])) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while client.recv(4096):
            pass
    device.change(http=ports[:1])
    device.change(http=[ports[0], ports[2]])
    device.assert_agreement()


def test_a_port_taken_between_check_and_reload(make: Make, ports: Ports) -> None:
    device = make(patience=3.0)
    device.store(http=ports[:1], https=ports[1:2], assigned=["rsa-1"])
    device.webserver.start()
    taken: list[socket.socket] = []

    def take() -> None:
        if not taken:
            taken.append(socket.create_server(("127.0.0.1", ports[2])))

    after(device, "check", take)
    with unchanged(device), pytest.raises(PortInUse) as caught:
        device.change(http=[ports[0], ports[2]], assigned=["rsa-2"])
    assert caught.value.port == ports[2]
    taken[0].close()
    device.change(http=[ports[0], ports[2]], assigned=["rsa-2"])
    device.assert_agreement()


def test_a_key_that_does_not_fit_its_certificate_is_refused_with_the_reason(
    device: Device, ports: Ports
) -> None:
    device.credentials["wrong"] = replace(credential(1), key_pem=credential(2).key_pem)
    with unchanged(device, ports[2:]), pytest.raises(ApplyFailed, match="web server refuses") as caught:
        device.change(assigned=["wrong"], https=ports[2:])
    assert str(device.run) not in str(caught.value)


def test_https_that_can_not_be_switched_on_is_a_failure_of_its_own(make: Make, ports: Ports) -> None:
    """Core 8.2.13, EnablingTlsFailed; a certificate that fails while HTTPS is on is none."""
    device = make()
    device.store(http=ports[:1], assigned=["wrong"])
    device.credentials["wrong"] = replace(credential(1), key_pem=credential(2).key_pem)
    device.webserver.start()
    with unchanged(device, ports[1:]), pytest.raises(EnablingTlsFailed, match="web server refuses"):
        device.change(https=ports[1:2])
    device.change(https=ports[1:2], assigned=["rsa-1"])
    with unchanged(device), pytest.raises(ApplyFailed, match="web server refuses") as caught:
        device.change(assigned=["wrong"])
    assert type(caught.value) is ApplyFailed


def test_a_chain_that_is_no_certificate_is_refused(device: Device) -> None:
    device.credentials["broken"] = replace(credential(1), chain_pem=b"no certificate")
    with unchanged(device), pytest.raises(ApplyFailed, match="web server refuses"):
        device.change(assigned=["broken"])


def test_what_a_handshake_does_not_present_exactly_is_rolled_back(make: Make, ports: Ports) -> None:
    """It takes the change, but a certificate of the path is missing from the handshake."""
    device = make(patience=0.5)
    device.store(http=ports[:1], https=ports[1:2], assigned=["rsa-1"])
    device.webserver.start()
    leaf_pem = pem(credential(2).certificates_der[0])
    device.credentials["short"] = replace(credential(2), chain_pem=leaf_pem)
    with (
        unchanged(device, ports[2:]),
        pytest.raises(ApplyFailed, match="does not present the assigned RSA certification path"),
    ):
        device.change(assigned=["short"], http=[ports[0], ports[2]])


def test_a_commit_that_fails_is_rolled_back(device: Device, ports: Ports) -> None:
    """The change is served already when the commit fails: a deferred foreign key is checked no earlier."""
    with unchanged(device, ports[2:]), pytest.raises(DatabaseError), device.webserver.change():
        device.store(http=[ports[0], ports[2]], assigned=["ec-2"])
        with device.database.transaction() as connection:
            connection.execute("INSERT INTO owned VALUES (1)")


def test_a_body_that_raises_changes_nothing(device: Device, ports: Ports) -> None:
    generation = device.current
    with unchanged(device, ports[2:]), pytest.raises(ValueError, match="no"), device.webserver.change():
        device.store(http=ports[2:])
        raise ValueError("no")
    assert device.current == generation


def test_what_else_a_failed_change_did_is_undone_last(device: Device) -> None:
    calls: list[object] = []
    device.credentials["broken"] = replace(credential(1), chain_pem=b"no certificate")
    with pytest.raises(ApplyFailed), device.webserver.change() as undo:
        undo.callback(lambda: calls.append(device.wanted()))
        device.store(assigned=["broken"])
    assert calls == [device.wanted()]
    with device.webserver.change() as undo:
        undo.callback(calls.append, "never")
    assert len(calls) == 1


def test_files_that_cannot_be_written_change_nothing(device: Device, ports: Ports) -> None:
    generations = device.current.parent
    moved = generations.with_name("moved")
    generation = device.current.name
    generations.rename(moved)
    try:
        with pytest.raises(ApplyFailed, match="can't be written"):
            device.change(assigned=["rsa-2"])
    finally:
        moved.rename(generations)
    assert device.current.name == generation
    device.assert_agreement()


@only_lighttpd
def test_a_port_that_may_not_be_opened_is_not_called_busy(
    device: Device, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one below 1024 for a service that lacks CAP_NET_BIND_SERVICE; nginx's own check finds that."""
    monkeypatch.setattr(listeners, "listening", refused)
    with unchanged(device, ports[2:]), pytest.raises(ApplyFailed, match=f"Port {ports[2]} can't be opened"):
        device.change(http=[ports[0], ports[2]])


def refused(listener: object) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


# -- the web server dies


@only_lighttpd
def test_one_that_hangs_is_ended(device: Device, ports: Ports) -> None:
    """It would go on listening where the new one listens too."""
    before = process_of(device)
    os.kill(before, signal.SIGSTOP)
    device.change(assigned=["rsa-2"], http=ports[2:])
    assert not Path(f"/proc/{before}").exists()
    device.assert_agreement(closed=ports[:1])


@only_lighttpd
def test_former_ones_end_when_their_last_request_is_answered(device: Device, ports: Ports) -> None:
    with ThreadPoolExecutor(1) as client:
        poll = client.submit(post, "127.0.0.1", ports[0], "/onvif/wait")
        assert device.service.waiting.acquire(timeout=10)
        before = process_of(device)
        for name in ("rsa-2", "rsa-1", "rsa-2"):
            device.change(assigned=[name])
        assert [process.pid for process in processes() if device.server._is_ours(process)] == [
            before,
            process_of(device),
        ]
        device.service.released.set()
        assert poll.result(20)["status"] == 200
    wait_until(lambda: not Path(f"/proc/{before}").exists())


def test_a_killed_one_is_replaced_and_its_workers_with_it(device: Device, ports: Ports) -> None:
    device.change(http=[ports[0], ports[2]])
    before = process_of(device)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: process_of(device) not in (0, before) and device.server.settled())
    device.assert_agreement()
    device.change(http=ports[:1], assigned=["rsa-2"])
    device.assert_agreement(closed=ports[2:])


@only_nginx
def test_a_killed_worker_is_replaced(device: Device) -> None:
    (worker,) = device.server._accepting()
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: device.server._accepting() not in ([], [worker]))
    device.assert_agreement()


def test_a_change_succeeds_while_it_is_dead(device: Device, ports: Ports) -> None:
    os.kill(process_of(device), signal.SIGKILL)
    device.change(assigned=["rsa-2"], http=[ports[0], ports[2]])
    device.assert_agreement()


def test_the_web_server_dies_during_a_reload(device: Device) -> None:
    """It is killed the moment that it was told, once."""
    deaths = iter([None])
    after(device, "load", lambda: [os.kill(process_of(device), signal.SIGKILL) for _ in deaths])
    device.change(assigned=["rsa-2"])
    device.assert_agreement()


def test_a_kept_alive_connection_goes_on_after_a_failed_change(device: Device, ports: Ports) -> None:
    connection = connection_to("127.0.0.1", ports[0])
    for _ in range(2):
        connection.request("POST", "/onvif/device_service", b"<x/>")
        assert connection.getresponse().read()
        device.credentials["wrong"] = replace(credential(1), key_pem=credential(2).key_pem)
        with pytest.raises(ApplyFailed):
            device.change(assigned=["wrong"])
    connection.close()


# -- starting and stopping


def test_closing_stops_it_and_leaves_no_file_with_a_key(device: Device, ports: Ports) -> None:
    before = process_of(device)
    device.webserver.close()
    assert not Path(f"/proc/{before}").exists()
    assert all(refuses(address, port) for address in LOOPBACK for port in ports)
    webserver = device.run / "webserver"
    assert not (webserver / "current").is_symlink()
    assert not list((webserver / "generations").iterdir())


def test_what_is_stored_is_served_after_a_new_start(device: Device, make: Make, ports: Ports) -> None:
    device.change(assigned=["ec-1", "rsa-2"], http=ports[2:])
    device.close()
    again = make()
    again.webserver.start()
    again.assert_agreement(closed=ports[:1])
    assert again.wanted().http_ports == ports[2:]
    assert again.wanted().certificates == (credential(1, "EC"), credential(2))


def test_a_relative_run_directory(
    credentials: dict[str, ServerCertificate],
    server: str,
    ports: Ports,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    device = Device(Path(), credentials, MANAGED[server])
    device.store(http=ports[:1], https=ports[1:2], assigned=["rsa-1"])
    device.webserver.start()
    device.assert_agreement()
    device.close()


def test_a_start_with_a_busy_only_port_tells_the_operator(make: Make, ports: Ports) -> None:
    device = make()
    device.store(http=ports[:1])
    with foreign_listener(ports[0]), pytest.raises(PortInUse, match=str(ports[0])):
        device.webserver.start()
    with pytest.raises(ApplyFailed, match="not running"):
        device.change()
    device.webserver.start()
    device.assert_agreement()


def test_a_device_with_a_busy_port_comes_up_on_the_others_and_can_be_mended(make: Make, ports: Ports) -> None:
    device = make()
    device.store(http=ports[:1], https=ports[1:2], assigned=["rsa-1"])
    with foreign_listener(ports[1]):
        device.webserver.start()
        assert post("127.0.0.1", ports[0])["status"] == 200
        with pytest.raises(PortInUse):
            device.change(assigned=["rsa-2"])
        device.change(https=ports[2:])
        device.assert_agreement()


def test_a_busy_port_is_served_once_it_is_free(make: Make, ports: Ports) -> None:
    device = make(retry_interval=0.1)
    device.store(http=ports[:1], https=ports[1:2], assigned=["rsa-1"])
    with foreign_listener(ports[1]):
        device.webserver.start()
    wait_until(lambda: not refuses("127.0.0.1", ports[1]))
    device.change()
    device.assert_agreement()


def test_a_web_server_that_is_slow_to_come_is_waited_for(
    make: Make, ports: Ports, server: str, tmp_path: Path
) -> None:
    """On a busy processor, after a power cut: HTTPS is not long in coming once the server is there."""
    slow, come = tmp_path / "slow", tmp_path / "come"
    slow.write_text(SLOW.format(python=sys.executable, program=program_of(MANAGED[server]), come=come))
    slow.chmod(0o755)
    device = make(patience=0.5, program=str(slow))
    device.store(http=ports[:1], https=ports[1:2], assigned=["rsa-1"])
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell's background has it
    device.webserver.start()
    signal.signal(signal.SIGINT, ignored)
    for _ in range(2):
        with pytest.raises(ApplyFailed, match="does not serve"):
            device.change(assigned=["rsa-2"])
    wait_until(lambda: sum(str(slow) in each.command for each in processes()) <= 1)
    come.touch()
    wait_until(device.agrees, 25)


def test_a_port_that_is_taken_while_the_web_server_starts(make: Make, ports: Ports) -> None:
    device = make(retry_interval=0.1)
    device.store(http=ports[:2])
    taken: list[socket.socket] = []
    after(device, "check", lambda: taken or taken.append(socket.create_server(("127.0.0.1", ports[1]))))
    device.webserver.start()
    assert post("127.0.0.1", ports[0])["status"] == 200
    taken[0].close()
    wait_until(device.agrees)


def test_http_comes_up_when_the_stored_certificate_is_refused(make: Make, ports: Ports) -> None:
    device = make()
    device.store(http=ports[:1], https=ports[1:2], assigned=["rsa-1"])
    device.credentials["rsa-1"] = replace(credential(1), key_pem=b"damaged")
    device.webserver.start()
    assert post("127.0.0.1", ports[0])["status"] == 200
    assert refuses("127.0.0.1", ports[1])
    device.change(assigned=["rsa-2"])
    device.assert_agreement()


def test_http_is_not_opened_when_it_is_disabled_and_https_fails(make: Make, ports: Ports) -> None:
    device = make()
    device.store(https=ports[1:2], assigned=["rsa-1"])
    device.credentials["rsa-1"] = replace(credential(1), key_pem=b"damaged")
    with pytest.raises(ApplyFailed):
        device.webserver.start()
    assert all(refuses("127.0.0.1", port) for port in ports)


def test_a_second_service_does_not_take_the_directory_of_a_running_one(
    device: Device, ports: Ports, make: Make
) -> None:
    before = process_of(device)
    second = make()
    with pytest.raises(AlreadyRunning):
        second.webserver.start()
    second.webserver.close()
    assert process_of(device) == before
    assert leaf("127.0.0.1", ports[1]) == device.credentials["rsa-1"].certificates_der[0]

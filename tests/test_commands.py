"""`onvifd check` and what `onvifd serve` says to an operator who made a mistake."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keystore import AlgorithmIdentifier, DistinguishedName, KeyStatus, Keystore
from keystore.errors import SealingError
from onvifd import assembly
from onvifd.check import _validity
from onvifd.config import Config, load
from tests import pki
from tests.support import free_port, wait_until
from tests.webserver.support import post

ETC = Path(__file__).parent.parent / "etc"
SHA256_WITH_RSA = AlgorithmIdentifier("1.2.840.113549.1.1.11")


def onvifd(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "onvifd", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """Where nothing is yet, on a tmpfs."""
    with tempfile.TemporaryDirectory(prefix="onvifd-test-", dir="/dev/shm") as directory:
        yield Path(directory) / "run"


@pytest.fixture
def config(tmp_path: Path, run_dir: Path) -> Path:
    """A configuration file that works, of a device that was never started."""
    (tmp_path / "password").write_text("first-password\nnot this line\n")
    path = tmp_path / "onvifd.toml"
    path.write_text(
        f"""
        state_dir = "{tmp_path}/state"
        run_dir = "{run_dir}"
        [users]
        password_file = "{tmp_path}/password"
        [protocols.http]
        enabled = true
        ports = [{free_port()}]
        [webserver]
        listen = ["127.0.0.1"]
        """
    )
    return path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def check(config: Path) -> list[str]:
    """The findings of `onvifd check`."""
    run = onvifd("check", "--config", str(config))
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert run.returncode == (0 if lines == ["ok"] else 1)
    return [] if lines == ["ok"] else lines


@pytest.fixture
def loaded(config: Path) -> Iterator[Config]:
    """The configuration of `config` with a store that has its first administrator."""
    loaded = load(config)
    loaded.state_dir.mkdir(mode=0o700)
    assembly.provision(loaded)
    yield loaded


def test_a_good_configuration_of_a_new_device(config: Path) -> None:
    assert check(config) == []


def test_a_good_configuration_of_a_device_that_ran(config: Path, loaded: Config) -> None:
    assert check(config) == []


def test_checking_makes_nothing(config: Path) -> None:
    check(config)
    assert sorted(path.name for path in config.parent.iterdir()) == ["onvifd.toml", "password"]


def test_a_missing_web_server(config: Path) -> None:
    edit(config, "[webserver]", '[webserver]\nnginx = "/nowhere/nginx"')
    (finding,) = check(config)
    assert "/nowhere/nginx" in finding


def test_a_web_server_that_is_too_old(config: Path, tmp_path: Path) -> None:
    program = tmp_path / "lighttpd"
    program.write_text("#!/bin/sh\necho 'lighttpd/1.4.53 (ssl)'\n")
    program.chmod(0o755)
    edit(config, "[webserver]", f'[webserver]\nserver = "lighttpd"\nlighttpd = "{program}"')
    assert check(config) == [f"{program} is no lighttpd 1.4.69 or newer: install one, or set where it is"]


@pytest.mark.parametrize(
    ("server", "example"), [("nginx", "nginx/nginx.conf"), ("lighttpd", "lighttpd/lighttpd.conf")]
)
def test_a_fragment_that_nothing_includes(
    config: Path, run_dir: Path, tmp_path: Path, server: str, example: str
) -> None:
    main, other = tmp_path / "main.conf", tmp_path / "other.conf"
    edit(
        config,
        "[webserver]",
        f'[webserver]\nserver = "{server}"\nmode = "external"\nmain = "{main}"\nreload = ["true"]',
    )
    assert check(config) == [f"webserver.main: {main} can't be read: No such file or directory"]
    fragment = f"{run_dir}/webserver/current/*.conf"
    text = (ETC / example).read_text()
    main.write_text(text)
    assert check(config) == [f"{main} does not include {fragment}, nothing would be served: add the line"]
    other.write_text(text.replace("/run/onvifd/webserver/current/*.conf", fragment))
    for of_another in ("# include other.conf;\n", f"include {run_dir}/*.conf;\n"):
        main.write_text(of_another)
        assert len(check(config)) == 1
    main.write_text('include "other.conf"\n' if server == "lighttpd" else "http { include other.conf; }\n")
    assert check(config) == []


def test_external_without_a_command_to_reload_with_or_with_one_that_is_not_there(config: Path) -> None:
    edit(config, "[webserver]", '[webserver]\nmode = "external"\nmain = "/dev/null"')
    assert "set webserver.reload" in check(config)[0]
    edit(config, 'main = "/dev/null"', 'main = "/dev/null"\nreload = ["/nowhere/reload"]')
    assert any("webserver.reload: there is no command /nowhere/reload" in line for line in check(config))


def test_a_group_that_is_not_there(config: Path) -> None:
    edit(config, "[webserver]", '[webserver]\ngroup = "no-such-group"')
    assert check(config) == ["webserver.group: there is no group no-such-group"]


@pytest.mark.parametrize("name", ["onvifd.db", "onvifd.kek"])
def test_a_file_with_secrets_that_others_can_read(config: Path, loaded: Config, name: str) -> None:
    (loaded.state_dir / name).chmod(0o644)
    (finding,) = check(config)
    assert f"{loaded.state_dir / name} is open to other users: set its mode to 0600" in finding


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user(config: Path, loaded: Config) -> None:
    os.chown(loaded.database, 65534, -1)
    (finding,) = check(config)
    assert "belong to different users" in finding


def test_no_password_for_the_first_administrator(config: Path) -> None:
    (config.parent / "password").write_text("\n")
    (finding,) = check(config)
    assert "users.password_file" in finding
    assert "ONVIFD_ADMIN_PASSWORD" in finding


def test_a_directory_that_others_can_enter(config: Path) -> None:
    (config.parent / "state").mkdir(mode=0o755)
    (finding,) = check(config)
    assert "0700" in finding


def test_a_directory_for_keys_in_the_clear_that_is_on_a_disk(
    config: Path, run_dir: Path, tmp_path: Path
) -> None:
    """Or would be: it is not there yet."""
    edit(config, f'run_dir = "{run_dir}"', 'run_dir = "/proc/onvifd"')
    assert "/proc/onvifd lies on proc: private keys in the clear belong on a tmpfs" in check(config)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_directories_of_different_users(config: Path, run_dir: Path, loaded: Config) -> None:
    run_dir.mkdir(mode=0o700)
    os.chown(run_dir, 65534, -1)
    assert check(config) == [
        f"{loaded.state_dir} and {run_dir} belong to different users: the service's user must own both"
    ]


def test_pages_of_the_vendor_that_are_not_there(config: Path) -> None:
    edit(config, "[webserver]", '[webserver]\ninclude = "/nowhere/locations.conf"')
    assert check(config) == [
        "webserver.include: /nowhere/locations.conf can't be read by this user: put it there, or correct its mode"
    ]


def test_a_store_that_does_not_open(config: Path, loaded: Config) -> None:
    loaded.database.write_bytes(b"not a database, and long enough to be looked at" * 100)
    (finding,) = check(config)
    assert "onvifd.db" in finding


def test_a_key_encryption_key_of_another_store(config: Path, loaded: Config) -> None:
    with assembly.open_store(loaded) as store:
        Keystore(store.database, store.sealer, assembly.limits(loaded))
    loaded.key_encryption_key.write_bytes(bytes(32))
    (finding,) = check(config)
    assert "key-encryption key" in finding


@pytest.mark.parametrize("new", [True, False])
def test_a_port_that_another_program_uses(config: Path, new: bool, request: pytest.FixtureRequest) -> None:
    (port,) = load(config).protocols.http.ports
    if not new:
        request.getfixturevalue("loaded")
    with socket.create_server(("127.0.0.1", port)):
        (finding,) = check(config)
        assert f"port {port} is in use by another program" in finding


def test_a_port_for_two_protocols(config: Path) -> None:
    (port,) = load(config).protocols.http.ports
    with config.open("a") as file:
        file.write(f"[protocols.https]\nenabled = true\nports = [{port}]\n")
    assert check(config) == [f"port {port} is wanted for two protocols: give one of them another port"]


def test_a_lost_key_encryption_key_is_missed_and_not_made(config: Path, loaded: Config) -> None:
    """With another one nobody could log in, and no key would open."""
    loaded.key_encryption_key.unlink()
    (finding,) = check(config)
    run = onvifd("serve", "--config", str(config))
    assert run.returncode == 1
    assert finding.startswith(f"{loaded.key_encryption_key} is missing: restore it")
    assert run.stderr == f"onvifd: {finding}\n"
    assert not loaded.key_encryption_key.exists()


def test_no_database_is_made_before_its_key(config: Path) -> None:
    """Where the power is cut between the two the next start can tell a new device from one that lost its key."""
    loaded = load(config)
    loaded.state_dir.mkdir(mode=0o700)
    keyless = replace(
        loaded, keystore=replace(loaded.keystore, key_encryption_key=config.parent / "none" / "kek")
    )
    with pytest.raises(SealingError, match="can't be made"):
        assembly.provision(keyless)
    assert not keyless.database.exists()


@pytest.mark.parametrize(("ends_in", "says"), [(-1, "expired on"), (5, "expires on"), (365, None)])
def test_the_end_of_an_assigned_certificate(
    config: Path, loaded: Config, ends_in: int, says: str | None
) -> None:
    now = datetime.now(UTC)
    with assembly.open_store(loaded) as store:
        keys = Keystore(store.database, store.sealer, assembly.limits(loaded))
        keys.start()
        key_id, _ = keys.create_rsa_key_pair(2048)
        wait_until(lambda: keys.get_key(key_id).status is KeyStatus.OK)
        certificate = keys.create_self_signed_certificate(
            key_id,
            DistinguishedName(common_name=("camera",)),
            SHA256_WITH_RSA,
            not_before=now - timedelta(days=400),
            not_after=now + timedelta(days=ends_in),
        )
        keys.assign_server_certificate(keys.create_certification_path([certificate]))
        keys.close()
    found = check(config)
    assert len(found) == (0 if says is None else 1)
    assert all(str(says) in finding for finding in found)


def test_the_end_of_a_ca_certificate_in_an_assigned_path() -> None:
    """A client refuses the path for it as it does for the server's."""
    now = datetime.now(UTC).replace(microsecond=0)
    ends = (now + timedelta(days=365), now - timedelta(days=10))
    leaf, authority = (
        pki.Authority.root().issue(
            pki.rsa_key(0).public_key(), not_before=now - timedelta(days=20), not_after=end
        )
        for end in ends
    )
    (finding,) = _validity("path", [leaf, authority])
    assert "the CA certificate (number 2 of the path) expired on" in finding


def test_capabilities_of_a_vendors_service_that_are_not_xml(config: Path) -> None:
    config.write_text(
        config.read_text()
        + '[[services]]\nnamespace = "urn:x"\npath = "/x"\nmajor = 1\nminor = 0\ncapabilities = "<a>"\n'
    )
    (finding,) = check(config)
    assert "capabilities of urn:x" in finding


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ('networks = ["192.0.2.1/24"]', "notification.networks: 192.0.2.1/24 has host bits set"),
        ('networks = ["consumer.example"]', "notification.networks: 'consumer.example'"),
        ('ca_file = "/nowhere/ca.pem"', "notification.ca_file: [Errno 2] No such file"),
        ('ca_file = "/etc/passwd"', "notification.ca_file: "),
    ],
)
def test_a_consumer_that_could_never_be_sent_to(config: Path, setting: str, says: str) -> None:
    config.write_text(f"{config.read_text()}[notification]\n{setting}\n")
    (finding,) = check(config)
    assert finding.startswith(says)


@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_broken_configuration_file_is_one_line_and_a_status(config: Path, command: str) -> None:
    edit(config, "[users]", "[userz]")
    run = onvifd(command, "--config", str(config))
    assert run.returncode == 1
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"onvifd: {config}: userz is not a setting")


def test_serve_without_a_password_for_the_first_administrator(config: Path) -> None:
    (config.parent / "password").write_text("")
    run = onvifd("serve", "--config", str(config))
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert "no password for the first administrator" in line


@pytest.mark.parametrize("from_environment", [True, False])
def test_the_first_password_comes_from_the_environment_or_the_file(
    config: Path, monkeypatch: pytest.MonkeyPatch, from_environment: bool
) -> None:
    if from_environment:
        monkeypatch.setenv(assembly.PASSWORD_VARIABLE, "from-environment")
    loaded = load(config)
    loaded.state_dir.mkdir(mode=0o700)
    assembly.provision(loaded)
    with assembly.open_store(loaded) as store:
        expected = "from-environment" if from_environment else "first-password"
        assert store.users.credentials("admin").password == expected


def test_the_vendors_commands_are_not_told_the_first_password(config: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    with config.open("a") as file:
        file.write(
            f"""
            [protocols.rtsp]
            ports = [{free_port()}]
            hook = ["sh", "-c", "env >{seen}.part; mv {seen}.part {seen}"]
            [discovery]
            enabled = false
            """
        )
    command = [sys.executable, "-m", "onvifd", "serve", "--config", str(config)]
    with subprocess.Popen(command, env={**os.environ, assembly.PASSWORD_VARIABLE: "from outside"}) as serving:
        try:
            wait_until(seen.exists, 60)
        finally:
            serving.terminate()
    assert "PATH=" in seen.read_text()
    assert "from outside" not in seen.read_text()


def test_no_signal_of_gunicorns_own_ends_the_service(config: Path) -> None:
    """At SIGHUP it starts anew; a second worker (SIGTTIN) or arbiter (SIGUSR2) there can't be."""
    with config.open("a") as file:
        file.write("[discovery]\nenabled = false\n")
    (port,) = load(config).protocols.http.ports
    command = [sys.executable, "-m", "onvifd", "serve", "--config", str(config)]
    with subprocess.Popen(command) as serving:

        def worker() -> str:
            return Path(f"/proc/{serving.pid}/task/{serving.pid}/children").read_text().strip()

        def answers() -> bool:
            with contextlib.suppress(OSError):
                return int(post("127.0.0.1", port)["status"]) == 500  # a fault; 503 is the web server's
            return False

        try:
            wait_until(answers, 60)
            first = worker()
            serving.send_signal(signal.SIGTTIN)
            serving.send_signal(signal.SIGUSR2)
            serving.send_signal(signal.SIGHUP)
            wait_until(lambda: worker() not in ("", first), 30)
            wait_until(answers, 60)
            assert worker().isdecimal()
        finally:
            serving.terminate()
    assert serving.returncode == 0


def test_a_provisioned_device_does_not_look_for_a_password_again(loaded: Config) -> None:
    assembly.provision(replace(loaded, users=replace(loaded.users, password_file=Path("/nowhere"))))


def test_serve_refuses_a_state_directory_in_use(
    config: Path, loaded: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    from onvifd import server

    monkeypatch.setattr(server, "LOCK_TIMEOUT", 0.2)
    with (loaded.state_dir / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(server.StateInUse, match="in use by another onvifd"):
            server.serve(loaded)


@pytest.mark.parametrize("arguments", [["--http", "0"], ["--https", "65536"]])
def test_demo_refuses_a_port_that_is_none(arguments: list[str]) -> None:
    run = onvifd("demo", *arguments)
    assert run.returncode == 1
    assert "is not a TCP port" in run.stderr
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
@pytest.mark.parametrize("kind", ["a directory", "a link"])
def test_demo_refuses_a_state_directory_of_another_user(tmp_path: Path, kind: str) -> None:
    """As root, too, which would give away what lies in it."""
    state, file = tmp_path / "state", tmp_path / "real" / "file"
    file.parent.mkdir()
    file.touch()
    if kind == "a link":
        state.symlink_to(file.parent)
    else:
        file.parent.rename(state)
        file = state / "file"
    os.chown(state, 12345, 12345, follow_symlinks=False)
    run = onvifd("demo", "--http", str(free_port()), "--https", str(free_port()), "--state", str(state))
    assert (run.returncode, run.stderr) == (1, f"onvifd: {state} belongs to another user\n")
    assert file.stat().st_uid == 0

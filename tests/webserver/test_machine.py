"""The whole device under init, as an image has it: the files of etc/, ports 80 and 443, an unprivileged user."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.soap_client import Soap
from tests.support import wait_until
from tests.webserver.machine import PASSWORD, REPOSITORY, Adapt, Machine, machine
from tests.webserver.support import chain, get, post, refuses
from tests.webserver.vendor import PAGE

HOST = "127.0.0.1"
CAP_NET_BIND_SERVICE = 1 << 10
AS_ONVIFD = ("setpriv", "--reuid", "onvifd", "--regid", "onvifd", "--clear-groups")
UNITS = REPOSITORY / "etc" / "systemd"


@dataclass
class Endpoint:
    url: str = f"http://{HOST}/onvif/device_service"
    user: str = "admin"
    password: str = PASSWORD


@pytest.fixture
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    init, server, mode = request.param
    with machine(tmp_path / "machine", init, server, mode) as image:
        yield image


@pytest.mark.parametrize(
    "image",
    [(init, server, mode) for init in ("systemd", "sysv") for server in ("nginx", "lighttpd")
     for mode in ("managed", "external")],
    indirect=True,
    ids="-".join,
)  # fmt: skip
def test_a_device_under_init(image: Machine) -> None:
    """Start, a change of everything that is served, stop and start again."""
    if image.init == "systemd":
        units = [f"/etc/units/{each.name}" for each in UNITS.iterdir()]
        assert (
            image.run("env", "SYSTEMD_UNIT_PATH=/etc/units", "systemd-analyze", "verify", *units).stderr == ""
        )
    if image.external:
        image.service("start", "webserver")
        if image.init == "systemd":
            image.run("systemctl", "start", "onvifd-reload.path")
    image.service("start", "onvifd")
    answers(image, 80)
    path = image.call(switch_https_on, 443)
    assert image.call(chain, HOST, 443) == image.call(chain, "::1", 443) == path
    image.call(move_http, 8080)
    assert image.call(refuses, HOST, 80)
    answers(image, 8080)
    assert image.call(get, HOST, 8080, "/") == (200, PAGE)
    assert_unprivileged(image)
    assert image.run(*AS_ONVIFD, "/opt/onvifd/onvifd", "check", check=False).stdout == "ok\n"

    image.service("stop", "onvifd")
    if image.external:
        assert image.call(post, HOST, 8080)["status"] == 503
        assert image.call(get, HOST, 8080, "/") == (200, PAGE)
        assert image.call(chain, HOST, 443) == path
    else:
        assert image.processes() == {}
        assert image.call(refuses, HOST, 8080)
    image.service("start", "onvifd")
    answers(image, 8080)
    assert image.call(chain, HOST, 443) == path

    image.service("stop", "onvifd")
    if image.external:
        image.service("stop", "webserver")
    assert image.processes() == {}
    assert image.call(refuses, HOST, 443)


def into_debians_nginx(etc: Path) -> None:
    """etc/README.md, "Into what you have": its master is root, its workers are www-data."""
    configuration = etc / "nginx" / "nginx.conf"
    text = Path("/etc/nginx/nginx.conf").read_text()
    configuration.write_text(
        text.replace("http {", "http {\ninclude /run/onvifd/webserver/current/*.conf;", 1)
    )
    (etc / "nginx" / "sites-enabled" / "default").unlink(missing_ok=True)
    groups = etc / "group"
    groups.write_text(re.sub(r"^(www-data:.*:)$", r"\1onvifd", groups.read_text(), flags=re.MULTILINE))
    shutil.copy("/lib/systemd/system/nginx.service", etc / "units" / "nginx.service")
    onvifd_toml(etc, 'server = "nginx"', 'group = "www-data"')


def into_debians_lighttpd(etc: Path) -> None:
    """etc/README.md, "Into what you have"."""
    text = Path("/etc/lighttpd/lighttpd.conf").read_text()
    for setting, instead in (
        (r"server\.username .*", ""),
        (r"server\.groupname .*", ""),
        (r"server\.port .*", 'server.bind = "/run/lighttpd/main.sock"'),
        (r"include_shell .*use-ipv6.*", ""),
        (r"server\.pid-file .*", 'server.pid-file = "/run/lighttpd/lighttpd.pid"'),
        (r"server\.upload-dirs .*", 'server.upload-dirs = ("/run/lighttpd")'),
        (r"server\.errorlog .*", 'server.errorlog-use-syslog = "enable"'),
        (r"#(server\.feature-flags .*graceful-restart-bg.*)", r"\1"),
        (r"\Z", 'include "/run/onvifd/webserver/current/*.conf"\n'),
    ):
        text, replaced = re.subn(rf"^{setting}$", instead, text, flags=re.MULTILINE)
        assert replaced == 1, setting
    (etc / "lighttpd" / "lighttpd.conf").write_text(text)
    onvifd_toml(
        etc, 'server = "lighttpd"', 'restart = ["touch", "/run/onvifd/replace", "/run/onvifd/reload"]'
    )


def onvifd_toml(etc: Path, *settings: str) -> None:
    lines = ("[webserver]", 'mode = "external"', 'reload = ["touch", "/run/onvifd/reload"]', *settings)
    (etc / "onvifd" / "onvifd.toml").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("server", "adapt"), [("nginx", into_debians_nginx), ("lighttpd", into_debians_lighttpd)]
)
def test_a_distributions_own_web_server(tmp_path: Path, server: str, adapt: Adapt) -> None:
    with machine(tmp_path / "machine", "systemd", server, "external", adapt) as image:
        image.service("start", "webserver")
        image.run("systemctl", "start", "onvifd-reload.path")
        image.service("start", "onvifd")
        answers(image, 80)
        path = image.call(switch_https_on, 443)
        assert image.call(chain, HOST, 443) == path
        image.call(move_http, 8080)
        assert image.call(refuses, HOST, 80)
        as_onvifd = (*AS_ONVIFD[:-1], "--init-groups")
        assert image.run(*as_onvifd, "/opt/onvifd/onvifd", "check", check=False).stdout == "ok\n"


def answers(image: Machine, port: int) -> None:
    url = f"http://{HOST}:{port}/onvif/device_service"

    def answered() -> bool:
        try:
            return image.call(soap(url).call, "tds:GetSystemDateAndTime").status == 200
        except OSError:
            return False

    try:
        wait_until(answered, 20)
    except AssertionError:
        raise AssertionError(image.log()) from None


def soap(url: str = Endpoint.url) -> Soap:
    return Soap(Endpoint(), url=url)


def switch_https_on(port: int) -> tuple[bytes, ...]:
    """With a self-signed certificate of a new key; the certificates that must be presented."""
    with soap() as client:
        key = client.call("tas:CreateRSAKeyPair", {"KeyLength": 2048}).text("tas:KeyID")
        wait_until(lambda: client.call("tas:GetKeyStatus", {"KeyID": key}).text("tas:KeyStatus") == "ok")
        subject = {
            "Subject": {"CommonName": "camera.test"},
            "KeyID": key,
            "SignatureAlgorithm": {"algorithm": "1.2.840.113549.1.1.11"},
        }
        certificate = client.call("tas:CreateSelfSignedCertificate", subject).text("tas:CertificateID")
        path = client.call(
            "tas:CreateCertificationPath", {"CertificateIDs": {"CertificateID": certificate}}
        ).text("tas:CertificationPathID")
        client.call("tas:AddServerCertificateAssignment", {"CertificationPathID": path}).ok()
        set_protocol(client, "HTTPS", port)
        answer = client.call("tas:GetCertificate", {"CertificateID": certificate})
        return (answer.binary("tas:Certificate/tas:CertificateContent"),)


def move_http(port: int) -> None:
    with soap() as client:
        set_protocol(client, "HTTP", port)


def set_protocol(client: Soap, name: str, port: int) -> None:
    protocol = {"tt:Name": name, "tt:Enabled": True, "tt:Port": port}
    client.call("tds:SetNetworkProtocols", {"NetworkProtocols": protocol}).ok()


def assert_unprivileged(image: Machine) -> None:
    """The service and the web server run as onvifd, which can do no more than bind ports below 1024."""
    ours = image.processes()
    commands = " ".join(program.command for program in ours.values())
    assert "onvifd" in commands
    assert image.server in commands
    assert {program.capabilities for program in ours.values()} == {CAP_NET_BIND_SERVICE}, ours
    others = image.processes(0).values()
    as_root = [each.command for each in others if image.server in each.command or " onvifd " in each.command]
    assert [command for command in as_root if not command.startswith("logger ")] == []


@pytest.mark.parametrize("unit", ["onvifd.service", "nginx.service", "lighttpd.service"])
def test_the_units_are_sandboxed(unit: str) -> None:
    """What systemd itself thinks of the exposure: 10 is none at all, and below 2 there is little to add."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    run = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", str(UNITS / unit)],
        capture_output=True,
        text=True,
        check=True,
    )
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", run.stdout)
    assert exposure is not None
    assert float(exposure[1]) < 2.0, run.stdout


def test_the_init_script_leaves_others_alone(tmp_path: Path) -> None:
    """What a crash left, or the server's own user wrote, may be the ID of any process."""
    with machine(tmp_path / "machine", "sysv", "nginx", "external") as image:
        image.run(
            "sh", "-c", "sleep 1000 >/dev/null 2>&1 & mkdir -p /run/nginx; echo $! >/run/nginx/nginx.pid"
        )
        image.service("stop", "webserver")
        assert "sleep 1000" in [program.command for program in image.processes(0).values()]
        image.run("sh", "-c", "pidof sleep | cut -d ' ' -f 1 >/run/nginx/nginx.pid")
        image.service("start", "webserver")
        wait_until(lambda: any("nginx: master" in each.command for each in image.processes().values()))
        image.service("stop", "webserver")
        assert not image.processes()
        image.run("mkdir", "-p", "/run/nginx")
        image.run(*AS_ONVIFD, "sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!")
        image.run("sh", "-c", "pidof sleep | cut -d ' ' -f 1 >/run/nginx/nginx.pid")
        image.service("start", "webserver")
        wait_until(lambda: any("nginx: master" in each.command for each in image.processes().values()))


def test_the_init_script_takes_no_check_for_the_server(tmp_path: Path) -> None:
    """onvifd runs nginx -t, and its user is that of the server."""
    with machine(tmp_path / "machine", "sysv", "nginx", "external") as image:
        image.run("cp", "/bin/sleep", "/opt/nginx")
        image.run(*AS_ONVIFD, "sh", "-c", "/opt/nginx 3 >/dev/null 2>&1 &")
        image.service("start", "webserver")
        assert any("nginx: master" in each.command for each in image.processes().values())


def slow_to_read(etc: Path) -> None:
    with (etc / "lighttpd" / "lighttpd.conf").open("a") as configuration:
        configuration.write(
            'include_shell "[ ! -e /run/lighttpd/slow ] || { rm /run/lighttpd/slow; sleep 2; }"\n'
        )


def test_the_init_script_stops_a_lighttpd_that_reads_its_configuration(tmp_path: Path) -> None:
    """Its file then names no process, or one that has other things to do."""
    with machine(tmp_path / "machine", "sysv", "lighttpd", "external", slow_to_read) as image:
        image.service("start", "webserver")
        wait_until(lambda: written_pid(image))
        image.run(*AS_ONVIFD, "touch", "/run/lighttpd/slow")
        image.run(*AS_ONVIFD, "/etc/lighttpd/reload")
        wait_until(lambda: image.run("test", "-e", "/run/lighttpd/slow", check=False).returncode)
        image.service("stop", "webserver")
        assert not lighttpds(image)


def test_the_init_script_stops_what_a_reload_has_left(tmp_path: Path) -> None:
    """lighttpd's former process has a request in flight, and its file names the new one."""
    with machine(tmp_path / "machine", "sysv", "lighttpd", "external") as image:
        image.service("start", "webserver")
        image.service("start", "onvifd")
        answers(image, 80)
        wait_until(lambda: len(lighttpds(image)) == 1)  # the start was a reload
        before = written_pid(image)
        with contextlib.closing(image.call(half_a_request, 80)):
            image.run(*AS_ONVIFD, "/etc/lighttpd/reload")
            wait_until(lambda: written_pid(image) not in ("", before) and len(lighttpds(image)) == 2)
            image.service("stop", "webserver")
            assert not lighttpds(image)


def half_a_request(port: int) -> socket.socket:
    """A connection on which the web server waits for a request's body."""
    connection = socket.create_connection((HOST, port))
    header = (
        "POST /onvif/device_service HTTP/1.1",
        "Host: camera",
        "Content-Length: 9",
        "Expect: 100-continue",
    )
    connection.sendall("\r\n".join((*header, "", "")).encode())
    assert b" 100 " in connection.recv(65536)
    return connection


def lighttpds(image: Machine) -> list[int]:
    return [pid for pid, each in image.processes().items() if each.command.startswith("/usr/sbin/lighttpd")]


def written_pid(image: Machine) -> str:
    return image.run("cat", "/run/lighttpd/lighttpd.pid").stdout

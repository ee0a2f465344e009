"""What is special about nginx and lighttpd: their programs and their configuration's language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from onvifd.webserver import program
from onvifd.webserver.errors import ApplyFailed, ServerMissing
from onvifd.webserver.lighttpd import LighttpdFiles
from onvifd.webserver.model import ServerConfiguration
from onvifd.webserver.nginx import NginxFiles, _reason
from onvifd.webserver.settings import Settings
from tests.webserver.support import LOOPBACK

FILES: dict[str, Any] = {"nginx": NginxFiles, "lighttpd": LighttpdFiles}


def _settings(tmp_path: Path, program: str, **settings: object) -> Settings:
    return Settings(
        **{"directory": tmp_path, "backend": tmp_path / "service", "addresses": LOOPBACK} | settings,  # type: ignore[arg-type]
        program=program,
    )


def _program(path: Path, output: str) -> str:
    path.write_text(f"#!/bin/sh\ncat >&2 <<'EOF'\n{output}\nEOF\n")
    path.chmod(0o700)
    return str(path)


def _rendered(files: Any, directory: Path) -> str:
    directory.mkdir()
    files.write(ServerConfiguration(http_ports=(8080,)), directory)
    return "".join((directory / name).read_text() for name in ("whole", files.fragment))


def test_a_missing_program_is_named(tmp_path: Path, server: str) -> None:
    with pytest.raises(ServerMissing, match=f"/no/such/{server}"):
        FILES[server](_settings(tmp_path, program=f"/no/such/{server}"))


@pytest.mark.parametrize(
    ("server", "output", "reason"),
    [
        ("nginx", "nginx version: nginx/1.20.2\n--with-http_ssl_module", "no nginx 1.22 or newer"),
        ("nginx", "lighttpd/1.4.69 (ssl)", "no nginx 1.22 or newer"),
        ("nginx", "nginx version: nginx/1.30.0\nconfigure arguments: --without-pcre", "without TLS"),
        ("lighttpd", "lighttpd/1.4.59 (ssl) - a light", "no lighttpd 1.4.69 or newer"),
        ("lighttpd", "nginx version: nginx/1.30.0", "no lighttpd 1.4.69 or newer"),
        ("lighttpd", "lighttpd/1.4.85 - a light and fast webserver", "without TLS"),
    ],
)
def test_an_unsuitable_program_is_refused(tmp_path: Path, server: str, output: str, reason: str) -> None:
    path = _program(tmp_path / "program", output)
    with pytest.raises(ServerMissing, match=reason):
        FILES[server](_settings(tmp_path, program=path))


def test_a_newer_nginx_keeps_idle_connections_through_a_reload(tmp_path: Path) -> None:
    """keepalive_min_timeout came with 1.27.4; an older one would refuse it."""
    path = _program(tmp_path / "program", "nginx version: nginx/1.30.1\n--with-http_ssl_module")
    newer = _rendered(NginxFiles(_settings(tmp_path, program=path)), tmp_path / "newer")
    older = _rendered(NginxFiles(_settings(tmp_path, "nginx")), tmp_path / "older")
    assert "keepalive_min_timeout" in newer
    assert "keepalive_min_timeout" not in older


def test_modules_that_an_nginx_was_built_without_are_not_configured(tmp_path: Path) -> None:
    without = "--without-http_uwsgi_module --without-http_limit_conn_module"
    build = f"nginx version: nginx/1.26.0\n--with-http_ssl_module {without}"
    nginx = NginxFiles(_settings(tmp_path, program=_program(tmp_path / "program", build)))
    configuration = _rendered(nginx, tmp_path / "rendered")
    assert "uwsgi" not in configuration
    assert "limit_conn" not in configuration
    assert "fastcgi_temp_path" in configuration


def test_an_address_that_the_host_does_not_have_is_left_out(tmp_path: Path, server: str) -> None:
    addresses = ("127.0.0.1", "2001:db8::1", "192.0.2.250")
    assert FILES[server](_settings(tmp_path, server, addresses=addresses)).addresses == ("127.0.0.1",)
    with pytest.raises(ServerMissing, match="none of the addresses"):
        FILES[server](_settings(tmp_path, server, addresses=("192.0.2.250",)))


def test_a_path_that_it_would_misread_is_refused(tmp_path: Path, server: str) -> None:
    directory = tmp_path / "$run"
    directory.mkdir()
    with pytest.raises(ApplyFailed, match="another path"):
        _rendered(FILES[server](_settings(directory, server)), directory / "rendered")


def test_https_without_a_certificate_is_refused(tmp_path: Path, server: str) -> None:
    with pytest.raises(ApplyFailed, match="assign a certification path"):
        FILES[server](_settings(tmp_path, server)).write(ServerConfiguration(https_ports=(8443,)), tmp_path)


def test_the_reason_of_nginx_is_given_without_paths_and_process_ids(tmp_path: Path) -> None:
    said = (
        f'2026/11/26 01:39:23 [emerg] 153#153: invalid number of arguments in "listen" in {tmp_path}/nginx.conf:3'
        f"\nnginx: configuration file {tmp_path}/whole test failed"
    )
    assert _reason(said, tmp_path) == 'invalid number of arguments in "listen"'


def test_a_check_that_does_not_end_is_refused(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {
        "nginx": "nginx version: nginx/1.30.1 --with-http_ssl_module",
        "lighttpd": "lighttpd/1.4.85 (ssl)",
    }
    path = tmp_path / "program"
    path.write_text(f'#!/bin/sh\n[ "$1" = -V ] && echo "{said[server]}" || exec sleep 60\n')
    path.chmod(0o700)
    files = FILES[server](_settings(tmp_path, program=str(path)))
    monkeypatch.setattr(program, "_TIMEOUT", 0.2)
    with pytest.raises(ApplyFailed, match="check of the configuration did not end"):
        files.check(tmp_path)

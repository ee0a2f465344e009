"""What each configured web server does with connections and requests."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from onvifd.webserver.settings import TLS12_CIPHERS, TLS13_CIPHERS
from tests.webserver.support import (
    LOOPBACK,
    Device,
    authority,
    chain,
    get,
    post,
    s_client,
    trusting,
    trusting_anything,
)

Ports = tuple[int, int, int]

VENDOR = {
    "nginx": "location / {{ root {}; }}",
    "lighttpd": '$HTTP["url"] == "/index.html" {{ server.document-root = "{}" }}',
}


@pytest.mark.parametrize("address", LOOPBACK)
def test_http_and_https_reach_the_service_over_ipv4_and_ipv6(
    device: Device, ports: Ports, address: str
) -> None:
    assert post(address, ports[0])["service"]["path"] == "/onvif/device_service"
    verified = post(address, ports[1], context=trusting(authority().pem))
    assert verified["service"]["path"] == "/onvif/device_service"


@pytest.mark.parametrize("address", LOOPBACK)
@pytest.mark.parametrize("version", ["1_2", "1_3"])
def test_exactly_the_assigned_path_is_presented(
    device: Device, ports: Ports, address: str, version: str
) -> None:
    expected = device.credentials["rsa-1"].certificates_der
    assert chain(address, ports[1], version=version) == expected


@pytest.mark.parametrize("version", ["1_2", "1_3"])
def test_rsa_and_ec_paths_are_presented_by_the_clients_algorithms(
    device: Device, ports: Ports, version: str
) -> None:
    device.change(assigned=["ec-1", "rsa-2"])
    for name in ("ec-1", "rsa-2"):
        certificate = device.credentials[name]
        presented = chain("127.0.0.1", ports[1], certificate.algorithm, version)
        assert presented == certificate.certificates_der


@pytest.mark.parametrize("assigned", [["rsa-1", "rsa-2"], ["rsa-2", "rsa-1"], ["ec-1", "rsa-1", "ec-2"]])
def test_of_two_paths_with_the_same_kind_of_key_the_last_is_presented(
    device: Device, ports: Ports, assigned: list[str]
) -> None:
    device.change(assigned=assigned)
    last = device.credentials[assigned[-1]]
    assert chain("::1", ports[1], last.algorithm) == last.certificates_der
    device.assert_agreement()


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1", "-ssl3"])
def test_versions_before_tls_1_2_are_refused(device: Device, ports: Ports, version: str) -> None:
    """SecurityBaseline 12."""
    refused = s_client("127.0.0.1", ports[1], version, "-cipher", "ALL:@SECLEVEL=0")
    assert "BEGIN CERTIFICATE" not in refused.stdout


def test_only_the_baselines_cipher_suites_are_accepted_with_tls_1_2(device: Device, ports: Ports) -> None:
    """SecurityBaseline 12: each suite that this machine's OpenSSL has is offered alone."""
    device.change(assigned=["rsa-1", "ec-1"])
    offered = trusting_anything()
    offered.maximum_version = ssl.TLSVersion.TLSv1_2
    offered.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    names = {str(cipher["name"]) for cipher in offered.get_ciphers() if cipher["protocol"] != "TLSv1.3"}
    accepted = set()
    for name in names:
        context = trusting_anything()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(f"{name}:@SECLEVEL=0")
        with socket.create_connection(("127.0.0.1", ports[1]), 20) as plain:
            try:
                with context.wrap_socket(plain) as secured:
                    cipher = secured.cipher()
            except OSError:
                continue
            assert cipher is not None
            accepted.add(cipher[0])
    assert len(names) > 20
    assert accepted == set(TLS12_CIPHERS)


def test_only_the_baselines_cipher_suites_are_accepted_with_tls_1_3(device: Device, ports: Ports) -> None:
    suites = (*TLS13_CIPHERS, "TLS_AES_128_GCM_SHA256", "TLS_AES_128_CCM_SHA256")
    accepted = [
        suite
        for suite in suites
        if "BEGIN CERTIFICATE" in s_client("127.0.0.1", ports[1], "-tls1_3", "-ciphersuites", suite).stdout
    ]
    assert accepted == list(TLS13_CIPHERS)


def test_no_session_tickets_no_compression_no_stapling(device: Device, ports: Ports) -> None:
    run = s_client("127.0.0.1", ports[1], "-tls1_2", "-status")
    assert "TLS session ticket:" not in run.stdout
    assert "Compression: NONE" in run.stdout
    assert "OCSP response: no response sent" in run.stdout


def test_no_renegotiation(device: Device, ports: Ports) -> None:
    """The extension is there, so that nobody renegotiates unsafely; the client that asks for it is refused."""
    run = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{ports[1]}", "-tls1_2"],
        input="R\n",
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert "Secure Renegotiation IS supported" in run.stdout
    assert "no renegotiation" in run.stderr


def test_a_ticket_of_tls_1_3_is_no_more_than_a_name(device: Device, ports: Ports, tmp_path: Path) -> None:
    """RFC 8446 4.6.1 allows the name of a session in the server's memory. There is no key that could open
    recorded sessions when the device is stolen, and none to rotate."""
    session = tmp_path / "session"
    # Tickets come after the handshake: with -ign_eof it stays until the server closes.
    subprocess.run(
        [
            "openssl",
            "s_client",
            "-connect",
            f"127.0.0.1:{ports[1]}",
            "-tls1_3",
            "-ign_eof",
            "-sess_out",
            session,
        ],
        input=b"GET / HTTP/1.0\r\n\r\n",
        capture_output=True,
        timeout=20,
        check=True,
    )
    command = ["openssl", "sess_id", "-in", session, "-noout", "-text"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    ticket = re.search(r"TLS session ticket:\n((?: +[0-9a-f]{4} - .*\n)+)", text)
    assert ticket is not None
    assert len(ticket[1].splitlines()) == 2  # 32 bytes


def test_nothing_of_it_is_taken_for_a_page(device: Device, ports: Ports) -> None:
    for path in ("/", "/onvif/device_service"):
        answer = post("127.0.0.1", ports[1], path, context=trusting_anything())
        assert answer["headers"].get_all("X-Content-Type-Options") == ["nosniff"]


@pytest.mark.parametrize("server", ["nginx"], indirect=True)
def test_a_session_does_not_outlive_the_replacement_of_its_certificate(
    device: Device, ports: Ports, tmp_path: Path
) -> None:
    """The next connection sees the new certificate, also one that offers to resume a session."""
    session = str(tmp_path / "session")
    assert s_client("127.0.0.1", ports[1], "-tls1_2", "-sess_out", session).returncode == 0
    assert "Reused, " in s_client("127.0.0.1", ports[1], "-tls1_2", "-sess_in", session).stdout
    device.change(assigned=["rsa-2"])
    again = s_client("127.0.0.1", ports[1], "-tls1_2", "-sess_in", session)
    assert "New, " in again.stdout


@pytest.mark.parametrize("server", ["lighttpd"], indirect=True)
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_lighttpd_resumes_no_sessions(device: Device, ports: Ports, tmp_path: Path, version: str) -> None:
    """With TLS 1.3 OpenSSL sends a ticket all the same, for a session that the server has not kept."""
    session = tmp_path / "session"
    assert s_client("127.0.0.1", ports[1], version, "-sess_out", str(session)).returncode == 0
    assert session.exists() <= (version == "-tls1_3")
    if session.exists():
        assert "New, " in s_client("127.0.0.1", ports[1], version, "-sess_in", str(session)).stdout


def test_who_asks_is_told_by_the_web_server_and_not_by_the_client(device: Device, ports: Ports) -> None:
    claimed = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Real-IP": "203.0.113.9",
        "X-Forwarded-Proto": "ftp",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Ssl": "on",
        "X-Forwarded-Protocol": "ssl",
        "Forwarded": "for=203.0.113.9;proto=https",
        "Host": "camera.test:8080",
        "Authorization": "Digest x",
    }
    for port, scheme, context in ((ports[0], "http", None), (ports[1], "https", trusting_anything())):
        received = post("127.0.0.1", port, headers=claimed, context=context)["service"]["headers"]
        seen = {name.lower(): value for name, value in received}
        assert len(seen) == len(received)
        assert seen["x-forwarded-for"] == "127.0.0.1"
        assert seen["x-forwarded-proto"] == scheme
        assert seen["host"] == "camera.test:8080"
        assert seen["authorization"] == "Digest x"
        # lighttpd always names the host that was asked for.
        assert seen.get("x-forwarded-host", "camera.test:8080") == "camera.test:8080"
        assert not seen.keys() & {"forwarded", "x-real-ip", "x-forwarded-ssl", "x-forwarded-protocol"}


def test_a_request_over_the_limit_is_413_and_one_at_the_limit_passes(
    make: Callable[..., Device], ports: Ports
) -> None:
    device = make(maximum_request_size=300 * 1024)
    device.store(http=ports[:1])
    device.webserver.start()
    assert post("127.0.0.1", ports[0], body=b"x" * 307_200)["service"]["length"] == 307_200
    refused = post("127.0.0.1", ports[0], body=b"x" * 307_201)
    assert refused["status"] == 413
    assert refused["text"] == "A request can have 307200 bytes at most\n"


def test_without_the_service_the_answer_is_503(device: Device, ports: Ports, server: str) -> None:
    """With Retry-After by nginx; lighttpd can't give a header to its own answers of one status only."""
    device.service.stop()
    answer = post("127.0.0.1", ports[0])
    assert answer["status"] == 503
    assert answer["headers"]["Retry-After"] == ("2" if server == "nginx" else None)
    assert answer["text"] == "The service is not available, try again\n"


@pytest.mark.parametrize("path", ["/", "/onvif", "/index.html", "/.well-known/", "/onvif/../etc/passwd"])
def test_everything_else_is_404(device: Device, ports: Ports, path: str) -> None:
    answer = post("127.0.0.1", ports[0], path)
    assert answer["status"] == 404
    assert "/" not in answer["headers"]["Server"]


def test_the_generation_is_told_to_this_host_only(device: Device, ports: Ports) -> None:
    answer = post("127.0.0.1", ports[0], "/.well-known/onvifd-generation")
    assert (answer["status"], answer["text"]) == (200, device.current.name)
    stranger = http.client.HTTPConnection("127.0.0.1", ports[0], source_address=("127.0.0.2", 0))
    stranger.request("GET", "/.well-known/onvifd-generation")
    assert stranger.getresponse().status == 404
    stranger.close()


def test_the_vendors_own_locations_are_included(
    make: Callable[..., Device], ports: Ports, tmp_path: Path, server: str
) -> None:
    (tmp_path / "index.html").write_text("vendor")
    pages = tmp_path / "vendor.conf"
    pages.write_text(VENDOR[server].format(tmp_path))
    device = make(include=pages)
    device.store(http=ports[:1])
    device.webserver.start()
    assert get("::1", ports[0], "/index.html") == (200, "vendor")
    assert post("::1", ports[0])["service"]["path"] == "/onvif/device_service"


def test_keys_are_in_the_run_directory_only_and_nobody_elses_to_read(device: Device, tmp_path: Path) -> None:
    key = device.credentials["rsa-1"].key_pem
    webserver = device.run / "webserver"
    holders = [path for path in tmp_path.rglob("*") if path.is_file() and key in path.read_bytes()]
    assert holders == [device.current / "path-001.key"]
    for path in (webserver, device.current.parent, device.current):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in device.current.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_uid == os.geteuid()


def test_a_private_key_shows_in_no_representation(device: Device) -> None:
    assert "PRIVATE KEY" not in repr(device.wanted())


def test_other_methods_reach_the_service(device: Device, ports: Ports) -> None:
    """It is the service that says 405."""
    status, text = get("127.0.0.1", ports[0], "/onvif/device_service")
    assert status == 200
    assert json.loads(text)["path"] == "/onvif/device_service"


def test_chunked_requests_and_those_that_expect_100_continue(device: Device, ports: Ports) -> None:
    """As .NET's clients send them: the service gets them with their length."""
    head = b"POST /onvif/x HTTP/1.1\r\nHost: camera\r\nConnection: close\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n4\r\n<x/>\r\n0\r\n\r\n"
    assert exchange(ports[0], chunked)["length"] == 4
    expecting = head + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n"
    with socket.create_connection(("127.0.0.1", ports[0]), 20) as connection:
        connection.sendall(expecting)
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"<x/>")
        assert received(connection)["length"] == 4


def exchange(port: int, request: bytes) -> dict[str, object]:
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(request)
        return received(connection)


def received(connection: socket.socket) -> dict[str, object]:
    answer = b"".join(iter(lambda: connection.recv(65536), b""))
    content: dict[str, object] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return content


def test_a_large_request_with_a_private_key_leaves_no_file(device: Device, ports: Ports) -> None:
    before = sorted(device.run.rglob("*"))
    assert post("127.0.0.1", ports[0], body=b"x" * 1_000_000)["service"]["length"] == 1_000_000
    assert sorted(device.run.rglob("*")) == before


@pytest.mark.parametrize("seconds", [0, 31536000])
def test_hsts_is_sent_over_https_if_configured(
    make: Callable[..., Device], ports: Ports, seconds: int
) -> None:
    """RFC 6797 7.2: never over HTTP."""
    device = make(hsts=seconds)
    device.store(http=ports[:1], https=ports[1:2], assigned=["rsa-1"])
    device.webserver.start()
    expected = f"max-age={seconds}" if seconds else None
    secured = post("127.0.0.1", ports[1], context=trusting_anything())["headers"]
    assert secured["Strict-Transport-Security"] == expected
    page = post("127.0.0.1", ports[1], "/", context=trusting_anything())
    assert (page["status"], page["headers"]["Strict-Transport-Security"]) == (404, expected)
    assert post("127.0.0.1", ports[0])["headers"]["Strict-Transport-Security"] is None

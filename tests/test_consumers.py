"""Where notifications may go, and how they are posted: nothing that a client names makes the device attack others."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from onvifd import consumers
from onvifd.consumers import Consumer, ConsumerRefused, DeliveryFailed, Policy, Sender, networks
from onvifd.network import Address, Interface
from tests.device_test.event.consumer import NotificationConsumer
from tests.pki import Authority, rsa_key
from tests.support import free_port, wait_until

LOOPBACK = networks(["127.0.0.0/8", "::1/128"])
OWN_PORTS = {80, 443}


def interface(*addresses: str) -> Interface:
    found = [Address(each.split("/")[0], int(each.split("/")[1]), False) for each in addresses]
    four, six = (tuple(a for a in found if (":" in a.address) == six) for six in (False, True))
    return Interface("eth0", 2, None, 1500, True, True, four, six)


DEVICE = [
    interface("127.0.0.1/8", "198.51.100.1/32", "::1/128"),
    interface("192.0.2.10/24", "203.0.113.2/31", "2001:db8::10/64", "fe80::10/64"),
]


def policy(*permitted: str) -> Policy:
    return Policy(networks(permitted), lambda: OWN_PORTS, lambda: DEVICE)


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "target"),
    [
        ("http://192.0.2.20", "http", "192.0.2.20", 80, "/"),
        ("https://192.0.2.20/", "https", "192.0.2.20", 443, "/"),
        ("HTTP://192.0.2.20:8080/a/b?c=d&e=%20", "http", "192.0.2.20", 8080, "/a/b?c=d&e=%20"),
        ("http://192.0.2.20?x", "http", "192.0.2.20", 80, "/?x"),
        ("http://192.0.2.20/a#fragment", "http", "192.0.2.20", 80, "/a"),
        ("http://[2001:db8::20]:81/", "http", "2001:db8::20", 81, "/"),
    ],
)
def test_a_consumer_is_what_its_url_says(url: str, scheme: str, host: str, port: int, target: str) -> None:
    found = policy("192.0.2.0/24", "2001:db8::/64").consumer(url)
    assert found == Consumer(url, scheme, host, port, target, ip_address(host))


@pytest.mark.parametrize(
    ("permitted", "url"),
    [
        ("192.0.2.0/24", "http://192.0.3.1/"),
        ("2001:db8::/64", "http://192.0.2.20/"),
        ("192.0.2.0/24", "http://[2001:db8::20]/"),
        # itself
        ("0.0.0.0/0", "http://192.0.2.10/"),
        ("0.0.0.0/0", "http://198.51.100.1:8080/"),
        ("::/0", "http://[2001:db8::10]/"),
        ("0.0.0.0/0", "http://[::ffff:192.0.2.10]/"),
        ("::/0", "http://[::ffff:192.0.2.10]/"),
        ("0.0.0.0/0", "http://127.0.0.1/"),
        ("0.0.0.0/0", "http://127.255.255.254:8080/"),
        ("0.0.0.0/0", "http://2130706433:8080/"),
        ("0.0.0.0/0", "http://0x7f.1:8080/"),
        ("0.0.0.0/0", "http://127.1:8080/"),
        ("0.0.0.0/0", "http://localhost:8080/"),
        ("0.0.0.0/0", "http://[::ffff:127.0.0.1]:8080/"),
        ("::/0", "http://[::1]:8080/"),
        ("127.0.0.0/8", "http://127.0.0.1/"),
        ("127.0.0.0/8", "http://127.0.0.1:443/"),
        ("127.0.0.0/8", "https://localhost/"),
        ("::1/128", "http://[::1]/"),
        # metadata services and link-local
        ("169.254.0.0/16", "http://169.254.169.254/"),
        ("169.254.0.0/16", "http://169.254.1.1/"),
        ("0.0.0.0/0", "http://[::ffff:169.254.169.254]/"),
        ("fd00::/8", "http://[fd00:ec2::254]/"),
        ("fe80::/10", "http://[fe80::20]/"),
        ("fe80::/10", "http://[fe80::20%25lo]/"),
        # nobody in particular
        ("0.0.0.0/0", "http://0.0.0.0:8080/"),
        ("::/0", "http://[::]:8080/"),
        ("0.0.0.0/0", "http://224.0.0.1/"),
        ("::/0", "http://[ff02::1]/"),
        ("0.0.0.0/0", "http://255.255.255.255/"),
        ("0.0.0.0/0", "http://192.0.2.255/"),
    ],
)
def test_addresses_that_are_never_sent_to(permitted: str, url: str) -> None:
    with pytest.raises(ConsumerRefused, match=r"notification\.networks|can't be found"):
        policy(permitted).consumer(url)


@pytest.mark.parametrize(
    ("permitted", "url"),
    [
        ("0.0.0.0/0", "http://192.0.2.11/"),
        ("0.0.0.0/0", "http://[::ffff:192.0.2.11]/"),
        ("192.0.2.11/32", "http://192.0.2.11/"),
        ("203.0.113.0/24", "http://203.0.113.3/"),  # the peer of a /31, which has no broadcast address
        ("::/0", "http://[2001:db8::11]/"),
        ("fd00::/8", "http://[fd00::254]/"),
        ("127.0.0.0/8", "http://127.0.0.1:8080/"),
        ("127.0.0.1/32", "http://localhost:8080/"),
        ("::1/128", "http://[::1]:8080/"),
    ],
)
def test_addresses_that_are_sent_to_where_permitted(permitted: str, url: str) -> None:
    policy(permitted).consumer(url)


@pytest.mark.parametrize(
    "url",
    [
        *("", "x", "/notify", "//192.0.2.20/", "http://", "http:///x", "http:192.0.2.20", "urn:uuid:1"),
        *("ftp://192.0.2.20/", "file:///etc/passwd", "gopher://192.0.2.20/", "unix:///run/x"),
        *("http://user@192.0.2.20/", "http://user:password@192.0.2.20/", "http://:@192.0.2.20/"),
        *("http://192.0.2.20:99999/", "http://192.0.2.20:x/", "http://192.0.2.20:-1/", "http://[::1/"),
        *("http://192.0.2.20/\r\nHost: x", "http://192.0.2.20/ HTTP/1.1", "http://192.0.2.20/\x00"),
        *("http://192.0.2.20/\u00fc", "http://\u2460.0.2.20/", "http://192.0.2.20/" + "x" * 2048),
        *("http://nowhere.invalid/", f"http://{'x' * 64}.invalid/", "http://.invalid/"),
        "http://http://www.w3.org/2005/08/addressing/anonymous",
        "http://www.w3.org/2005/08/addressing/anonymous",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ConsumerRefused):
        policy("192.0.2.0/24").consumer(url)


def resolving_to(*addresses: str) -> Callable[..., list[tuple[object, ...]]]:
    return lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in addresses]


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it means later does not count: no DNS rebinding."""
    monkeypatch.setattr(socket, "getaddrinfo", resolving_to("127.0.0.1", "192.0.2.10", "192.0.2.20"))
    found = policy("192.0.2.0/24").consumer("http://consumer.example/")
    assert (found.host, str(found.address)) == ("consumer.example", "192.0.2.20")
    with NotificationConsumer() as server:
        pinned = Policy(LOOPBACK, lambda: OWN_PORTS)
        monkeypatch.setattr(socket, "getaddrinfo", resolving_to("127.0.0.1"))
        found = pinned.consumer(server.url.replace("127.0.0.1", "consumer.example"))
        monkeypatch.undo()
        Sender(pinned).post(found, b"x", {})
        (posted,) = server.received
        assert posted.headers["host"] == f"consumer.example:{found.port}"


def test_one_lookup_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow name server holds one thread of the service, not all."""
    monkeypatch.setattr(consumers, "_LOOKUP_PATIENCE", 0.05)
    answer = threading.Event()
    asked = threading.Event()

    def slow(*_: object, **__: object) -> list[tuple[object, ...]]:
        asked.set()
        answer.wait(20)
        return resolving_to("192.0.2.20")()

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    examined = policy("192.0.2.0/24")
    thread = threading.Thread(target=examined.consumer, args=("http://consumer.example/",))
    thread.start()
    assert asked.wait(20)
    with pytest.raises(ConsumerRefused, match="try again"):
        examined.consumer("http://192.0.2.20/")
    answer.set()
    thread.join()
    examined.consumer("http://192.0.2.20/")


NETWORK = """
ip link set lo up
ip link add cable0 type veth peer name spare0
ip link set cable0 up
ip address add 192.0.2.10/24 dev cable0
ip address add 2001:db8::10/64 dev cable0 nodad
ip address add 203.0.113.1/24 dev spare0
"""

ASK = """
import subprocess, sys
from onvifd.consumers import ConsumerRefused, Policy, networks
policy = Policy(networks(["0.0.0.0/0", "::/0"]), tuple)
def permitted(host):
    try:
        return bool(policy.consumer(f"http://{host}:8080/"))
    except ConsumerRefused:
        return False
hosts = sys.argv[1:]
print(*(host for host in hosts if permitted(host)))
subprocess.run(["ip", "address", "add", hosts[-1] + "/24", "dev", "cable0"], check=True)
print(*(host for host in hosts if permitted(host)))
"""


def test_the_addresses_of_the_host_as_they_are_now() -> None:
    """Also those of an interface that is down; and one that the device gets later."""
    unshare = shutil.which("unshare")
    arguments = [unshare or "unshare", "--user", "--map-root-user", "--net"]
    if unshare is None or subprocess.run([*arguments, "true"], check=False).returncode != 0:
        pytest.skip("this kernel gives no network namespace")
    own = ["192.0.2.10", "192.0.2.255", "[2001:db8::10]", "203.0.113.1", "127.0.0.1", "[::1]"]
    others = ["[2001:db8::11]", "192.0.2.12", "192.0.2.11"]
    script = f'set -e\n{NETWORK}\nexec "$@"\n'
    run = subprocess.run(
        [*arguments, "sh", "-c", script, "sh", sys.executable, "-c", ASK, *own, *others],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert run.stdout.splitlines() == [" ".join(others), " ".join(others[:-1])]


# -- posting


@pytest.fixture
def sender() -> Iterator[Sender]:
    made = Sender(Policy(LOOPBACK, lambda: OWN_PORTS))
    yield made
    made.close()


def at(url: str) -> Consumer:
    return Policy(LOOPBACK, lambda: OWN_PORTS).consumer(url)


def test_a_message_is_posted_as_it_is(sender: Sender) -> None:
    with NotificationConsumer() as server:
        sender.post(at(server.url), b"<x/>", {"Content-Type": "application/soap+xml"})
        (posted,) = server.received
    assert posted.target == "/notify?subscription=1"
    assert posted.body == b"<x/>"
    assert posted.headers["content-type"] == "application/soap+xml"
    assert posted.headers["host"] == server.url.split("/")[2]
    assert "authorization" not in posted.headers


@pytest.mark.parametrize("status", [200, 202, 204])
def test_statuses_that_are_a_success(sender: Sender, status: int) -> None:
    with NotificationConsumer() as server:
        server.status = status
        sender.post(at(server.url), b"x", {})


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 410, 500, 503])
def test_statuses_that_are_a_failure_and_redirects_are_not_followed(sender: Sender, status: int) -> None:
    with NotificationConsumer() as server, NotificationConsumer() as other:
        server.status, server.headers = status, {"Location": other.url}
        with pytest.raises(DeliveryFailed, match=str(status)):
            sender.post(at(server.url), b"x", {})
        assert len(server.received) == 1
        assert not other.received


def test_a_consumer_that_is_no_longer_permitted() -> None:
    """The device's own address may become what was the consumer's."""
    ports: set[int] = set()
    watched = Policy(LOOPBACK, lambda: ports)
    with NotificationConsumer() as server:
        consumer = watched.consumer(server.url)
        ports.add(consumer.port)
        with pytest.raises(DeliveryFailed, match="permitted"):
            Sender(watched).post(consumer, b"x", {})
        assert not server.received


def test_nobody_listens(sender: Sender) -> None:
    with pytest.raises(DeliveryFailed, match="refused"):
        sender.post(at(f"http://127.0.0.1:{free_port()}/"), b"x", {})


class RawServer:
    """Accepts one connection, sends chunks for as long as anybody takes them, and waits."""

    def __init__(self, chunk: bytes, pause: float) -> None:
        self._chunk, self._pause = chunk, pause
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._done = threading.Event()
        self.accepted = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
            with connection:
                self.accepted.set()
                while not self._done.wait(self._pause):
                    connection.sendall(self._chunk)
        except OSError:
            return

    def __enter__(self) -> RawServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._listener.close()
        self._thread.join()


HTTP = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("chunk", "pause"),
    [
        (b"", 0.05),
        (b"X: y\r\n", 0.05),
        (b"H", 0.05),
        (b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),
        (b"HTTP/1.1 100 Continue\r\n\r\n", 0.0),
        (b"a" * 65536, 0.0),
        (HTTP + b"X: " + b"y" * 60000 + b"\r\n", 0.0),
        (b"SSH-2.0-x\r\n", 0.0),
    ],
)
def test_answers_that_never_end(
    sender: Sender, chunk: bytes, pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded in time and in bytes."""
    monkeypatch.setattr(consumers, "TIMEOUT", 0.5)
    with RawServer(chunk, pause) as server, pytest.raises(DeliveryFailed):
        sender.post(at(server.url), b"x", {})


def test_an_answer_is_not_read_beyond_its_head(sender: Sender) -> None:
    with NotificationConsumer() as server:
        server.headers = {"Content-Length": str(10**12)}
        sender.post(at(server.url), b"x", {})


def test_close_breaks_off_what_is_being_sent(sender: Sender) -> None:
    """And refuses what comes after it."""
    failures: list[str] = []

    def post(url: str) -> None:
        try:
            sender.post(at(url), b"x", {})
        except DeliveryFailed as error:
            failures.append(str(error))

    with RawServer(b"", 0.05) as server:
        thread = threading.Thread(target=post, args=(server.url,))
        thread.start()
        assert server.accepted.wait(10)
        wait_until(lambda: sender._open)
        sender.close()
        thread.join(4)
        assert not thread.is_alive()
        post(server.url)
    assert len(failures) == 2
    assert "shutting down" in failures[1]


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[NotificationConsumer, Path]]:
    """An HTTPS consumer, and the file with the CA that has certified it for localhost."""
    authority = Authority.root()
    key = rsa_key(0)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    (tmp_path / "server.pem").write_bytes(
        ssl.DER_cert_to_PEM_cert(authority.issue(key.public_key(), addresses=("localhost",))).encode()
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with NotificationConsumer(tls=context) as server:
        yield server, tmp_path / "ca.pem"


def test_a_verified_https_consumer(tls: tuple[NotificationConsumer, Path]) -> None:
    server, ca_file = tls
    sender = Sender(Policy(LOOPBACK, lambda: OWN_PORTS), ca_file)
    sender.post(at(server.url.replace("127.0.0.1", "localhost")), b"x", {})
    assert [posted.body for posted in server.received] == [b"x"]


def test_an_https_consumer_of_another_name(tls: tuple[NotificationConsumer, Path]) -> None:
    server, ca_file = tls
    sender = Sender(Policy(LOOPBACK, lambda: OWN_PORTS), ca_file)
    with pytest.raises(DeliveryFailed, match="certificate"):
        sender.post(at(server.url), b"x", {})
    assert not server.received


def test_an_https_consumer_whose_ca_is_unknown(
    tls: tuple[NotificationConsumer, Path], sender: Sender
) -> None:
    """Without ca_file the CAs of the system count."""
    server, _ = tls
    with pytest.raises(DeliveryFailed, match="certificate"):
        sender.post(at(server.url.replace("127.0.0.1", "localhost")), b"x", {})
    assert not server.received


def test_https_to_a_consumer_that_speaks_http(sender: Sender) -> None:
    with NotificationConsumer() as server, pytest.raises(DeliveryFailed):
        sender.post(at(server.url.replace("http:", "https:")), b"x", {})

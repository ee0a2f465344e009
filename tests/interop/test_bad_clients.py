"""Clients that are broken or mean: each is refused with its fault or cut off, and others are served meanwhile.

Open ONVIF servers accept or hang on every one of these. All goes through the real nginx or lighttpd.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from onvifd.webserver.settings import CONNECTIONS, CONNECTIONS_OF_ONE
from tests.auth import wire
from tests.bench_device import BenchDevice
from tests.pki import Authority
from tests.soap_client import NAMES, Reply, Soap, envelope, exchange, parse, security
from tests.support import wait_until
from tests.workflow import steps
from tests.workflow.clients import Zeep

pytestmark = pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")

ELSEWHERE = "127.0.0.2"
"""The address that mean clients come from: a device can tell them from others by nothing else."""

PATH = "/onvif/device_service"
USERS = "<tds:GetUsers/>"
KEY = "<tas:CreateRSAKeyPair><{0}>2048</{0}></tas:CreateRSAKeyPair>"
ELSE = b"http://example.org/"
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: camera\r\nContent-Type: application/soap+xml\r\n".encode()
PATIENCE = 60.0
"""Seconds for a device to lose its patience."""


@pytest.fixture(scope="module", params=["nginx", "lighttpd"])
def server(request: pytest.FixtureRequest) -> str:
    parameter: str = request.param
    return parameter


@pytest.fixture(scope="module")
def device(server: str, root: Authority, intermediate: Authority) -> Iterator[BenchDevice]:
    """A device that serves HTTP and HTTPS; its clients have enough files for all their connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with BenchDevice(options=("--server", server)) as device:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        steps.serve_https(Zeep(device), device.https_port, root, intermediate)
        yield device
        assert "Traceback" not in device.errors(), device.log()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Regular:
    """A client that asks all the time: anonymously on new connections, and logged in on kept-alive ones."""

    def __init__(self, device: BenchDevice) -> None:
        self.rounds = 0
        self.failures: list[str] = []
        self._device = device
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with Soap(self._device) as kept, Soap(self._device, url=self._device.https_url) as secured:
            while not self._stop.wait(0.2):
                try:
                    self._ask(kept, secured)
                except Exception as error:
                    self.failures.append(repr(error))
                self.rounds += 1

    def _ask(self, kept: Soap, secured: Soap) -> None:
        kept.call("tds:GetUsers").ok()
        secured.call("tas:GetAllKeys", auth="digest").ok()
        for url in (self._device.url, self._device.https_url):
            with Soap(self._device, url=url) as new:
                new.call("tds:GetSystemDateAndTime", auth=None).ok()

    def is_served(self) -> None:
        """Whether it was answered a whole round that began after now."""
        seen = self.rounds
        wait_until(lambda: self.rounds >= seen + 2, PATIENCE)
        assert self.failures == []

    def __enter__(self) -> Regular:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture(scope="module")
def regular(device: BenchDevice) -> Iterator[Regular]:
    with Regular(device) as regular:
        regular.is_served()
        yield regular
        regular.is_served()


@pytest.fixture(autouse=True)
def _others_are_served(regular: Regular) -> Iterator[None]:
    """Throughout each test."""
    yield
    assert regular.failures == []


@pytest.fixture
def soap(device: BenchDevice) -> Iterator[Soap]:
    with Soap(device) as soap:
        yield soap


def refused(answer: Reply, status: int, *codes: str) -> None:
    assert answer.status == status, answer.content
    assert answer.fault().codes == codes
    assert answer.fault().reason


def logged_in(soap: Soap) -> dict[str, str]:
    """The header of one request with HTTP Digest."""
    client = wire.DigestClient(soap.user, soap.password)
    client.challenge(soap.call("tds:GetUsers", auth=None).all("WWW-Authenticate")[0])
    return {"Authorization": client.authorization()}


# -- who they say they are


def test_a_token_that_was_overheard(device: BenchDevice, soap: Soap) -> None:
    """Sent again as it was, on another connection, and with another operation."""
    header = security(device.user, device.password)
    soap.post(envelope(USERS, header)).ok()
    for body in (USERS, "<tas:GetAllKeys/>"):
        with Soap(device) as thief:
            refused(thief.post(envelope(body, header)), 400, "Sender", "NotAuthorized")


def test_a_digest_that_was_overheard(device: BenchDevice, soap: Soap) -> None:
    http = logged_in(soap)
    soap.call("tds:GetUsers", auth=None, http=http).ok()
    for operation in ("tds:GetUsers", "tas:GetAllKeys"):
        with Soap(device) as thief:
            answer = thief.call(operation, auth=None, http=http)
            refused(answer, 401, "Sender", "NotAuthorized")
            assert len(answer.all("WWW-Authenticate")) == 2


@pytest.mark.parametrize("hours", [-24 * 365, -1, 1, 24 * 365])
def test_a_token_of_another_time(device: BenchDevice, soap: Soap, hours: int) -> None:
    created = wire.zulu(datetime.now(UTC) + timedelta(hours=hours))
    header = security(device.user, device.password, created)
    refused(soap.post(envelope(USERS, header)), 400, "Sender", "NotAuthorized")


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("tds:GetUsers", ""),
        ("tas:CreateRSAKeyPair", "<tas:KeyLength>2048</tas:KeyLength>"),
        ("tds:SystemReboot", ""),
    ],
)
def test_nobody(soap: Soap, operation: str, arguments: str) -> None:
    """Open servers list their users to everybody."""
    answer = soap.call(operation, arguments, auth=None)
    refused(answer, 401, "Sender", "NotAuthorized")
    assert soap.user.encode() not in answer.content


def test_a_password_in_clear_text(device: BenchDevice, soap: Soap) -> None:
    """It is none: ONVIF Core 5.9.1 knows PasswordDigest only."""
    token = (
        f"<wsse:UsernameToken><wsse:Username>{device.user}</wsse:Username>"
        f"<wsse:Password>{device.password}</wsse:Password></wsse:UsernameToken>"
    )
    header = f"<wsse:Security>{token}</wsse:Security>"
    refused(soap.post(envelope(USERS, header)), 400, "Sender", "NotAuthorized")


# -- what they say


@pytest.mark.parametrize(
    ("data", "status", "codes"),
    [
        (envelope(USERS).replace(NAMES["tds"].encode(), ELSE), 400, ("Sender", "UnknownAction")),
        (envelope("<GetUsers/>"), 400, ("Sender", "Namespace")),
        (envelope(USERS).replace(wire.ENV.encode(), ELSE), 500, ("VersionMismatch",)),
        (envelope(KEY.format("tds:KeyLength")), 400, ("Sender", "InvalidArgs")),
        (envelope(KEY.format("KeyLength")), 400, ("Sender", "InvalidArgs")),
    ],
    ids=["operation", "operation without", "envelope", "argument", "argument without"],
)
def test_wrong_namespaces(soap: Soap, data: bytes, status: int, codes: tuple[str, ...]) -> None:
    """A name in another namespace is another name."""
    refused(soap.post(data, http=logged_in(soap)), status, *codes)


@pytest.mark.parametrize(
    ("must_understand", "status", "codes"),
    [("1", 500, ("MustUnderstand",)), ("", 401, ("Sender", "NotAuthorized"))],
)
def test_credentials_in_a_wrong_namespace(
    device: BenchDevice, soap: Soap, must_understand: str, status: int, codes: tuple[str, ...]
) -> None:
    """They are none."""
    header = security(device.user, device.password, must_understand=must_understand).replace("wsse:", "tt:")
    refused(soap.post(envelope(USERS, header)), status, *codes)


@pytest.mark.parametrize(
    ("data", "status", "codes"),
    [
        (b"", 401, ("Sender", "NotAuthorized")),
        (b"GARBAGE", 400, ("Sender", "WellFormed")),
        (b"<a/>", 500, ("VersionMismatch",)),
        (b"\xff\xfe\x00", 400, ("Sender", "WellFormed")),
        (envelope(USERS)[:-20], 400, ("Sender", "WellFormed")),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + envelope(USERS)[38:], 400, ("Sender", "WellFormed")),
        (envelope("<a>" * 5000 + "</a>" * 5000), 400, ("Sender", "InvalidArgs")),
        (envelope(USERS * 2), 400, ("Sender", "TagMismatch")),
    ],
    ids=["nothing", "text", "no envelope", "no text", "cut off", "entities", "deep", "twice"],
)
def test_what_is_no_request(soap: Soap, data: bytes, status: int, codes: tuple[str, ...]) -> None:
    refused(soap.post(data), status, *codes)


@pytest.mark.parametrize(
    "header",
    [b"Content-Length: 100000000\r\n\r\n", b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", b"Content-Length: -1\r\n\r\n"],
    ids=["huge", "two", "negative"],
)  # fmt: skip
def test_impossible_lengths(device: BenchDevice, header: bytes) -> None:
    """Answered from the header alone."""
    with connect(device) as connection:
        connection.sendall(HEAD + header)
        assert connection.recv(65536).split()[1] in (b"400", b"413")


def test_a_header_without_end(device: BenchDevice) -> None:
    with connect(device) as connection:
        connection.sendall(HEAD)
        with contextlib.suppress(OSError):  # it may not wait for all of it
            for number in range(10_000):
                connection.sendall(f"X-{number}: {'x' * 1000}\r\n".encode())
        answer = received(connection)
        assert not answer or answer.split()[1] in (b"400", b"413", b"431")


def test_a_body_without_end(device: BenchDevice) -> None:
    """Chunk after chunk, until the device says that it is enough."""
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    sent = 0
    with connect(device) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(OSError):
            while sent < 100 * len(chunk):
                connection.sendall(chunk)
                sent += len(chunk)
        answer = received(connection)
    assert not answer or answer.split()[1] == b"413"
    assert sent < 100 * len(chunk) or answer


# -- how they say it


def connect(device: BenchDevice, *, secured: bool = False, timeout: float = PATIENCE) -> socket.socket:
    port = device.https_port if secured else device.http_port
    return socket.create_connection(("127.0.0.1", port), timeout, (ELSEWHERE, 0))


def received(connection: socket.socket) -> bytes:
    """All until the server closes."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            data += part
    return data


SLOW: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "half a line": (HEAD[:20], b""),
    "half a header": (HEAD, b""),
    "half a body": (HEAD + b"Content-Length: 1000\r\n\r\n<a>", b""),
    "a header byte by byte": (HEAD + b"X-Slow: ", b"x"),
    "a body byte by byte": (HEAD + b"Content-Length: 1000000\r\n\r\n<a>", b" "),
    "chunk by chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}
"""What they send at once, and what then goes on and on."""

KEEPS = {
    "nginx": {"a body byte by byte", "chunk by chunk"},
    "lighttpd": {"a header byte by byte", "a body byte by byte", "chunk by chunk"},
}
"""Which of them a server lets go on, in the hope of an end."""


def test_slow_connections(device: BenchDevice, regular: Regular, server: str) -> None:
    """Twelve of each kind at once, on HTTPS too; then more that say nothing than the server has connections.

    Who falls silent is cut off, those who go on are kept, and everybody else is served.
    """
    with contextlib.ExitStack() as stack:
        slow: list[tuple[str, bytes, socket.socket]] = []
        for name, (first, more) in SLOW.items():
            for number in range(12):
                connection = stack.enter_context(connect(device, secured=number % 4 == 0 and not first))
                connection.sendall(first)
                connection.setblocking(False)
                slow.append((name, more, connection))
        regular.is_served()
        for _ in range(CONNECTIONS):
            with contextlib.suppress(OSError):
                stack.enter_context(connect(device))
        wait_until(lambda: {name for name, _, _ in still_open(slow)} == KEEPS[server], PATIENCE, interval=1)
        assert len(still_open(slow)) == 12 * len(KEEPS[server])
        regular.is_served()


def still_open(slow: list[tuple[str, bytes, socket.socket]]) -> list[tuple[str, bytes, socket.socket]]:
    """Those that the server has not closed; they go on."""
    found = []
    for name, more, connection in slow:
        try:
            connection.send(more)
            if connection.recv(65536) == b"":
                continue
        except BlockingIOError:
            pass
        except OSError:
            continue
        found.append((name, more, connection))
    return found


def test_those_who_leave_in_the_middle(device: BenchDevice, regular: Regular) -> None:
    """With a reset, with half of the connection closed, and without looking at the challenge (agsh)."""
    data = envelope(USERS, "x" * 100_000)
    whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(data) + data
    for number in range(60):
        with connect(device) as connection:
            connection.sendall(whole[: len(whole) * (number % 10 + 1) // 10])
            if number % 3 == 0:
                connection.shutdown(socket.SHUT_WR)
            elif number % 3 == 1:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    regular.is_served()


def test_a_request_of_which_the_sending_half_is_closed(device: BenchDevice) -> None:
    """It is complete, so it is answered."""
    data = envelope("<tds:GetSystemDateAndTime/>")
    with connect(device) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(data) + data)
        connection.shutdown(socket.SHUT_WR)
        answer = received(connection)
    assert not answer or parse(answer).status == 200


def test_no_tls_where_it_is_spoken(device: BenchDevice) -> None:
    """HTTP on the HTTPS port and the other way round."""
    plain = exchange(device.https_url, HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n")
    assert not plain or plain.split()[1] == b"400"
    context = ssl.create_default_context()
    with pytest.raises(OSError):
        exchange(device.url, b"", context=context)


def test_more_requests_than_one_gets(device: BenchDevice, regular: Regular, server: str) -> None:
    """An address can't take all connections with requests that do not end: some are refused.

    lighttpd has no such limit, but others are served as long as it has connections left.
    """
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connect(device)) for _ in range(CONNECTIONS_OF_ONE + 50)]
        for connection in slow:
            connection.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n<a>")
            connection.setblocking(False)
        regular.is_served()
        assert sum(map(too_many, slow)) == (50 if server == "nginx" else 0)


def too_many(connection: socket.socket) -> bool:
    try:
        return connection.recv(4096).split()[1] == b"429"
    except BlockingIOError:
        return False


def test_all_pull_points_waiting(device: BenchDevice, regular: Regular) -> None:
    """A client that takes all of them and waits at each, with two readers: the second is refused."""
    with Soap(device) as soap, contextlib.ExitStack() as stack:
        addresses = []
        while (answer := soap.call("tev:CreatePullPointSubscription")).status == 200:
            addresses.append(answer.text(".//wsa:Address"))
        refused(answer, 500, "Receiver", "SubscribeCreationFailedFault")
        pool = stack.enter_context(ThreadPoolExecutor(2 * len(addresses)))
        pulls = [pool.submit(pull, device, address) for address in addresses * 2]
        wait_until(lambda: sum(each.done() for each in pulls) >= len(addresses), PATIENCE)
        regular.is_served()
        for each in [each for each in pulls if each.done()]:
            refused(each.result(), 500, "Receiver", "UnableToGetMessagesFault")
        for address in addresses:
            soap.call("wsnt:Unsubscribe", url=address).ok()


def pull(device: BenchDevice, address: str) -> Reply:
    with Soap(device) as soap:
        return soap.call("tev:PullMessages", {"Timeout": "PT1M", "MessageLimit": 1}, url=address)

"""Real HTTP clients against a small server on a real socket: curl and requests."""

import shutil
import socketserver
import subprocess
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import pytest
import requests
from requests.auth import HTTPDigestAuth

from onvifd.auth.authenticator import Authenticator
from onvifd.auth.errors import DigestRequired, NotAuthorized
from onvifd.auth.users import User, UserEntry, Users
from tests.auth import wire
from tests.auth.conftest import PASSWORD, Clock

BODY = f'<s:Envelope xmlns:s="{wire.ENV}"><s:Body/></s:Envelope>'


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(WSGIRequestHandler):
    def get_environ(self) -> dict[str, object]:
        return {**super().get_environ(), "RAW_URI": self.path}

    def log_message(self, *args: object) -> None:
        pass


class Device:
    """Answers 200 with the user's name, 401 with the challenges, or 400; counts its answers."""

    def __init__(self, authenticator: Authenticator) -> None:
        self.authenticator = authenticator
        self.answers: list[int] = []
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.set_app(self.application)
        self.url = f"http://127.0.0.1:{self.server.server_port}/onvif/device_service"

    def identify(self, environ: dict[str, object], header: ET.Element | None) -> User:
        user = self.authenticator.authenticate(
            header=header,
            authorization=environ.get("HTTP_AUTHORIZATION"),
            method=environ["REQUEST_METHOD"],
            uri=environ["RAW_URI"],
            source=environ["REMOTE_ADDR"],
        )
        if user is None:
            raise DigestRequired("log in")
        return user

    def application(
        self, environ: dict[str, object], start_response: Callable[..., object]
    ) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        header = ET.fromstring(body).find(f"{{{wire.ENV}}}Header") if body else None
        try:
            user = self.identify(environ, header)
            status, challenges, answer = "200 OK", [], user.name
        except DigestRequired as error:
            challenges = self.authenticator.challenges(stale=error.stale)
            status, answer = "401 Unauthorized", str(error)
        except NotAuthorized as error:
            status, challenges, answer = "400 Bad Request", [], str(error)
        self.answers.append(int(status[:3]))
        headers = [("WWW-Authenticate", challenge) for challenge in challenges]
        start_response(status, [*headers, ("Content-Length", str(len(answer.encode())))])
        return [answer.encode()]


@pytest.fixture
def device(make_authenticator: Callable[..., Authenticator]) -> Iterator[Device]:
    device = Device(make_authenticator())
    thread = threading.Thread(target=device.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield device
    device.server.shutdown()
    device.server.server_close()
    thread.join()


def curl(device: Device, *arguments: str, target: str = "", user: str = f"admin:{PASSWORD}") -> str:
    program = shutil.which("curl")
    assert program is not None, "curl is not installed: tests/run does it"
    command = [
        program,
        "--silent",
        "--noproxy",
        "*",
        "--digest",
        "--user",
        user,
        *arguments,
        device.url + target,
    ]
    return subprocess.run(command, capture_output=True, check=True, timeout=20, text=True).stdout


def test_curl_probes_with_an_empty_post_and_then_logs_in(device: Device) -> None:
    assert curl(device, "--data", BODY) == "admin"
    assert device.answers == [401, 200]


@pytest.mark.parametrize("target", ["/", "?wsdl", "?a=b,c&d=%C3%A9%2F", "//x;y=z?u=http://h/p"])
def test_curl_with_any_target(device: Device, target: str) -> None:
    assert curl(device, "--data", BODY, target=target) == "admin"


@pytest.mark.parametrize("name", ["Jürgen", "Пётр", "anna, maria", "a'b=c;d"])
def test_curl_with_any_user_name(device: Device, users: Users, name: str) -> None:
    users.create([UserEntry(name, 'pä: s"s\\wörd', "User")])
    assert curl(device, "--data", BODY, user=f'{name}:pä: s"s\\wörd') == name


def test_curl_with_a_wrong_password(device: Device) -> None:
    assert "wrong" in curl(device, "--data", BODY, user="admin:not the password")
    assert device.answers == [401, 401]


def test_curl_uses_one_nonce_for_several_requests(device: Device) -> None:
    assert curl(device, "--data", BODY, device.url, device.url) == "admin" * 3
    assert device.answers.count(200) == 3


def test_requests_stays_logged_in_and_survives_an_expired_nonce(device: Device, clock: Clock) -> None:
    """The client never notices: it gets a stale challenge and answers it."""
    with requests.Session() as session:
        session.trust_env = False
        session.auth = HTTPDigestAuth("admin", PASSWORD)
        for _ in range(10):
            assert session.post(device.url, data=BODY).text == "admin"
        assert device.answers.count(401) == 1
        clock.advance(301)
        assert session.post(device.url, data=BODY).text == "admin"
        assert device.answers.count(401) == 2


@pytest.mark.parametrize("name", ["Jürgen", "anna, maria"])
def test_requests_with_any_user_name(device: Device, users: Users, name: str) -> None:
    users.create([UserEntry(name, "pässwörd", "User")])
    with requests.Session() as session:
        session.trust_env = False
        assert session.post(device.url, data=BODY, auth=HTTPDigestAuth(name, "pässwörd")).text == name


def test_many_clients_at_once(device: Device) -> None:
    def work(_: int) -> set[str]:
        with requests.Session() as session:
            session.trust_env = False
            session.auth = HTTPDigestAuth("admin", PASSWORD)
            return {session.post(device.url, data=BODY).text for _ in range(10)}

    with ThreadPoolExecutor(8) as pool:
        assert set().union(*pool.map(work, range(8))) == {"admin"}


def test_the_anonymous_twin_of_a_request_is_refused_and_harmless(device: Device, clock: Clock) -> None:
    """onvif-rx sends every request twice, without credentials and with a UsernameToken."""
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(30):
            token = wire.token("admin", PASSWORD, wire.zulu(clock.now))
            header = ET.tostring(wire.security(token)).decode()
            envelope = BODY.replace("<s:Body/>", f"{header}<s:Body/>")
            assert session.post(device.url, data=BODY).status_code == 401
            assert session.post(device.url, data=envelope).text == "admin"


def test_a_wrong_token_is_answered_with_400(device: Device, clock: Clock) -> None:
    """Core 5.9.1: not with a challenge."""
    header = ET.tostring(wire.security(wire.token("admin", "wrong", wire.zulu(clock.now)))).decode()
    answer = requests.post(
        device.url, data=BODY.replace("<s:Body/>", f"{header}<s:Body/>"), proxies={"http": ""}, timeout=20
    )
    assert answer.status_code == 400
    assert "WWW-Authenticate" not in answer.headers

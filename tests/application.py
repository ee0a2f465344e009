"""The device as it is assembled when it runs, real web server and all, called in this process without gunicorn."""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

import falcon.testing

from onvifd import app, assembly
from onvifd.auth.users import UserEntry
from onvifd.config import (
    Config,
    DiscoveryConfig,
    NotificationConfig,
    ProtocolConfig,
    ProtocolsConfig,
    WebServerConfig,
)
from onvifd.operations import OPERATIONS, Operation
from onvifd.schema import Schema
from onvifd.soap.names import NAMESPACES, split
from tests.auth import wire
from tests.official import assert_valid_response
from tests.support import SERVER, free_port

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

PASSWORD = "correct-horse"


@dataclass
class Answer:
    """A response, its SOAP content checked against the official schemas."""

    status: int
    headers: dict[str, str]
    all_headers: list[tuple[str, str]]
    body: Element | None

    @property
    def subcodes(self) -> list[str]:
        """The codes of a fault, outermost first: `env:Sender`, `ter:InvalidArgs`..."""
        assert self.body is not None
        return [str(value.text) for value in self.body.iter(f"{{{NAMESPACES['env']}}}Value")]

    @property
    def reason(self) -> str:
        assert self.body is not None
        (text,) = self.body.iter(f"{{{NAMESPACES['env']}}}Text")
        return str(text.text)


class Client:
    """Sends requests to the application, as a user or as nobody."""

    def __init__(self, application: "WSGIApplication") -> None:
        self.application = application

    def send(self, data: bytes, *, method: str = "POST", path: str = "/onvif/device_service") -> Answer:
        seen: list[tuple[str, str]] = []
        environ = falcon.testing.create_environ(path, method=method, body=data)

        def start(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            seen.append(("status", status))
            seen.extend(headers)

        content = b"".join(self.application(environ, start))
        body = assert_valid_response(content) if content else None
        return Answer(int(seen[0][1][:3]), {name.lower(): value for name, value in seen[1:]}, seen[1:], body)

    def call(self, body: str, user: str | None = None, password: str = PASSWORD) -> Answer:
        created = wire.zulu(datetime.now(UTC))
        token = wire.token(user, password, created, nonce=secrets.token_bytes(16)) if user else None
        security = f'<wsse:Security s:mustUnderstand="1">{token}</wsse:Security>' if token else ""
        return self.send(
            f'<s:Envelope xmlns:s="{wire.ENV}" xmlns:wsse="{wire.WSSE}" xmlns:wsu="{wire.WSU}">'
            f"<s:Header>{security}</s:Header><s:Body>{body}</s:Body></s:Envelope>".encode()
        )


def empty(operation: Operation) -> str:
    """The operation's element without arguments."""
    namespace, name = split(next(tag for tag, each in OPERATIONS.items() if each is operation))
    return f'<{name} xmlns="{namespace}"/>'


@contextlib.contextmanager
def assembled(directory: Path, **settings: object) -> Iterator[assembly.Running]:
    """A running device with a user of each level, named like the level; `settings` are fields of Config."""
    config = replace(
        Config(
            state_dir=directory,
            run_dir=directory / "run",
            protocols=ProtocolsConfig(
                http=ProtocolConfig(True, (free_port(),)), https=ProtocolConfig(False, (free_port(),))
            ),
            webserver=WebServerConfig(server=SERVER, listen=("127.0.0.1",)),  # type: ignore[arg-type]
            notification=NotificationConfig(networks=("127.0.0.0/8",)),
            discovery=DiscoveryConfig(enabled=False),
        ),
        **settings,  # type: ignore[arg-type]
    )
    config.run_dir.mkdir(parents=True)
    with assembly.open_store(config) as store:
        store.users.create_first_administrator("Administrator", PASSWORD)
        store.users.create([UserEntry(level, PASSWORD, level) for level in ("Operator", "User")])
    running = assembly.start(config)
    try:
        yield running
    finally:
        running.close()


def client_of(running: assembly.Running) -> Client:
    """A client of an assembled device."""
    endpoint = app.SoapEndpoint(running.device, Schema.load(), running.authenticator)
    return Client(app.create(endpoint))

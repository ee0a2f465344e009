"""What the benchmark says to a server: whole requests as bytes, complete before any clock runs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.benchmark.load import Address, Connection
from tests.soap_client import CONTENT_TYPE, Arguments, envelope, security, xml

SHA256_WITH_RSA = "1.2.840.113549.1.1.11"


@dataclass(frozen=True)
class Client:
    """A client of one server; without a user its requests carry no credentials."""

    address: Address
    user: str = ""
    password: str = ""

    def request(self, body: str) -> bytes:
        """A request with an operation's element, with a UsernameToken digest of its own."""
        content = envelope(body, security(self.user, self.password) if self.user else "")
        host = "localhost" if isinstance(self.address, str) else f"{self.address[0]}:{self.address[1]}"
        head = (
            "POST /onvif/device_service HTTP/1.1\r\n"
            f"Host: {host}\r\n"
            f"Content-Type: {CONTENT_TYPE}\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content

    def call(self, body: str) -> bytes:
        """Send it on a connection of its own; the answer's content. Raises Refused."""
        with Connection(self.address) as connection:
            return connection.exchange(self.request(body))


def operation(name: str, arguments: Arguments = "") -> str:
    """The element of an operation such as `tas:GetAllKeys`; see soap_client.xml for the arguments."""
    return f"<{name}>{xml(arguments, name.partition(':')[0])}</{name}>"


def text(answer: bytes, name: str) -> str:
    """The text of the first element with a local name. Raises IndexError if there is none."""
    return texts(answer, name)[0]


def texts(answer: bytes, name: str) -> list[str]:
    """The texts of all elements with a local name."""
    return re.findall(rf"<\w+:{name}>([^<]*)<", answer.decode())

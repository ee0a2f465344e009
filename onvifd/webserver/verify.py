"""Whether the web server serves what it should: found by connecting, as a client does."""

import contextlib
import ipaddress
import socket
import ssl
import sys
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from onvifd.webserver.model import KeyAlgorithm, ServerConfiguration

GENERATION_PATH = "/.well-known/onvifd-generation"
"""Where the web server tells this host which generation of its configuration answers."""

_CIPHERS: dict[KeyAlgorithm, str] = {"RSA": "aRSA", "EC": "aECDSA"}
_LONGEST_ANSWER = 4096
_CLOSED_TIMEOUT = 0.5
"""Seconds to wait for an answer that is not wanted. What has taken the port since may never answer."""


def findings(
    configuration: ServerConfiguration,
    addresses: Iterable[str],
    generation: str,
    closed: Iterable[int],
    replaced: str,
    timeout: float,
) -> Iterator[str]:
    """What is not as it should be, one sentence each; nothing if all is.

    Every port of the configuration must answer with `generation`, HTTPS present exactly the assigned
    certificates; the `closed` ports must answer neither with it nor with the one that was `replaced`. Whether
    a certificate is valid is not judged. `timeout`: seconds for each exchange.
    """
    for address in map(reachable_at, addresses):
        for port in configuration.http_ports:
            if _generation(address, port, None, timeout) != generation:
                yield f"Port {port} does not answer HTTP with the new configuration"
        for port in configuration.https_ports:
            for algorithm, certificate in configuration.presented.items():
                presented: list[bytes] = []
                context = _context(algorithm)
                if _generation(address, port, context, timeout, presented) != generation:
                    yield f"Port {port} does not answer HTTPS with the new configuration"
                elif tuple(presented) != certificate.certificates_der:
                    yield f"Port {port} does not present the assigned {algorithm} certification path"
        for port in closed:
            # Another program may have taken the port already: its answer is no concern of ours.
            if answers((address,), port, (replaced, generation), min(timeout, _CLOSED_TIMEOUT)):
                yield f"Port {port} is still served"


def answers(addresses: Iterable[str], port: int, generations: Collection[str], timeout: float) -> bool:
    """Whether a port answers with one of these generations, over HTTP or HTTPS, at any of the addresses."""
    return any(
        _generation(reachable_at(address), port, context, timeout) in generations
        for address in addresses
        for context in (None, _context(None))
    )


def reachable_at(address: str) -> str:
    """Where this host reaches a server that listens on an address; the client's address is the same one."""
    ip = ipaddress.ip_address(address)
    if ip.is_unspecified:
        return "127.0.0.1" if ip.version == 4 else "::1"
    return str(ip)


def _context(algorithm: KeyAlgorithm | None) -> ssl.SSLContext:
    """A client that accepts any certificate, of one key algorithm if it is given.

    Only up to TLS 1.2 do the cipher suites choose the certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if algorithm is not None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_CIPHERS[algorithm])
    return context


def _generation(
    address: str,
    port: int,
    context: ssl.SSLContext | None,
    timeout: float,
    presented: list[bytes] | None = None,
) -> str | None:
    """What a port answers when it is asked for its generation: over TLS with a context, else in the clear.

    None if it does not. The server's certificates are appended to `presented`.
    """
    request = f"GET {GENERATION_PATH} HTTP/1.0\r\n\r\n".encode()
    try:
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(socket.create_connection((address, port), timeout))
            if context is not None:
                connection = stack.enter_context(context.wrap_socket(connection))
                if presented is not None:
                    presented.extend(_certificates(connection))
            connection.sendall(request)
            answer = b""
            while len(answer) < _LONGEST_ANSWER and (more := connection.recv(_LONGEST_ANSWER)):
                answer += more
    except OSError:
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    return body.decode(errors="replace").strip() if b" 200 " in head.split(b"\r\n")[0] else None


def _certificates(connection: Any) -> list[bytes]:
    """The certificates (DER) that the server sent, as it sent them.

    Python 3.13 made this call public. It is the same under the private name in 3.11 and 3.12, whose code does
    not change any more. All that their public interface offers is to validate with the last certificate as
    trust anchor, which would judge validity and miss superfluous and misplaced certificates.
    """
    if sys.version_info >= (3, 13):
        return list(connection.get_unverified_chain())
    return [certificate.public_bytes(_DER) for certificate in connection._sslobj.get_unverified_chain()]


_DER = 2
"""OpenSSL's ENCODING_DER in the private interface."""

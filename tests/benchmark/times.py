"""How long single things take on a device: a key, and a new certificate on its HTTPS port."""

from __future__ import annotations

import contextlib
import socket
import ssl
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.benchmark.client import SHA256_WITH_RSA, Client, operation, text, texts
from tests.benchmark.load import TIMEOUT
from tests.benchmark.servers import GET_TIME, HOST, Device

KEY_LENGTH = 2048
KEPT_KEYS = 16
"""Keys that are left in the store, for what is measured afterwards."""

_POLL = 0.005


@dataclass(frozen=True)
class KeyGeneration:
    """Seconds for each RSA key."""

    device: list[float]
    """From CreateRSAKeyPair to the status ok."""
    bare: list[float]
    """For `rsa.generate_private_key` of the package cryptography, in turn with the device's."""

    @property
    def ratio(self) -> float:
        return statistics.mean(self.device) / statistics.mean(self.bare)


@dataclass(frozen=True)
class Replacement:
    """Seconds for each ReplaceServerCertificateAssignment, from the moment when it was sent."""

    served: list[float]
    """Until every new connection met the new certificate."""
    answered: list[float]
    """Until its answer came."""
    statuses: list[object]
    """What became of the requests that were made on new connections meanwhile, over HTTP and HTTPS: True for
    an answer, or what went wrong."""

    @property
    def failed(self) -> int:
        return sum(status is not True for status in self.statuses)


def generate_keys(device: Device, number: int) -> KeyGeneration:
    """Let the device and the bare package generate keys in turn; the device keeps the first ones."""
    client = device.client(device.socket)
    result = KeyGeneration([], [])
    for count in range(max(number, KEPT_KEYS)):
        started = time.perf_counter()
        rsa.generate_private_key(public_exponent=65537, key_size=KEY_LENGTH)
        result.bare.append(time.perf_counter() - started)
        started = time.perf_counter()
        key = text(client.call(operation("tas:CreateRSAKeyPair", {"KeyLength": KEY_LENGTH})), "KeyID")
        _wait_until_ok(client, key)
        result.device.append(time.perf_counter() - started)
        if count >= KEPT_KEYS:
            client.call(operation("tas:DeleteKey", {"KeyID": key}))
    return result


def _wait_until_ok(client: Client, key: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while text(client.call(operation("tas:GetKeyStatus", {"KeyID": key})), "KeyStatus") != "ok":
        if time.monotonic() > deadline:
            raise TimeoutError(f"{key} is not generated")
        time.sleep(_POLL)


def replace_certificates(device: Device, number: int) -> Replacement:
    """Switch HTTPS on and replace its certificate, while new connections are made all the time."""
    client = device.client(device.http)
    old, new = _self_signed_paths(client)
    client.call(operation("tas:AddServerCertificateAssignment", {"CertificationPathID": old}))
    https = {"Name": "HTTPS", "Enabled": True, "Port": device.https_port}
    protocol = {f"tt:{name}": value for name, value in https.items()}
    client.call(operation("tds:SetNetworkProtocols", {"NetworkProtocols": protocol}))
    result = Replacement([], [], [])
    done = threading.Event()
    with ThreadPoolExecutor(2) as others:
        for secured in (False, True):
            others.submit(_poll, device, secured, result.statuses, done)
        try:
            for _ in range(number):
                served, answered = _replace(client, device.https_port, old, new)
                result.served.append(served)
                result.answered.append(answered)
                old, new = new, old
        finally:
            done.set()
    return result


def _poll(device: Device, secured: bool, statuses: list[object], done: threading.Event) -> None:
    """Ask for the time, each time on a connection of its own, until done."""
    port = device.https_port if secured else device.http[1]
    context = _trusting_anything() if secured else None
    request = device.client(device.http).request(GET_TIME)
    while not done.is_set():
        try:
            with contextlib.ExitStack() as stack:
                connection = stack.enter_context(socket.create_connection((HOST, port), TIMEOUT))
                if context is not None:
                    connection = stack.enter_context(context.wrap_socket(connection))
                connection.sendall(request)
                statuses.append(connection.recv(65536).startswith(b"HTTP/1.1 200 "))
        except OSError as error:
            statuses.append(error)
        time.sleep(_POLL)


def _self_signed_paths(client: Client) -> Iterator[str]:
    """Two certification paths, each of a self-signed certificate with a key of its own."""
    while len(keys := texts(client.call(operation("tas:GetAllKeys")), "KeyID")) < 2:
        created = client.call(operation("tas:CreateRSAKeyPair", {"KeyLength": KEY_LENGTH}))
        _wait_until_ok(client, text(created, "KeyID"))
    for key in keys[:2]:
        arguments = {
            "Subject": {"CommonName": "camera.benchmark"},
            "KeyID": key,
            "SignatureAlgorithm": {"algorithm": SHA256_WITH_RSA},
        }
        answer = client.call(operation("tas:CreateSelfSignedCertificate", arguments))
        certificate = {"CertificateID": text(answer, "CertificateID")}
        answer = client.call(operation("tas:CreateCertificationPath", {"CertificateIDs": certificate}))
        yield text(answer, "CertificationPathID")


def _replace(client: Client, port: int, old: str, new: str) -> tuple[float, float]:
    """Seconds until the new certificate is served, and until the answer."""
    before = _presented(port)
    names = {"OldCertificationPathID": old, "NewCertificationPathID": new}
    request = operation("tas:ReplaceServerCertificateAssignment", names)
    with ThreadPoolExecutor(1) as other_thread:
        started = time.perf_counter()
        answer = other_thread.submit(_answered, client, request)
        served: float | None = None
        while served is None or not answer.done():
            # For a moment both may be served: what counts is the end of the old one.
            if _presented(port) == before:
                served = None
            elif served is None:
                served = time.perf_counter()
            if time.perf_counter() > started + TIMEOUT:
                raise TimeoutError("the new certificate is not served")
            time.sleep(_POLL)
        return served - started, answer.result() - started


def _answered(client: Client, request: str) -> float:
    client.call(request)
    return time.perf_counter()


def _presented(port: int) -> bytes:
    """The certificate that a new connection meets."""
    with (
        socket.create_connection((HOST, port), TIMEOUT) as connection,
        _trusting_anything().wrap_socket(connection) as tls,
    ):
        return tls.getpeercert(binary_form=True) or b""


def _trusting_anything() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

"""What is put under load: four operations of the device, and the bare application."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests import pki
from tests.benchmark.client import SHA256_WITH_RSA, Client, operation, text
from tests.benchmark.load import Address
from tests.benchmark.servers import GET_TIME, Device, Server

UPLOADS = 24
"""Certificates that are stored at a time: three for each of 8 connections, fewer than the device takes."""


@dataclass(frozen=True)
class Subject:
    """A kind of request to one server."""

    name: str
    address: Address
    requests: Callable[[int], list[bytes]]
    """Makes a number of requests."""
    clean_up: Callable[[list[bytes]], None] = lambda answers: None
    """Undoes what the requests did, from their answers."""
    most: int | None = None
    """Requests after which to clean up; None where there is nothing to."""


def certificates(device: Device) -> list[bytes]:
    """Leaf certificates for one of the device's keys, as a CA signs them on the device's request."""
    client = device.client(device.socket)
    request = {
        "Subject": {"CommonName": "camera.benchmark"},
        "KeyID": text(client.call(operation("tas:GetAllKeys")), "KeyID"),
        "SignatureAlgorithm": {"algorithm": SHA256_WITH_RSA},
    }
    answer = client.call(operation("tas:CreatePKCS10CSR", request))
    csr = base64.b64decode(text(answer, "PKCS10CSR"))
    authority = pki.Authority.root()
    return [authority.sign_request(csr) for _ in range(UPLOADS)]


def subjects(
    device: Device, hello: Server, route: Callable[[Server], Address], uploaded: Sequence[bytes]
) -> list[Subject]:
    """The application first, then the device's operations, all reached by one route."""
    reference = Client(route(hello))
    anyone = Client(route(device))
    administrator = device.client(route(device))

    def always(client: Client, body: str) -> Callable[[int], list[bytes]]:
        return lambda number: [client.request(body) for _ in range(number)]

    def uploads(number: int) -> list[bytes]:
        return [
            administrator.request(
                operation("tas:UploadCertificate", {"Certificate": der, "PrivateKeyRequired": True})
            )
            for der in uploaded[:number]
        ]

    def delete(answers: list[bytes]) -> None:
        for answer in answers:
            identifier = text(answer, "CertificateID")
            administrator.call(operation("tas:DeleteCertificate", {"CertificateID": identifier}))

    get_services = operation("tds:GetServices", {"IncludeCapability": False})
    return [
        Subject("bare falcon hello", reference.address, always(reference, GET_TIME)),
        Subject("GetSystemDateAndTime", anyone.address, always(anyone, GET_TIME)),
        Subject("GetServices", anyone.address, always(anyone, get_services)),
        Subject("GetAllKeys", anyone.address, always(administrator, operation("tas:GetAllKeys"))),
        Subject("UploadCertificate", anyone.address, uploads, delete, most=len(uploaded)),
    ]

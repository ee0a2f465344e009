"""The application as a whole: HTTP, dispatch, authorisation, faults."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import falcon.testing
import pytest

from onvifd import operations
from onvifd.auth.policy import AccessClass, allowed
from onvifd.auth.users import UserLevel
from onvifd.config import ServiceConfig, VendorService
from onvifd.operations import OPERATIONS, Operation
from onvifd.soap.names import NAMESPACES, split
from tests.application import Answer, Client, assembled, client_of, empty
from tests.auth import wire

MEDIA = "http://www.onvif.org/ver10/media/wsdl"
LIMIT = 64 * 1024


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    vendor = (
        VendorService(MEDIA, "/onvif/media", 21, 12, f'<trt:Capabilities xmlns:trt="{MEDIA}"/>'),
        VendorService("http://www.onvif.org/ver20/ptz/wsdl", "/onvif/ptz", 20, 6),
    )
    bounds = ServiceConfig(maximum_request_size=LIMIT)
    with assembled(tmp_path_factory.mktemp("device"), service=bounds, services=vendor) as running:
        yield client_of(running)


TIME = f'<GetSystemDateAndTime xmlns="{NAMESPACES["tds"]}"/>'
USERS = f'<GetUsers xmlns="{NAMESPACES["tds"]}"/>'


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("path", ["/onvif/device_service", "/"])
def test_other_methods_than_post_are_405_with_allow(client: Client, method: str, path: str) -> None:
    answer = client.send(b"", method=method, path=path)
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
    assert answer.body is None


@pytest.mark.parametrize(
    "path",
    ["/onvif/device_service", "/onvif/device_service/", "/onvif/Security", "/onvif/x/y", "/", "/a?b=c"],
)
def test_the_body_says_which_operation_not_the_url(client: Client, path: str) -> None:
    answer = client.send(
        f'<s:Envelope xmlns:s="{wire.ENV}"><s:Body>{TIME}</s:Body></s:Envelope>'.encode(), path=path
    )
    assert answer.status == 200
    assert answer.body is not None and answer.body.tag.endswith("}GetSystemDateAndTimeResponse")


def test_a_request_that_is_too_large_is_413(client: Client) -> None:
    assert client.send(b" " * (LIMIT + 1)).status == 413


def test_a_request_of_the_largest_size_is_read(client: Client) -> None:
    answer = client.send(b" " * LIMIT)
    assert answer.status == 400
    assert answer.subcodes == ["env:Sender", "ter:WellFormed"]


def test_an_empty_post_is_asked_for_credentials(client: Client) -> None:
    """What curl --digest sends first."""
    answer = client.send(b"")
    assert answer.status == 401
    assert answer.subcodes == ["env:Sender", "ter:NotAuthorized"]


def test_each_challenge_is_a_header_of_its_own(client: Client) -> None:
    challenges = [
        value for name, value in client.call(USERS).all_headers if name.lower() == "www-authenticate"
    ]
    assert [challenge.split("algorithm=")[1].split(",")[0] for challenge in challenges] == ["SHA-256", "MD5"]


def test_an_unknown_operation_of_a_known_service(client: Client) -> None:
    """Core 5.8.2.2: optional, and not implemented."""
    answer = client.call(f'<CreateECCKeyPair2 xmlns="{NAMESPACES["tas"]}"/>')
    assert answer.status == 500
    assert answer.subcodes == ["env:Receiver", "ter:ActionNotSupported"]
    assert "CreateECCKeyPair2" in answer.reason


def test_an_operation_of_an_unknown_service(client: Client) -> None:
    answer = client.call('<GetProfiles xmlns="urn:nobody"/>')
    assert answer.status == 400
    assert answer.subcodes == ["env:Sender", "ter:UnknownAction"]


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_every_operation_needs_the_level_of_its_access_class(client: Client, operation: Operation) -> None:
    """Core 5.9.4.4, for everybody below Administrator; nobody without credentials."""
    public = operation.access_class == AccessClass.PRE_AUTH
    anonymous = client.call(empty(operation))
    assert (anonymous.status == 401) != public
    for level in (UserLevel.USER, UserLevel.OPERATOR):
        answer = client.call(empty(operation), user=level)
        refused = answer.status == 400 and answer.subcodes == ["env:Sender", "ter:NotAuthorized"]
        assert refused != allowed(level, operation.access_class)
        if refused:
            assert level in answer.reason


@pytest.mark.parametrize(
    "operation",
    [each for each in OPERATIONS.values() if each.access_class == AccessClass.PRE_AUTH],
    ids=lambda operation: operation.name,
)
def test_an_operation_for_everybody_does_not_look_at_credentials(
    client: Client, operation: Operation
) -> None:
    answer = client.call(empty(operation), user="Administrator", password="wrong")
    assert answer.status == 200 or answer.subcodes == ["env:Sender", "ter:InvalidArgs"]


def test_a_wrong_username_token_is_400_and_a_fault(client: Client) -> None:
    """Core 5.9.1."""
    answer = client.call(USERS, user="Administrator", password="wrong")
    assert answer.status == 400
    assert answer.subcodes == ["env:Sender", "ter:NotAuthorized"]


def test_a_defect_tells_the_client_nothing_about_the_inside(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> dict[str, Any]:
        raise RuntimeError("the inside")

    tag = f"{{{NAMESPACES['tds']}}}GetUsers"
    monkeypatch.setitem(operations.OPERATIONS, tag, replace(OPERATIONS[tag], handler=broken))  # type: ignore[arg-type]
    answer = client.call(USERS, user="Administrator")
    assert answer.status == 500
    assert answer.subcodes == ["env:Receiver", "ter:Action"]
    assert "inside" not in answer.reason
    assert "the inside" in caplog.text


def test_a_path_makes_no_lines_of_its_own_in_the_log(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> dict[str, Any]:
        raise RuntimeError

    tag = f"{{{NAMESPACES['tds']}}}GetHostname"
    monkeypatch.setitem(operations.OPERATIONS, tag, replace(OPERATIONS[tag], handler=broken))  # type: ignore[arg-type]
    request = f'<s:Envelope xmlns:s="{NAMESPACES["env"]}"><s:Body><GetHostname xmlns="{NAMESPACES["tds"]}"/></s:Body>'
    assert client.send(f"{request}</s:Envelope>".encode(), path="/onvif/%0aforged").status == 500
    assert "forged" in caplog.text
    assert not [line for line in caplog.text.splitlines() if line.startswith("forged")]


def services(answer: Answer) -> dict[str, Element]:
    assert answer.body is not None
    tds = f"{{{NAMESPACES['tds']}}}"
    return {str(service.findtext(f"{tds}Namespace")): service for service in answer.body}


@pytest.mark.parametrize("include", [True, False])
def test_the_vendors_services_are_listed(client: Client, include: bool) -> None:
    """Core 8.1.2.2."""
    text = str(include).lower()
    answer = client.call(
        f'<GetServices xmlns="{NAMESPACES["tds"]}">'
        f"<IncludeCapability>{text}</IncludeCapability></GetServices>"
    )
    found = services(answer)
    tds = f"{{{NAMESPACES['tds']}}}"
    assert list(found) == [
        NAMESPACES["tds"],
        NAMESPACES["tas"],
        NAMESPACES["tev"],
        MEDIA,
        "http://www.onvif.org/ver20/ptz/wsdl",
    ]
    assert str(found[MEDIA].findtext(f"{tds}XAddr")).endswith("/onvif/media")
    media = found[MEDIA].find(f"{tds}Capabilities/{{{MEDIA}}}Capabilities")
    assert (media is not None) == include


def test_the_vendors_services_are_capabilities_of_their_category(client: Client) -> None:
    """Core 8.1.2.4."""
    answer = client.call(f'<GetCapabilities xmlns="{NAMESPACES["tds"]}"/>')
    assert answer.body is not None
    categories = [split(category.tag)[1] for category in answer.body[0]]
    assert categories == ["Device", "Events", "Media", "PTZ"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (["All"], ["Device", "Events", "Media", "PTZ"]),
        (["Events"], ["Events"]),
        (["PTZ", "Device"], ["Device", "PTZ"]),
    ],
)
def test_only_the_categories_that_were_asked_for(
    client: Client, asked: list[str], expected: list[str]
) -> None:
    categories = "".join(f"<Category>{category}</Category>" for category in asked)
    answer = client.call(f'<GetCapabilities xmlns="{NAMESPACES["tds"]}">{categories}</GetCapabilities>')
    assert answer.body is not None
    assert [split(category.tag)[1] for category in answer.body[0]] == expected


def test_a_category_without_a_service(client: Client) -> None:
    """Core 8.1.2.4, NoSuchService."""
    answer = client.call(
        f'<GetCapabilities xmlns="{NAMESPACES["tds"]}"><Category>Imaging</Category></GetCapabilities>'
    )
    assert answer.status == 500
    assert answer.subcodes == ["env:Receiver", "ter:ActionNotSupported", "ter:NoSuchService"]


def test_nothing_precedes_the_xml_declaration_and_quotes_are_double(client: Client) -> None:
    """Clients that take XML apart with regular expressions."""
    environ = falcon.testing.create_environ(
        "/onvif/device_service",
        method="POST",
        body=f'<s:Envelope xmlns:s="{wire.ENV}"><s:Body>{TIME}</s:Body></s:Envelope>'.encode(),
    )
    content = b"".join(client.application(environ, lambda *_: None))
    assert content.startswith(b"<?xml ")
    assert b"'" not in content
    assert ElementTree.fromstring(content).tag == f"{{{wire.ENV}}}Envelope"

"""The TLS server's operations, seen from the network: every change is what the next connection meets (Security 5.3.3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from onvifd.config import KeystoreConfig
from tests import pki
from tests.operations.camera import Camera, leaf, protocol, values
from tests.operations.claims import covers
from tests.operations.store import logical_content, served
from tests.support import free_port
from tests.webserver.support import chain, refuses

HOST = "127.0.0.1"


def _assigned(camera: Camera) -> list[str]:
    return values(camera.do("tas:GetAssignedServerCertificates"), "tas:CertificationPathID")


def _replace(camera: Camera, old: str, new: str) -> None:
    content = leaf("OldCertificationPathID", old) + leaf("NewCertificationPathID", new)
    camera.do("tas:ReplaceServerCertificateAssignment", content)


def _issued_path(camera: Camera, key: pki.PrivateKey) -> tuple[str, tuple[bytes, ...]]:
    """A certification path of leaf, intermediate and root: its ID and its certificates."""
    root = pki.Authority.root()
    intermediate = root.intermediate()
    camera.put_key(key)
    certificates = (intermediate.issue(key.public_key()), intermediate.der, root.der)
    known = {
        camera.certificate(each): each
        for each in values(camera.do("tas:GetAllCertificates"), "tas:CertificateID")
    }
    members = [known.get(each) or camera.upload(each) for each in certificates]
    return camera.path_of(*members), certificates


@covers("tas:AddServerCertificateAssignment", "tas:GetAssignedServerCertificates", "tds:SetNetworkProtocols")
def test_the_assigned_path_is_presented_as_it_is(camera: Camera) -> None:
    """Security 5.3.3.1 and 5.3.3.4, Core 8.2.13: leaf, intermediate and root, in this order."""
    assert _assigned(camera) == []
    path_id, certificates = _issued_path(camera, pki.rsa_key(0))
    camera.assign(path_id)
    assert _assigned(camera) == [path_id]
    assert refuses(HOST, camera.https_port)
    camera.set_https(True)
    for version in ("1_2", "1_3"):
        assert chain(HOST, camera.https_port, "RSA", version) == certificates


@covers("tas:AddServerCertificateAssignment")
def test_assigning_a_path_again_has_no_effect(camera: Camera) -> None:
    """Security 5.3.3.1."""
    path_id, _ = camera.self_signed_path()
    camera.assign(path_id)
    camera.set_https(True)
    before = logical_content(camera.running)
    camera.assign(path_id)
    assert logical_content(camera.running) == before


@covers("tas:AddServerCertificateAssignment")
def test_each_client_is_shown_the_path_of_a_key_type_that_it_accepts(camera: Camera) -> None:
    """Security 5.3.3.1: an RSA and an EC path, the second one while HTTPS is on."""
    rsa_path, rsa_chain = _issued_path(camera, pki.rsa_key(0))
    camera.assign(rsa_path)
    camera.set_https(True)
    ec_path, ec_chain = _issued_path(camera, pki.ec_key(0))
    camera.assign(ec_path)
    assert _assigned(camera) == [rsa_path, ec_path]
    for version in ("1_2", "1_3"):
        assert chain(HOST, camera.https_port, "RSA", version) == rsa_chain
        assert chain(HOST, camera.https_port, "EC", version) == ec_chain


@covers("tas:AddServerCertificateAssignment")
def test_of_two_paths_of_one_key_type_the_last_assigned_is_served(camera: Camera) -> None:
    """Security 5.3.3.1 leaves the choice to the device; this is this one's."""
    first, _ = camera.self_signed_path(0)
    second, certificate = camera.self_signed_path(1)
    camera.assign(first)
    camera.set_https(True)
    camera.assign(second)
    assert _assigned(camera) == [first, second]
    assert chain(HOST, camera.https_port) == (certificate,)


@covers("tas:ReplaceServerCertificateAssignment")
def test_a_replaced_path_is_served_at_once_on_every_port(camera: Camera) -> None:
    """Security 5.3.3.3."""
    old, _ = camera.self_signed_path(0)
    new, certificate = camera.self_signed_path(1)
    camera.assign(old)
    ports = (camera.https_port, free_port())
    camera.set_https(True, *ports)
    _replace(camera, old, new)
    assert _assigned(camera) == [new]
    for port in ports:
        assert chain(HOST, port) == (certificate,)


@covers("tas:ReplaceServerCertificateAssignment")
def test_a_replacement_is_used_in_exactly_the_cases_of_the_old_path(camera: Camera) -> None:
    """Security 5.3.3.3: the first of two of a key type stays behind the second; another key type's stays."""
    first, _ = camera.self_signed_path(0)
    second, served_certificate = camera.self_signed_path(1)
    new, new_certificate = camera.self_signed_path(2)
    camera.assign(first)
    camera.assign(second)
    camera.set_https(True)
    _replace(camera, first, new)
    assert _assigned(camera) == [new, second]
    assert chain(HOST, camera.https_port) == (served_certificate,)
    _replace(camera, second, first)
    _replace(camera, new, second)
    _replace(camera, first, new)
    assert _assigned(camera) == [second, new]
    assert chain(HOST, camera.https_port) == (new_certificate,)


@covers("tas:ReplaceServerCertificateAssignment")
def test_a_path_may_replace_itself(camera: Camera) -> None:
    """Security 5.3.3.3."""
    path_id, _ = camera.self_signed_path()
    camera.assign(path_id)
    camera.set_https(True)
    before = logical_content(camera.running)
    _replace(camera, path_id, path_id)
    assert logical_content(camera.running) == before


@covers("tas:ReplaceServerCertificateAssignment")
def test_a_replacement_works_when_no_further_path_could_be_assigned(
    make_camera: Callable[..., Camera],
) -> None:
    """Security 5.3.3.3: it needs no room."""
    camera = make_camera(keystore=KeystoreConfig(maximum_number_of_tls_certification_paths=1))
    (old, _), (new, certificate) = camera.self_signed_path(0), camera.self_signed_path(1)
    camera.assign(old)
    camera.set_https(True)
    _replace(camera, old, new)
    assert chain(HOST, camera.https_port) == (certificate,)


@covers("tas:RemoveServerCertificateAssignment")
@pytest.mark.parametrize("https_was_on", [False, True])
def test_a_path_is_removed_while_https_is_off(camera: Camera, https_was_on: bool) -> None:
    """Security 5.3.3.2: the path itself stays, and can be assigned again."""
    path_id, certificate = camera.self_signed_path()
    camera.assign(path_id)
    if https_was_on:
        camera.set_https(True)
        camera.set_https(False)
    camera.do("tas:RemoveServerCertificateAssignment", leaf("CertificationPathID", path_id))
    assert _assigned(camera) == []
    assert values(camera.do("tas:GetAllCertificationPaths"), "tas:CertificationPathID") == [path_id]
    camera.assign(path_id)
    camera.set_https(True)
    assert chain(HOST, camera.https_port) == (certificate,)


@covers("tas:GetAssignedServerCertificates")
def test_assigned_paths_are_listed_in_the_order_of_their_assignment(camera: Camera) -> None:
    """Security 5.3.3.4."""
    first, second = camera.self_signed_path(0)[0], camera.self_signed_path(1)[0]
    camera.assign(second)
    camera.assign(first)
    assert _assigned(camera) == [second, first]


@covers("tds:SetNetworkProtocols")
def test_https_moves_to_another_port_with_its_certificate(camera: Camera) -> None:
    """Core 8.2.13: the old port is closed, the port that HTTP leaves can be HTTPS's in the same request."""
    path_id, certificate = camera.self_signed_path()
    camera.assign(path_id)
    camera.set_https(True)
    old_http, old_https, new = camera.http_port, camera.https_port, free_port()
    camera.do("tds:SetNetworkProtocols", protocol("HTTPS", True, old_http) + protocol("HTTP", True, new))
    assert refuses(HOST, old_https)
    assert chain(HOST, old_http) == (certificate,)
    assert served(camera.running)[HOST, new][0] == "HTTP"

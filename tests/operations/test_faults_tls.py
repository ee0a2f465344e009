"""Every fault of the TLS server's operations: what is served stays as it was (Security 5.3.3)."""

from __future__ import annotations

from collections.abc import Callable

from onvifd.config import KeystoreConfig
from tests import pki
from tests.operations.camera import Camera, leaf
from tests.operations.claims import provokes

VALUE = ("env:Sender", "ter:InvalidArgVal")
ACTION = ("env:Receiver", "ter:Action")
ADD = "tas:AddServerCertificateAssignment"
REMOVE = "tas:RemoveServerCertificateAssignment"
REPLACE = "tas:ReplaceServerCertificateAssignment"


def one(path_id: str) -> str:
    return leaf("CertificationPathID", path_id)


def both(old: str, new: str) -> str:
    return leaf("OldCertificationPathID", old) + leaf("NewCertificationPathID", new)


def serving(camera: Camera, key: int = 0) -> str:
    """Assign a path and switch HTTPS on."""
    path_id, _ = camera.self_signed_path(key)
    camera.assign(path_id)
    camera.set_https(True)
    return path_id


def foreign_path(camera: Camera) -> str:
    """A path whose first certificate has a key pair without a private key."""
    return camera.path_of(camera.upload(pki.Authority.root().der))


def damaged_path(camera: Camera, key: int, status: str = "corrupt") -> str:
    """A path whose first certificate's key pair is not ok any more."""
    key_id = camera.put_key(key)
    path_id = camera.path_of(camera.self_sign(key_id))
    camera.execute("UPDATE key_pair SET status = ? WHERE id = ?", status, key_id)
    return path_id


@provokes(ADD, *VALUE, "ter:CertificationPathID")
def test_assigning_a_path_that_there_is_not(camera: Camera) -> None:
    serving(camera)
    certificate_id = camera.self_sign(camera.put_key(1))
    for each in ("path-0", certificate_id):
        camera.refuse(ADD, one(each), (*VALUE, "ter:CertificationPathID"), each)


@provokes(ADD, *VALUE, "ter:NoPrivateKey")
def test_assigning_a_path_without_a_private_key(camera: Camera) -> None:
    serving(camera)
    codes = (*VALUE, "ter:NoPrivateKey")
    camera.refuse(ADD, one(foreign_path(camera)), codes, "private key")
    camera.refuse(ADD, one(damaged_path(camera, 1)), codes, "corrupt")


@provokes(ADD, *ACTION, "ter:MaximumNumberOfTLSCertificationPathsReached")
def test_assigning_more_paths_than_the_tls_server_takes(make_camera: Callable[..., Camera]) -> None:
    camera = make_camera(keystore=KeystoreConfig(maximum_number_of_tls_certification_paths=1))
    path_id = serving(camera)
    codes = (*ACTION, "ter:MaximumNumberOfTLSCertificationPathsReached")
    camera.refuse(ADD, one(camera.self_signed_path(1)[0]), codes, "room for 1 cert")
    camera.assign(path_id)  # it is assigned already: no effect, and no fault


@provokes(REMOVE, *VALUE, "ter:OldCertificationPathID")
def test_removing_a_path_that_is_not_assigned(camera: Camera) -> None:
    """Also while HTTPS is on, and for a path that exists."""
    other = camera.self_signed_path(1)[0]
    for each in ("path-0", other):
        camera.refuse(REMOVE, one(each), (*VALUE, "ter:OldCertificationPathID"), each)
    serving(camera)
    camera.refuse(REMOVE, one(other), (*VALUE, "ter:OldCertificationPathID"), other)


@provokes(REMOVE, *VALUE, "ter:ReferenceExists")
def test_removing_a_path_while_https_is_on(camera: Camera) -> None:
    """Security 5.3.3.2: also where another one would be left. What is served stays."""
    first = serving(camera, 0)
    camera.refuse(REMOVE, one(first), (*VALUE, "ter:ReferenceExists"), "HTTPS")
    second = camera.self_signed_path(1)[0]
    camera.assign(second)
    for each in (first, second):
        camera.refuse(REMOVE, one(each), (*VALUE, "ter:ReferenceExists"), "SetNetworkProtocols")


@provokes(REPLACE, *VALUE, "ter:OldCertificationPathID")
def test_replacing_a_path_that_is_not_assigned(camera: Camera) -> None:
    path_id, other = serving(camera), camera.self_signed_path(1)[0]
    for old in ("path-0", other):
        for new in (path_id, other, "path-1"):
            camera.refuse(REPLACE, both(old, new), (*VALUE, "ter:OldCertificationPathID"), old)


@provokes(REPLACE, *VALUE, "ter:NewCertificationPathID")
def test_replacing_by_a_path_that_there_is_not(camera: Camera) -> None:
    path_id = serving(camera)
    camera.refuse(REPLACE, both(path_id, "path-0"), (*VALUE, "ter:NewCertificationPathID"), "path-0")


@provokes(REPLACE, *VALUE, "ter:NoPrivateKey")
def test_replacing_by_a_path_without_a_private_key(camera: Camera) -> None:
    path_id = serving(camera)
    codes = (*VALUE, "ter:NoPrivateKey")
    camera.refuse(REPLACE, both(path_id, foreign_path(camera)), codes, "private key")
    camera.refuse(REPLACE, both(path_id, damaged_path(camera, 1)), codes, "corrupt")


# What the specification has no fault of its own for: the generic ones of Core 5.8.2.2


@provokes(ADD, *VALUE, "ter:InvalidKeyStatus")
@provokes(REPLACE, *VALUE, "ter:InvalidKeyStatus")
def test_a_private_key_that_turns_out_to_be_damaged(camera: Camera) -> None:
    """Security 5.2.5: nothing is assigned; whether it is marked corrupt is for later uses."""
    path_id = serving(camera)
    key_id = camera.put_key(1)
    bad = camera.path_of(camera.self_sign(key_id))
    camera.damage_private_key(key_id)
    for operation, content in ((ADD, one(bad)), (REPLACE, both(path_id, bad))):
        camera.refuse(operation, content, (*VALUE, "ter:InvalidKeyStatus"), key_id)


@provokes(ADD, *ACTION)
@provokes(REMOVE, *ACTION)
@provokes(REPLACE, *ACTION)
def test_an_assignment_that_can_not_be_stored(camera: Camera) -> None:
    path_id = serving(camera, 0)
    other = camera.self_signed_path(1)[0]
    with camera.read_only("server_certificate_assignment"):
        camera.refuse(ADD, one(other), ACTION)
        camera.refuse(REPLACE, both(path_id, other), ACTION)
    camera.set_https(False)
    with camera.read_only("server_certificate_assignment"):
        camera.refuse(REMOVE, one(path_id), ACTION)

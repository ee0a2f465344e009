"""Every fault of the Device service's operations is answered where it should be, and changes nothing (Core 8)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from onvifd.config import (
    DeviceConfig,
    DiscoveryConfig,
    ProtocolConfig,
    ProtocolsConfig,
    RTSPConfig,
    UsersConfig,
    WebServerConfig,
)
from tests.operations.camera import Camera, date_and_time, leaf, protocol
from tests.operations.claims import provokes
from tests.support import free_port
from tests.webserver.support import foreign_listener, refuses

VALUE = ("env:Sender", "ter:InvalidArgVal")
PROHIBITED = ("env:Sender", "ter:OperationProhibited")
ACTION = ("env:Receiver", "ter:Action")
TLS_FAILED = ("env:Receiver", "ter:ActionNotSupported", "ter:EnablingTlsFailed")
GOOD = "a-good-password"
LIMITS = UsersConfig(maximum_number=4, maximum_name_length=13, maximum_password_length=28)


def user(name: str = "alice", password: str | None = GOOD, level: str = "User") -> str:
    secret = "" if password is None else f"<tt:Password>{password}</tt:Password>"
    return f"<User><tt:Username>{name}</tt:Username>{secret}<tt:UserLevel>{level}</tt:UserLevel></User>"


@provokes("tds:GetCapabilities", "env:Receiver", "ter:ActionNotSupported", "ter:NoSuchService")
@pytest.mark.parametrize("categories", [("PTZ",), ("Device", "PTZ"), ("All", "PTZ")])
def test_a_category_without_a_service(camera: Camera, categories: tuple[str, ...]) -> None:
    """Core 8.1.2.4."""
    content = "".join(leaf("Category", category) for category in categories)
    codes = ("env:Receiver", "ter:ActionNotSupported", "ter:NoSuchService")
    camera.refuse("tds:GetCapabilities", content, codes, "PTZ")


@provokes("tds:GetScopes", *ACTION, "ter:EmptyScope")
def test_a_device_without_scopes(make_camera: Callable[..., Camera]) -> None:
    """Core 8.3.14: where the configuration lists none."""
    camera = make_camera(device=DeviceConfig(scopes=()))
    camera.refuse("tds:GetScopes", "", (*ACTION, "ter:EmptyScope"), "scope")


# SetNetworkProtocols (Core 8.2.13)


@provokes("tds:SetNetworkProtocols", *VALUE, "ter:ServiceNotSupported")
@pytest.mark.parametrize("enabled", [True, False])
def test_a_protocol_that_the_device_has_not(camera: Camera, enabled: bool) -> None:
    """RTSP without a streaming server; the good half of the request is not carried out either."""
    content = protocol("HTTP", True, free_port()) + protocol("RTSP", enabled, 554)
    camera.refuse("tds:SetNetworkProtocols", content, (*VALUE, "ter:ServiceNotSupported"), "RTSP")


@provokes("tds:SetNetworkProtocols", *VALUE, "ter:PortAlreadyInUse")
def test_a_port_that_another_program_listens_on(camera: Camera) -> None:
    port = free_port()
    with foreign_listener(port):
        content = protocol("HTTP", True, free_port(), port)
        camera.refuse("tds:SetNetworkProtocols", content, (*VALUE, "ter:PortAlreadyInUse"), str(port))


@provokes("tds:SetNetworkProtocols", *VALUE, "ter:PortAlreadyInUse")
def test_a_port_that_another_program_listens_on_for_https(camera: Camera) -> None:
    camera.assign(camera.self_signed_path()[0])
    port = free_port()
    with foreign_listener(port):
        content = protocol("HTTPS", True, port)
        camera.refuse("tds:SetNetworkProtocols", content, (*VALUE, "ter:PortAlreadyInUse"), str(port))


@provokes("tds:SetNetworkProtocols", *VALUE, "ter:PortAlreadyInUse")
def test_one_port_for_two_protocols(camera: Camera) -> None:
    camera.assign(camera.self_signed_path()[0])
    content = protocol("HTTPS", True, camera.http_port)
    camera.refuse("tds:SetNetworkProtocols", content, (*VALUE, "ter:PortAlreadyInUse"), str(camera.http_port))


@provokes("tds:SetNetworkProtocols", *TLS_FAILED)
def test_https_without_an_assigned_certificate(camera: Camera) -> None:
    """The certificate is stored, and even in a path; it is not assigned."""
    camera.self_signed_path()
    content = protocol("HTTPS", True, camera.https_port)
    camera.refuse("tds:SetNetworkProtocols", content, TLS_FAILED, "AddServerCertificateAssignment")
    assert refuses("127.0.0.1", camera.https_port)


@provokes("tds:SetNetworkProtocols", *PROHIBITED)
def test_a_change_that_would_lock_everybody_out(camera: Camera) -> None:
    content = protocol("HTTP", False, camera.http_port)
    camera.refuse("tds:SetNetworkProtocols", content, PROHIBITED, "HTTP")
    camera.assign(camera.self_signed_path()[0])
    camera.set_https(True)
    camera.do("tds:SetNetworkProtocols", protocol("HTTP", False, camera.http_port))
    camera.refuse("tds:SetNetworkProtocols", protocol("HTTPS", False, camera.https_port), PROHIBITED, "HTTPS")


@provokes("tds:SetNetworkProtocols", *VALUE)
@pytest.mark.parametrize("port", [0, -1, 65536, 2**31 - 1, -(2**31)])
def test_a_number_that_is_no_port(camera: Camera, port: int) -> None:
    camera.refuse("tds:SetNetworkProtocols", protocol("HTTP", True, port), VALUE, str(port))


@provokes("tds:SetNetworkProtocols", *VALUE)
def test_more_ports_than_a_protocol_can_have(camera: Camera) -> None:
    content = protocol("HTTP", True, *(free_port() for _ in range(9)))
    camera.refuse("tds:SetNetworkProtocols", content, VALUE, "8")


HOOK = """
import pathlib, sys
record = pathlib.Path(sys.argv[1])
with record.open("a") as file:
    print(*sys.argv[2:], file=file)
sys.exit("disabled" in sys.argv or record.with_name("refuse").exists())
"""


def with_rtsp(port: int, record: Path) -> ProtocolsConfig:
    """RTSP's hook keeps a record; it refuses to disable it, and everything once there is a file `refuse`."""
    hook = (sys.executable, "-c", HOOK, str(record))
    return ProtocolsConfig(
        http=ProtocolConfig(True, (free_port(),)),
        https=ProtocolConfig(False, (free_port(),)),
        rtsp=RTSPConfig(True, (port,), hook),
    )


@provokes("tds:SetNetworkProtocols", *ACTION)
def test_a_hook_that_refuses(make_camera: Callable[..., Camera], tmp_path: Path) -> None:
    """RTSP's hook is told the old state again, and HTTP's part of the request is undone with it."""
    record, port = tmp_path / "record", free_port()
    camera = make_camera(protocols=with_rtsp(port, record))
    content = protocol("HTTP", True, free_port()) + protocol("RTSP", False, port)
    camera.refuse("tds:SetNetworkProtocols", content, ACTION, "RTSP")
    assert record.read_text().splitlines() == [
        f"{state} {port}" for state in ("enabled", "disabled", "enabled")
    ]


@provokes("tds:SetNetworkProtocols", *ACTION)
@provokes("tds:SetNetworkProtocols", *TLS_FAILED)
def test_a_web_server_that_refuses(make_camera: Callable[..., Camera], tmp_path: Path) -> None:
    """The vendor's include file is damaged by now: nginx itself refuses the new configuration."""
    include = tmp_path / "include"
    include.write_text("location / { return 404; }")
    camera = make_camera(webserver=WebServerConfig(listen=("127.0.0.1",), include=include))
    camera.assign(camera.self_signed_path()[0])
    include.write_text("location / {")
    camera.refuse("tds:SetNetworkProtocols", protocol("HTTP", True, free_port()), ACTION, "web server")
    https = protocol("HTTPS", True, camera.https_port)
    camera.refuse("tds:SetNetworkProtocols", https, TLS_FAILED, "web server")
    assert refuses("127.0.0.1", camera.https_port)


# Discovery (Core 8.3.14 to 8.3.19)


@provokes("tds:SetDiscoveryMode", "env:Receiver", "ter:ActionNotSupported")
def test_a_device_without_discovery(make_camera: Callable[..., Camera]) -> None:
    """Core 8.3.19: as it signals."""
    camera = make_camera(discovery=DiscoveryConfig(enabled=False))
    content = leaf("DiscoveryMode", "Discoverable")
    camera.refuse("tds:SetDiscoveryMode", content, ("env:Receiver", "ter:ActionNotSupported"), "discovery")


@provokes("tds:SetScopes", *ACTION, "ter:TooManyScopes")
@provokes("tds:AddScopes", *ACTION, "ter:TooManyScopes")
def test_more_scopes_than_the_device_keeps(camera: Camera) -> None:
    codes = (*ACTION, "ter:TooManyScopes")
    many = [f"onvif://www.onvif.org/location/{number}" for number in range(65)]
    camera.do("tds:SetScopes", "".join(leaf("Scopes", scope) for scope in many[:2]))
    camera.refuse("tds:SetScopes", "".join(leaf("Scopes", scope) for scope in many), codes, "64")
    camera.refuse("tds:AddScopes", "".join(leaf("ScopeItem", scope) for scope in many), codes, "64")
    camera.refuse("tds:AddScopes", leaf("ScopeItem", "a" * 256), codes, "255")
    camera.refuse("tds:SetScopes", leaf("Scopes", "a" * 256), codes, "255")
    large = [f"{number}{'&' * 200}" for number in range(60)]
    camera.refuse("tds:SetScopes", "".join(leaf("Scopes", scope) for scope in large), codes, "49152 bytes")


@provokes("tds:RemoveScopes", *PROHIBITED, "ter:FixedScope")
@provokes("tds:RemoveScopes", *VALUE, "ter:NoScope")
def test_scopes_that_can_not_be_removed(camera: Camera) -> None:
    """Core 8.3.17: the good one of the request stays, too."""
    camera.do("tds:AddScopes", leaf("ScopeItem", "onvif://www.onvif.org/location/roof"))
    good = leaf("ScopeItem", "onvif://www.onvif.org/location/roof")
    (fixed, *_) = camera.running.device.config.device.scopes
    content = good + leaf("ScopeItem", fixed)
    camera.refuse("tds:RemoveScopes", content, (*PROHIBITED, "ter:FixedScope"), fixed)
    for unknown in ("onvif://www.onvif.org/location/Roof", "urn:x", "' OR 1=1 --"):
        content = good + leaf("ScopeItem", unknown)
        camera.refuse("tds:RemoveScopes", content, (*VALUE, "ter:NoScope"), unknown)


# Users (Core 8.4.4 to 8.4.6)


@pytest.fixture
def small(make_camera: Callable[..., Camera]) -> Camera:
    """A device with room for one user more, and short names."""
    return make_camera(users=LIMITS)


@provokes("tds:CreateUsers", *PROHIBITED, "ter:UsernameClash")
@pytest.mark.parametrize("content", [user("Operator"), user() + user("Operator"), user() + user()])
def test_a_user_that_exists(camera: Camera, content: str) -> None:
    """Core 8.4.4: none of the request's users is created."""
    culprit = "Operator" if "Operator" in content else "alice"
    camera.refuse("tds:CreateUsers", content, (*PROHIBITED, "ter:UsernameClash"), culprit)


@provokes("tds:CreateUsers", *PROHIBITED, "ter:PasswordTooLong")
@provokes("tds:SetUser", *PROHIBITED, "ter:PasswordTooLong")
def test_a_password_that_is_too_long(small: Camera) -> None:
    codes = (*PROHIBITED, "ter:PasswordTooLong")
    small.refuse("tds:CreateUsers", user(password="p" * 29), codes, "28")
    small.refuse("tds:SetUser", user("User", password="p" * 29), codes, "28")


@provokes("tds:CreateUsers", *PROHIBITED, "ter:UsernameTooLong")
def test_a_name_that_is_too_long(small: Camera) -> None:
    small.refuse("tds:CreateUsers", user("a" * 14), (*PROHIBITED, "ter:UsernameTooLong"), "13")


@provokes("tds:CreateUsers", *PROHIBITED, "ter:Password")
@pytest.mark.parametrize("password", [None, "", "seven77"])
def test_a_new_users_weak_password(camera: Camera, password: str | None) -> None:
    camera.refuse("tds:CreateUsers", user(password=password), (*PROHIBITED, "ter:Password"), "8")


@provokes("tds:CreateUsers", *ACTION, "ter:TooManyUsers")
def test_more_users_than_there_can_be(small: Camera) -> None:
    small.refuse("tds:CreateUsers", user("a") + user("b"), (*ACTION, "ter:TooManyUsers"), "4")
    small.do("tds:CreateUsers", user("a"))
    small.refuse("tds:CreateUsers", user("b"), (*ACTION, "ter:TooManyUsers"), "4")


@provokes("tds:CreateUsers", *PROHIBITED, "ter:AnonymousNotAllowed")
@provokes("tds:SetUser", *PROHIBITED, "ter:AnonymousNotAllowed")
def test_the_level_anonymous(camera: Camera) -> None:
    codes = (*PROHIBITED, "ter:AnonymousNotAllowed")
    camera.refuse("tds:CreateUsers", user(level="Anonymous"), codes, "Anonymous")
    camera.refuse("tds:SetUser", user("User", level="Anonymous"), codes, "Anonymous")


@provokes("tds:CreateUsers", *PROHIBITED, "ter:UsernameTooShort")
def test_a_name_that_is_too_short(camera: Camera) -> None:
    camera.refuse("tds:CreateUsers", user(""), (*PROHIBITED, "ter:UsernameTooShort"), "user name")


@provokes("tds:CreateUsers", *VALUE)
@provokes("tds:SetUser", *VALUE)
def test_a_level_that_the_device_has_not(camera: Camera) -> None:
    camera.refuse("tds:CreateUsers", user(level="Extended"), VALUE, "Extended")
    camera.refuse("tds:SetUser", user("User", level="Extended"), VALUE, "Extended")


@provokes("tds:CreateUsers", *VALUE)
@pytest.mark.parametrize("name", ["a:b", 'a"b', "a\\b", " a", "a ", "a\tb", "a\nb", "\u202e"])
def test_a_name_that_nobody_could_log_in_with(camera: Camera, name: str) -> None:
    """RFC 7616 3.4: clients differ in how they quote such names."""
    camera.refuse("tds:CreateUsers", user(name), VALUE, "user name")


@provokes("tds:SetUser", *VALUE, "ter:UsernameMissing")
@provokes("tds:DeleteUsers", *VALUE, "ter:UsernameMissing")
@pytest.mark.parametrize("name", ["nobody", "USER", "User ", ""])
def test_a_user_that_there_is_not(camera: Camera, name: str) -> None:
    """Core 8.4.5 and 8.4.6: the users that there are stay as they are, too."""
    codes = (*VALUE, "ter:UsernameMissing")
    camera.refuse("tds:SetUser", user("Operator") + user(name), codes, name)
    camera.refuse("tds:DeleteUsers", leaf("Username", "Operator") + leaf("Username", name), codes, name)


@provokes("tds:SetUser", *PROHIBITED, "ter:PasswordTooWeak")
@pytest.mark.parametrize("password", [None, "", "seven77"])
def test_a_known_users_weak_password(camera: Camera, password: str | None) -> None:
    """Core 8.4.6: also where it is left out, which would clear it."""
    camera.refuse("tds:SetUser", user("User", password), (*PROHIBITED, "ter:PasswordTooWeak"), "8")


@provokes("tds:SetUser", *VALUE, "ter:FixedUser")
@provokes("tds:DeleteUsers", *VALUE, "ter:FixedUser")
def test_the_last_administrator(camera: Camera) -> None:
    """Core 8.4.5 and 8.4.6: there must be one; in one request with others, too."""
    codes = (*VALUE, "ter:FixedUser")
    camera.refuse("tds:DeleteUsers", leaf("Username", "Administrator"), codes, "administrator")
    both = leaf("Username", "User") + leaf("Username", "Administrator")
    camera.refuse("tds:DeleteUsers", both, codes, "administrator")
    camera.refuse("tds:SetUser", user("Administrator", level="Operator"), codes, "administrator")


@provokes("tds:SetSystemFactoryDefault", *ACTION)
def test_a_factory_default_that_can_not_be_carried_out(
    make_camera: Callable[..., Camera], tmp_path: Path
) -> None:
    """Core 8.3.8: RTSP's hook refuses the way to its factory port; nothing is wiped."""
    record, port = tmp_path / "record", free_port()
    camera = make_camera(protocols=with_rtsp(port, record))
    camera.put_key()
    camera.do("tds:SetNetworkProtocols", protocol("RTSP", True, free_port()))
    (tmp_path / "refuse").touch()
    camera.refuse("tds:SetSystemFactoryDefault", leaf("FactoryDefault", "Hard"), ACTION, "RTSP")


@provokes("tds:SetSystemFactoryDefault", *ACTION)
def test_an_image_that_can_not_be_reset(make_camera: Callable[..., Camera]) -> None:
    camera = make_camera(device=DeviceConfig(factory_default=("false",)))
    camera.put_key()
    camera.refuse("tds:SetSystemFactoryDefault", leaf("FactoryDefault", "Soft"), ACTION, "factory")


# SetSystemDateAndTime (Core 8.3.7)


@pytest.fixture
def settable(make_camera: Callable[..., Camera]) -> Camera:
    """A device whose clock can be set, but not by NTP."""
    return make_camera(device=DeviceConfig(set_clock=("true",)))


@provokes("tds:SetSystemDateAndTime", *VALUE, "ter:InvalidTimeZone")
@pytest.mark.parametrize(
    "zone", ["INVALIDTIMEZONE", "", "CET-25", "Europe/Paris", "A0", "CET-1CEST,M13.1.0,M3.1.0"]
)
def test_what_is_no_time_zone(settable: Camera, zone: str) -> None:
    settable.refuse("tds:SetSystemDateAndTime", date_and_time(zone), (*VALUE, "ter:InvalidTimeZone"), "POSIX")


@provokes("tds:SetSystemDateAndTime", *VALUE, "ter:InvalidDateTime")
@pytest.mark.parametrize("month", [0, 13, -1, 2**31 - 1])
def test_what_is_no_date(settable: Camera, month: int) -> None:
    content = date_and_time(month=month)
    settable.refuse("tds:SetSystemDateAndTime", content, (*VALUE, "ter:InvalidDateTime"), "UTCDateTime")


@provokes("tds:SetSystemDateAndTime", *VALUE, "ter:NtpServerUndefined")
def test_an_image_without_ntp(settable: Camera) -> None:
    content = date_and_time(kind="NTP")
    settable.refuse("tds:SetSystemDateAndTime", content, (*VALUE, "ter:NtpServerUndefined"), "NTP server")


@provokes("tds:SetSystemDateAndTime", "env:Receiver", "ter:ActionNotSupported")
def test_an_image_that_sets_its_clock_itself(camera: Camera) -> None:
    camera.refuse(
        "tds:SetSystemDateAndTime", date_and_time(), ("env:Receiver", "ter:ActionNotSupported"), "clock"
    )


@provokes("tds:SetSystemDateAndTime", *ACTION)
def test_a_clock_that_can_not_be_set(make_camera: Callable[..., Camera]) -> None:
    camera = make_camera(device=DeviceConfig(set_clock=("false",)))
    camera.refuse("tds:SetSystemDateAndTime", date_and_time(), ACTION, "clock")

"""UsernameToken: Core 5.9.5, the test case SECURITY-1-1-1, and the spellings of real clients."""

import base64
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from lxml import etree
from zeep.wsse.username import UsernameToken as ZeepUsernameToken

from onvifd.auth.authenticator import Authenticator
from onvifd.auth.errors import NotAuthorized
from onvifd.auth.usernametoken import password_digest
from onvifd.auth.users import User, UserEntry, UserLevel, Users
from tests.auth import wire
from tests.auth.conftest import PASSWORD, Clock

ADMIN = User("admin", UserLevel.ADMINISTRATOR)


class Device:
    """The device as a client with a UsernameToken sees it."""

    def __init__(self, authenticator: Authenticator, clock: Clock) -> None:
        self.authenticator = authenticator
        self.clock = clock

    def ask(self, header: ET.Element | None) -> User | None:
        return self.authenticator.authenticate(
            header=header, authorization=None, method="POST", uri="/onvif/device_service", source="192.0.2.1"
        )

    def send(self, username: str = "admin", password: str = PASSWORD, **changes: object) -> User | None:
        created = changes.pop("created", None) or wire.zulu(self.clock.now)
        return self.ask(wire.security(wire.token(username, password, created, **changes)))

    def refusal(self, username: str = "admin", password: str = PASSWORD, **changes: object) -> str:
        with pytest.raises(NotAuthorized) as caught:
            self.send(username, password, **changes)
        assert password not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def device(make_authenticator: Callable[..., Authenticator], clock: Clock) -> Device:
    return Device(make_authenticator(), clock)


def test_the_published_example_of_onvif() -> None:
    """The UsernameToken of ONVIF's Application Programmer's Guide."""
    digest = password_digest(
        base64.b64decode("LKqI6G/AikKCQrN0zqZFlg=="), "2010-09-16T07:50:45Z", b"userpassword"
    )
    assert base64.b64encode(digest) == b"tuOSpGlFlIXsozq4HFNeeGeFLEI="


def test_a_right_token_names_the_user(device: Device) -> None:
    assert device.send() == ADMIN
    assert device.send("Uwe") == User("Uwe", UserLevel.USER)


def test_requests_without_a_token_have_no_user(device: Device) -> None:
    """Also with a Timestamp alone; tokens in another namespace are none."""
    assert device.ask(None) is None
    assert device.ask(wire.header("")) is None
    assert device.ask(wire.security("<wsu:Timestamp><wsu:Created/></wsu:Timestamp>")) is None
    created = wire.zulu(device.clock.now)
    header = ET.tostring(wire.security(wire.token("admin", PASSWORD, created))).decode()
    assert device.ask(ET.fromstring(header.replace(wire.WSSE, wire.WSSE.replace("200401", "200402")))) is None


# What clients send


@pytest.mark.parametrize("must_understand", ["", 's:mustUnderstand="1"', 's:mustUnderstand="true"'])
def test_must_understand_in_every_form(device: Device, must_understand: str) -> None:
    token = wire.token("admin", PASSWORD, wire.zulu(device.clock.now))
    assert device.ask(wire.header(f"<wsse:Security {must_understand}>{token}</wsse:Security>")) == ADMIN


@pytest.mark.parametrize(
    "created",
    [
        "2026-11-24T12:00:00Z",
        "2026-11-24T12:00:00.123Z",
        "2026-11-24T12:00:00+00:00",
        "2026-11-24T13:00:00.123456+01:00",
        "2026-11-24T06:30:00-05:30",
        "2026-11-24T12:00:00.123456789Z",
        "2026-11-24T12:00:00",
    ],
)
def test_created_in_every_form(device: Device, created: str) -> None:
    """The digest is over the literal text."""
    assert device.send(created=created) == ADMIN


@pytest.mark.parametrize(
    "nonce", [b"\0" * 16, b"\xff" * 20, b"abcdefghijklmnopqrstuvwxyz0123", b"1", b"n" * 256]
)
def test_nonces_of_every_length(device: Device, nonce: bytes) -> None:
    assert device.send(nonce=nonce) == ADMIN


def test_encoding_type_may_be_left_out(device: Device) -> None:
    assert device.send(encoding_type=None) == ADMIN


def test_timestamp_beside_the_token(device: Device) -> None:
    """gSOAP and onvif-nvt send one that expires after 10 s."""
    timestamp = (
        '<wsu:Timestamp wsu:Id="Time"><wsu:Created>2001-01-01T00:00:00Z</wsu:Created>'
        "<wsu:Expires>2001-01-01T00:00:10Z</wsu:Expires></wsu:Timestamp>"
    )
    token = wire.token("admin", PASSWORD, wire.zulu(device.clock.now))
    assert device.ask(wire.security(timestamp, token)) == ADMIN
    assert (
        device.ask(wire.security(wire.token("admin", PASSWORD, wire.zulu(device.clock.now)), timestamp))
        == ADMIN
    )


def test_formatted_xml(device: Device) -> None:
    """libonvif and onvif-rx indent; some XML writers put the text on a line of its own."""
    token = wire.token("admin", PASSWORD, wire.zulu(device.clock.now))
    assert device.ask(wire.security(token.replace(">", ">\n    ").replace("<", "\n  <"))) == ADMIN


def test_base64_in_lines(device: Device) -> None:
    token = wire.token("admin", PASSWORD, wire.zulu(device.clock.now), nonce=b"nonce")
    assert device.ask(wire.security(token.replace("bm9uY2U=", "bm9u\r\n    Y2U="))) == ADMIN


def test_security_in_the_default_namespace_and_a_wsu_id(device: Device) -> None:
    """agsh and node-onvif; node-soap sends an Id that is no valid xsd:ID."""
    token = wire.token("admin", PASSWORD, wire.zulu(device.clock.now)).replace("wsse:", "")
    token = token.replace("<UsernameToken", '<UsernameToken wsu:Id="SecurityToken-2026-11-24T12:00:00Z"')
    assert device.ask(wire.header(f'<Security xmlns="{wire.WSSE}">{token}</Security>')) == ADMIN


@pytest.mark.parametrize("zulu", [True, False])
def test_the_token_of_zeep_and_onvif_python(device: Device, zulu: bool) -> None:
    envelope = etree.fromstring(
        f'<s:Envelope xmlns:s="{wire.ENV}"><s:Header/><s:Body/></s:Envelope>'.encode()
    )
    plugin = ZeepUsernameToken(
        "admin", PASSWORD, use_digest=True, created=device.clock.now, zulu_timestamp=zulu
    )
    plugin.apply(envelope, {})
    header = ET.fromstring(etree.tostring(envelope)).find(f"{{{wire.ENV}}}Header")
    assert device.ask(header) == ADMIN


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_characters_outside_of_ascii(device: Device, users: Users, encoding: str) -> None:
    """The profile says UTF-8; agsh hashes Latin-1."""
    users.create([UserEntry("Jürgen", "pässwörd", "User")])
    created = wire.zulu(device.clock.now)
    octets = password_digest(b"n", created, "pässwörd".encode(encoding))
    token = wire.token("Jürgen", "", created, nonce=b"n")
    token = token.replace(wire.digest(b"n", created, ""), base64.b64encode(octets).decode())
    assert device.ask(wire.security(token)) == User("Jürgen", UserLevel.USER)


def test_replacement_characters_are_no_password(device: Device, users: Users) -> None:
    users.create([UserEntry("Юрий", "пароль пароль", "User")])
    assert device.send("Юрий", "пароль пароль") == User("Юрий", UserLevel.USER)
    assert "wrong" in device.refusal("Юрий", "?????? ??????")


# What SECURITY-1-1-1 and Core 5.9.5 refuse


@pytest.mark.parametrize("missing", ["Username", "Password", "Nonce", "Created"])
def test_an_incomplete_token_is_refused(device: Device, missing: str) -> None:
    assert missing in device.refusal(leave_out=missing)


@pytest.mark.parametrize(
    "password_type", [None, "", wire.TEXT, "PasswordDigest", wire.DIGEST + "2", wire.DIGEST.lower()]
)
def test_another_password_type_is_refused(device: Device, password_type: str | None) -> None:
    assert wire.DIGEST in device.refusal(password_type=password_type)


def test_a_password_in_clear_is_refused(device: Device) -> None:
    token = wire.token("admin", PASSWORD, wire.zulu(device.clock.now), password_type=wire.TEXT)
    token = token.replace(token.split("<wsse:Password")[1].split(">")[1].split("<")[0], PASSWORD)
    with pytest.raises(NotAuthorized) as caught:
        device.ask(wire.security(token))
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "instead", "reason"),
    [
        ("<wsu:Created>", "<wsu:Created>x", "Created"),
        ("2026-11-24T12", "2026-13-24T12", "Created"),
        ("2026-11-24T12:00:00Z", "20261124T120000Z", "Created"),
        ("2026-11-24T12:00:00Z", "+2026-11-24T12:00:00Z", "Created"),
        ("2026-11-24T12:00:00Z", "2026-11-24T12:00:00+24:00", "Created"),
        ("2026-11-24T12:00:00Z", "٢٠٢٦-11-24T12:00:00Z", "Created"),
        ("2026-11-24T12:00:00Z", " ", "Created"),
        ("wsu:Created", "wsse:Created", "Created"),
        ("wsse:Nonce", "wsu:Nonce", "Nonce"),
        ("wsse:Password", "wsu:Password", "Password"),
        ("bm9uY2U=", "", "Nonce"),
        ("bm9uY2U=", "bm9uY2U", "Base64"),
        ("bm9uY2U=", "bm9u*Y2U=", "Base64"),
        ("bm9uY2U=", "bm9uY2Ué", "Base64"),
        ("bm9uY2U=", "A" * 1028, "Nonce"),
        ("Base64Binary", "HexBinary", "EncodingType"),
        (">admin<", "><", "Username"),
        ("</wsse:UsernameToken>", "<wsse:Nonce>bm9uY2U=</wsse:Nonce></wsse:UsernameToken>", "Nonce"),
        ("</wsse:UsernameToken>", "<wsse:Username>Uwe</wsse:Username></wsse:UsernameToken>", "Username"),
    ],
)
def test_a_malformed_token_is_refused(device: Device, written: str, instead: str, reason: str) -> None:
    token = wire.token("admin", PASSWORD, "2026-11-24T12:00:00Z", nonce=b"nonce")
    assert written in token
    with pytest.raises(NotAuthorized, match=reason):
        device.ask(wire.security(token.replace(written, instead)))


def test_several_tokens_are_refused(device: Device) -> None:
    """In one Security header and in two: it would not be clear who asks."""
    created = wire.zulu(device.clock.now)
    first, second = wire.token("admin", PASSWORD, created), wire.token("Uwe", PASSWORD, created)
    for header in (
        wire.security(first, second),
        wire.header(f"<wsse:Security>{first}</wsse:Security><wsse:Security>{second}</wsse:Security>"),
    ):
        with pytest.raises(NotAuthorized, match="more than one"):
            device.ask(header)


def test_wrong_password_and_unknown_user_get_the_same_answer(device: Device) -> None:
    wrong = device.refusal("admin", "not the password")
    assert device.refusal("nobody", PASSWORD) == wrong
    assert device.refusal("ADMIN", PASSWORD) == wrong
    assert device.refusal("admin", "not the password", created="2001-01-01T00:00:00Z") == wrong
    assert device.refusal("nobody", PASSWORD, created="2001-01-01T00:00:00Z") == wrong


# The clock


@pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
def test_created_within_the_skew(device: Device, seconds: int) -> None:
    assert device.send(created=wire.zulu(device.clock.now + timedelta(seconds=seconds))) == ADMIN


@pytest.mark.parametrize(
    ("created", "reason"),
    [
        ("2026-11-24T11:46:28Z", "812 s behind"),
        ("2026-11-24T12:13:32Z", "812 s ahead"),
        ("2026-11-24T11:54:59Z", "at most 300 s"),
        ("0001-01-01T00:00:00+14:00", "behind"),
        ("9999-12-31T23:59:59-14:00", "ahead"),
    ],
)
def test_created_beyond_the_skew(device: Device, created: str, reason: str) -> None:
    """The reason says by how much and what to do, since the password was right."""
    refusal = device.refusal(created=created)
    assert reason in refusal
    assert "GetSystemDateAndTime" in refusal


def test_the_skew_is_configurable(make_authenticator: Callable[..., Authenticator], clock: Clock) -> None:
    device = Device(make_authenticator(clock_skew=timedelta(seconds=10)), clock)
    assert device.send(created=wire.zulu(clock.now - timedelta(seconds=10))) == ADMIN
    assert "11 s behind" in device.refusal(created=wire.zulu(clock.now - timedelta(seconds=11)))


def test_a_device_clock_in_another_zone(
    make_authenticator: Callable[..., Authenticator], clock: Clock
) -> None:
    clock.now = datetime(2026, 11, 24, 21, 0, tzinfo=timezone(timedelta(hours=9)))
    assert Device(make_authenticator(), clock).send(created="2026-11-24T12:00:00Z") == ADMIN


# Replays


def test_a_token_is_accepted_once(device: Device) -> None:
    header = wire.security(wire.token("admin", PASSWORD, wire.zulu(device.clock.now)))
    assert device.ask(header) == ADMIN
    for _ in range(3):
        with pytest.raises(NotAuthorized, match="used before"):
            device.ask(header)


def test_a_nonce_may_come_again_with_another_time(device: Device) -> None:
    """libonvif repeats its nonce."""
    assert device.send(nonce=b"same", created="2026-11-24T12:00:00Z") == ADMIN
    assert device.send(nonce=b"same", created="2026-11-24T12:00:01Z") == ADMIN


def test_a_recorded_token_is_not_good_for_another_user_with_the_same_password(device: Device) -> None:
    token = wire.token("Uwe", PASSWORD, wire.zulu(device.clock.now))
    assert device.ask(wire.security(token)) == User("Uwe", UserLevel.USER)
    with pytest.raises(NotAuthorized, match="used before"):
        device.ask(wire.security(token.replace(">Uwe<", ">admin<")))


def test_a_refused_token_is_not_remembered(device: Device) -> None:
    """A client that is too early may send the same again."""
    header = wire.security(
        wire.token("admin", PASSWORD, wire.zulu(device.clock.now + timedelta(seconds=301)))
    )
    with pytest.raises(NotAuthorized, match="ahead"):
        device.ask(header)
    device.clock.advance(1)
    assert device.ask(header) == ADMIN


def test_a_jump_of_the_clock_opens_no_replay_and_locks_nobody_out(device: Device) -> None:
    """NTP sets the clock; nothing that was used is accepted again, and present times are."""
    header = wire.security(wire.token("admin", PASSWORD, wire.zulu(device.clock.now)))
    assert device.ask(header) == ADMIN
    for seconds in (86400, -86400, -3600, 3600):
        device.clock.now += timedelta(seconds=seconds)
        assert device.send() == ADMIN
        with pytest.raises(NotAuthorized):
            device.ask(header)


def test_under_load_old_tokens_are_refused_rather_than_forgotten(
    make_authenticator: Callable[..., Authenticator], clock: Clock
) -> None:
    device = Device(make_authenticator(remembered_tokens=10), clock)
    first = wire.security(wire.token("admin", PASSWORD, wire.zulu(clock.now)))
    assert device.ask(first) == ADMIN
    for _ in range(20):
        clock.advance(1)
        assert device.send() == ADMIN
    with pytest.raises(NotAuthorized, match="used before, or is older"):
        device.ask(first)
    assert "older" in device.refusal(created=wire.zulu(clock.now - timedelta(seconds=20)))
    assert device.send(created=wire.zulu(clock.now.astimezone(UTC))) == ADMIN

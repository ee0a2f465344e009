"""HTTP Digest: RFC 7616, Core 5.9.1 and 5.9.3, the test case SECURITY-1-1-2, and the ways of real clients."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest
from requests.utils import parse_dict_header

from onvifd.auth.authenticator import Authenticator, AuthSettings
from onvifd.auth.errors import DigestRequired
from onvifd.auth.httpdigest import DigestCredentials, Nonces, parse, response
from onvifd.auth.users import User, UserEntry, UserLevel, Users
from tests.auth.conftest import PASSWORD, Clock
from tests.auth.wire import DigestClient

ADMIN = User("admin", UserLevel.ADMINISTRATOR)
URI = "/onvif/device_service"


class Device:
    """The device as a client with HTTP Digest sees it."""

    def __init__(self, authenticator: Authenticator) -> None:
        self.authenticator = authenticator

    def ask(self, authorization: str, method: str = "POST", uri: str = URI) -> User | None:
        return self.authenticator.authenticate(
            header=None, authorization=authorization, method=method, uri=uri, source="192.0.2.1"
        )

    def client(
        self, username: str = "admin", password: str = PASSWORD, algorithm: str = "MD5"
    ) -> DigestClient:
        """A client that has received a challenge."""
        client = DigestClient(username, password)
        client.challenge(self.challenges()[algorithm])
        return client

    def challenges(self) -> dict[str, str]:
        return {
            parse_dict_header(value.removeprefix("Digest "))["algorithm"]: value
            for value in self.authenticator.challenges()
        }

    def refusal(self, authorization: str, **request: str) -> DigestRequired:
        with pytest.raises(DigestRequired) as caught:
            self.ask(authorization, **request)
        assert PASSWORD not in str(caught.value)
        return caught.value


@pytest.fixture
def device(make_authenticator: Callable[..., Authenticator]) -> Device:
    return Device(make_authenticator())


def authorization(device: Device, algorithm: str = "SHA-256", **changes: str | None) -> str:
    """An Authorization header, right for the final values of its parameters; None leaves one out.

    `secret` is what is hashed for user and realm, `hashed` maps further parameters to what is hashed instead.
    """
    challenge = parse_dict_header(device.challenges()[algorithm].removeprefix("Digest "))
    values: dict[str, str | None] = {
        "username": "admin",
        "realm": challenge["realm"],
        "nonce": challenge["nonce"],
        "uri": URI,
        "algorithm": algorithm,
        "cnonce": "0a4f113b",
        "nc": "00000001",
        "qop": "auth",
    }
    values.update(changes)
    hash_ = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

    def digest(text: str) -> str:
        return hash_(text.encode()).hexdigest()

    a1 = digest(f"{values['username']}:{values['realm']}:{PASSWORD}")
    middle = ":".join(str(values[name]) for name in ("nonce", "nc", "cnonce", "qop"))
    values.setdefault("response", digest(f"{a1}:{middle}:{digest('POST:' + str(values['uri']))}"))
    plain = ("algorithm", "nc", "qop", "userhash")
    return "Digest " + ", ".join(
        f"{name}={value}" if name in plain else f'{name}="{value}"'
        for name, value in values.items()
        if value is not None
    )


# Published vectors


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616_3_9_1(algorithm: str, expected: str) -> None:
    header = (
        'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", '
        f"algorithm={algorithm}, "
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
        'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, '
        f'response="{expected}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    credentials = parse(header)
    assert credentials.username == "Mufasa"
    assert credentials.response == expected
    assert response(credentials, "GET", b"Mufasa:http-auth@example.org:Circle of Life") == expected
    assert expected not in repr(credentials)


# The challenge


def test_the_challenges_are_as_every_measured_client_needs_them(device: Device) -> None:
    """One value per algorithm with the same realm and nonce, qop exactly "auth", algorithm unquoted."""
    values = device.authenticator.challenges()
    fields = [parse_dict_header(value.removeprefix("Digest ")) for value in values]
    assert [field["algorithm"] for field in fields] == ["SHA-256", "MD5"]
    assert all(value.startswith("Digest ") for value in values)
    assert all(
        f"algorithm={field['algorithm']}," in value for value, field in zip(values, fields, strict=True)
    )
    assert all('qop="auth"' in value and "stale" not in value for value in values)
    assert fields[0]["realm"] == fields[1]["realm"]
    assert fields[0]["nonce"] == fields[1]["nonce"]


def test_a_stale_challenge_says_so(device: Device) -> None:
    assert all("stale=true" in value for value in device.authenticator.challenges(stale=True))


def test_every_challenge_is_new(device: Device) -> None:
    assert len({device.challenges()["MD5"] for _ in range(100)}) == 100


@pytest.mark.parametrize("realm", ['a"b', "a\\b", "a\r\nb", "Käfig"])
def test_a_realm_that_would_break_the_header_is_refused(realm: str) -> None:
    with pytest.raises(ValueError, match="realm"):
        AuthSettings(realm=realm)


@pytest.mark.parametrize(
    "setting",
    [
        {"clock_skew": timedelta()},
        {"nonce_lifetime": timedelta(-1)},
        {"throttle_burst": 0},
        {"throttle_refill": 0.0},
        {"throttle_sources": 0},
        {"remembered_tokens": 0},
        {"remembered_requests": 0},
    ],
)
def test_settings_that_can_not_work_are_refused(setting: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        AuthSettings(**setting)


# What clients send


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_requests_with_either_algorithm(device: Device, algorithm: str) -> None:
    """The requests package quotes algorithm and qop; it counts nc up on one nonce."""
    client = device.client(algorithm=algorithm)
    for _ in range(20):
        assert device.ask(client.authorization()) == ADMIN


@pytest.mark.parametrize("order", [1, -1])
def test_requests_with_both_challenges_joined(device: Device, order: int) -> None:
    """It then takes the last of each parameter, but the first realm."""
    client = DigestClient("admin", PASSWORD)
    client.challenge(", ".join(device.authenticator.challenges()[::order]))
    assert device.ask(client.authorization()) == ADMIN


def test_no_algorithm_means_md5(device: Device) -> None:
    assert device.ask(authorization(device, "MD5").replace("algorithm=MD5, ", "")) == ADMIN


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("Digest ", "digest "),
        ("Digest ", "DIGEST   "),
        ("algorithm=SHA-256", 'algorithm="SHA-256"'),
        ("algorithm=SHA-256", "algorithm=sha-256"),
        ("qop=auth", 'qop="auth"'),
        ("nc=00000001", 'nc="00000001"'),
        ("username=", "Username="),
        (", ", ","),
        (", ", " , "),
        (", ", ", , "),
        ("qop=auth", 'qop=auth, opaque="x", auth-param="a, b=c"'),
        ("qop=auth", "qop=auth, userhash=false"),
        ("qop=auth", "qop=auth, unknown"),
    ],
)
def test_spellings_that_mean_the_same(device: Device, written: str, instead: str) -> None:
    header = authorization(device)
    assert written in header
    assert device.ask(header.replace(written, instead)) == ADMIN


def test_a_response_in_capitals(device: Device) -> None:
    head, _, digest = authorization(device).rpartition("=")
    assert device.ask(f"{head}={digest.upper()}") == ADMIN


@pytest.mark.parametrize("nc", ["00000002", "10", "0000000a", "FFFFFFFF", "00000000"])
def test_nc_need_not_start_at_one(device: Device, nc: str) -> None:
    """agsh counts in decimal, and on when it gets a new nonce."""
    assert device.ask(authorization(device, nc=nc)) == ADMIN


def test_parallel_requests_arrive_in_any_order(device: Device) -> None:
    client = device.client()
    headers = [client.authorization() for _ in range(300)]
    for header in reversed(headers):
        assert device.ask(header) == ADMIN
    for header in headers:
        assert device.refusal(header).stale


@pytest.mark.parametrize(
    "uri",
    [
        URI,
        "/onvif/device_service/",
        "/onvif/a?b=c&d=%C3%A9",
        "/",
        "/a,b=%22",
        "/redirect?to=http://other/path",
    ],
)
def test_the_uri_is_compared_as_written(device: Device, uri: str) -> None:
    assert device.ask(authorization(device, uri=uri), uri=uri) == ADMIN
    assert device.ask(authorization(device, uri=f"http://camera.test:8080{uri}"), uri=uri) == ADMIN
    assert device.ask(authorization(device, uri=uri), uri=f"https://camera.test{uri}") == ADMIN


def test_the_method_is_part_of_the_digest(device: Device) -> None:
    assert device.ask(device.client().authorization("GET"), method="GET") == ADMIN
    assert not device.refusal(device.client().authorization("GET")).stale


NON_ASCII = "Jürgen"


@pytest.fixture
def juergen(users: Users) -> User:
    users.create([UserEntry(NON_ASCII, PASSWORD, "User"), UserEntry("Пётр", PASSWORD, "User")])
    return User(NON_ASCII, UserLevel.USER)


def test_user_names_in_utf8_and_in_latin1(device: Device, juergen: User) -> None:
    """curl sends the octets of its command line; requests hashes UTF-8 and sends Latin-1 (RFC 7616 4)."""
    header = authorization(device, username=NON_ASCII)
    assert device.ask(header) == juergen
    header = authorization(device, username=NON_ASCII)
    assert device.ask(header.encode().decode("latin-1")) == juergen
    header = authorization(device, username="Пётр").encode().decode("latin-1")
    assert device.ask(header) == User("Пётр", UserLevel.USER)


def test_user_name_and_password_hashed_in_latin1(device: Device, users: Users) -> None:
    users.create([UserEntry(NON_ASCII, "pässwörd", "User")])
    values = parse(authorization(device, username=NON_ASCII))
    secret = f"{NON_ASCII}:{values.realm}:pässwörd".encode("latin-1")
    header = authorization(
        device, username=NON_ASCII, nonce=values.nonce, response=response(values, "POST", secret)
    )
    assert device.ask(header) == User(NON_ASCII, UserLevel.USER)


@pytest.mark.parametrize("charset", ["UTF-8", "utf-8"])
def test_user_name_as_rfc_8187_says(device: Device, juergen: User, charset: str) -> None:
    """RFC 7616 3.4.4: username* is not quoted."""
    header = authorization(device, username=NON_ASCII)
    assert (
        device.ask(header.replace(f'username="{NON_ASCII}"', f"username*={charset}''J%c3%bCrgen")) == juergen
    )


def test_quoted_pairs_in_a_user_name(device: Device) -> None:
    assert device.ask(authorization(device).replace('"admin"', '"ad\\min"')) == ADMIN


# What is refused


@pytest.mark.parametrize(
    "scheme", ["Basic YWRtaW46c2VjcmV0", "Bearer abc", "Negotiate", "Digestive x", " ", "Digest"]
)
def test_other_schemes_are_refused(device: Device, scheme: str) -> None:
    assert not device.refusal(scheme).stale


@pytest.mark.parametrize(
    "parameter", ["username", "realm", "nonce", "uri", "response", "qop", "nc", "cnonce"]
)
@pytest.mark.parametrize("how", ["missing", "empty", "twice"])
def test_incomplete_and_ambiguous_headers_are_refused(device: Device, parameter: str, how: str) -> None:
    header = authorization(device)
    if how == "missing":
        header = authorization(device, **{parameter: None})
    elif how == "empty":
        header = authorization(device, **{parameter: ""})
    else:
        header += f', {parameter.upper()}="{parse_dict_header(header[7:])[parameter]}"'
    assert not device.refusal(header).stale


@pytest.mark.parametrize(
    ("written", "instead", "reason"),
    [
        ("algorithm=SHA-256", "algorithm=SHA-256-sess", "SHA-256, MD5"),
        ("algorithm=SHA-256", "algorithm=SHA-512-256", "SHA-256, MD5"),
        ("algorithm=SHA-256", "algorithm=", "SHA-256, MD5"),
        ("qop=auth", "qop=auth-int", "qop=auth"),
        ("qop=auth", 'qop="auth,auth-int"', "qop=auth"),
        ("qop=auth", "qop=auth, userhash=true", "userhash"),
        ("nc=00000001", "nc=1g", "nc"),
        ("nc=00000001", "nc=000000001", "nc"),
        ("nc=00000001", "nc=-1", "nc"),
        ("nc=00000001", "nc=\N{SUPERSCRIPT ONE}", "nc"),
        ('realm="onvifd"', 'realm="other"', "realm"),
        ('uri="/onvif/device_service"', 'uri="/onvif/device_service/"', "uri"),
        ('uri="/onvif/device_service"', 'uri="/onvif/device%5Fservice"', "uri"),
        ('uri="/onvif/device_service"', 'uri="/onvif/device_service?x"', "uri"),
        ('username="admin"', "username*=UTF-8''%FF", "UTF-8"),
        ('username="admin"', "username*=latin-1''admin", "UTF-8"),
        ('username="admin"', "username*=admin", "UTF-8"),
        ('username="admin"', "username=\"admin\", username*=UTF-8''admin", "username"),
        ('"admin"', '"admin"x', "closed"),
        ('"admin"', '"adm\u0131n"', "octets"),
    ],
)
def test_what_was_not_offered_is_refused(device: Device, written: str, instead: str, reason: str) -> None:
    header = authorization(device)
    assert written in header
    refusal = device.refusal(header.replace(written, instead))
    assert reason in str(refusal)
    assert not refusal.stale


@pytest.mark.parametrize(
    "header",
    [
        "Digest " + '"' * 4000,
        "Digest " + "," * 8000,
        "Digest " + "=" * 8000,
        'Digest ="',
        'Digest "=',
        "Digest \\",
        "Digest \0=\0",
    ],
)
def test_garbage_is_refused(device: Device, header: str) -> None:
    assert not device.refusal(header).stale


def test_the_length_is_bounded(device: Device) -> None:
    assert device.ask(f'{authorization(device)}, x="{"a" * 7000}"') == ADMIN
    assert "8192" in str(device.refusal(f'{authorization(device)}, x="{"a" * 8192}"'))


def test_wrong_password_and_unknown_user_get_the_same_answer(device: Device) -> None:
    wrong = device.refusal(device.client("admin", "not the password").authorization())
    unknown = device.refusal(device.client("nobody").authorization())
    assert str(wrong) == str(unknown)
    assert not wrong.stale
    assert not unknown.stale


@pytest.mark.parametrize("digest", ["", "0", "0" * 64, "\xff" * 64])
def test_a_wrong_digest_of_any_shape(device: Device, digest: str) -> None:
    assert not device.refusal(authorization(device, response=digest)).stale


# Nonces


def test_a_replay_is_answered_with_a_stale_challenge(device: Device) -> None:
    """RFC 7616 3.4: the same nc for the same nonce is a replay, whatever the cnonce."""
    header = authorization(device)
    assert device.ask(header) == ADMIN
    assert device.refusal(header).stale
    nonce = parse(header).nonce
    assert device.refusal(authorization(device, nonce=nonce, cnonce="other")).stale
    assert device.refusal(authorization(device, nonce=nonce, nc="1")).stale
    assert device.ask(authorization(device, nonce=nonce, nc="00000002")) == ADMIN


def test_an_expired_nonce_is_stale_only_for_who_knows_the_password(device: Device, clock: Clock) -> None:
    """RFC 7616 3.3 stale."""
    client, stranger = device.client(), device.client("admin", "not the password")
    clock.advance(300)
    assert device.ask(client.authorization()) == ADMIN
    clock.advance(0.1)
    assert device.refusal(client.authorization()).stale
    assert not device.refusal(stranger.authorization()).stale


def test_the_lifetime_is_configurable(make_authenticator: Callable[..., Authenticator], clock: Clock) -> None:
    device = Device(make_authenticator(nonce_lifetime=timedelta(seconds=5)))
    client = device.client()
    clock.advance(5.1)
    assert device.refusal(client.authorization()).stale


def test_setting_the_clock_does_not_concern_nonces(device: Device, clock: Clock) -> None:
    client = device.client()
    header = client.authorization()
    assert device.ask(header) == ADMIN
    for days in (400, -800):
        clock.now += timedelta(days=days)
        assert device.ask(client.authorization()) == ADMIN
        assert device.refusal(header).stale


def test_nonces_of_an_earlier_run_are_stale(make_authenticator: Callable[..., Authenticator]) -> None:
    """Nothing that was recorded before a restart can be replayed after it."""
    header = authorization(Device(make_authenticator()))
    assert Device(make_authenticator()).refusal(header).stale


@pytest.mark.parametrize(
    "change",
    [
        lambda nonce: nonce[:-1] + ("A" if nonce[-1] != "A" else "B"),
        lambda nonce: ("A" if nonce[0] != "A" else "B") + nonce[1:],
        lambda nonce: nonce[:22],
        lambda nonce: nonce + "AAAA",
        lambda nonce: nonce[:-1],
        lambda nonce: "x",
        lambda nonce: "é" * 44,
    ],
)
def test_forged_nonces_are_not_accepted(clock: Clock, change: Callable[[str], str]) -> None:
    nonces = Nonces(secrets.token_bytes(32), timedelta(seconds=300), lambda: clock.monotonic)
    nonce = nonces.issue()
    assert nonces.issued_at(nonce) == clock.monotonic
    assert nonces.issued_at(change(nonce)) is None


def test_a_nonce_from_the_future_is_not_accepted(clock: Clock) -> None:
    nonces = Nonces(secrets.token_bytes(32), timedelta(seconds=300), lambda: clock.monotonic)
    nonce = nonces.issue()
    clock.monotonic -= 1
    assert nonces.issued_at(nonce) is None


def test_under_load_a_new_nonce_is_asked_for(
    make_authenticator: Callable[..., Authenticator], clock: Clock
) -> None:
    """A full memory never leads to a replay, and a client goes on with the next challenge."""
    device = Device(make_authenticator(remembered_requests=10))
    client = device.client()
    headers = [client.authorization() for _ in range(12)]
    for header in headers[:11]:
        assert device.ask(header) == ADMIN
    for header in headers:
        assert device.refusal(header).stale
    clock.advance(1)
    assert device.ask(device.client().authorization()) == ADMIN


def test_a_digest_is_over_what_the_client_wrote() -> None:
    """RFC 7616 3.4.6: the uri parameter, not the target of the request line."""
    values = DigestCredentials("u", "r", "n", "http://host/x", "", "MD5", "c", "00000001", "auth")
    a2 = hashlib.md5(b"POST:http://host/x").hexdigest()
    a1 = hashlib.md5(b"u:r:p").hexdigest()
    expected = hashlib.md5(f"{a1}:n:00000001:c:auth:{a2}".encode()).hexdigest()
    assert response(values, "POST", b"u:r:p") == expected

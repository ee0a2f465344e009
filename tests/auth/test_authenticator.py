"""Core 5.9.1: both kinds of credentials together, throttling, equal work, no secrets in any text."""

import logging
import threading
from collections.abc import Callable

import pytest

from keystore.database import Database
from keystore.sealing import Sealer
from onvifd.auth import httpdigest, usernametoken
from onvifd.auth.authenticator import Authenticator
from onvifd.auth.errors import AuthError, DigestRequired, NotAuthorized
from onvifd.auth.users import User, UserEntry, UserLevel, UserLimits, Users
from tests.auth import wire
from tests.auth.conftest import PASSWORD, Clock

ADMIN = User("admin", UserLevel.ADMINISTRATOR)
UWE = User("Uwe", UserLevel.USER)


class Client:
    """Sends requests with either kind of credentials, or both."""

    def __init__(self, authenticator: Authenticator, clock: Clock, source: str = "192.0.2.1") -> None:
        self.authenticator = authenticator
        self.clock = clock
        self.source = source

    def ask(
        self, digest: tuple[str, str] | None = None, token: tuple[str, str] | None = None, **raw: object
    ) -> User | None:
        header = authorization = None
        if token:
            header = wire.security(wire.token(*token, wire.zulu(self.clock.now)))
        if digest:
            client = wire.DigestClient(*digest)
            client.challenge(self.authenticator.challenges()[0])
            authorization = client.authorization()
        request = {"header": header, "authorization": authorization, **raw}
        return self.authenticator.authenticate(
            **request, method="POST", uri="/onvif/device_service", source=self.source
        )


@pytest.fixture
def client(make_authenticator: Callable[..., Authenticator], clock: Clock) -> Client:
    return Client(make_authenticator(), clock)


RIGHT = ("admin", PASSWORD)
WRONG = ("admin", "not the password")
UNKNOWN = ("nobody", PASSWORD)


# Both kinds


def test_no_credentials_are_no_user(client: Client) -> None:
    assert client.ask() is None
    assert client.ask(authorization="") is None


def test_either_kind_alone(client: Client) -> None:
    assert client.ask(digest=RIGHT) == ADMIN
    assert client.ask(token=RIGHT) == ADMIN


def test_with_both_kinds_both_must_hold(client: Client) -> None:
    """Core 5.9.1: HTTP is validated first, then WS-Security."""
    assert client.ask(digest=RIGHT, token=RIGHT) == ADMIN
    with pytest.raises(DigestRequired):
        client.ask(digest=WRONG, token=RIGHT)
    with pytest.raises(NotAuthorized):
        client.ask(digest=RIGHT, token=WRONG)
    with pytest.raises(DigestRequired):
        client.ask(digest=WRONG, token=WRONG)


def test_the_requestor_is_the_user_of_the_token(client: Client) -> None:
    assert client.ask(digest=RIGHT, token=("Uwe", PASSWORD)) == UWE
    assert client.ask(digest=("Uwe", PASSWORD), token=RIGHT) == ADMIN


def test_a_failed_digest_does_not_use_up_the_token(client: Client) -> None:
    header = wire.security(wire.token(*RIGHT, wire.zulu(client.clock.now)))
    with pytest.raises(DigestRequired):
        client.ask(digest=WRONG, header=header)
    assert client.ask(digest=RIGHT, header=header) == ADMIN


@pytest.mark.parametrize("authorization", ["Basic YWRtaW46c2VjcmV0", "Bearer token"])
def test_another_scheme_fails_also_beside_a_right_token(client: Client, authorization: str) -> None:
    with pytest.raises(DigestRequired):
        client.ask(token=RIGHT, authorization=authorization)


def test_a_changed_password_counts_at_once(client: Client, users: Users) -> None:
    users.set([UserEntry("Uwe", "a new password", "Operator")])
    with pytest.raises(NotAuthorized):
        client.ask(token=("Uwe", PASSWORD))
    assert client.ask(digest=("Uwe", "a new password")) == User("Uwe", UserLevel.OPERATOR)
    users.delete(["Uwe"])
    with pytest.raises(DigestRequired):
        client.ask(digest=("Uwe", "a new password"))


# Equal work


@pytest.mark.parametrize("kind", ["digest", "token"])
def test_unknown_user_and_wrong_password_cost_the_same_work(
    client: Client, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted: unsealing, digests, comparisons."""
    work: list[str] = []

    def count(owner: object, name: str) -> None:
        original = getattr(owner, name)

        def counted(*args: object) -> object:
            work.append(name)
            return original(*args)

        monkeypatch.setattr(owner, name, counted)

    count(Sealer, "open")
    count(httpdigest, "response")
    count(usernametoken, "password_digest")
    count(httpdigest.hmac, "compare_digest")
    done = []
    for credentials in (RIGHT, WRONG, UNKNOWN):
        work.clear()
        if credentials == RIGHT:
            client.ask(**{kind: credentials})
        else:
            with pytest.raises(AuthError):
                client.ask(**{kind: credentials})
        done.append(list(work))
    right, wrong, unknown = done
    assert wrong == unknown
    assert wrong.count("open") == 1
    assert [right[i] for i in range(len(wrong))] == wrong


# Throttling


@pytest.mark.parametrize("kind", ["digest", "token"])
def test_wrong_log_ins_are_throttled_per_address(
    make_authenticator: Callable[..., Authenticator], clock: Clock, kind: str
) -> None:
    attacker = Client(make_authenticator(throttle_burst=3), clock)
    owner = Client(attacker.authenticator, clock, source="192.0.2.2")
    for credentials in (WRONG, UNKNOWN, WRONG):
        with pytest.raises(AuthError, match=r"wrong$"):
            attacker.ask(**{kind: credentials})
    for credentials in (WRONG, RIGHT):
        clock.advance(0.25)
        with pytest.raises(AuthError, match="try again in 1 s"):
            attacker.ask(**{kind: credentials})
    assert owner.ask(**{kind: RIGHT}) == ADMIN
    clock.advance(1)
    assert attacker.ask(**{kind: RIGHT}) == ADMIN


def test_a_throttled_request_is_refused_in_its_kind(
    make_authenticator: Callable[..., Authenticator], clock: Clock
) -> None:
    client = Client(make_authenticator(throttle_burst=1, throttle_refill=0.1), clock)
    with pytest.raises(NotAuthorized):
        client.ask(token=WRONG)
    with pytest.raises(NotAuthorized, match="10 s"):
        client.ask(token=RIGHT)
    with pytest.raises(DigestRequired, match="10 s") as caught:
        client.ask(digest=RIGHT, token=RIGHT)
    assert not caught.value.stale
    assert client.ask() is None


def test_what_is_no_guess_does_not_count(
    make_authenticator: Callable[..., Authenticator], clock: Clock
) -> None:
    """No credentials, malformed ones, replays, expired nonces and foreign clocks with the right password."""
    client = Client(make_authenticator(throttle_burst=1), clock)
    old_nonce = wire.DigestClient(*RIGHT)
    old_nonce.challenge(client.authenticator.challenges()[0])
    clock.advance(301)
    used = wire.security(wire.token(*RIGHT, wire.zulu(clock.now)))
    assert client.ask(header=used) == ADMIN
    for _ in range(5):
        assert client.ask() is None
        for request in (
            {"header": used},
            {"authorization": old_nonce.authorization()},
            {"authorization": "Basic x"},
            {"authorization": "Digest garbage"},
            {"header": wire.security(wire.token(*RIGHT, "2001-01-01T00:00:00Z"))},
            {"header": wire.security("<wsse:UsernameToken/>")},
        ):
            with pytest.raises(AuthError) as caught:
                client.ask(**request)
            assert "try again" not in str(caught.value)
    assert client.ask(digest=RIGHT, token=RIGHT) == ADMIN


def test_a_password_that_does_not_open_is_no_guess(
    make_authenticator: Callable[..., Authenticator], clock: Clock, database: Database
) -> None:
    client = Client(make_authenticator(throttle_burst=1), clock)
    with database.transaction() as connection:
        connection.execute("UPDATE user SET password = x'01' WHERE name = 'Uwe'")
    with pytest.raises(Exception, match="does not open"):
        client.ask(token=("Uwe", PASSWORD))
    assert client.ask(token=RIGHT) == ADMIN


# Many at once


def test_parallel_requests_and_parallel_replays(client: Client) -> None:
    """Each of many threads gets its own requests through, and of one request sent by all a single one."""
    shared_token = wire.security(wire.token(*RIGHT, wire.zulu(client.clock.now)))
    digest = wire.DigestClient(*RIGHT)
    digest.challenge(client.authenticator.challenges()[0])
    shared_digest = digest.authorization()
    accepted: list[str] = []
    failures: list[BaseException] = []
    barrier = threading.Barrier(8)

    def work() -> None:
        try:
            barrier.wait()
            for _ in range(20):
                assert client.ask(token=RIGHT) == ADMIN
                assert client.ask(digest=("Uwe", PASSWORD)) == UWE
            for kind, request in (
                ("token", {"header": shared_token}),
                ("digest", {"authorization": shared_digest}),
            ):
                try:
                    client.ask(**request)
                    accepted.append(kind)
                except AuthError:
                    pass
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(accepted) == ["digest", "token"]


# Secrets


def test_no_secret_in_texts_and_logs(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    secret = "an unusual secret"
    with caplog.at_level(logging.DEBUG):
        for request in (
            {"digest": ("admin", secret)},
            {"token": ("admin", secret)},
            {"token": ("admin", PASSWORD)},
        ):
            try:
                client.ask(**request)
            except AuthError as error:
                assert secret not in str(error) + repr(error)
    assert secret not in caplog.text
    assert PASSWORD not in caplog.text
    token = wire.token("admin", secret, "2026-11-24T12:00:00Z", nonce=b"nonce")
    header = wire.security(token)
    element = usernametoken.find_token(header)
    assert element is not None
    read = usernametoken.read_token(element)
    assert wire.digest(b"nonce", read.created, secret) not in repr(read)
    assert repr(read.digest) not in repr(read)


def test_levels_and_names_come_from_the_store(client: Client, database: Database, sealer: Sealer) -> None:
    """A second view of the same store sees the same users."""
    Users(database, sealer, UserLimits()).set([UserEntry("Uwe", PASSWORD, "Operator")])
    assert client.ask(token=("Uwe", PASSWORD)) == User("Uwe", UserLevel.OPERATOR)

"""A real store with users, and clocks that the tests set."""

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keystore.database import Database
from keystore.sealing import Sealer
from onvifd.auth.authenticator import Authenticator, AuthSettings
from onvifd.auth.users import UserEntry, UserLimits, Users
from onvifd.auth.watermark import Watermark

PASSWORD = "correct horse battery"


class Clock:
    """The device's time of day and its monotonic clock, which tests move apart."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
        self.monotonic = 1000.0

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.monotonic += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "onvifd.db")
    yield database
    database.close()


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(secrets.token_bytes(32))


@pytest.fixture
def users(database: Database, sealer: Sealer) -> Users:
    """Users admin, Olga and Uwe, one of each level, with the same password."""
    users = Users(database, sealer, UserLimits())
    users.create_first_administrator("admin", PASSWORD)
    users.create([UserEntry("Olga", PASSWORD, "Operator"), UserEntry("Uwe", PASSWORD, "User")])
    return users


@pytest.fixture
def make_authenticator(users: Users, clock: Clock, tmp_path: Path) -> Callable[..., Authenticator]:
    """Each is a run of the service on the same machine."""

    def make(**settings: object) -> Authenticator:
        return Authenticator(
            users,
            AuthSettings(**settings),
            secrets.token_bytes(32),
            Watermark(tmp_path / "durable", tmp_path / "exact"),
            lambda: clock.now,
            lambda: clock.monotonic,
        )

    return make

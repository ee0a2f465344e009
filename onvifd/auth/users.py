"""The users of the device and their passwords (Core 5.9.4.2 and 8.4).

Digest authentication needs the password itself, so it is sealed like a private key, not hashed. A sealed
password opens only for the user name that it was stored under.
"""

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from keystore.database import Database
from keystore.sealing import Sealer
from onvifd.auth.errors import (
    AnonymousNotAllowed,
    AuthError,
    FixedUser,
    InvalidPassword,
    InvalidUsername,
    PasswordTooLong,
    PasswordTooWeak,
    TooManyUsers,
    UnsupportedUserLevel,
    UsernameClash,
    UsernameMissing,
    UsernameTooLong,
    UsernameTooShort,
    WeakPassword,
)

_MIGRATIONS = (
    """
    CREATE TABLE user (
        name TEXT NOT NULL UNIQUE,
        level TEXT NOT NULL,
        password BLOB NOT NULL -- sealed for "user/<name>"
    ) STRICT;
    """,
    """
    CREATE TABLE first_administrator (
        name TEXT NOT NULL,
        password BLOB NOT NULL -- sealed like that of the user
    ) STRICT;
    """,
)

# Clients differ in how they quote these in an Authorization header, and tools split "name:password" at the
# first colon (RFC 7616 3.4, RFC 7617 2): a user with such a name could be made and then never log in.
_UNUSABLE_IN_NAMES = ':"\\'


class UserLevel(StrEnum):
    """What a user may do, from most to least (Core 5.9.4.2)."""

    ADMINISTRATOR = "Administrator"
    OPERATOR = "Operator"
    USER = "User"


@dataclass(frozen=True)
class User:
    """A user as the device shows it (Core 8.4.3)."""

    name: str
    level: UserLevel


@dataclass(frozen=True)
class UserEntry:
    """A user as CreateUsers and SetUser take it (tt:User)."""

    name: str
    """Case-sensitive."""
    password: str | None = field(repr=False)
    """None: the client sent no password."""
    level: str
    """The value of tt:UserLevel as the client wrote it."""


@dataclass(frozen=True)
class Credentials:
    """What a log-in is verified against."""

    user: User | None
    """None: there is no such user, and the password is one that nobody knows."""
    password: str = field(repr=False)


@dataclass(frozen=True)
class UserLimits:
    """Bounds for users. Lengths count characters, as the capabilities do (Core 8.1.2.3)."""

    max_users: int = 32
    """The capability MaxUsers."""
    max_name_length: int = 64
    """The capability MaxUserNameLength."""
    max_password_length: int = 128
    """The capability MaxPasswordLength. Core 8.4.4 recommends at least 28 bytes."""
    min_password_length: int = 8
    """For CreateUsers and SetUser; at least 1, because no log-in works with an empty password."""

    def __post_init__(self) -> None:
        """Raises ValueError for limits that nobody could keep."""
        if min(self.max_users, self.max_name_length, self.min_password_length) < 1:
            raise ValueError("max_users, max_name_length and min_password_length must be at least 1")
        if self.max_password_length < self.min_password_length:
            raise ValueError("max_password_length must not be less than min_password_length")


class Users:
    """The users in the database. A change is done as a whole or not at all, and an administrator stays."""

    def __init__(self, database: Database, sealer: Sealer, limits: UserLimits) -> None:
        """Bring the table up to date. Raises keystore's DatabaseError."""
        database.migrate("users", _MIGRATIONS)
        self.limits = limits
        self._database = database
        self._sealer = sealer
        self._nobody = sealer.seal(secrets.token_urlsafe(16).encode(), _context(""))

    def all(self) -> list[User]:
        """All users, in the order in which they were created (Core 8.4.3)."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT name, level FROM user ORDER BY rowid").fetchall()
        return [User(name, UserLevel(level)) for name, level in rows]

    def credentials(self, name: str) -> Credentials:
        """What to verify a log-in against; an unknown name costs the same work as a known one.

        Raises keystore's SealingError if the stored password does not open.
        """
        with self._database.read() as connection:
            row = connection.execute("SELECT level, password FROM user WHERE name = ?", (name,)).fetchone()
        user = User(name, UserLevel(row[0])) if row else None
        sealed, context = (row[1], _context(name)) if row else (self._nobody, _context(""))
        return Credentials(user, self._sealer.open(sealed, context).decode())

    def create(self, entries: Sequence[UserEntry]) -> None:
        """Add users (Core 8.4.4).

        Raises UsernameTooShort, UsernameTooLong, InvalidUsername, AnonymousNotAllowed, UnsupportedUserLevel,
        WeakPassword, PasswordTooLong, InvalidPassword, UsernameClash and TooManyUsers.
        """
        with self._database.transaction() as connection:
            for entry in entries:
                self._check_name(entry.name)
                level = _level(entry.level)
                self._insert(connection, entry.name, level, self._checked(entry.password, WeakPassword))
            (count,) = connection.execute("SELECT count(*) FROM user").fetchone()
            if count > self.limits.max_users:
                raise TooManyUsers(
                    f"There can be at most {self.limits.max_users} users: delete those that are not needed"
                )

    def set(self, entries: Sequence[UserEntry]) -> None:
        """Change password and level of users, in the order given (Core 8.4.6).

        Each entry needs a password: without one the password would become empty, which this device never
        accepts. Raises UsernameMissing, AnonymousNotAllowed, UnsupportedUserLevel, PasswordTooWeak,
        PasswordTooLong, InvalidPassword and FixedUser.
        """
        with self._database.transaction() as connection:
            for entry in entries:
                _check_known(connection, entry.name)
                level = _level(entry.level)
                password = self._seal(entry.name, self._checked(entry.password, PasswordTooWeak))
                connection.execute(
                    "UPDATE user SET level = ?, password = ? WHERE name = ?", (level, password, entry.name)
                )
            _check_administrator_left(connection)

    def delete(self, names: Sequence[str]) -> None:
        """Remove users; a name given twice counts once (Core 8.4.5). Raises UsernameMissing and FixedUser."""
        with self._database.transaction() as connection:
            for name in dict.fromkeys(names):
                _check_known(connection, name)
                connection.execute("DELETE FROM user WHERE name = ?", (name,))
            _check_administrator_left(connection)

    def create_first_administrator(self, name: str, password: str) -> bool:
        """Provision the device: True if the administrator was made, False if there is one already.

        Who provisions decides how strong the password is; it only must not be empty. Raises UsernameTooShort,
        UsernameTooLong, InvalidUsername, WeakPassword, PasswordTooLong and InvalidPassword.
        """
        self._check_name(name)
        self._check_password(password, 1, WeakPassword)
        with self._database.transaction() as connection:
            if _has_administrator(connection):
                return False
            self._insert(connection, name, UserLevel.ADMINISTRATOR, password)
            connection.execute("DELETE FROM first_administrator")
            connection.execute(
                "INSERT INTO first_administrator SELECT name, password FROM user WHERE name = ?", (name,)
            )
        return True

    def reset(self) -> None:
        """Bring back the first administrator as provisioned, and nobody else (Core 8.3.8)."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM user")
            connection.execute(
                "INSERT INTO user (name, level, password) SELECT name, ?, password FROM first_administrator",
                (UserLevel.ADMINISTRATOR,),
            )
            _check_administrator_left(connection)

    def _insert(self, connection: sqlite3.Connection, name: str, level: UserLevel, password: str) -> None:
        if _exists(connection, name):
            raise UsernameClash(
                f"The user {name!r} exists already: choose another name, or change it with SetUser"
            )
        connection.execute("INSERT INTO user VALUES (?, ?, ?)", (name, level, self._seal(name, password)))

    def _seal(self, name: str, password: str) -> bytes:
        return self._sealer.seal(password.encode(), _context(name))

    def _check_name(self, name: str) -> None:
        if not name:
            raise UsernameTooShort("A user name must have at least one character")
        if len(name) > self.limits.max_name_length:
            raise UsernameTooLong(f"A user name can have at most {self.limits.max_name_length} characters")
        if name != name.strip() or not name.isprintable() or any(c in _UNUSABLE_IN_NAMES for c in name):
            raise InvalidUsername(
                "A user name can't have a colon, a quotation mark, a backslash, control characters,"
                " or a space at either end"
            )

    def _checked(self, password: str | None, weak: Callable[[str], AuthError]) -> str:
        self._check_password(password or "", self.limits.min_password_length, weak)
        return password or ""

    def _check_password(self, password: str, min_length: int, weak: Callable[[str], AuthError]) -> None:
        if len(password) < min_length:
            raise weak(f"Every user needs a password: send one of at least {min_length} characters")
        if len(password) > self.limits.max_password_length:
            raise PasswordTooLong(f"A password can have at most {self.limits.max_password_length} characters")
        if any("\ud800" <= character <= "\udfff" for character in password):
            raise InvalidPassword("A password must be text that UTF-8 can express")


def _context(name: str) -> str:
    return f"user/{name}"


def _level(level: str) -> UserLevel:
    if level == "Anonymous":
        raise AnonymousNotAllowed("The level Anonymous is for requests without a user: give another level")
    try:
        return UserLevel(level)
    except ValueError:
        levels = ", ".join(UserLevel)
        raise UnsupportedUserLevel(f"The level {level!r} is not supported: give one of {levels}") from None


def _exists(connection: sqlite3.Connection, name: str) -> bool:
    return connection.execute("SELECT 1 FROM user WHERE name = ?", (name,)).fetchone() is not None


def _has_administrator(connection: sqlite3.Connection) -> bool:
    row = connection.execute("SELECT 1 FROM user WHERE level = ?", (UserLevel.ADMINISTRATOR,)).fetchone()
    return row is not None


def _check_known(connection: sqlite3.Connection, name: str) -> None:
    if not _exists(connection, name):
        raise UsernameMissing(
            f"There is no user {name!r}: GetUsers lists the names, upper and lower case matter"
        )


def _check_administrator_left(connection: sqlite3.Connection) -> None:
    if not _has_administrator(connection):
        raise FixedUser("No administrator would be left: create another administrator first")

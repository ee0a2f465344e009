"""Core 8.4.3 to 8.4.6: the users and every fault of their operations."""

import sqlite3
import threading
from pathlib import Path

import pytest

from keystore.database import Database
from keystore.errors import SealingError
from keystore.sealing import Sealer
from onvifd.auth import errors
from onvifd.auth.users import Credentials, User, UserEntry, UserLevel, UserLimits, Users
from tests.auth.conftest import PASSWORD


def entry(name: str, password: str | None = PASSWORD, level: str = "Operator") -> UserEntry:
    return UserEntry(name, password, level)


def names(users: Users) -> list[str]:
    return [user.name for user in users.all()]


def test_users_are_listed_with_levels_and_without_passwords(users: Users) -> None:
    """Core 8.4.3."""
    assert users.all() == [
        User("admin", UserLevel.ADMINISTRATOR),
        User("Olga", UserLevel.OPERATOR),
        User("Uwe", UserLevel.USER),
    ]
    assert PASSWORD not in repr(users.all())


def test_users_survive_a_restart(users: Users, database: Database, sealer: Sealer) -> None:
    again = Users(Database(database.path), sealer, UserLimits())
    assert again.all() == users.all()
    assert again.credentials("Olga") == Credentials(User("Olga", UserLevel.OPERATOR), PASSWORD)


@pytest.mark.parametrize("level", ["Administrator", "Operator", "User"])
def test_create_users_of_each_level(users: Users, level: str) -> None:
    """Core 8.4.4, test case DEVICE-4-1-9."""
    users.create([entry("OnvifTest1", "OnvifTest123", level)])
    assert users.all()[-1] == User("OnvifTest1", UserLevel(level))
    assert users.credentials("OnvifTest1").password == "OnvifTest123"


@pytest.mark.parametrize("second", ["Olga", "new"])
def test_a_clash_creates_nobody(users: Users, second: str) -> None:
    """Core 8.4.4 UsernameClash, with an existing user and within one request; test case DEVICE-4-1-3."""
    before = users.all()
    with pytest.raises(errors.UsernameClash, match=second):
        users.create([entry("new"), entry(second, level="User")])
    assert users.all() == before


def test_names_are_case_sensitive(users: Users) -> None:
    users.create([entry("olga", "another password")])
    assert users.credentials("Olga").password == PASSWORD
    assert users.credentials("olga").password == "another password"
    with pytest.raises(errors.UsernameMissing):
        users.delete(["OLGA"])


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (entry(""), errors.UsernameTooShort),
        (entry("n" * 65), errors.UsernameTooLong),
        (entry("a:b"), errors.InvalidUsername),
        (entry('a"b'), errors.InvalidUsername),
        (entry("a\\b"), errors.InvalidUsername),
        (entry("a\nb"), errors.InvalidUsername),
        (entry("a\x7fb"), errors.InvalidUsername),
        (entry(" a"), errors.InvalidUsername),
        (entry("a "), errors.InvalidUsername),
        (entry("a\udc80"), errors.InvalidUsername),
        (entry("new", None), errors.WeakPassword),
        (entry("new", ""), errors.WeakPassword),
        (entry("new", "1234567"), errors.WeakPassword),
        (entry("new", "p" * 129), errors.PasswordTooLong),
        (entry("new", "password\udc80"), errors.InvalidPassword),
        (entry("new", level="Anonymous"), errors.AnonymousNotAllowed),
        (entry("new", level="Extended"), errors.UnsupportedUserLevel),
        (entry("new", level="administrator"), errors.UnsupportedUserLevel),
    ],
)
def test_create_refuses_and_creates_nobody(users: Users, bad: UserEntry, fault: type[Exception]) -> None:
    """Core 8.4.4: either all users are created or none, for every fault."""
    before = users.all()
    with pytest.raises(fault) as caught:
        users.create([entry("good"), bad])
    assert users.all() == before
    assert type(caught.value) is fault
    if bad.password:
        assert bad.password not in str(caught.value)
        assert bad.password not in repr(bad)


@pytest.mark.parametrize(
    "name", ["a", "n" * 64, "anna, maria", "Jürgen", "Юрий", "user@example.org", "a'b=c;d"]
)
def test_names_that_clients_can_log_in_with(users: Users, name: str) -> None:
    users.create([entry(name)])
    assert users.credentials(name).user == User(name, UserLevel.OPERATOR)


@pytest.mark.parametrize(
    "password", ["12345678", "p" * 28, "p" * 128, "Ω" * 128, 'a:b"c\\d e', "  spaces  ", "pässwörd"]
)
def test_passwords_are_kept_exactly(users: Users, password: str) -> None:
    """Core 8.4.4: at least 28 bytes are recommended. Lengths count characters (Core 8.1.2.3)."""
    users.create([entry("new", password)])
    assert users.credentials("new").password == password


def test_too_many_users(database: Database, sealer: Sealer) -> None:
    """Core 8.4.4 TooManyUsers, and the capability's number does fit."""
    users = Users(database, sealer, UserLimits(max_users=3))
    users.create_first_administrator("admin", PASSWORD)
    with pytest.raises(errors.TooManyUsers, match="3"):
        users.create([entry("a"), entry("b"), entry("c")])
    assert names(users) == ["admin"]
    users.create([entry("a"), entry("b")])
    with pytest.raises(errors.TooManyUsers):
        users.create([entry("c")])
    with pytest.raises(errors.UsernameClash):
        users.create([entry("a")])
    users.delete(["a"])
    users.create([entry("c")])
    assert names(users) == ["admin", "b", "c"]


def test_set_changes_password_and_level_of_several_users(users: Users) -> None:
    """Core 8.4.6, test case DEVICE-4-1-7."""
    users.set([entry("Olga", "OnvifTest321", "User"), entry("Uwe", "OnvifTest123", "Administrator")])
    assert users.credentials("Olga") == Credentials(User("Olga", UserLevel.USER), "OnvifTest321")
    assert users.credentials("Uwe") == Credentials(User("Uwe", UserLevel.ADMINISTRATOR), "OnvifTest123")
    assert users.credentials("admin").password == PASSWORD


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (entry("nobody"), errors.UsernameMissing),
        (entry(""), errors.UsernameMissing),
        (entry("Uwe", None), errors.PasswordTooWeak),
        (entry("Uwe", ""), errors.PasswordTooWeak),
        (entry("Uwe", "1234567"), errors.PasswordTooWeak),
        (entry("Uwe", "p" * 129), errors.PasswordTooLong),
        (entry("Uwe", level="Anonymous"), errors.AnonymousNotAllowed),
        (entry("Uwe", level="Extended"), errors.UnsupportedUserLevel),
        (entry("admin", level="Operator"), errors.FixedUser),
    ],
)
def test_set_refuses_and_changes_nobody(users: Users, bad: UserEntry, fault: type[Exception]) -> None:
    """Core 8.4.6: either all changes are done or none, for every fault; test case DEVICE-4-1-8."""
    before = users.all()
    with pytest.raises(fault) as caught:
        users.set([entry("Olga", "another password", "User"), bad])
    assert type(caught.value) is fault
    assert users.all() == before
    assert users.credentials("Olga").password == PASSWORD


def test_delete_users(users: Users) -> None:
    """Core 8.4.5, test case DEVICE-4-1-4; a name given twice counts once."""
    users.delete(["Olga", "Uwe", "Olga"])
    assert names(users) == ["admin"]
    assert users.credentials("Olga").user is None


@pytest.mark.parametrize(
    ("victims", "fault"),
    [
        (["Olga", "nobody"], errors.UsernameMissing),
        (["admin"], errors.FixedUser),
        (["admin", "Olga", "Uwe"], errors.FixedUser),
    ],
)
def test_delete_refuses_and_deletes_nobody(users: Users, victims: list[str], fault: type[Exception]) -> None:
    """Core 8.4.5: all or none; test cases DEVICE-4-1-5 and DEVICE-4-1-6."""
    before = users.all()
    with pytest.raises(fault):
        users.delete(victims)
    assert users.all() == before


def test_the_last_administrator_stays_whatever_the_combination(users: Users) -> None:
    """Core 8.4.5 and 8.4.6 FixedUser: counted after the whole request."""
    users.create([entry("second", level="Administrator")])
    with pytest.raises(errors.FixedUser):
        users.delete(["admin", "second"])
    with pytest.raises(errors.FixedUser):
        users.set([entry("admin", level="User"), entry("second", level="User")])
    with pytest.raises(errors.FixedUser):
        users.set([entry("admin", level="User"), entry("second"), entry("admin", level="Operator")])
    users.set([entry("admin", level="User"), entry("second", level="Administrator")])
    users.set([entry("second", level="User"), entry("admin", level="Administrator")])
    users.delete(["second"])
    assert names(users) == ["admin", "Olga", "Uwe"]


def test_two_administrators_who_delete_each_other_at_once(users: Users) -> None:
    """FixedUser holds for parallel requests, too."""
    for _ in range(10):
        users.create([entry("second", level="Administrator")])
        refused: list[str] = []
        barrier = threading.Barrier(2)

        def delete(name: str, refused: list[str] = refused, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            try:
                users.delete([name])
            except errors.FixedUser:
                refused.append(name)

        threads = [threading.Thread(target=delete, args=(name,)) for name in ("admin", "second")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 1
        if refused == ["second"]:
            users.create([entry("admin", level="Administrator")])
            users.delete(["second"])


def test_provisioning_is_done_once(database: Database, sealer: Sealer) -> None:
    """The operator decides how strong the first password is, and later provisioning changes nothing."""
    users = Users(database, sealer, UserLimits())
    assert users.all() == []
    assert users.create_first_administrator("admin", "secret")
    assert not users.create_first_administrator("root", "other")
    assert users.all() == [User("admin", UserLevel.ADMINISTRATOR)]
    assert users.credentials("admin").password == "secret"


@pytest.mark.parametrize(
    ("name", "password", "fault"),
    [
        ("admin", "", errors.WeakPassword),
        ("admin", "p" * 129, errors.PasswordTooLong),
        ("admin", "p\udc80", errors.InvalidPassword),
        ("", "secret", errors.UsernameTooShort),
        ("n" * 65, "secret", errors.UsernameTooLong),
        ("ad:min", "secret", errors.InvalidUsername),
    ],
)
def test_provisioning_refuses_what_nobody_could_log_in_with(
    database: Database, sealer: Sealer, name: str, password: str, fault: type[Exception]
) -> None:
    users = Users(database, sealer, UserLimits())
    with pytest.raises(fault):
        users.create_first_administrator(name, password)
    assert users.all() == []


def test_passwords_are_not_in_the_files(users: Users, database: Database, tmp_path: Path) -> None:
    for path in tmp_path.iterdir():
        assert PASSWORD.encode() not in path.read_bytes()


def test_a_sealed_password_belongs_to_its_user(users: Users, database: Database) -> None:
    """Who can write the file can't give a user the password of another."""
    with sqlite3.connect(database.path) as connection:
        connection.execute(
            "UPDATE user SET password = (SELECT password FROM user WHERE name = 'Uwe') WHERE name = 'admin'"
        )
    with pytest.raises(SealingError):
        users.credentials("admin")
    assert users.credentials("Uwe").password == PASSWORD


def test_nobody_knows_the_password_of_an_unknown_user(users: Users, database: Database) -> None:
    credentials = users.credentials("nobody")
    assert credentials.user is None
    other_run = Users(database, Sealer(bytes(32)), UserLimits()).credentials("nobody")
    assert credentials.password != other_run.password
    assert len(credentials.password) >= 16
    assert credentials.password not in repr(credentials)


@pytest.mark.parametrize(
    "limits",
    [
        {"max_users": 0},
        {"max_name_length": 0},
        {"min_password_length": 0},
        {"min_password_length": 9, "max_password_length": 8},
    ],
)
def test_limits_that_nobody_could_keep_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        UserLimits(**limits)

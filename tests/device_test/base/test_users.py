"""Base Device Test Specification, 7.4 Security: the users."""

from __future__ import annotations

from lxml import etree

from tests.device_test.base.helpers import User, check_too_many_users, delete_users, users
from tests.device_test.base.prerequisites import REMOTE_USERS, USER_CONFIGURATION
from tests.device_test.cases import case, step
from tests.device_test.client import NAMES, Dut

ONE, TWO, THREE, FOUR, FIVE = (f"OnvifTest{number}" for number in range(1, 6))
PASSWORD, OTHER_PASSWORD = "OnvifTest123", "OnvifTest321"
CLASH = ("env:Sender", "ter:OperationProhibited", "ter:UsernameClash")
MISSING = ("env:Sender", "ter:InvalidArgVal", "ter:UsernameMissing")


def entries(*wanted: User, passwords: dict[str, str] | None = None) -> dict[str, object]:
    """The arguments of CreateUsers and SetUser; without another one the password is PASSWORD."""
    return {
        "User": [
            {"tt:Username": name, "tt:Password": (passwords or {}).get(name, PASSWORD), "tt:UserLevel": level}
            for name, level in wanted
        ]
    }


def created(dut: Dut, *wanted: User) -> bool:
    """CreateUsers, for as long as the case runs. False if there is no room for them, which passes the case."""
    dut.restore.callback(_remove, dut, {name for name, _ in wanted})
    with step(f"ONVIF Client will invoke CreateUsers request ({wanted})"):
        try:
            dut.call("tds:CreateUsers", entries(*wanted))
        except AssertionError:
            if b"TooManyUsers" not in dut.exchanges[-1].content:
                raise
            check_too_many_users(dut, len(users(dut)))
            return False
    return True


def _remove(dut: Dut, names: set[str]) -> None:
    delete_users(dut, sorted(names & users(dut).keys()))


def expect_users(dut: Dut, expected: dict[str, str]) -> None:
    found = users(dut)
    with step(f"Verify that the DUT sends GetUsersResponse message ({expected})"):
        assert {name: level for name, level in found.items() if name in expected} == expected


def expect_no_users(dut: Dut, *names: str) -> None:
    found = users(dut)
    with step(f"Verify that {', '.join(names)} is not in the GetUsersResponse message"):
        assert not found.keys() & {*names}


@case("DEVICE-4-1-1", "7.4.1", needs=(USER_CONFIGURATION,))
def test_get_users(dut: Dut) -> None:
    with step("Verify that DUT sends the GetUsersResponse message (Username, UserLevel)"):
        found = dut.call("tds:GetUsers").all("tds:User")
        # Core 8.4.3: never the password.
        assert all(each.find("tt:Password", NAMES) is None for each in found)


@case("DEVICE-4-1-3", "7.4.2", needs=(USER_CONFIGURATION,))
def test_create_users_error_case(dut: Dut) -> None:
    if not created(dut, (ONE, "Operator")):
        return
    expect_users(dut, {ONE: "Operator"})
    with step("The DUT returns env:Sender/ter:OperationProhibited/ter:UsernameClash SOAP 1.2 fault"):
        dut.expect_fault("tds:CreateUsers", entries((ONE, "User")), *CLASH)
    dut.restore.callback(_remove, dut, {FOUR})
    with step("ONVIF Client will invoke CreateUsers request with OnvifTest4, which is new, and OnvifTest1"):
        dut.expect_fault("tds:CreateUsers", entries((FOUR, "Operator"), (ONE, "User")), *CLASH)
    expect_users(dut, {ONE: "Operator"})
    expect_no_users(dut, FOUR)
    delete_users(dut, [ONE])


@case("DEVICE-4-1-4", "7.4.3", needs=(USER_CONFIGURATION,))
def test_delete_users(dut: Dut) -> None:
    if not created(dut, (ONE, "Operator"), (TWO, "Operator"), (THREE, "User")):
        return
    expect_users(dut, {ONE: "Operator", TWO: "Operator", THREE: "User"})
    delete_users(dut, [ONE])
    expect_users(dut, {TWO: "Operator", THREE: "User"})
    expect_no_users(dut, ONE)
    delete_users(dut, [TWO, THREE])
    expect_no_users(dut, ONE, TWO, THREE)


@case("DEVICE-4-1-5", "7.4.4", needs=(USER_CONFIGURATION,))
def test_delete_users_error_case(dut: Dut) -> None:
    if not created(dut, (ONE, "Operator")):
        return
    with step("The DUT returns env:Sender/ter:InvalidArgVal/ter:UsernameMissing SOAP 1.2 fault"):
        dut.expect_fault("tds:DeleteUsers", {"Username": [ONE, TWO]}, *MISSING)
    expect_users(dut, {ONE: "Operator"})
    delete_users(dut, [ONE])
    expect_no_users(dut, ONE)


@case("DEVICE-4-1-6", "7.4.5", needs=(USER_CONFIGURATION,), own_device=True)
def test_delete_all_users(dut: Dut) -> None:
    default = users(dut)
    with step("ONVIF Client will invoke DeleteUsers request (Username = Default Users)"):
        answer = dut.send("tds:DeleteUsers", {"Username": list(default)}).envelope()
    if answer.find("env:Body/tds:DeleteUsersResponse", NAMES) is not None:
        # "The original user, used to access the DUT, shall be restored in case all users were deleted."
        administrator = entries((dut.user, "Administrator"), passwords={dut.user: dut.password})
        dut.restore.callback(dut.call, "tds:CreateUsers", administrator)
        return
    with step("... or env:Sender/ter:InvalidArgVal/ter:FixedUser SOAP 1.2 fault message"):
        codes = ("env:Sender", "ter:InvalidArgVal", "ter:FixedUser")
        dut.expect_fault("tds:DeleteUsers", {"Username": list(default)}, *codes)
        assert users(dut) == default


@case("DEVICE-4-1-7", "7.4.6", needs=(USER_CONFIGURATION,))
def test_set_user(dut: Dut) -> None:
    if not created(dut, (ONE, "Operator"), (TWO, "Operator")):
        return
    expect_users(dut, {ONE: "Operator", TWO: "Operator"})
    with step("ONVIF Client will invoke SetUser request (OnvifTest1, OnvifTest321, Operator)"):
        dut.call("tds:SetUser", entries((ONE, "Operator"), passwords={ONE: OTHER_PASSWORD}))
    expect_users(dut, {ONE: "Operator", TWO: "Operator"})
    with step(
        "ONVIF Client will invoke SetUser request (OnvifTest1, OnvifTest123; OnvifTest2, OnvifTest321)"
    ):
        # The specification has OnvifTest2 as Operator here and as User in the list that follows: a slip.
        changes = entries((ONE, "Operator"), (TWO, "User"), passwords={TWO: OTHER_PASSWORD})
        dut.call("tds:SetUser", changes)
    expect_users(dut, {ONE: "Operator", TWO: "User"})
    with step("If the DUT did not update the settings of the user(s), FAIL the test: the passwords"):
        for name, password in ((ONE, PASSWORD), (TWO, OTHER_PASSWORD)):
            dut.as_user(name, password).call("tds:GetDeviceInformation")
    delete_users(dut, [ONE, TWO])


@case("DEVICE-4-1-8", "7.4.7", needs=(USER_CONFIGURATION,))
def test_user_management_error_case(dut: Dut) -> None:
    if not created(dut, (ONE, "Operator")):
        return
    expect_users(dut, {ONE: "Operator"})
    with step("The DUT returns env:Sender/ter:InvalidArgVal/ter:UsernameMissing SOAP 1.2 fault"):
        dut.expect_fault("tds:SetUser", entries((ONE, "User"), (FIVE, "User")), *MISSING)
    expect_users(dut, {ONE: "Operator"})
    delete_users(dut, [ONE])
    expect_no_users(dut, ONE)


@case("DEVICE-4-1-9", "7.4.8", needs=(USER_CONFIGURATION,))
def test_create_users(dut: Dut) -> None:
    initial = users(dut)
    made = []
    for name, level in ((ONE, "Operator"), (TWO, "User")):
        if created(dut, (name, level)):
            made.append(name)
            expect_users(dut, {name: level})
    delete_users(dut, made)
    if created(dut, (ONE, "Administrator")):
        expect_users(dut, {ONE: "Administrator"})
        delete_users(dut, [ONE])
    with step("The DUT deletes what it has created"):
        assert users(dut) == initial


def remote_user(dut: Dut) -> etree._Element | None:
    with step("ONVIF client invokes GetRemoteUser request"):
        found = dut.call("tds:GetRemoteUser").all("tds:RemoteUser")
    with step("If remoteUser is not empty and remoteUser.Password is not skipped, FAIL the test"):
        assert all(each.find("tt:Password", NAMES) is None for each in found)
    return found[0] if found else None


@case("DEVICE-4-1-10", "7.4.9", needs=(REMOTE_USERS,))
def test_get_remote_user(dut: Dut) -> None:
    remote_user(dut)


@case("DEVICE-4-1-11", "7.4.10", needs=(REMOTE_USERS,))
def test_set_remote_user(dut: Dut) -> None:
    for derived in ("true", "false"):
        arguments = {
            "tt:Username": "ONVIFRemoteUser",
            "tt:Password": "ONVIFRemotePassword",
            "tt:UseDerivedPassword": derived,
        }
        with step(f"ONVIF client invokes SetRemoteUser request (UseDerivedPassword := {derived})"):
            dut.call("tds:SetRemoteUser", {"RemoteUser": arguments})
        found = remote_user(dut)
        with step('If remoteUser is not "ONVIFRemoteUser" with that UseDerivedPassword, FAIL the test'):
            assert found is not None
            assert found.findtext("tt:Username", "", NAMES) == "ONVIFRemoteUser"
            assert found.findtext("tt:UseDerivedPassword", "", NAMES).strip() == derived
    with step("ONVIF client invokes SetRemoteUser request with parameters RemoteUser skipped"):
        dut.call("tds:SetRemoteUser")
    with step("If remoteUser is not empty, FAIL the test"):
        assert remote_user(dut) is None

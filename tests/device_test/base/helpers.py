"""The helper procedures of chapter 9 of ONVIF's Base Device Test Specification."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from lxml import etree

from tests.device_test.cases import step
from tests.device_test.client import NAMES, Dut


def service_capabilities(dut: Dut) -> etree._Element:
    """9.18 HelperGetServiceCapabilities: tds:Capabilities."""
    with step("ONVIF Client invokes GetServiceCapabilities request"):
        return dut.call("tds:GetServiceCapabilities").find("tds:Capabilities")


def get_capabilities(dut: Dut, category: str | None = "All") -> etree._Element:
    """tds:Capabilities, of a category or with the list of categories skipped."""
    with step(f"ONVIF Client invokes GetCapabilities message with parameters: Category[0] := {category}"):
        return dut.call("tds:GetCapabilities", {"Category": category}).find("tds:Capabilities")


def services(dut: Dut, *, include_capability: bool) -> dict[str, etree._Element]:
    """The tds:Service elements by namespace."""
    value = str(include_capability).lower()
    with step(f"ONVIF Client invokes GetServices message with parameters: IncludeCapability := {value}"):
        found = dut.call("tds:GetServices", {"IncludeCapability": include_capability}).all("tds:Service")
        return {(each.findtext("tds:Namespace", "", NAMES)).strip(): each for each in found}


def check_too_many_users(dut: Dut, users: int) -> None:
    """9.17 HelperTooManyUsersFaultCheck: the fault is right if the device is full."""
    security = service_capabilities(dut).find("tds:Security", NAMES)
    maximum = None if security is None else security.get("MaxUsers")
    with step("If capabilities.Security.MaxUsers != usersNumber, FAIL the test"):
        assert maximum in (None, str(users)), f"MaxUsers is {maximum}, and there are {users} users"


def check_xaddr(xaddr: str, url: str) -> None:
    """9.23 HelperCheckXAddr: the scheme, host and port are those of the URL that was asked."""
    expected, found = urlsplit(url), urlsplit(xaddr)
    with step("If xAddr uri scheme part is not equal to uriScheme, FAIL the test"):
        assert found.scheme == expected.scheme, xaddr
    with step("If xAddr uri does not contain authority component, FAIL the test"):
        assert found.netloc, xaddr
    with step(
        "If host subcomponent of authority component of xAddr uri is not equal to uriHost, FAIL the test"
    ):
        assert found.hostname == expected.hostname, xaddr
    with step("If xAddrHostport is not equal to uriHostPort, FAIL the test"):
        assert _port(xaddr) == _port(url), xaddr


def _port(url: str) -> int:
    target = urlsplit(url)
    return target.port or {"http": 80, "https": 443}[target.scheme]


def restore_system_date_and_time(dut: Dut, initial: etree._Element) -> None:
    """9.20 HelperRestoreSystemDateAndTime: the clock as it was, but for the time that has passed."""
    kind = initial.findtext("tt:DateTimeType", "", NAMES).strip()
    zone = initial.findtext("tt:TimeZone/tt:TZ", None, NAMES)
    with step("ONVIF Client invokes SetSystemDateAndTime request with the initial settings"):
        dut.call(
            "tds:SetSystemDateAndTime",
            {
                "DateTimeType": kind,
                "DaylightSavings": initial.findtext("tt:DaylightSavings", "", NAMES),
                "TimeZone": {"tt:TZ": zone} if zone else None,
                "UTCDateTime": utc_now() if kind == "Manual" else None,
            },
        )


def utc_now() -> dict[str, object]:
    """tt:DateTime of this moment."""
    now = datetime.now(UTC)
    return {
        "tt:Time": {"Hour": now.hour, "Minute": now.minute, "Second": now.second},
        "tt:Date": {"Year": now.year, "Month": now.month, "Day": now.day},
    }


User = tuple[str, str]
"""A name and a UserLevel."""


def users(dut: Dut) -> dict[str, str]:
    """The levels of the device's users by name."""
    with step("ONVIF Client will invoke GetUsers request, to retrieve the user list from the DUT"):
        found = dut.call("tds:GetUsers").all("tds:User")
        return {
            each.findtext("tt:Username", "", NAMES): each.findtext("tt:UserLevel", "", NAMES).strip()
            for each in found
        }


def delete_users(dut: Dut, names: Sequence[str]) -> None:
    """DeleteUsers, if there is anyone to delete."""
    if names:
        with step(f"ONVIF Client will invoke DeleteUsers request (Username = {', '.join(names)})"):
            dut.call("tds:DeleteUsers", {"Username": list(names)})

"""Base Device Test Specification, 7.6 Namespace Handling.

With network configuration the procedure sets a DNS server. For devices without it the specification has the metadata
configuration of the Media2 service, and nothing for those that have neither: here they are asked to make a user. It
takes elements of the same two namespaces.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from lxml import etree

from tests.device_test.base import spelling
from tests.device_test.base.prerequisites import (
    HTTP_DIGEST,
    NETWORK_CONFIGURATION,
    USER_CONFIGURATION,
    USERNAME_TOKEN,
)
from tests.device_test.base.spelling import Speller, spelled
from tests.device_test.cases import Prerequisite, case, step
from tests.device_test.client import NAMES, Arguments, Dut, envelope, fill, tag

CONFIGURATION = Prerequisite(
    f"{NETWORK_CONFIGURATION.text}, or {USER_CONFIGURATION.text}",
    lambda capabilities: NETWORK_CONFIGURATION.met(capabilities) or USER_CONFIGURATION.met(capabilities),
)
DNS = "10.1.1.1"
NAME = "OnvifTest1"
Ask = Callable[[str, Arguments], etree._Element]
"""Asks for an operation and returns its response element."""


def asking(dut: Dut, make: Callable[[], Speller]) -> Ask:
    """Requests with the namespaces declared in a certain way: credentials, operation and arguments."""

    def ask(operation: str, arguments: Arguments) -> etree._Element:
        body = etree.Element(tag(operation), nsmap=NAMES)
        fill(body, arguments)
        header = []
        if USERNAME_TOKEN.met(dut.capabilities):
            header = [dut.security()]
            del header[0].attrib[tag("env:mustUnderstand")]
        request = spelled(envelope([body], header), make())
        with step(f"ONVIF Client invokes {operation} with these namespace declarations"):
            auth = dut.digest if not header and HTTP_DIGEST.met(dut.capabilities) else None
            answer = dut.post(request, auth=auth).envelope().find("env:Body/*", NAMES)
            assert answer.tag == tag(f"{operation}Response"), answer.tag
        return answer

    return ask


def set_dns(dut: Dut, ask: Ask) -> None:
    initial = ask("tds:GetDNS", {}).find("tds:DNSInformation", NAMES)
    original = {
        "FromDHCP": initial.findtext("tt:FromDHCP", "", NAMES),
        "SearchDomain": [each.text for each in initial.findall("tt:SearchDomain", NAMES)],
        "DNSManual": [
            {f"tt:{etree.QName(child).localname}": child.text for child in manual}
            for manual in initial.findall("tt:DNSManual", NAMES)
        ],
    }
    dut.restore.callback(dut.call, "tds:SetDNS", original)
    ask("tds:SetDNS", {"FromDHCP": False, "DNSManual": {"tt:Type": "IPv4", "tt:IPv4Address": DNS}})
    found = ask("tds:GetDNS", {})
    with step("Verify DNS configurations in the DUT"):
        assert found.findtext("tds:DNSInformation/tt:DNSManual/tt:IPv4Address", "", NAMES).strip() == DNS


def make_user(dut: Dut, ask: Ask) -> None:
    user = {"tt:Username": NAME, "tt:Password": "OnvifTest123", "tt:UserLevel": "User"}
    ask("tds:CreateUsers", {"User": user})
    with contextlib.ExitStack() as undo:
        undo.callback(ask, "tds:DeleteUsers", {"Username": NAME})
        names = [each.text for each in ask("tds:GetUsers", {}).iterfind("tds:User/tt:Username", NAMES)]
        with step("Verify that the DUT has the user"):
            assert NAME in names
    names = [each.text for each in ask("tds:GetUsers", {}).iterfind("tds:User/tt:Username", NAMES)]
    with step("Verify that the DUT has deleted the user"):
        assert NAME not in names


def namespaces_case(id: str, section: str, make: Callable[[], Speller]) -> Callable[[Dut], None]:
    @case(id, section, needs=(CONFIGURATION,))
    def test(dut: Dut) -> None:
        ask = asking(dut, make)
        if NETWORK_CONFIGURATION.met(dut.capabilities):
            set_dns(dut, ask)
        else:
            make_user(dut, ask)

    return test


test_default_in_each_tag = namespaces_case("DEVICE-6-1-1", "7.6.1", lambda: spelling.default_in_each_tag)
test_default_in_parent_tag = namespaces_case("DEVICE-6-1-2", "7.6.2", lambda: spelling.default_in_parent_tag)
test_not_standard_prefixes = namespaces_case("DEVICE-6-1-3", "7.6.3", lambda: spelling.strange_prefixes)
test_different_prefixes = namespaces_case("DEVICE-6-1-4", "7.6.4", spelling.different_prefixes)
test_same_prefix = namespaces_case("DEVICE-6-1-5", "7.6.5", lambda: spelling.same_prefix)

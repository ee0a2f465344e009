"""Base Device Test Specification, 6 Device Discovery Test Cases.

The test cases call the scopes type, location, hardware and name mandatory. Core 7.3.2.2.1 of 26.06, which counts, has
Profile, hardware and name; of the others, those that the device lists are probed for as well.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

from tests.device_test.base import spelling
from tests.device_test.base.spelling import Scope, Speller, spelled
from tests.device_test.base.test_namespaces import asking
from tests.device_test.base.test_system import accessible, wait_for_restart
from tests.device_test.cases import Prerequisite, case, step
from tests.device_test.client import NAMES, Dut, tag
from tests.device_test.discovery.client import Discovery, Message
from tests.device_test.prerequisites import flag
from tests.support import wait_until

SUPPORTED = Prerequisite(
    "discovery (System/DiscoveryNotSupported is not true)",
    lambda capabilities: not capabilities.flag("tds:System/@DiscoveryNotSupported"),
)
BYE = flag("tds:System/@DiscoveryBye")
ROOT = "onvif://www.onvif.org"
MANDATORY = ("Profile", "hardware", "name")
OPTIONAL = ("type", "location")
TYPES = {tag("tds:Device"), tag("dn:NetworkVideoTransmitter")}
SETTLE = 2.0
Probe = Callable[..., Message | None]


# -- what is checked of a message


def categories(scopes: list[str]) -> set[str]:
    """Those of the scopes of ONVIF, in small letters: Core writes them both ways."""
    parts = (scope.split("/") for scope in scopes if scope.startswith(f"{ROOT}/"))
    return {part[3].lower() for part in parts if len(part) > 4 and part[4]}


def check_scopes(scopes: list[str]) -> None:
    missing = [each for each in MANDATORY if each.lower() not in categories(scopes)]
    assert not missing, f"no scope of {ROOT}/{', '.join(missing)} among {' '.join(scopes)}"


def check_types(message: Message) -> None:
    with step("... with a namespace of the Types value, and a mandatory device type"):
        assert message.types() & TYPES, message.types()


def check_match(dut: Dut, message: Message | None, scopes: list[str]) -> None:
    """A ProbeMatch of the device under test: everything for which a case FAILs."""
    with step("The DUT sends ProbeMatch message within the time out period of DISCOVERY_TIMEOUT"):
        assert message is not None, "there was no answer"
        assert message.kind == "ProbeMatches", f"the answer is {message.header('Action')}"
    with step("... with mandatory XML elements (device type, scope list, service address)"):
        assert message.text("wsadis:EndpointReference/wsadis:Address")
        assert message.text("d:MetadataVersion").isdecimal()
        missing = set(scopes) - set(message.words("d:Scopes"))
        assert not missing, f"{missing} is missing"
    check_types(message)
    with step(
        '... with fixed entry point to <d:XAddrs> element ("http://<onvif_host>/onvif/device_service")'
    ):
        found = [urlsplit(xaddr) for xaddr in message.words("d:XAddrs")]
        assert any(
            each.scheme in ("http", "https")
            and each.hostname == urlsplit(dut.url).hostname
            and each.path == "/onvif/device_service"
            for each in found
        ), message.words("d:XAddrs")


def get_scopes(dut: Dut) -> list[str]:
    with step("ONVIF Client will invoke GetScopes request to retrieve existing scopes list"):
        scopes = dut.call("tds:GetScopes").texts("tds:Scopes/tt:ScopeItem")
    with step("The DUT scope list has each of the mandatory scope entries"):
        check_scopes(scopes)
    return scopes


# -- the procedures


def search_by_scopes(dut: Dut, probe: Probe, scopes: list[str]) -> None:
    present = categories(scopes)
    probed = [f"{ROOT}/{each}" for each in (*MANDATORY, *OPTIONAL) if each.lower() in present]
    # The category as the device spells it: a path is case-sensitive (RFC 3986).
    spelled_as = {
        scope.split("/")[3].lower(): scope.split("/")[3] for scope in scopes if scope.startswith(ROOT)
    }
    probed = [f"{ROOT}/{spelled_as[each.rpartition('/')[2].lower()]}" for each in probed]
    for group in (*([each] for each in probed), probed):
        with step(f"ONVIF Client will transmit the Probe request with scope types {' '.join(group)}"):
            answer = probe(["tds:Device"], group)
        check_match(dut, answer, scopes)


def search_for_all(dut: Dut, probe: Probe) -> None:
    with step("ONVIF Client will transmit Probe request with device type and scope type inputs omitted"):
        answer = probe()
    check_match(dut, answer, [])
    with step("... with mandatory scope types"):
        assert answer is not None
        check_scopes(answer.words("d:Scopes"))


def search_for_nothing(probe: Probe) -> None:
    with step("ONVIF Client will transmit Probe request with invalid device and scope types"):
        answer = probe(["dn:InvalidDeviceType"], [f"{ROOT}/invalid/{uuid.uuid4()}"])
    with step("Verify that the DUT did not send ProbeMatch message"):
        assert answer is None, answer.kind


def reboot(dut: Dut) -> None:
    with step("ONVIF Client invokes SystemReboot request to reboot the DUT; it sends SystemRebootResponse"):
        dut.call("tds:SystemReboot").text("tds:Message")


# -- 6.1 to 6.9


@case("DISCOVERY-1-1-2", "6.1", needs=(SUPPORTED,))
def test_hello(dut: Dut, discovery: Discovery) -> None:
    discovery.forget()
    reboot(dut)
    with step("ONVIF Client waits for the user defined boot time to receive Hello message from DUT"):
        hello = discovery.wait_for("Hello", dut.options.restart_delay + dut.options.reboot_timeout)
    with step("ONVIF Client will verify the mandatory XML elements in the DUT Hello message"):
        assert hello.text("wsadis:EndpointReference/wsadis:Address")
        assert hello.text("d:MetadataVersion").isdecimal()
        check_scopes(hello.words("d:Scopes"))
        check_types(hello)
    with step("The DUT is accessible again during rebootTimeout"):
        wait_until(lambda: accessible(dut), dut.options.reboot_timeout)


@case("DISCOVERY-1-1-3", "6.2", needs=(SUPPORTED,))
def test_search_by_scopes(dut: Dut, discovery: Discovery) -> None:
    search_by_scopes(dut, discovery.probe, get_scopes(dut))


@case("DISCOVERY-1-1-4", "6.3", needs=(SUPPORTED,))
def test_search_with_types_and_scopes_omitted(dut: Dut, discovery: Discovery) -> None:
    search_for_all(dut, discovery.probe)


@case("DISCOVERY-1-1-5", "6.4", needs=(SUPPORTED,))
def test_invalid_search(dut: Dut, discovery: Discovery) -> None:
    search_for_nothing(discovery.probe)


@case("DISCOVERY-1-1-6", "6.5", needs=(SUPPORTED,))
def test_unicast_search(dut: Dut, discovery: Discovery) -> None:
    def probe(*arguments: list[str]) -> Message | None:
        return discovery.probe(*arguments, unicast=True)

    search_by_scopes(dut, probe, get_scopes(dut))
    search_for_all(dut, probe)
    search_for_nothing(probe)


@case("DISCOVERY-1-1-8", "6.6", needs=(SUPPORTED, BYE))
def test_bye(dut: Dut, discovery: Discovery) -> None:
    discovery.forget()
    reboot(dut)
    with step("Verify that the DUT issued a Bye message"):
        bye = discovery.wait_for("Bye", dut.options.restart_delay)
        assert bye.text("wsadis:EndpointReference/wsadis:Address")
    wait_for_restart(dut)
    with contextlib.suppress(AssertionError):  # whether it says so is another case's business
        discovery.wait_for("Hello", dut.options.restart_delay)


def set_mode(dut: Dut, mode: str) -> None:
    with step(
        f"ONVIF Client will invoke SetDiscoveryMode request to set discovery mode of the DUT to {mode}"
    ):
        dut.call("tds:SetDiscoveryMode", {"DiscoveryMode": mode})


def check_mode(dut: Dut, mode: str) -> None:
    with step(f"Verify that the DUT sends GetDiscoveryModeResponse message (DiscoveryMode = {mode})"):
        assert dut.call("tds:GetDiscoveryMode").text("tds:DiscoveryMode") == mode


@case("DISCOVERY-1-1-9", "6.7", needs=(SUPPORTED,))
def test_discovery_mode(dut: Dut, discovery: Discovery) -> None:
    check_mode(dut, "Discoverable")
    dut.restore.callback(set_mode, dut, "Discoverable")
    set_mode(dut, "NonDiscoverable")
    check_mode(dut, "NonDiscoverable")
    with step(
        "ONVIF Client will transmit multicast Probe request with device type and scope type inputs omitted"
    ):
        answer = discovery.probe()
    with step("Verify that the DUT did not send ProbeMatch message"):
        assert answer is None, answer.kind
    discovery.forget()
    reboot(dut)
    wait_for_restart(dut)
    with step("Verify that the DUT did not send Bye or Hello message"):
        said = [each.kind for each in discovery.hear(dut.options.discovery_timeout)]
        assert said == []


@case("DISCOVERY-1-1-10", "6.8", needs=(SUPPORTED,))
def test_matching_rule_not_supported(dut: Dut, discovery: Discovery) -> None:
    """Core 7.3.6 leaves a device the choice between this fault and silence; the test case does not."""
    with step("ONVIF Client will transmit Unicast Probe request with invalid matching type rule"):
        rule = f"{NAMES['d']}/invalid-{uuid.uuid4()}"
        answer = discovery.probe(scopes=[ROOT], rule=rule, unicast=True)
    with step("Verify that the DUT generates a SOAP 1.2 fault message (MatchingRuleNotSupported)"):
        assert answer is not None, "there was no answer"
        assert answer.body.tag == tag("env:Fault"), answer.body.tag
        values = answer.body.findall(".//env:Value", NAMES)
        codes = [(value.text or "").strip().partition(":") for value in values]
        names = [
            f"{{{value.nsmap.get(prefix)}}}{local}"
            for value, (prefix, _, local) in zip(values, codes, strict=True)
        ]
        assert names == [tag("env:Sender"), tag("d:MatchingRuleNotSupported")], names
        assert answer.body.findtext("env:Reason/env:Text", "", NAMES).strip()
        assert answer.header("Action") == f"{NAMES['d']}/fault", answer.header("Action")


@case("DISCOVERY-1-1-11", "6.9", needs=(SUPPORTED,))
def test_scopes(dut: Dut, discovery: Discovery) -> None:
    original = dut.call("tds:GetScopes")
    get_scopes(dut)
    kinds = original.texts("tds:Scopes/tt:ScopeDef")
    items = original.texts("tds:Scopes/tt:ScopeItem")
    configurable = [item for item, kind in zip(items, kinds, strict=True) if kind == "Configurable"]
    dut.restore.callback(restore_scopes, dut, configurable)
    first, added = (f"{ROOT}/name/onvif-test-{uuid.uuid4()}" for _ in range(2))
    if change_scopes(dut, "SetScopes", {"Scopes": [first]}):
        return
    with step("ONVIF Client waits for 2 seconds"):
        for _ in discovery.hear(SETTLE):
            pass
    version = max((int(each.text("d:MetadataVersion")) for each in discovery.said), default=-1)
    if change_scopes(dut, "AddScopes", {"ScopeItem": [added]}):
        return
    expected = set(dut.call("tds:GetScopes").texts("tds:Scopes/tt:ScopeItem"))
    with step("The DUT sends Multicast Hello message to indicate the change in the metadata"):
        hello = discovery.wait_for(
            "Hello", dut.options.operation_delay, lambda message: added in message.words("d:Scopes")
        )
        assert set(hello.words("d:Scopes")) == expected
    with step('... "MetadataVersion" is incremented by >=1'):
        assert int(hello.text("d:MetadataVersion")) > version
    with step(
        "ONVIF Client will invoke Multicast Probe request to search the DUT with newly added scope types"
    ):
        answer = discovery.probe(scopes=[added])
    check_match(dut, answer, [added])
    discovery.forget()
    with step("ONVIF Client will invoke RemoveScopes request to delete the newly configured scope types"):
        dut.call("tds:RemoveScopes", {"ScopeItem": [added]})
    with step("The DUT sends Multicast Hello message to indicate the change in the metadata (i.e. deletion)"):
        gone = discovery.wait_for(
            "Hello", dut.options.operation_delay, lambda message: added not in message.words("d:Scopes")
        )
        assert set(gone.words("d:Scopes")) == expected - {added}
    with step('... "MetadataVersion" is incremented by >=1'):
        assert int(gone.text("d:MetadataVersion")) > int(hello.text("d:MetadataVersion"))
    with step("ONVIF Client will invoke Multicast Probe request to search the DUT with deleted scope types"):
        answer = discovery.probe(scopes=[added])
    with step("Verify that the DUT did not send ProbeMatch message"):
        assert answer is None, answer.kind


def change_scopes(dut: Dut, operation: str, arguments: dict[str, object]) -> bool:
    """Whether the device has no room for them, which is a PASS of the case."""
    with step(f"ONVIF Client will invoke {operation} request; the DUT replies with {operation}Response"):
        answer = dut.send(f"tds:{operation}", arguments).envelope().find("env:Body/*", NAMES)
        if answer.tag == tag(f"tds:{operation}Response"):
            return False
    with step('... or with SOAP Fault 1.2 "TooManyScopes"'):
        dut.expect_fault(f"tds:{operation}", arguments, "env:Receiver", "ter:Action", "ter:TooManyScopes")
    return True


def restore_scopes(dut: Dut, configurable: list[str]) -> None:
    present = dut.call("tds:GetScopes")
    kinds = present.texts("tds:Scopes/tt:ScopeDef")
    items = present.texts("tds:Scopes/tt:ScopeItem")
    if configurable:
        dut.call("tds:SetScopes", {"Scopes": configurable})
    else:  # SetScopes takes no empty list
        added = [item for item, kind in zip(items, kinds, strict=True) if kind == "Configurable"]
        dut.call("tds:RemoveScopes", {"ScopeItem": added})


# -- 6.10


def declaring_types(speller: Speller) -> Speller:
    """The prefix of the QName in Types, which is no element's, is declared on the envelope."""

    def spell(namespace: str, scope: Scope) -> tuple[str, Scope]:
        prefix, declared = speller(namespace, scope)
        return prefix, declared if scope else {**declared, "tds": NAMES["tds"]}

    return spell


def namespaces_case(id: str, section: str, make: Callable[[], Speller]) -> Callable[[Dut, Discovery], None]:
    @case(id, section, needs=(SUPPORTED,))
    def test(dut: Dut, discovery: Discovery) -> None:
        found = asking(dut, make)("tds:GetScopes", {})
        scopes = [(each.text or "").strip() for each in found.iterfind("tds:Scopes/tt:ScopeItem", NAMES)]
        with step("The DUT scope list has each of the mandatory scope entries"):
            check_scopes(scopes)

        def probe(types: list[str], probed: list[str]) -> Message | None:
            return discovery.probe(
                types, probed, spell=lambda document: spelled(document, declaring_types(make()))
            )

        search_by_scopes(dut, probe, scopes)

    return test


test_default_in_each_tag = namespaces_case("DISCOVERY-2-1-1", "6.10.1", lambda: spelling.default_in_each_tag)
test_default_in_parent_tag = namespaces_case(
    "DISCOVERY-2-1-2", "6.10.2", lambda: spelling.default_in_parent_tag
)
test_not_standard_prefixes = namespaces_case("DISCOVERY-2-1-3", "6.10.3", lambda: spelling.strange_prefixes)
test_different_prefixes = namespaces_case("DISCOVERY-2-1-4", "6.10.4", spelling.different_prefixes)
test_same_prefix = namespaces_case("DISCOVERY-2-1-5", "6.10.5", lambda: spelling.same_prefix)

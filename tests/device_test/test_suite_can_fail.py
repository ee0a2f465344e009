"""Each defect is noticed: the cases that a good device passes fail with a broken one, and say where and why.

The defects are those of devices in the field. Each is in the one answer, or the few, that the case named with it asks
for.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

import tests.device_test
from tests.device_test import defects, nested
from tests.device_test.base.helpers import delete_users
from tests.device_test.broken_device import BrokenDevice, Defect
from tests.device_test.client import Dut
from tests.device_test.defects import attribute, edits, inserted, reordered, text, without


class Trial(NamedTuple):
    """A defect, and which case notices it at which step (a part of its text)."""

    what: str
    defect: Defect
    case: str
    step: str


TRIALS = (
    Trial(
        "faults come with status 200",
        defects.faults_with_status_200,
        "DEVICE-4-1-5",
        "ter:UsernameMissing SOAP 1.2 fault",
    ),
    Trial(
        "a required element is missing",
        edits("GetDeviceInformation", without("tds:SerialNumber")),
        "DEVICE-3-1-9",
        "invoke GetDeviceInformation",
    ),
    Trial(
        "elements come in another order",
        edits("GetSystemDateAndTime", reordered("tds:SystemDateAndTime")),
        "DEVICE-3-1-1",
        "invokes GetSystemDateAndTime",
    ),
    Trial(
        "everything is answered with an empty 200",
        defects.answers_nothing,
        "EVENT-1-1-2",
        "GetEventPropertiesResponse",
    ),
    Trial(
        "what is not implemented is answered with an empty 200",
        defects.answers_nothing_to_what_it_refuses,
        "DEVICE-1-1-6",
        "ter:NoSuchService",
    ),
    Trial(
        "answers are replayed", defects.replays("GetUsers"), "DEVICE-4-1-4", "is not in the GetUsersResponse"
    ),
    Trial(
        "a value is another one",
        edits("GetUsers", text("tt:UserLevel", lambda level: level.replace("Operator", "User"))),
        "DEVICE-4-1-9",
        "Verify that the DUT sends GetUsersResponse message",
    ),
    Trial(
        "an ID is another one",
        edits("CreateRSAKeyPair", text("tas:KeyID", lambda key: f"{key}0")),
        "ADVANCED_SECURITY-1-1-3",
        "invokes GetKeyStatus",
    ),
    Trial(
        "a status stays what it is",
        edits("GetKeyStatus", text("tas:KeyStatus", lambda _: "generating")),
        "ADVANCED_SECURITY-1-1-1",
        "Until operationDelay + duration",
    ),
    Trial(
        "a count is another one",
        edits("GetServiceCapabilities", attribute("tds:Network", "NTP", "3")),
        "DEVICE-1-1-19",
        "are not equal to deviceServ.Capabilities.Capabilities",
    ),
    Trial(
        "a fault has another subcode",
        defects.edits_faults(defects.replaces(b"ter:UsernameMissing", b"ter:UsernameClash")),
        "DEVICE-4-1-8",
        "ter:UsernameMissing SOAP 1.2 fault",
    ),
    Trial(
        "the prefix of a fault's code is not declared",
        defects.edits_faults(lambda content: re.sub(rb' xmlns:ter="[^"]*"', b"", content)),
        "DEVICE-4-1-3",
        "ter:UsernameClash SOAP 1.2 fault",
    ),
    Trial("401 comes without a challenge", defects.no_challenge, "SECURITY-1-1-2", "HTTP Response Header"),
    Trial(
        "a UsernameToken without nonce is accepted",
        defects.accepts_spoiled_tokens,
        "SECURITY-1-1-1",
        "Missing nonce",
    ),
    Trial(
        "a notification is lost",
        defects.loses_notifications,
        "ADVANCED_SECURITY-1-1-2",
        "Until operationDelay + duration",
    ),
    Trial(
        "an address has its port twice",
        edits("GetServices", text("tds:XAddr", lambda xaddr: re.sub(r"(:\d+)/", r"\1\1/", xaddr))),
        "DEVICE-1-1-31",
        "uri",
    ),
    Trial(
        "only the usual prefixes are understood",
        defects.knows_usual_prefixes_only,
        "DEVICE-6-1-1",
        "CreateUsers",
    ),
    Trial(
        "an argument is ignored",
        defects.ignores_arguments("GetCapabilities", "tds:Category"),
        "DEVICE-1-1-3",
        "is specified, FAIL",
    ),
    Trial(
        "a password is shown",
        edits("GetUsers", inserted("tds:User", "tt:Password", "secret", after="tt:Username")),
        "DEVICE-4-1-1",
        "Username, UserLevel",
    ),
    Trial(
        "white space precedes the XML declaration",
        defects.prefixed(b"\r\n"),
        "EVENT-5-1-2",
        "invoke GetServices request",
    ),
    Trial(
        "the Content-Type is HTML's",
        defects.content_type("text/html"),
        "EVENT-5-1-1",
        "GetServiceCapabilitiesResponse",
    ),
    Trial(
        "another certificate is served",
        defects.claims_success(
            "ReplaceServerCertificateAssignment", "tas:ReplaceServerCertificateAssignmentResponse"
        ),
        "ADVANCED_SECURITY-3-2-4",
        "expecting Server Certificate",
    ),
    # The last: a client that was not asked for credentials sends none with that operation any more.
    Trial(
        "an operation claims success and does nothing",
        defects.claims_success("SetNetworkProtocols", "tds:SetNetworkProtocolsResponse"),
        "ADVANCED_SECURITY-3-2-3",
        "HTTPS protocol Port is open",
    ),
)


CASES = {trial.case: trial for trial in TRIALS}
"""A case meets one defect."""


@pytest.fixture
def broken(shared_dut: Dut) -> Iterator[BrokenDevice]:
    """In front of the default device, which is left without what a broken one has not let the cases undo."""
    target = urlsplit(shared_dut.url)
    keys = _key_ids(shared_dut)
    with BrokenDevice(f"{target.scheme}://{target.netloc}") as broken:
        yield broken
    for key_id in _key_ids(shared_dut) - keys:
        shared_dut.call("tas:DeleteKey", {"KeyID": key_id})
    names = shared_dut.call("tds:GetUsers").texts("tds:User/tt:Username")
    delete_users(shared_dut, [name for name in names if name.startswith("OnvifTest")])


def _key_ids(dut: Dut) -> set[str]:
    return {*dut.call("tas:GetAllKeys").texts("tas:KeyAttribute/tas:KeyID")}


def _nodes() -> dict[str, str]:
    """Where each case is, by its ID."""
    found = {}
    for module in pkgutil.walk_packages(tests.device_test.__path__, "tests.device_test."):
        if ".test_" in module.name:
            for name, function in vars(importlib.import_module(module.name)).items():
                for mark in getattr(function, "pytestmark", ()):
                    if mark.name == "device_test_case":
                        found[mark.args[0].id] = f"{module.name.replace('.', '/')}.py::{name}"
    return found


def run(device: BrokenDevice, dut: Dut, *options: str) -> tuple[int, str]:
    """The device test with these cases: its status and what it prints."""
    nodes = _nodes()
    done = nested.run(
        *("-p", "tests.device_test.case_by_case"),
        *(f"--device={device.url}", f"--user={dut.user}", f"--password={dut.password}"),
        *("--poll-interval=0.1", f"--https-port={dut.options.https_port}"),
        *options,
        *(nodes[case] for case in CASES),
    )
    return done.returncode, done.stdout + done.stderr


def test_the_good_device_passes(broken: BrokenDevice, shared_dut: Dut) -> None:
    status, output = run(broken, shared_dut)
    assert status == 0, output
    for case in CASES:
        assert re.search(rf"^{case} +passed$", output, re.MULTILINE), output


def test_each_defect_is_noticed(broken: BrokenDevice, shared_dut: Dut) -> None:
    assert len(CASES) == len(TRIALS)
    broken.defects = {trial.case: trial.defect for trial in TRIALS}
    status, output = run(broken, shared_dut, "--operation-delay=3")
    assert status == 1, output
    unnoticed = [trial.what for trial in TRIALS if not _noticed(trial, output)]
    assert not unnoticed, f"{unnoticed}\n{output}"


def _noticed(trial: Trial, output: str) -> bool:
    """Whether the report has the case, the step and the bytes."""
    report = re.search(rf"^{trial.case} +FAILED at «(.*)»\n(.*\n)", output, re.MULTILINE)
    return report is not None and trial.step in report[1] and report[2].startswith("--> POST /")

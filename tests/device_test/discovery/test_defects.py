"""Each defect is noticed: the DISCOVERY cases that the device passes fail when its messages are altered on the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.device_test.cases import failed_step
from tests.device_test.client import NAMES, Dut
from tests.device_test.discovery import client, test_discovery
from tests.device_test.discovery.client import Discovery

OMITTED, INVALID, FAULT = (
    "test_search_with_types_and_scopes_omitted",
    "test_invalid_search",
    "test_matching_rule_not_supported",
)
DEFECTS = [
    ("RelatesTo lacks urn:", OMITTED, b"RelatesTo>urn:uuid:", b"RelatesTo>uuid:", "will transmit Probe request"),
    ("Types are of other namespaces", OMITTED, b"http://www.onvif.org/ver10/", b"urn:", "with a namespace of the Types value"),
    ("the prefix of a type is not declared", OMITTED, b"dn:Network", b"no:Network", "with a namespace of the Types value"),
    ("there are no Scopes", OMITTED, b"d:Scopes", b"d:Else", "mandatory XML elements"),
    ("a mandatory scope is missing", OMITTED, b"/hardware/", b"/software/", "with mandatory scope types"),
    ("XAddrs are those of another host", OMITTED, b"//192.0.2.10/", b"//192.0.2.11/", "fixed entry point"),
    ("XAddrs have another path", OMITTED, b"/device_service", b"/service", "fixed entry point"),
    ("there is no MetadataVersion", OMITTED, b"d:MetadataVersion", b"d:Else", "mandatory XML elements"),
    ("there is no EndpointReference", OMITTED, b"wsadis:Address", b"wsadis:Else", "mandatory XML elements"),
    ("the answer is a ResolveMatches", OMITTED, b"d:ProbeMatches", b"d:ResolveMatches", "within the time out period"),
    ("the Action is another one", OMITTED, b"discovery/ProbeMatches<", b"discovery/Hello<", "within the time out period"),
    ("the answer is no XML", OMITTED, b"</env:Envelope>", b"", "will transmit Probe request"),
    ("the answer is not SOAP 1.2", OMITTED, NAMES["env"].encode(), b"urn:x", "will transmit Probe request"),
    ("the fault has another subcode", FAULT, b"d:MatchingRuleNotSupported", b"d:Else", "generates a SOAP 1.2 fault"),
    ("the fault's subcode has no namespace", FAULT, b"d:MatchingRuleNot", b"MatchingRuleNot", "generates a SOAP 1.2 fault"),
    ("the fault is the receiver's", FAULT, b"env:Sender", b"env:Receiver", "generates a SOAP 1.2 fault"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("case", "old", "new", "step"), [d[1:] for d in DEFECTS], ids=[d[0] for d in DEFECTS]
)
def test_an_altered_answer(
    dut: Dut,
    discovery: Discovery,
    monkeypatch: pytest.MonkeyPatch,
    case: str,
    old: bytes,
    new: bytes,
    step: str,
) -> None:
    receive = discovery._receive

    def altered(sockets: list[object], seconds: float) -> Iterator[bytes]:
        for data in receive(sockets, seconds):  # type: ignore[arg-type]
            assert old in data
            yield data.replace(old, new)

    monkeypatch.setattr(discovery, "_receive", altered)
    assert step in _failure(case, dut, discovery)


def test_a_device_that_answers_whatever_is_asked(
    dut: Dut, discovery: Discovery, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = client._probe
    monkeypatch.setattr(client, "_probe", lambda message_id, *_: probe(message_id, (), (), None))
    assert "did not send ProbeMatch" in _failure(INVALID, dut, discovery)
    assert "generates a SOAP 1.2 fault" in _failure(FAULT, dut, discovery)


def test_a_silent_device(dut: Dut, discovery: Discovery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_receive", lambda *_: iter(()))
    assert "within the time out period" in _failure(OMITTED, dut, discovery)
    assert "generates a SOAP 1.2 fault" in _failure(FAULT, dut, discovery)


def _failure(case: str, dut: Dut, discovery: Discovery) -> str:
    """The step at which a case fails."""
    with pytest.raises(AssertionError) as failure:
        getattr(test_discovery, case)(dut, discovery)
    return failed_step(failure.value) or ""

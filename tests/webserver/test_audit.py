"""TLS as an auditor sees it, with the auditor's own tools (SecurityBaseline 12)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from onvifd.webserver.settings import TLS12_CIPHERS, TLS13_CIPHERS
from tests.webserver.support import Device

Ports = tuple[int, int, int]

ACCEPTABLE = {"OK", "INFO", "LOW", "DEBUG"}
OF_THE_TOOL = {
    "engine_problem",
    "overall_grade",
    # It closes before the ticket comes, and can't resume then: see test_serving.
    "sessionresumption_ticket",
}
OF_THE_CERTIFICATE = {
    # What a client uploads is the client's business, and here it is a test's own authority that signs.
    "cert_chain_of_trust",
    "cert_trust",
    "cert_revocation",
    "cert_crlDistributionPoints",
    "cert_ocspURL",
    "cert_expirationStatus",
    "cert_validityPeriod",
    "cert_notAfter",
    "cert_subjectAltName",
    "cert_caIssuers",
    "cert_commonName",
    "cert_extlifeSpan",
}


def tool(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"{names[0]} is not installed")
    return found


@pytest.fixture
def audited(device: Device) -> Device:
    device.change(assigned=["rsa-1", "ec-1"])
    return device


def test_sslscan(audited: Device, ports: Ports) -> None:
    run = subprocess.run(
        [tool("sslscan"), "--xml=-", "--no-colour", f"127.0.0.1:{ports[1]}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    (report,) = ElementTree.fromstring(run.stdout).iter("ssltest")
    enabled = {f"{each.get('type')}v{each.get('version')}" for each in report.iter("protocol")
               if each.get("enabled") == "1"}  # fmt: skip
    assert enabled == {"tlsv1.2", "tlsv1.3"}
    assert {each.get("cipher") for each in report.iter("cipher")} == {*TLS12_CIPHERS, *TLS13_CIPHERS}
    assert {each.get("supported") for each in report.iter("compression")} <= {"0"}
    assert {each.get("vulnerable") for each in report.iter("heartbleed")} == {"0"}


@pytest.mark.audit
def test_testssl(audited: Device, ports: Ports, tmp_path: Path) -> None:
    """No finding above LOW, apart from what is the certificate's."""
    found = tmp_path / "findings.json"
    subprocess.run(
        [tool("testssl", "testssl.sh"), "--quiet", "--color=0", "--warnings=off", "--nodns=none",
         f"--jsonfile={found}", f"127.0.0.1:{ports[1]}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=900,
        check=False,
    )  # fmt: skip
    findings = json.loads(found.read_text())
    assert len(findings) > 50
    seen = {each["id"]: each["finding"] for each in findings}
    bad = [
        each
        for each in findings
        if each["severity"] not in ACCEPTABLE
        and each["id"].partition(" ")[0] not in OF_THE_CERTIFICATE | OF_THE_TOOL
    ]
    assert not bad
    assert "not offered" in seen["OCSP_stapling <cert#1>"]
    assert "not vulnerable" in seen["CRIME_TLS"]
    assert "not vulnerable" in seen["secure_client_renego"]

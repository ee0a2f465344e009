"""Use case 6.1.1 of the TLS Configuration Add-on with clients outside the tests' own environment.

tests/workflow has it with onvif-python and with zeep, in smaller steps.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from cryptography import x509

from tests.bench_device import BenchDevice
from tests.interop.programs import Program
from tests.pki import Authority
from tests.workflow.tls import assert_presented

CLIENTS = {
    "the command of onvif-python": ("command", None),
    "gSOAP with UsernameToken": ("gsoap", "wsse"),
    "gSOAP with HTTP Digest": ("gsoap", "digest"),
    "node-soap": ("node", "soap"),
    "onvif-zeep": ("python", "onvif-zeep"),
    "onvif-zeep-async": ("python", "onvif-zeep-async"),
}
"""The fixture that makes each, and its name there, if it makes several."""

VERIFY_NOTHING = {"onvif-zeep-async"}


@pytest.fixture(params=CLIENTS)
def name(request: pytest.FixtureRequest) -> str:
    parameter: str = request.param
    return parameter


@pytest.fixture
def client(request: pytest.FixtureRequest, name: str) -> Program:
    kind, program = CLIENTS[name]
    made: Program = request.getfixturevalue(kind)
    return made if program is None else made(program)


def test_a_certified_key_is_served(
    fresh_device: BenchDevice,
    name: str,
    client: Program,
    root: Authority,
    intermediate: Authority,
    root_file: Path,
    tmp_path: Path,
) -> None:
    """From the key to a connection over HTTPS that the client itself verifies."""
    port = fresh_device.https_port
    found = client.run(fresh_device, "request")
    csr = base64.b64decode(found["csr"], validate=True)
    subject = x509.load_der_x509_csr(csr).subject
    assert {attribute.value for attribute in subject} == {"camera.test", "Müller & Söhne"}

    chain = (intermediate.sign_request(csr), intermediate.der, root.der)
    files = [tmp_path / name for name in ("camera.der", "intermediate.der", "root.der")]
    for file, certificate in zip(files, chain, strict=True):
        file.write_bytes(certificate)
    installed = client.run(fresh_device, "install", port, *files)
    assert installed["key"] == found["key"]
    assert installed["assigned"] == [installed["path"]]
    assert_presented(port, root_file, chain)

    trust = () if name in VERIFY_NOTHING else (root_file,)
    status = client.run(fresh_device, "status", *trust, url=fresh_device.https_url)
    assert status["protocols"] == {"HTTP": [True, [fresh_device.http_port]], "HTTPS": [True, [port]]}
    assert found["key"] in status["keys"]
    assert len(status["addresses"]) >= 2
    assert all(address.startswith(f"https://127.0.0.1:{port}/onvif/") for address in status["addresses"])
    # HTTP has lost nothing, and who verifies has verified.
    assert client.run(fresh_device, "status")["protocols"] == status["protocols"]
    unknown = client.attempt(fresh_device, "status", url=fresh_device.https_url)
    assert (unknown.returncode == 0) == (name in VERIFY_NOTHING), unknown.stdout + unknown.stderr


def test_a_fault_is_read(device: BenchDevice, client: Program) -> None:
    """Core 5.8.2: the codes and the reason arrive where the client looks for them."""
    fault = client.run(device, "fault")
    assert [re.split("[:}]", code)[-1] for code in fault["codes"]] == ["Sender", "InvalidArgVal", "KeyID"]
    assert fault["reason"] == "No key is stored under 'none'"

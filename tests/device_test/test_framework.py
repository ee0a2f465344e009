"""The device test itself: what it may know, that it is complete, and that it can fail."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import tests.device_test
from tests.device_test import nested
from tests.device_test.cases import Case
from tests.device_test.client import NAMES, Dut
from tests.device_test.options import Options
from tests.device_test.report import series
from tests.device_test.series import IN_ALL, LEFT_OUT, SERIES
from tests.device_test.soap_server import SoapServer

HERE = Path(__file__).parent
README = HERE.parent.parent / "README.md"
SOURCES = sorted(HERE.rglob("*.py"))
KNOWN = ("tests.device_test", "tests.pki", "tests.support", "tests.official")
DEFAULT_DEVICE = {
    "conftest.py": ("tests.bench_device",),
    "discovery/conftest.py": ("tests.namespaces",),
}
"""What starts the default device may know more."""
SKIPS = {"skip", "skipif", "xfail", "importorskip"}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(HERE)))
def test_it_knows_nothing_of_the_device(path: Path) -> None:
    known = (*KNOWN, *DEFAULT_DEVICE.get(str(path.relative_to(HERE)), ()))
    ours = [name for name in _imports(path) if name.split(".")[0] in ("tests", "onvifd", "keystore")]
    strange = [name for name in ours if not any(f"{name}.".startswith(f"{each}.") for each in known)]
    assert not strange


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(HERE)))
def test_nothing_but_a_missing_prerequisite_skips_a_case(path: Path) -> None:
    names = [node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
    allowed = ["skip"] if path == HERE / "conftest.py" else []
    assert [name for name in names if name in SKIPS and path != HERE / "report.py"] == allowed


def _cases() -> Iterator[Case]:
    for module in pkgutil.walk_packages(tests.device_test.__path__, "tests.device_test."):
        if ".test_" in module.name:
            for function in vars(importlib.import_module(module.name)).values():
                marks = getattr(function, "pytestmark", ())
                yield from (mark.args[0] for mark in marks if mark.name == "device_test_case")


def test_each_case_of_each_series_exists_once() -> None:
    found: dict[str, Counter[str]] = {}
    for case in _cases():
        found.setdefault(series(case.id), Counter())[case.id] += 1
    assert found == {name: Counter(ids) for name, ids in SERIES.items()}


def test_each_case_of_each_specification_is_here_or_left_out_for_a_reason() -> None:
    cases = [case for cases in (*SERIES.values(), *LEFT_OUT.values()) for case in cases]
    assert len(cases) == len(set(cases))
    found = Counter(series(case) for case in cases)
    assert {names: sum(found[name] for name in names) for names in IN_ALL} == IN_ALL


def test_the_readme_has_the_numbers_of_the_default_device(shared_dut: Dut) -> None:
    """Those that apply pass, or they fail. All of DISCOVERY apply to its own default device, between two hosts."""
    table = re.findall(
        r"^\| ([A-Z_, ]+): [^|]*\| (\d+) \| (\d+) \| (\d+) \|$", README.read_text(), re.MULTILINE
    )
    found = Counter[tuple[str, bool]]()
    for case in _cases():
        name = series(case.id)
        found[name, name == "DISCOVERY" or case.unmet(shared_dut.capabilities) is None] += 1
    for names, *numbers in table:
        applied, not_applied = (
            sum(found[name, each] for name in names.split(", ")) for each in (True, False)
        )
        assert [int(number) for number in numbers] == [applied, not_applied, applied + not_applied], names
    assert {name for names, *_ in table for name in names.split(", ")} == set(SERIES)


# -- it can fail


class FalseDevice:
    """Signals a security service that makes keys, lists none, and answers all else with an empty 200."""

    def __init__(self) -> None:
        self._server = SoapServer(lambda request: (200, self._answer(request)))
        self.url = self._server.url

    def _answer(self, request: bytes) -> bytes:
        if b"<tds:GetServices>" in request:
            version = "<tds:Version><tt:Major>22</tt:Major><tt:Minor>12</tt:Minor></tds:Version>"
            return self._envelope(
                f"<tds:GetServicesResponse><tds:Service><tds:Namespace>{NAMES['tas']}</tds:Namespace>"
                f"<tds:XAddr>{self.url}/security</tds:XAddr>{version}</tds:Service></tds:GetServicesResponse>"
            )
        if b"<tas:GetServiceCapabilities" in request:
            return self._envelope(
                "<tas:GetServiceCapabilitiesResponse><tas:Capabilities><tas:KeystoreCapabilities "
                'RSAKeyPairGeneration="true" RSAKeyLengths="2048"/><tas:TLSServerCapabilities/>'
                "</tas:Capabilities></tas:GetServiceCapabilitiesResponse>"
            )
        for operation in ("GetAllKeys", "GetAllCertificates"):
            if f"<tas:{operation}/>".encode() in request:
                return self._envelope(f"<tas:{operation}Response/>")
        return b""

    def _envelope(self, body: str) -> bytes:
        names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMES.items())
        return f"<env:Envelope {names}><env:Body>{body}</env:Body></env:Envelope>".encode()

    def __enter__(self) -> FalseDevice:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The device test of the keystore."""
    return nested.run("tests/device_test/security", "-k", "test_keystore", *arguments)


def test_what_is_reported() -> None:
    """Of a failed case its step and the bytes; of one that does not apply what the device does not signal."""
    with FalseDevice() as device:
        run = _run("--device", device.url, "--authentication", "token", "--password", "geheim")
    assert run.returncode == 1, run.stdout + run.stderr
    report = run.stdout.partition(" ONVIF device test ")[2]
    line = "ADVANCED_SECURITY-1-1-4  FAILED at «ONVIF Client invokes CreateRSAKeyPair with parameter KeyLength := length»\n"
    assert line in report, run.stdout
    shown = report.partition(line)[2].partition("ADVANCED_SECURITY-1-1-5")[0]
    assert "--> POST /security HTTP/1.1\n" in shown
    assert "<tas:KeyLength>2048</tas:KeyLength>" in shown
    assert "<-- HTTP/1.1 200 OK\n" in shown
    assert '#PasswordDigest">***</wsse:Password>' in shown
    assert "geheim" not in run.stdout + run.stderr
    assert (
        "ADVANCED_SECURITY-1-1-2  not applicable: Event Service with pull points (MaxPullPoints is not 0)\n"
        in report
    )
    assert "ADVANCED_SECURITY: 0 passed, 4 failed, 1 not applicable, 5 in all\n" in report


def test_one_device_is_not_shared_by_processes() -> None:
    run = _run("--device", "http://127.0.0.1:9", "--numprocesses", "2")
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--device" in run.stderr


def test_each_request_has_a_connection_of_its_own() -> None:
    """Also with a device that takes its time to close one, and does not say that it will."""
    connections = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            connections.append(self.client_address)
            self.send_response(200 if "Authorization" in self.headers else 401)
            self.send_header("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.close_connection = False

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            dut = Dut(f"http://127.0.0.1:{server.server_port}", "admin", "secret", Options())
            assert dut.post(b"<a/>", auth=dut.digest).status == 200
        finally:
            server.shutdown()
            thread.join()
    assert len(connections) == 2
    assert len(set(connections)) == 2

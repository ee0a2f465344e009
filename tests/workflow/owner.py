"""Someone who renews a device's certificate, over and over, and never forgets what the device has answered."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.bench_device import REPOSITORY
from tests.pki import Authority
from tests.soap_client import Endpoint, Reply, Soap
from tests.support import wait_until

TIMEOUT = 60.0
"""Seconds for a round of the work."""
GENERATION_TIMEOUT = 300.0
"""Seconds for a key, also in an emulated device on a busy machine."""
SHA256_WITH_RSA = "1.2.840.113549.1.1.11"


class Unanswered(Exception):
    """The device did not answer: what it did of the request is its secret."""


@dataclass
class Stored:
    """What the device has: what it must have by its answers, or what it says."""

    keys: set[str] = field(default_factory=set)
    certificates: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    assigned: tuple[str, ...] = ()
    https: tuple[int, ...] = ()
    """The ports of HTTPS, if it is enabled."""

    def copy(self) -> Stored:
        return Stored(set(self.keys), set(self.certificates), set(self.paths), self.assigned, self.https)


class Owner:
    """Renews the device's certificate, over and over, and remembers what was answered."""

    def __init__(
        self, device: Endpoint, https_ports: tuple[int, int], root: Authority, intermediate: Authority
    ) -> None:
        self._soap = Soap(device)
        self.https_ports = https_ports
        """The first is always on once there is a certificate, the second now and then."""
        self._intermediate = intermediate
        self._authorities = (intermediate.der, root.der)
        self.stored = Stored()
        """By the answers."""
        self.outcome: Callable[[Stored, Stored], object] = lambda after, real: None
        """What the unanswered request would have done: puts into the first what is seen in the second."""
        self.counted_down = threading.Event()
        self._changes = 0

    def count_down(self, changes: int) -> None:
        """Set the event `counted_down` when so many more requests that change something are on their way."""
        self._changes = changes
        self.counted_down.clear()
        if not changes:
            self.counted_down.set()

    def prepare(self) -> None:
        """What stays for ever: the authorities' certificates."""
        self._parents = [self._upload(der) for der in self._authorities]
        self._permanent = self.stored.copy()

    def renew(self) -> None:
        """One round: a new key, certified, served; before it, the last one is deleted. Raises Unanswered."""
        self._tidy()
        key = self._create("CreateRSAKeyPair", {"KeyLength": 2048}, "KeyID", "keys")
        wait_until(
            lambda: self._ask("tas:GetKeyStatus", {"KeyID": key}).text("tas:KeyStatus") == "ok",
            GENERATION_TIMEOUT,
        )
        request = self._ask(
            "tas:CreatePKCS10CSR",
            {
                "Subject": {"CommonName": "camera.test"},
                "KeyID": key,
                "SignatureAlgorithm": {"algorithm": SHA256_WITH_RSA},
            },
        )
        leaf = self._upload(self._intermediate.sign_request(request.binary("tas:PKCS10CSR")))
        path = self._create(
            "CreateCertificationPath",
            {"CertificateIDs": {"CertificateID": [leaf, *self._parents]}},
            "CertificationPathID",
            "paths",
        )
        self._serve(path)

    def _upload(self, der: bytes) -> str:
        def outcome(after: Stored, real: Stored) -> None:
            after.certificates |= _one_more(real.certificates, after.certificates)
            after.keys |= _one_more(real.keys, after.keys)  # an authority's public key is one, too

        answer = self._do("tas:UploadCertificate", {"Certificate": der}, outcome)
        self.stored.certificates.add(answer.text("tas:CertificateID"))
        self.stored.keys.add(answer.text("tas:KeyID"))
        return answer.text("tas:CertificateID")

    def _create(self, operation: str, arguments: Mapping[str, object], name: str, kind: str) -> str:
        def outcome(after: Stored, real: Stored) -> None:
            getattr(after, kind).update(_one_more(getattr(real, kind), getattr(after, kind)))

        created = self._do(f"tas:{operation}", arguments, outcome).text(f"tas:{name}")
        getattr(self.stored, kind).add(created)
        return created

    def _serve(self, path: str) -> None:
        def assign(after: Stored, _: Stored) -> None:
            after.assigned = (path,)

        def enable(after: Stored, _: Stored) -> None:
            after.https = ports

        if self.stored.assigned:
            (old,) = self.stored.assigned
            arguments = {"OldCertificationPathID": old, "NewCertificationPathID": path}
            self._change("tas:ReplaceServerCertificateAssignment", arguments, assign)
        else:
            arguments = {"CertificationPathID": path}
            self._change("tas:AddServerCertificateAssignment", arguments, assign)
        ports = self.https_ports[:1] if len(self.stored.https) == 2 else self.https_ports
        protocol = {"tt:Name": "HTTPS", "tt:Enabled": True, "tt:Port": ports}
        self._change("tds:SetNetworkProtocols", {"NetworkProtocols": protocol}, enable)

    def _tidy(self) -> None:
        """Delete all that is not served: it is left of the round before, or of a round that was killed."""
        certificates, keys = set(self._permanent.certificates), set(self._permanent.keys)
        owners = {
            certificate.findtext("{*}CertificateID", ""): certificate.findtext("{*}KeyID", "")
            for certificate in self._ask("tas:GetAllCertificates").ok()
        }
        for path in self.stored.assigned:
            members = self._ask("tas:GetCertificationPath", {"CertificationPathID": path})
            certificates.update(members.texts(".//tas:CertificateID"))
            keys.update(owners[certificate] for certificate in certificates)
        for kind, name, needed in (
            ("paths", "CertificationPath", set(self.stored.assigned)),
            ("certificates", "Certificate", certificates),
            ("keys", "Key", keys),
        ):
            for surplus in sorted(getattr(self.stored, kind) - needed):
                self._change(
                    f"tas:Delete{name}",
                    {f"{name}ID": surplus},
                    lambda after, _, kind=kind, surplus=surplus: getattr(after, kind).discard(surplus),
                )

    def _change(
        self, operation: str, arguments: Mapping[str, object], outcome: Callable[[Stored, Stored], object]
    ) -> None:
        """An operation whose outcome is known before it is answered."""
        self._do(operation, arguments, outcome)
        outcome(self.stored, self.stored)

    def _do(
        self, operation: str, arguments: Mapping[str, object], outcome: Callable[[Stored, Stored], object]
    ) -> Reply:
        self.outcome = outcome
        self._changes -= 1
        if self._changes == 0:
            self.counted_down.set()
        answer = self._ask(operation, arguments)
        self.outcome = lambda after, real: None
        return answer

    def _ask(self, operation: str, arguments: Mapping[str, object] | None = None) -> Reply:
        try:
            answer = self._soap.call(operation, arguments or {})
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise Unanswered(operation) from error
        no_answer = answer.status == 500 and answer.body is None  # lighttpd's own
        if no_answer or answer.status in (502, 503, 504):  # nginx, with nobody behind it
            raise Unanswered(operation)
        answer.ok()
        return answer

    # -- the device's side

    def admitted(self) -> bool:
        """Whether the device lets them in: after a restart it refuses UsernameTokens for a moment."""
        return self._soap.call("tds:GetUsers").status == 200

    def look(self) -> Stored:
        """What the device says it has."""
        (https,) = (
            protocol
            for protocol in self._ask("tds:GetNetworkProtocols").ok()
            if protocol.findtext("{*}Name") == "HTTPS"
        )
        enabled = https.findtext("{*}Enabled") == "true"
        return Stored(
            set(self._ask("tas:GetAllKeys").texts(".//tas:KeyID")),
            set(self._ask("tas:GetAllCertificates").texts(".//tas:CertificateID")),
            set(self._ask("tas:GetAllCertificationPaths").texts("tas:CertificationPathID")),
            tuple(self._ask("tas:GetAssignedServerCertificates").texts("tas:CertificationPathID")),
            tuple(int(port.text or "") for port in https.iterfind("{*}Port")) if enabled else (),
        )

    def assert_nothing_lost(self) -> None:
        """The device has what it answered, and the unanswered request did all that it does, or nothing.

        What is seen is believed from here on.
        """
        real = self.look()
        done = self.stored.copy()
        self.outcome(done, real)
        assert real in (self.stored, done), f"{real} is neither\n{self.stored} nor\n{done}"
        self.stored, self.outcome = real, lambda after, real: None

    def served(self) -> tuple[bytes, ...]:
        """The chain (DER) that HTTPS has to present."""
        (path,) = self.stored.assigned
        ids = self._ask("tas:GetCertificationPath", {"CertificationPathID": path}).texts(
            ".//tas:CertificateID"
        )
        return tuple(
            self._ask("tas:GetCertificate", {"CertificateID": each}).binary(".//tas:CertificateContent")
            for each in ids
        )

    def all_keys_are_ok(self) -> bool:
        return set(self._ask("tas:GetAllKeys").texts(".//tas:KeyStatus")) == {"ok"}


def _one_more(real: set[str], known: set[str]) -> set[str]:
    """What is there besides what is known, if that is one."""
    more = real - known
    return more if len(more) == 1 else set()


@contextlib.contextmanager
def working(owner: Owner, timeout: float = TIMEOUT) -> Iterator[list[str]]:
    """The owner at work in the background, until the device no longer answers: yields what it did not answer."""
    unanswered: list[str] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while True:
                owner.renew()
        except Unanswered as request:
            unanswered.append(str(request))
        except BaseException as error:
            failures.append(error)
        finally:
            owner.counted_down.set()  # nobody is to wait for more

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield unanswered
    thread.join(timeout)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


def answers(owner: Owner) -> bool:
    """Whether the device answers, and lets them in."""
    try:
        return owner.admitted()
    except requests.RequestException:
        return False


def assert_sound(state: Path) -> None:
    """What the keystore's own check says of a store, as it was left."""
    run = subprocess.run(
        [sys.executable, "-m", "keystore", str(state)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr

"""The helper procedures of chapter 9 of ONVIF's Base Device Test Specification."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from lxml import etree

from tests.device_test.cases import step
from tests.device_test.client import NAMES, Arguments, Dut
from tests.device_test.security.helpers import create_rsa_key_pair
from tests.pki import Authority
from tests.support import wait_until

SHA256_WITH_RSA = "1.2.840.113549.1.1.11"
HTTPS_PORT = 443


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
    return target.port or {"http": 80, "https": HTTPS_PORT}[target.scheme]


class NetworkProtocol(NamedTuple):
    """tt:NetworkProtocol."""

    name: str
    enabled: bool
    ports: tuple[int, ...]

    def request(self) -> dict[str, object]:
        return {"tt:Name": self.name, "tt:Enabled": self.enabled, "tt:Port": list(self.ports)}


def network_protocols(dut: Dut) -> dict[str, NetworkProtocol]:
    """What GetNetworkProtocols answers, by name."""
    with step("ONVIF Client invokes GetNetworkProtocols request"):
        found = [
            NetworkProtocol(
                each.findtext("tt:Name", "", NAMES).strip(),
                each.findtext("tt:Enabled", "", NAMES).strip() in ("true", "1"),
                tuple(int(port.text) for port in each.findall("tt:Port", NAMES)),
            )
            for each in dut.call("tds:GetNetworkProtocols").all("tds:NetworkProtocols")
        ]
        names = [each.name for each in found]
        assert len(set(names)) == len(names), f"a protocol comes twice: {names}"
        return {each.name: each for each in found}


def set_network_protocols(dut: Dut, *protocols: NetworkProtocol) -> None:
    requested = ", ".join(f"{each.name} {each.enabled} {each.ports}" for each in protocols)
    with step(f"ONVIF Client invokes SetNetworkProtocols request ({requested})"):
        dut.call("tds:SetNetworkProtocols", {"NetworkProtocols": [each.request() for each in protocols]})


def https_url(dut: Dut) -> str:
    """9.24 HelperCheckAndConfigureHTTPS: the device service's URL over HTTPS."""
    https = network_protocols(dut)["HTTPS"]
    if not https.enabled:
        with step("If the DUT does not support TLS Server, FAIL the test"):
            assert dut.capabilities.get("tas:TLSServerCapabilities/@TLSServerSupported"), "no TLS server"
        https = configure_https(dut, https)
    host = f"[{dut.host}]" if ":" in dut.host else dut.host
    return f"https://{host}:{https.ports[0]}{urlsplit(dut.url).path}"


def configure_https(dut: Dut, before: NetworkProtocol) -> NetworkProtocol:
    """9.25 HelperConfigureHTTPS; what it changes is undone after the case.

    The port is the one that the device has HTTPS at: 443, as the procedure has it, is not the only one that
    SetNetworkProtocols takes.
    """
    with step("ONVIF Client invokes GetAssignedServerCertificates"):
        assigned = dut.call("tas:GetAssignedServerCertificates").all("tas:CertificationPathID")
    if not assigned:
        add_server_certificate_assignment(dut)
    after = NetworkProtocol("HTTPS", True, before.ports or (HTTPS_PORT,))
    dut.restore.callback(set_network_protocols, dut, before)
    set_network_protocols(dut, after)
    with step("If HTTPS protocol port is not open, FAIL the test"):
        url = f"https://{dut.host}:{after.ports[0]}{urlsplit(dut.url).path}"
        wait_until(lambda: _answers(dut.via(url)), dut.options.operation_delay, dut.options.poll_interval)
    return after


def _answers(dut: Dut) -> bool:
    try:
        dut.call("tds:GetSystemDateAndTime")
    except AssertionError:
        return False
    return True


def add_server_certificate_assignment(dut: Dut) -> None:
    """9.26 and 9.27: a self-signed certificate if the device makes one, else one of the client's authority.

    Signed with SHA-256: SHA-1 is what the procedures have, and ONVIF's Security Baseline does not allow.
    """
    key_id = create_rsa_key_pair(dut)
    dut.restore.callback(dut.call, "tas:DeleteKey", {"KeyID": key_id})
    request = {
        "Subject": {"CommonName": "ONVIF TT"},
        "KeyID": key_id,
        "SignatureAlgorithm": {"algorithm": SHA256_WITH_RSA},
    }
    if dut.capabilities.flag("tas:KeystoreCapabilities/@SelfSignedCertificateCreationWithRSA"):
        with step("ONVIF Client invokes CreateSelfSignedCertificate"):
            answer = dut.call("tas:CreateSelfSignedCertificate", request)
            certificate_id = answer.text("tas:CertificateID")
    else:
        with step("ONVIF Client invokes CreatePKCS10CSR"):
            csr = dut.call("tas:CreatePKCS10CSR", request).binary("tas:PKCS10CSR")
        with step("ONVIF Client invokes UploadCertificate with parameters PrivateKeyRequired := true"):
            certificate = Authority.root().sign_request(csr)
            arguments: Arguments = {
                "Certificate": certificate,
                "Alias": "ONVIF_Test1",
                "PrivateKeyRequired": True,
            }
            certificate_id = dut.call("tas:UploadCertificate", arguments).text("tas:CertificateID")
    dut.restore.callback(dut.call, "tas:DeleteCertificate", {"CertificateID": certificate_id})
    with step("ONVIF Client invokes CreateCertificationPath"):
        arguments = {"CertificateIDs": {"CertificateID": certificate_id}, "Alias": "ONVIF_Test"}
        path_id = dut.call("tas:CreateCertificationPath", arguments).text("tas:CertificationPathID")
    path = {"CertificationPathID": path_id}
    dut.restore.callback(dut.call, "tas:DeleteCertificationPath", path)
    with step("ONVIF Client invokes AddServerCertificateAssignment with parameters CertificationPathID"):
        dut.call("tas:AddServerCertificateAssignment", path)
    dut.restore.callback(dut.call, "tas:RemoveServerCertificateAssignment", path)


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

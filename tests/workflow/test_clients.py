"""What real clients put on the wire, and what they need to find in the answer.

Each test names the habit and who has it. Most are made by hand, byte for byte, because each client has a
dozen habits at once; curl, requests and onvif-python speak for themselves.
"""

from __future__ import annotations

import base64
import http.client
import os
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from requests.auth import HTTPDigestAuth

from tests.auth import wire
from tests.bench_device import BenchDevice
from tests.pki import Authority
from tests.soap_client import CONTENT_TYPE, NAMES, Reply, Soap, envelope, exchange, parse, reply, security
from tests.support import wait_until
from tests.workflow import steps
from tests.workflow.clients import Zeep

pytestmark = pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")

DEVICE_SERVICE = "/onvif/device_service"
TIME = "<tds:GetSystemDateAndTime/>"
KEYS = "<tas:GetAllKeys/>"
NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

PRE_AUTH = {
    "tds:GetSystemDateAndTime": "",
    "tds:GetServices": "<tds:IncludeCapability>true</tds:IncludeCapability>",
    "tds:GetCapabilities": "",
    "tds:GetServiceCapabilities": "",
    "tds:GetHostname": "",
    "tds:GetWsdlUrl": "",
    "tds:GetEndpointReference": "",
    "tas:GetServiceCapabilities": "",
    "tev:GetServiceCapabilities": "",
}
"""Core 5.9.4.3: what everybody may ask."""


@pytest.fixture
def soap(device: BenchDevice) -> Iterator[Soap]:
    with Soap(device) as soap:
        yield soap


def base(device: BenchDevice) -> str:
    return f"http://127.0.0.1:{device.http_port}"


def http_request(device: BenchDevice, data: bytes, *headers: str, version: str = "1.1") -> bytes:
    """A whole request to the device service, after which the server is to close the connection."""
    lines = [
        f"POST {DEVICE_SERVICE} HTTP/{version}",
        f"Host: 127.0.0.1:{device.http_port}",
        f"Content-Type: {CONTENT_TYPE}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + data


# -- paths: every client starts at the device service; what comes then differs


@pytest.mark.parametrize(
    "path",
    [
        *("/onvif/device_service", "/onvif/device_service/", "/onvif/device_service?wsdl=1&x="),
        *("/onvif/Security", "/onvif/Events", "/onvif/DeviceIO", "/onvif/services/x/y"),
    ],
)
@pytest.mark.parametrize("operation", ["tds:GetUsers", "tas:GetAllKeys", "tev:GetEventProperties"])
def test_any_service_answers_at_any_path(device: BenchDevice, soap: Soap, path: str, operation: str) -> None:
    """onvif-rx sends everything to one URL, onvif-python falls back to paths of its own."""
    for auth in ("wsse", "digest"):
        answer = soap.call(operation, auth=auth, url=base(device) + path)
        assert answer.ok().tag == f"{{{NAMES[operation[:3]]}}}{operation[4:]}Response"


# -- operations before authentication


@pytest.mark.parametrize("operation", PRE_AUTH)
@pytest.mark.parametrize(
    "habit", ["none", "password", "user", "stale", "empty", "digest", "basic", "nonsense"]
)
def test_everybody_may_ask_these_with_any_credentials(soap: Soap, operation: str, habit: str) -> None:
    """The clock is asked with a token that is stamped by the client's own, wrong one: node-onvif, nvt, rx."""
    day_ago = wire.zulu(datetime.now(UTC) - timedelta(days=1))
    header = {
        "password": security("admin", "wrong"),
        "user": security("nobody", "wrong"),
        "stale": security("admin", "secret", created=day_ago),
        "empty": '<wsse:Security env:mustUnderstand="1"/>',
    }
    authorization = {
        "digest": 'Digest username="admin", realm="x", nonce="x", uri="/", response="0"',
        "basic": "Basic " + base64.b64encode(b"admin:secret").decode(),
        "nonsense": "Nonsense",
    }
    http = {"Authorization": authorization[habit]} if habit in authorization else {}
    soap.call(operation, PRE_AUTH[operation], auth=None, header=header.get(habit, ""), http=http).ok()


def test_without_credentials_the_others_are_401_and_say_not_authorized(soap: Soap) -> None:
    """agsh looks for either of them before it sends a password."""
    answer = soap.call("tas:GetAllKeys", auth=None)
    assert answer.status == 401
    assert answer.fault().codes == ("Sender", "NotAuthorized")
    assert re.search(
        "sender not authorized|unauthorized|notauthorized", answer.content.decode(), re.IGNORECASE
    )


# -- UsernameToken


@pytest.mark.parametrize("spelling", ["1", "true", "0", "false", ""])
def test_must_understand_in_every_spelling(soap: Soap, spelling: str) -> None:
    header = security("admin", "secret", must_understand=spelling)
    soap.call("tas:GetAllKeys", auth=None, header=header).ok()


@pytest.mark.parametrize(
    "layout",
    [
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%dT%H:%M:%S.123Z",
        "%Y-%m-%dT%H:%M:%S.123456Z",
        "%Y-%m-%dT%H:%M:%S+00:00",
        "%Y-%m-%dT%H:%M:%S.123456+00:00",
    ],
)
def test_created_in_every_spelling(soap: Soap, layout: str) -> None:
    """zeep and what is built on it write an offset; the digest is over the text as it was sent."""
    header = security("admin", "secret", created=datetime.now(UTC).strftime(layout))
    soap.call("tas:GetAllKeys", auth=None, header=header).ok()


@pytest.mark.parametrize("minutes", [-4, -1, 1, 4])
def test_a_clock_that_is_minutes_off(soap: Soap, minutes: int) -> None:
    """onvif-python and plain zeep never ask the device for its time."""
    created = wire.zulu(datetime.now(UTC) + timedelta(minutes=minutes))
    soap.call("tas:GetAllKeys", auth=None, header=security("admin", "secret", created=created)).ok()


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
def test_a_clock_that_is_hours_off_is_a_clear_fault(soap: Soap, hours: int) -> None:
    """Status 400 and NotAuthorized (Core 5.9.1), which Home Assistant looks for."""
    created = wire.zulu(datetime.now(UTC) + timedelta(hours=hours))
    answer = soap.call("tas:GetAllKeys", auth=None, header=security("admin", "secret", created=created))
    assert answer.status == 400
    assert answer.fault().codes == ("Sender", "NotAuthorized")


@pytest.mark.parametrize("length", [1, 16, 20, 64])
def test_nonces_of_every_length(soap: Soap, length: int) -> None:
    content = wire.token("admin", "secret", wire.zulu(datetime.now(UTC)), nonce=os.urandom(length))
    soap.call("tas:GetAllKeys", auth=None, header=f"<wsse:Security>{content}</wsse:Security>").ok()


def test_a_nonce_of_text(soap: Soap) -> None:
    """onvif-rx: base64 of thirty letters; the digest is over the decoded octets, as always."""
    nonce = os.urandom(15).hex().encode()
    content = wire.token("admin", "secret", wire.zulu(datetime.now(UTC)), nonce=nonce)
    soap.call("tas:GetAllKeys", auth=None, header=f"<wsse:Security>{content}</wsse:Security>").ok()


def test_a_timestamp_beside_the_token(soap: Soap) -> None:
    """gSOAP and nvt send one that expires after ten seconds; here it has expired long ago."""
    now = wire.zulu(datetime.now(UTC))
    timestamp = (
        f'<wsu:Timestamp wsu:Id="Time"><wsu:Created>{now}</wsu:Created>'
        "<wsu:Expires>2001-01-01T00:00:10Z</wsu:Expires></wsu:Timestamp>"
    )
    token = wire.token("admin", "secret", now)
    header = f'<wsse:Security env:mustUnderstand="true">{timestamp}{token}</wsse:Security>'
    soap.call("tas:GetAllKeys", auth=None, header=header).ok()


def test_whitespace_within_the_header(soap: Soap) -> None:
    """libonvif and onvif-rx indent."""
    header = re.sub(r">(?=<)", ">\r\n\t  ", security("admin", "secret"))
    soap.call("tas:GetAllKeys", auth=None, header=header).ok()


def test_security_as_default_namespace(soap: Soap) -> None:
    """agsh and node-onvif; node-soap adds IDs with colons and declares what is declared already."""
    token = wire.token("admin", "secret", wire.zulu(datetime.now(UTC)), nonce=os.urandom(16))
    token = token.replace("wsse:", "").replace("<wsu:Created>", f'<Created xmlns="{wire.WSU}">')
    token = token.replace("</wsu:Created>", "</Created>")
    token = token.replace(
        "<UsernameToken>", '<UsernameToken wsu:Id="SecurityToken-2026-01-01T00:00:00.000Z">'
    )
    header = f'<Security env:mustUnderstand="1" xmlns="{wire.WSSE}" xmlns:wsu="{wire.WSU}">{token}</Security>'
    soap.call("tas:GetAllKeys", auth=None, header=header).ok()


def test_a_token_works_once(soap: Soap) -> None:
    """Security Baseline and WS-Security: what was overheard is worth nothing."""
    data = envelope(KEYS, security("admin", "secret"))
    soap.post(data).ok()
    answer = soap.post(data)
    assert answer.status == 400
    assert answer.fault().codes == ("Sender", "NotAuthorized")


def test_each_request_twice_at_once_anonymous_and_with_a_token(device: BenchDevice) -> None:
    """onvif-rx: the anonymous copy is refused, does nothing, and does not count as a wrong password."""
    count = 30

    def both(number: int) -> tuple[int, int]:
        with Soap(device) as one, Soap(device) as other:
            anonymous = one.call("tas:GetAllKeys", auth=None)
            return anonymous.status, other.call("tas:GetAllKeys").status

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(both, range(count))) == {(401, 200)}


# -- HTTP Digest


def challenges(answer: Reply) -> list[dict[str, str]]:
    """The parameters of each WWW-Authenticate header, quotation marks and all."""
    found = []
    for value in answer.all("WWW-Authenticate"):
        scheme, _, parameters = value.partition(" ")
        assert scheme == "Digest"
        found.append(dict(re.findall(r'(\w+)=("[^"]*"|[^\s,"]+)', parameters)))
    return found


def test_two_challenges_in_two_headers(soap: Soap) -> None:
    """agsh reads only the first of one header; requests glues the realm of the first to the last nonce."""
    first, second = challenges(soap.call("tas:GetAllKeys", auth=None))
    assert {first["algorithm"], second["algorithm"]} == {"MD5", "SHA-256"}
    assert first["realm"] == second["realm"]
    assert first["qop"] == second["qop"] == '"auth"'
    assert first["nonce"].startswith('"')


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_either_algorithm_is_accepted(device: BenchDevice, soap: Soap, algorithm: str) -> None:
    """Which one a client takes depends on the client: curl SHA-256, gSOAP the first, requests the last."""
    values = soap.call("tas:GetAllKeys", auth=None).all("WWW-Authenticate")
    (chosen,) = [value for value in values if f"algorithm={algorithm}," in f"{value},"]
    client = wire.DigestClient(device.user, device.password)
    client.challenge(chosen)
    for _ in range(3):
        soap.call("tas:GetAllKeys", auth=None, http={"Authorization": client.authorization()}).ok()


def test_a_nonce_count_that_does_not_start_at_one(device: BenchDevice, soap: Soap) -> None:
    """agsh counts on and on, whatever the nonce."""
    client = wire.DigestClient(device.user, device.password)
    for _ in range(3):
        value = soap.call("tas:GetAllKeys", auth=None).all("WWW-Authenticate")[0]
        client.challenge(value)
        client.auth._thread_local.last_nonce = client.auth._thread_local.chal["nonce"]
        authorization = client.authorization()
        soap.call("tas:GetAllKeys", auth=None, http={"Authorization": authorization}).ok()
    assert "nc=00000003" in authorization


def test_a_wrong_password_is_401_again(device: BenchDevice) -> None:
    with Soap(device, password="wrong") as soap:
        answer = soap.call("tas:GetAllKeys", auth="digest")
    assert answer.status == 401
    assert len(challenges(answer)) == 2
    assert answer.fault().codes == ("Sender", "NotAuthorized")


def test_an_empty_post_is_401(soap: Soap) -> None:
    """What curl sends before it knows the nonce."""
    answer = soap.post(b"")
    assert answer.status == 401
    assert len(challenges(answer)) == 2


def test_a_401_leaves_the_connection_usable(device: BenchDevice) -> None:
    """The whole body is read before the answer, so the next request on it is the next one."""
    connection = http.client.HTTPConnection("127.0.0.1", device.http_port, timeout=30)
    large = envelope(KEYS, f"<wsa:To>{'x' * 500_000}</wsa:To>")
    for data, status in (
        (large, 401),
        (envelope(TIME), 200),
        (large, 401),
        (b"", 401),
        (envelope(TIME), 200),
    ):
        connection.request("POST", DEVICE_SERVICE, data, {"Content-Type": CONTENT_TYPE})
        socket = connection.sock
        response = connection.getresponse()
        reply(response.status, tuple(response.getheaders()), response.read())
        assert response.status == status
        assert connection.sock is socket is not None
    connection.close()


def curl(*arguments: str) -> str:
    program = shutil.which("curl")
    assert program is not None, "curl is not installed: tests/run does it"
    command = [program, "--silent", "--show-error", "--noproxy", "*", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_curl_with_digest(device: BenchDevice) -> None:
    """Its content type is that of a form; the first request is empty, the second has it all."""
    output = curl(
        *("--digest", "--user", f"{device.user}:{device.password}", "--data-binary", envelope(KEYS).decode()),
        *("--write-out", "\n%{http_code} %{num_connects}", device.url),
    )
    assert "<tas:GetAllKeysResponse" in output
    assert output.splitlines()[-1] == "200 1"


def test_requests_with_digest_in_one_session(device: BenchDevice) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.auth = HTTPDigestAuth(device.user, device.password)
        answers = [session.post(device.url, envelope(KEYS), timeout=30) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert [len(answer.history) for answer in answers] == [1, 0, 0, 0, 0]


# -- Content-Type and SOAPAction


@pytest.mark.parametrize(
    "content_type",
    [
        "application/soap+xml; charset=utf-8",
        'application/soap+xml; charset=utf-8; action="http://www.onvif.org/ver10/device/wsdl/GetUsers"',
        'application/soap+xml;charset=utf-8;action="http://example.org/anything"',
        "application/soap+xml; charset=utf-8;",
        "application/soap+xml",
        "text/plain; charset=utf-8",
        "text/xml",
        "application/x-www-form-urlencoded",
        "nonsense",
        "",
    ],
)
def test_any_content_type(soap: Soap, content_type: str) -> None:
    """libonvif asks the time as text/plain, nvt ends with a semicolon, agsh leaves out the space."""
    answer = soap.call("tds:GetUsers", http={"Content-Type": content_type})
    answer.ok()
    assert answer.all("Content-Type") == [CONTENT_TYPE]


@pytest.mark.parametrize("action", ['""', "http://www.onvif.org/ver10/events/wsdl/PullMessages", "nonsense"])
def test_any_soap_action(soap: Soap, action: str) -> None:
    """zeep and gSOAP send the header of SOAP 1.1 with SOAP 1.2."""
    soap.call("tds:GetUsers", http={"SOAPAction": action}).ok()


def test_soap_1_1_is_a_version_mismatch(soap: Soap) -> None:
    """SOAP 1.2 part 1, appendix A. No known client sends it."""
    data = envelope(TIME).replace(wire.ENV.encode(), b"http://schemas.xmlsoap.org/soap/envelope/")
    answer = soap.post(data, http={"Content-Type": "text/xml", "SOAPAction": '""'})
    assert answer.status == 500
    assert answer.fault().code == "VersionMismatch"


# -- WS-Addressing


@pytest.fixture
def subscription(soap: Soap) -> Iterator[str]:
    """The address of a pull point."""
    address = soap.call("tev:CreatePullPointSubscription").text(".//wsa:Address")
    yield address
    soap.call("wsnt:Unsubscribe", url=address)


SUBSCRIPTION_OPERATIONS: dict[str, dict[str, object]] = {
    "tev:PullMessages": {"Timeout": "PT0S", "MessageLimit": 1},
    "wsnt:Renew": {"TerminationTime": "PT1M"},
    "tev:SetSynchronizationPoint": {},
    "wsnt:Unsubscribe": {},
}


@pytest.mark.parametrize("operation", SUBSCRIPTION_OPERATIONS)
@pytest.mark.parametrize(
    "header",
    [
        "",
        "<wsa:To>{address}</wsa:To>",
        '<wsa:To env:mustUnderstand="1">{address}</wsa:To>',
        '<wsa:To env:mustUnderstand="true">{address}</wsa:To>',
        "<wsa:Action>nonsense</wsa:Action><wsa:MessageID>urn:uuid:1</wsa:MessageID><wsa:To>{address}</wsa:To>",
        "<wsa:ReplyTo><wsa:Address>http://www.w3.org/2005/08/addressing/anonymous</wsa:Address></wsa:ReplyTo>",
        '<SubscriptionId xmlns="http://www.axis.com/2009/event">7</SubscriptionId>',
    ],
    ids=["none", "To", "mandatory To", "mandatory as true", "all", "ReplyTo", "somebody else's"],
)
def test_addressing_is_never_needed_and_always_understood(
    soap: Soap, subscription: str, operation: str, header: str
) -> None:
    """zeep sends none with Renew and Unsubscribe; others send some, mandatory or not."""
    head = header.format(address=subscription)
    soap.call(operation, SUBSCRIPTION_OPERATIONS[operation], url=subscription, header=head).ok()


def test_the_answer_to_a_message_with_an_id(soap: Soap, subscription: str) -> None:
    header = "<wsa:MessageID>urn:uuid:0123</wsa:MessageID>"
    answer = soap.call("tev:SetSynchronizationPoint", url=subscription, header=header)
    answer.ok()
    assert answer.header("wsa:RelatesTo") == "urn:uuid:0123"
    action = "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription/SetSynchronizationPointResponse"
    assert answer.header("wsa:Action") == action


def test_a_fault_to_a_message_with_an_id(soap: Soap, device: BenchDevice) -> None:
    """Clients with WS-Addressing want the action of a fault."""
    header = "<wsa:MessageID>urn:uuid:0123</wsa:MessageID>"
    gone = f"{base(device)}/onvif/subscription/none"
    answer = soap.call("wsnt:Renew", {"TerminationTime": "PT1M"}, url=gone, header=header)
    assert answer.fault().subcodes == ("ResourceUnknownFault",)
    assert answer.header("wsa:Action") == f"{NAMES['wsa']}/soap/fault"
    assert answer.header("wsa:RelatesTo") == "urn:uuid:0123"


def test_the_subscription_is_in_the_path(soap: Soap, device: BenchDevice) -> None:
    """Half of the clients drop reference parameters and queries. Each pull point has a path of its own."""
    answers = [soap.call("tev:CreatePullPointSubscription") for _ in range(2)]
    addresses = [answer.text(".//wsa:Address") for answer in answers]
    assert len(set(addresses)) == 2
    for answer, address in zip(answers, addresses, strict=True):
        assert address.startswith(f"{base(device)}/onvif/")
        assert "?" not in address
        assert b"ReferenceParameters" not in answer.content
        soap.call("wsnt:Unsubscribe", url=address).ok()


# -- addresses in answers


@pytest.mark.parametrize(
    "host", ["camera.example", "camera.example:8106", "192.0.2.7:80", "[2001:db8::7]:8080"]
)
def test_addresses_are_made_of_the_host_header(soap: Soap, host: str) -> None:
    """Clients use them verbatim, behind whatever port forwarding they reached the device through."""
    http = {"Host": host}
    services = soap.call("tds:GetServices", PRE_AUTH["tds:GetServices"], http=http).texts(".//tds:XAddr")
    capabilities = soap.call("tds:GetCapabilities", http=http).texts(".//tt:XAddr")
    created = soap.call("tev:CreatePullPointSubscription", http=http).text(".//wsa:Address")
    assert len(services) >= 3 and len(capabilities) >= 2
    for address in (*services, *capabilities, created):
        # lighttpd leaves out the port that is HTTP's own.
        assert address.startswith((f"http://{host}/onvif/", f"http://{host.removesuffix(':80')}/onvif/"))
    soap.call(
        "wsnt:Unsubscribe", url=soap.url.replace(DEVICE_SERVICE, "") + "/" + created.split("/", 3)[3]
    ).ok()


def test_several_services(soap: Soap) -> None:
    """agsh and nvt take a single one for no list."""
    namespaces = soap.call("tds:GetServices", PRE_AUTH["tds:GetServices"]).texts(".//tds:Namespace")
    assert set(namespaces) == {NAMES["tds"], NAMES["tas"], NAMES["tev"]}
    assert len(namespaces) == 3


def test_get_capabilities_for_those_who_know_nothing_newer(soap: Soap) -> None:
    """onvif-zeep creates no service whose address is not here."""
    answer = soap.call("tds:GetCapabilities", {"Category": "All"})
    assert answer.text(".//tt:Device/tt:XAddr")
    assert answer.text(".//tt:Events/tt:XAddr")
    assert answer.text(".//tt:WSPullPointSupport") == "true"


# -- spelling of answers


@pytest.fixture(scope="module")
def documents(device: BenchDevice) -> list[bytes]:
    """Answers of all kinds, as they come."""
    with Soap(device) as soap:
        key = soap.call("tas:CreateRSAKeyPair", {"KeyLength": 2048, "Alias": "<\"alias\"> & 'more'"})
        # Finished before other tests wait for the events of theirs.
        generated = {"KeyID": key.text("tas:KeyID")}
        wait_until(lambda: soap.call("tas:GetKeyStatus", generated).text("tas:KeyStatus") == "ok", 60)
        created = soap.call("tev:CreatePullPointSubscription")
        address = created.text(".//wsa:Address")
        answers = [
            key,
            created,
            soap.call("tev:PullMessages", {"Timeout": "PT1S", "MessageLimit": 1}, url=address),
            soap.call("wsnt:Renew", {"TerminationTime": "PT2M"}, url=address),
            soap.call("wsnt:Unsubscribe", url=address, header="<wsa:MessageID>urn:x</wsa:MessageID>"),
            soap.call("tas:GetKeyStatus", {"KeyID": "no such key"}),
            soap.call("tas:GetAllKeys", auth=None),
            soap.call("tev:GetEventProperties"),
            *(
                soap.call(operation)
                for operation in ("tas:GetAllKeys", "tds:GetUsers", "tds:GetNetworkProtocols")
            ),
            *(soap.call(operation, arguments) for operation, arguments in PRE_AUTH.items()),
        ]
    return [answer.content for answer in answers]


def test_nothing_precedes_the_declaration(documents: list[bytes]) -> None:
    assert all(document.startswith(b'<?xml version="1.0" encoding="UTF-8"?>') for document in documents)


def test_attributes_are_in_double_quotes(documents: list[bytes]) -> None:
    """agsh removes declarations by a pattern that knows no others."""
    for document in documents:
        tags = re.findall(rb"<[^>]*>", document)
        assert not [tag for tag in tags if re.search(rb"=\s*'", tag)]


def test_all_namespaces_are_declared_on_the_envelope(documents: list[bytes]) -> None:
    for document in documents:
        envelope_, rest = re.fullmatch(
            rb"<\?xml[^>]*>\s*(<env:Envelope[^>]*>)(.*)", document, re.DOTALL
        ).groups()  # type: ignore[union-attr]
        assert b"xmlns" not in rest
        assert b'xmlns:ter="' in envelope_


def test_elements_of_text_have_no_attributes(documents: list[bytes]) -> None:
    """To agsh such an element is an object. The schema wants it of topics, faults of their text."""
    for document in documents:
        leaves = re.findall(rb"<([\w:]+) [^>]*>[^<\s]", document)
        assert {leaf.decode() for leaf in leaves} <= {"wsnt:Topic", "env:Text"}


def test_times_are_utc_with_seconds_and_z(documents: list[bytes]) -> None:
    """agsh and Home Assistant read nothing else."""
    times = [
        time.decode() for document in documents for time in re.findall(rb"\d{4}-\d\d-\d\dT[^<\"]*", document)
    ]
    assert len(times) >= 6
    assert all(UTC_TIME.fullmatch(time) for time in times), times


def test_faults_speak_english(documents: list[bytes]) -> None:
    faults = [document for document in documents if b"<env:Fault>" in document]
    assert len(faults) >= 2
    assert all(b'<env:Text xml:lang="en">' in fault for fault in faults)


def test_booleans_are_words(documents: list[bytes]) -> None:
    keys = next(document for document in documents if b"GetAllKeysResponse" in document)
    assert set(re.findall(rb"<tas:hasPrivateKey>([^<]*)<", keys)) <= {b"true", b"false"}


def test_ids_are_names(soap: Soap, device: BenchDevice) -> None:
    """agsh makes numbers of digits, gSOAP refuses more than 64 characters (tas:KeyID and the others)."""
    client = Zeep(device)
    path = steps.certified_path(client, Authority.root(), Authority.root().intermediate(), alias="names")
    keys = soap.call("tas:GetAllKeys").texts(".//tas:KeyID")
    certificates = soap.call("tas:GetAllCertificates").texts(".//tas:CertificateID")
    assert len(keys) >= 3 and len(certificates) == 3
    assert all(NCNAME.fullmatch(each) for each in (path.id, *keys, *certificates))


def test_the_estimate_of_a_new_key_is_a_duration(documents: list[bytes]) -> None:
    """gSOAP refuses an answer without it."""
    assert re.search(rb"<tas:EstimatedCreationTime>PT[0-9.HM]+S</", documents[0])


# -- events


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [(None, None), ("PT60S", 60), ("PT2M", 120), ("PT10M", 600), ("P0DT0H1M0S", 60), ("absolute", 120)],
)
def test_the_life_of_a_pull_point_is_as_asked(soap: Soap, asked: str | None, seconds: int | None) -> None:
    """Of creation and of Renew, which agsh reads CurrentTime of. onvif-zeep and libonvif ask for nothing."""
    until = wire.zulu(datetime.now(UTC) + timedelta(minutes=2)) if asked == "absolute" else asked
    created = soap.call("tev:CreatePullPointSubscription", {"InitialTerminationTime": until})
    address = created.text(".//wsa:Address")
    answers = [created]
    if until is not None:
        answers.append(soap.call("wsnt:Renew", {"TerminationTime": until}, url=address))
    soap.call("wsnt:Unsubscribe", url=address).ok()
    for answer in answers:
        current, end = (
            datetime.fromisoformat(answer.text(f"wsnt:{name}")) for name in ("CurrentTime", "TerminationTime")
        )
        life = (end - current).total_seconds()
        if asked == "absolute":
            assert wire.zulu(end) == until
        elif seconds is None:
            assert life >= 10
        else:
            assert life == seconds


@pytest.mark.parametrize(
    "expression",
    [
        "tns1:Advancedsecurity/Keystore/KeyStatus",
        "tns1:Advancedsecurity//.",
        "tns1:Device/Trigger|tns1:Advancedsecurity/Keystore/KeyStatus",
        "tns1:tns1:Advancedsecurity/Keystore/KeyStatus | tns1:Device/Trigger",
    ],
)
def test_filters_of_clients(soap: Soap, expression: str) -> None:
    """libonvif writes the prefix twice and puts spaces around the bar."""
    dialect = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
    topics = f'<wsnt:TopicExpression Dialect="{dialect}">{expression}</wsnt:TopicExpression>'
    created = soap.call("tev:CreatePullPointSubscription", f"<tev:Filter>{topics}</tev:Filter>")
    address = created.text(".//wsa:Address")
    key = soap.call("tas:CreateRSAKeyPair", {"KeyLength": 2048}).text("tas:KeyID")
    pulled = soap.call("tev:PullMessages", {"Timeout": "PT1M", "MessageLimit": 1}, url=address)
    assert pulled.find(".//tt:Source/tt:SimpleItem").attrib == {"Name": "KeyID", "Value": key}
    soap.call("wsnt:Unsubscribe", url=address).ok()
    soap.call("tas:DeleteKey", {"KeyID": key}).ok()


def test_a_waiting_pull_is_woken_by_the_event(device: BenchDevice, soap: Soap, subscription: str) -> None:
    """agsh and Home Assistant wait a minute each time, and answer the event at once."""
    answers: list[Reply] = []

    def pull() -> None:
        with Soap(device) as own:
            answers.append(
                own.call("tev:PullMessages", {"Timeout": "PT1M", "MessageLimit": 100}, url=subscription)
            )

    puller = threading.Thread(target=pull)
    puller.start()
    key = soap.call("tas:CreateRSAKeyPair", {"KeyLength": 2048}).text("tas:KeyID")
    puller.join(30)
    assert not puller.is_alive()
    assert {item.get("Value") for item in answers[0].ok().iterfind(".//tt:Source/tt:SimpleItem", NAMES)} == {
        key
    }
    soap.call("tas:DeleteKey", {"KeyID": key}).ok()


def test_a_pull_without_events_ends_empty(soap: Soap, subscription: str) -> None:
    """libonvif: PT2S. TerminationTime goes on: Renew is not all that keeps a pull point alive."""
    answer = soap.call("tev:PullMessages", {"Timeout": "PT1S", "MessageLimit": 10}, url=subscription)
    assert answer.texts("wsnt:NotificationMessage") == []
    assert answer.text("tev:CurrentTime") < answer.text("tev:TerminationTime")


def test_forgotten_pull_points_expire(soap: Soap) -> None:
    """onvif-zeep makes one whenever it connects, and never ends it."""
    for _ in range(40):
        answer = soap.call("tev:CreatePullPointSubscription", {"InitialTerminationTime": "PT1S"})
        if answer.status != 200:  # all are taken; they are free again after their second
            wait_until(lambda: soap.call("tev:CreatePullPointSubscription").status == 200)
            break


# -- HTTP


@pytest.mark.parametrize("header", ["Connection: close", "Connection: Close"])
def test_a_connection_for_one_request(device: BenchDevice, header: str) -> None:
    """agsh, gSOAP, libonvif. `exchange` returns when the server has closed."""
    data = envelope(TIME)
    answer = parse(exchange(device.url, http_request(device, data, f"Content-Length: {len(data)}", header)))
    answer.ok()
    assert answer.all("Content-Length") == [str(len(answer.content))]


def test_http_1_0(device: BenchDevice) -> None:
    data = envelope(TIME)
    answer = parse(
        exchange(device.url, http_request(device, data, f"Content-Length: {len(data)}", version="1.0"))
    )
    answer.ok()


@pytest.mark.parametrize("size", [7, 1000, 100_000])
def test_a_chunked_request(device: BenchDevice, size: int) -> None:
    data = envelope(KEYS, security("admin", "secret") + f"<wsa:To>{'x' * 50_000}</wsa:To>")
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])
    headers = ("Transfer-Encoding: chunked", "Connection: close")
    parse(exchange(device.url, http_request(device, chunks, *headers))).ok()


def test_expect_100_continue(device: BenchDevice) -> None:
    """.NET's clients send the body only when they are told to."""
    data = envelope(KEYS, security("admin", "secret"))
    headers = (f"Content-Length: {len(data)}", "Expect: 100-continue", "Connection: close")
    received = exchange(device.url, http_request(device, b"", *headers), data)
    assert received.startswith(b"HTTP/1.1 100 ")
    parse(received).ok()


def test_many_requests_on_one_connection(device: BenchDevice) -> None:
    """zeep, node-soap, Home Assistant: a socket for each service."""
    connection = http.client.HTTPConnection("127.0.0.1", device.http_port, timeout=30)
    sockets = set()
    for _ in range(50):
        connection.request("POST", DEVICE_SERVICE, envelope(KEYS, security("admin", "secret")))
        sockets.add(connection.sock)
        response = connection.getresponse()
        assert response.status == 200
        assert response.getheader("Content-Length") == str(len(response.read()))
    assert len(sockets) == 1
    connection.close()


def test_an_offered_compression_needs_no_answer(soap: Soap) -> None:
    """All offer gzip, one offers `none`."""
    for offer in ("gzip, deflate", "none", "identity;q=0"):
        soap.call("tds:GetUsers", http={"Accept-Encoding": offer}).ok()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_than_post(soap: Soap, method: str) -> None:
    """Core 5.8.2.4."""
    answer = soap.post(b"", method=method)
    assert answer.status == 405
    assert answer.all("Allow") == ["POST"]


def test_an_undeclared_prefix_is_a_fault(soap: Soap) -> None:
    """onvif-rx sends `<tas:CreateRSAKeyPair/>` without a declaration."""
    answer = soap.post(
        f'<s:Envelope xmlns:s="{wire.ENV}"><s:Body><tas:CreateRSAKeyPair/></s:Body></s:Envelope>'.encode()
    )
    assert answer.status == 400
    assert answer.fault().codes == ("Sender", "WellFormed")


# -- TLS


@pytest.fixture(scope="module")
def secured(root: Authority, intermediate: Authority) -> Iterator[BenchDevice]:
    """A device that serves HTTPS."""
    with BenchDevice() as device:
        steps.serve_https(Zeep(device), device.https_port, root, intermediate)
        yield device


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_versions(secured: BenchDevice, root_file: Path, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=str(root_file))
    context.minimum_version = context.maximum_version = version
    data = envelope(KEYS, security("admin", "secret"))
    request = http_request(secured, data, f"Content-Length: {len(data)}", "Connection: close")
    parse(exchange(secured.https_url, request, context=context)).ok()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_versions_are_refused(secured: BenchDevice, version: ssl.TLSVersion) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with pytest.raises(ssl.SSLError):
        exchange(secured.https_url, b"", context=context)


def test_clients_that_verify_nothing(secured: BenchDevice) -> None:
    """onvif-python's default, onvif-zeep-async always."""
    with Soap(secured, url=secured.https_url) as soap:
        soap.call("tas:GetAllKeys", auth="digest").ok()


def test_curl_that_verifies(secured: BenchDevice, root_file: Path) -> None:
    output = curl(
        *("--cacert", str(root_file), "--digest", "--user", f"{secured.user}:{secured.password}"),
        *("--data-binary", envelope(KEYS).decode(), secured.https_url),
    )
    assert "<tas:GetAllKeysResponse" in output


def test_addresses_have_the_scheme_of_the_request(secured: BenchDevice) -> None:
    """An https client that is sent to http fails (agsh)."""
    for url in (secured.url, secured.https_url):
        with Soap(secured, url=url) as soap:
            services = soap.call("tds:GetServices", PRE_AUTH["tds:GetServices"]).texts(".//tds:XAddr")
            created = soap.call("tev:CreatePullPointSubscription").text(".//wsa:Address")
            soap.call("wsnt:Unsubscribe", url=created).ok()
        origin = url.removesuffix(DEVICE_SERVICE)
        assert all(address.startswith(f"{origin}/onvif/") for address in (*services, created))

"""The Target Service between network namespaces: Hello, Bye, Probe and Resolve (Core 7, WS-Discovery)."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable

import pytest

from onvifd.discovery.limits import ANSWERING
from onvifd.discovery.target import APP_MAX_DELAY, UDP_MAX_DELAY, UDP_MIN_DELAY
from tests.discovery.conftest import EPR, Camera, Network
from tests.discovery.wire import DN, GROUP6, PORT, TDS, Client, D, Heard, id_of, probe, resolve
from tests.namespaces import connect
from tests.support import wait_until

TYPES = {f"{{{TDS}}}Device", f"{{{DN}}}NetworkVideoTransmitter"}
SCOPE = "onvif://www.onvif.org/name/x"
V4 = "http://192.0.2.10/onvif/device_service"
V6 = "http://[2001:db8::10]/onvif/device_service"
FAR = "http://198.51.100.10/onvif/device_service"


def over_ipv4(interface: str = "far0", version: int | None = None) -> Callable[[Heard], bool]:
    """Whether a message came by IPv4 on an interface, and is of a version of the metadata."""
    return lambda heard: (
        heard.interface == interface
        and "." in str(heard.source[0])
        and (version is None or heard.version == version)
    )


def ready(client: Client) -> None:
    """The camera listens on both links: it said Hello."""
    for interface in ("far0", "far1"):
        client.wait_for("Hello", over_ipv4(interface))


# -- Hello and Bye


def test_hello_says_on_each_link_where_the_device_is(camera: Camera, client: Client) -> None:
    """Core 7.3.2, WSD 4.1."""
    hello = client.wait_for("Hello", over_ipv4("far0"))
    assert hello.text("a:EndpointReference/a:Address") == EPR
    assert hello.types == TYPES
    assert hello.words("d:Scopes") == [SCOPE, "urn:other"]
    assert hello.words("d:XAddrs") == [V4, V6]
    assert hello.text("a:To") == "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
    assert (hello.version, hello.sequence[0]) == (1, 1)
    assert client.wait_for("Hello", over_ipv4("far1")).words("d:XAddrs") == [FAR]


def test_hello_is_sent_by_ipv6_too(camera: Camera, client: Client) -> None:
    """From the link-local address, which everybody on the link can answer; and only there it is told."""
    hello = client.wait_for("Hello", lambda heard: heard.interface == "far0" and ":" in str(heard.source[0]))
    assert str(hello.source[0]).startswith("fe80::")
    first, second, third = hello.words("d:XAddrs")
    assert (first, third) == (V6, V4)
    assert second.startswith("http://[fe80::")


def test_hello_is_repeated(camera: Camera, client: Client) -> None:
    """SOAP-over-UDP: four datagrams that are the same."""
    first = client.wait_for("Hello", over_ipv4())
    same: list[Heard] = []

    def all_came() -> bool:
        same[:] = [each for each in client.heard if each.text("a:MessageID") == first.text("a:MessageID")]
        return len(same) == 4

    client.wait(all_came)
    assert {each.data for each in same} == {first.data}


def test_bye_is_said_on_each_link(camera: Camera, client: Client) -> None:
    """Core 7.3.5, WSD 4.2; nothing is answered any more."""
    ready(client)
    camera.stop()
    for interface in ("far0", "far1"):
        bye = client.wait_for("Bye", over_ipv4(interface))
        assert bye.text("a:EndpointReference/a:Address") == EPR
    numbers = [each.sequence for each in [*client.said("Hello"), *client.said("Bye")]]
    assert len(set(numbers)) == len(numbers)


def test_versions_and_instances_outlive_a_restart(
    make_camera: Callable[[], Camera], network: Network, client: Client
) -> None:
    """The instance is a new one, the metadata is not, unless the configuration is."""
    first = make_camera().start()
    ready(client)
    first.stop()
    second = make_camera().start()
    assert client.wait_for("Hello", lambda heard: heard.sequence[0] == 2).version == 1
    second.stop()
    third = make_camera()
    third.scopes = ["urn:new"]
    third.start()
    assert client.wait_for("Hello", lambda heard: heard.sequence[0] == 3).version == 2


# -- Probe


@pytest.mark.parametrize(
    ("types", "scopes", "rule"),
    [
        ("", "", ""),
        ("tds:Device", "", ""),
        ("dn:NetworkVideoTransmitter", "", ""),
        ("dn:NetworkVideoTransmitter tds:Device", "onvif://www.onvif.org/name urn:other", ""),
        ("", "ONVIF://WWW.onvif.org", f"{D}/rfc3986"),
        ("", SCOPE, f"{D}/strcmp0"),
    ],
)
def test_a_probe_that_matches_is_answered(
    camera: Camera, client: Client, types: str, scopes: str, rule: str
) -> None:
    """Core 7.3.3, WSD 5.3."""
    ready(client)
    message = probe(types, scopes, rule)
    match = client.ask(message, "far0")
    assert match.action == "ProbeMatches"
    assert match.text("a:RelatesTo") == id_of(message)
    assert match.text("a:To").endswith("/role/anonymous")
    assert match.text("a:EndpointReference/a:Address") == EPR
    assert match.types == TYPES
    assert match.words("d:Scopes") == [SCOPE, "urn:other"]
    assert match.words("d:XAddrs") == [V4, V6]
    assert match.version == 1
    assert match.source == ("192.0.2.10", PORT)
    assert match.sequence[1] > 1


@pytest.mark.parametrize(
    "message",
    [
        probe("dn:NetworkVideoDisplay"),
        probe("tds:NetworkVideoTransmitter"),
        probe("dn:NetworkVideoTransmitter tds:Nothing"),
        probe(scopes="onvif://www.onvif.org/nam"),
        probe(scopes=f"{SCOPE} urn:missing"),
        probe(scopes="onvif://www.onvif.org", match_by=f"{D}/strcmp0"),
        probe(match_by="urn:no-such-rule", scopes="urn:other"),
        resolve("urn:uuid:00000000-0000-4000-8000-000000000000"),
    ],
)
@pytest.mark.parametrize("to", ["239.255.255.250", "192.0.2.10"])
def test_what_does_not_match_is_not_answered(camera: Camera, client: Client, message: bytes, to: str) -> None:
    """Core 7.3.6: an unknown rule has a fault, but only for who asks this device alone."""
    ready(client)
    client.send(message, "far0", to)
    client.ask(probe(), "far0")
    others = [each for each in client.answers if each.text("a:RelatesTo") == id_of(message)]
    if b"no-such-rule" in message and to == "192.0.2.10":
        (fault, *_) = others
        assert fault.text("a:Action") == f"{D}/fault"
        assert fault.text("s:Subcode/s:Value") == "d:MatchingRuleNotSupported"
        assert fault.root.findtext(
            ".//s:Code/s:Value", None, {"s": fault.root.tag[1:].partition("}")[0]}
        ) == ("env:Sender")
        assert f"{D}/rfc3986" in fault.words("s:Detail/d:SupportedMatchingRules")
    else:
        assert others == []


def test_each_interface_has_its_own_addresses(camera: Camera, client: Client) -> None:
    """The address of the interface on which the Probe came."""
    ready(client)
    assert client.ask(probe(), "far1").words("d:XAddrs") == [FAR]
    assert client.ask(probe(), "far0").words("d:XAddrs") == [V4, V6]


def test_a_probe_by_ipv6_has_ipv6_addresses_first(camera: Camera, client: Client) -> None:
    ready(client)
    match = client.ask(probe(), "far0", GROUP6)
    addresses = match.words("d:XAddrs")
    assert addresses[0] == V6
    assert addresses[-1] == V4


@pytest.mark.parametrize(("to", "first"), [("192.0.2.10", V4), ("2001:db8::10", V6)])
def test_a_unicast_probe_is_answered_from_where_it_was_sent_to(
    camera: Camera, client: Client, to: str, first: str
) -> None:
    ready(client)
    match = client.ask(probe("tds:Device"), "far0", to)
    assert match.source[0] == to
    assert match.words("d:XAddrs")[0] == first


def test_a_client_of_another_network_on_the_same_cable_is_answered(
    camera: Camera, client: Client, network: Network
) -> None:
    """The camera as it comes out of its box has an address that does not fit: it must be found all the same."""
    ready(client)
    network.client.ip("address add 203.0.113.1/24 dev far0")
    network.client.ip("address delete 192.0.2.1/24 dev far0")
    assert client.ask(probe(), "far0").words("d:XAddrs") == [V4, V6]


def test_an_answer_is_sent_twice(camera: Camera, client: Client) -> None:
    """SOAP-over-UDP. The Probe is repeated as well, and answered once."""
    ready(client)
    message = probe()
    for _ in range(4):
        client.send(message, "far0")
    sent_later = probe()
    client.ask(sent_later, "far0")
    answers = client.answers_to(id_of(message)) + client.answers_to(id_of(sent_later))
    assert len(answers) == 4
    assert len({each.text("a:MessageID") for each in answers}) == 2


def test_only_an_answer_to_all_waits_at_random(camera: Camera, client: Client) -> None:
    """WSD 2.4: or all devices would answer at once. The pauses between repetitions are random, too."""
    ready(client)
    camera.delays.clear()
    client.ask(probe(), "far0", "192.0.2.10")
    assert camera.delays == [(UDP_MIN_DELAY, UDP_MAX_DELAY)]
    client.ask(probe(), "far0")
    assert camera.delays[1:] == [(0, APP_MAX_DELAY), (UDP_MIN_DELAY, UDP_MAX_DELAY)]


def test_a_resolve_is_answered(camera: Camera, client: Client) -> None:
    """Core 7.3.4, WSD 6.2."""
    ready(client)
    match = client.ask(resolve(EPR), "far0")
    assert match.action == "ResolveMatches"
    assert match.text("d:ResolveMatch/a:EndpointReference/a:Address") == EPR
    assert match.words("d:XAddrs") == [V4, V6]


# -- what changes


def test_changed_scopes_are_announced(camera: Camera, client: Client) -> None:
    """WSD 4.1: Hello with the complete list and the next version."""
    ready(client)
    camera.scopes = [SCOPE, "urn:a b"]
    camera.changed()
    for interface in ("far0", "far1"):
        hello = client.wait_for("Hello", over_ipv4(interface, version=2))
        assert hello.words("d:Scopes") == [SCOPE, "urn:a%20b"]
    assert client.ask(probe(scopes="urn:a%20b"), "far0").version == 2


def test_every_commit_is_looked_at(camera: Camera, client: Client) -> None:
    """And what announces nothing new is not announced."""
    ready(client)
    camera.state.set_mode("Discoverable")
    camera.ports = [("http", 8080), ("https", 443)]
    camera.state.set_mode("Discoverable")
    assert client.wait_for("Hello", over_ipv4(version=2)).words("d:XAddrs") == [
        "http://192.0.2.10:8080/onvif/device_service",
        "https://192.0.2.10/onvif/device_service",
        "http://[2001:db8::10]:8080/onvif/device_service",
        "https://[2001:db8::10]/onvif/device_service",
    ]
    assert {hello.version for hello in client.said("Hello")} == {1, 2}


def test_a_new_address_is_followed(camera: Camera, client: Client, network: Network) -> None:
    ready(client)
    network.camera.ip("address add 192.0.2.77/24 dev eth0")
    new = "http://192.0.2.77/onvif/device_service"
    hello = client.wait_for("Hello", lambda heard: new in heard.words("d:XAddrs"))
    assert hello.version == 2
    assert client.ask(probe(), "far0", "192.0.2.77").words("d:XAddrs")[0] == new
    network.camera.ip("address delete 192.0.2.77/24 dev eth0")
    assert new not in client.wait_for("Hello", over_ipv4(version=3)).words("d:XAddrs")


def test_an_interface_that_goes_and_comes_is_followed(
    camera: Camera, client: Client, network: Network
) -> None:
    ready(client)
    network.camera.ip("link set eth1 down")
    gone = client.wait_for("Hello", lambda heard: over_ipv4("far0")(heard) and heard.version > 1).version
    network.camera.ip("link set eth1 up")
    client.wait_for("Hello", lambda heard: over_ipv4("far1")(heard) and heard.version > gone)
    assert client.ask(probe(), "far1").words("d:XAddrs") == [FAR]


def test_a_cable_that_is_plugged_in_again_is_greeted(
    camera: Camera, client: Client, network: Network
) -> None:
    """The device has joined the network again (WSD 4.1); its metadata is what it was."""
    ready(client)
    network.client.ip("link set far1 down")
    wait_until(
        lambda: camera.service and camera.service._announced and len(camera.service._announced.running) == 1
    )
    network.client.ip("link set far1 up")
    client.wait(lambda: len(client.said("Hello", over_ipv4("far1"))) > 1)
    assert {hello.version for hello in client.said("Hello")} == {1}


def test_a_new_interface_is_taken_into_use(camera: Camera, client: Client, network: Network) -> None:
    ready(client)
    connect(network.camera, "eth2", network.client, "far2")
    network.camera.ip("address add 203.0.113.10/24 dev eth2")
    late = Client(network.client, ["far2"])
    try:
        late.wait_for("Hello", over_ipv4("far2"))
        url = "http://203.0.113.10/onvif/device_service"
        assert late.ask(probe(), "far2").words("d:XAddrs") == [url]
    finally:
        late.close()


def test_a_device_that_boots_without_a_network_is_announced_when_it_has_one(
    make_camera: Callable[[], Camera], client: Client, network: Network
) -> None:
    for interface in ("eth0", "eth1"):
        network.camera.ip(f"address flush dev {interface}")
    make_camera().start()
    network.camera.ip("address add 192.0.2.10/24 dev eth0")
    assert client.wait_for("Hello", over_ipv4()).words("d:XAddrs") == [V4]


# -- modes and configuration


def test_a_network_that_changes_all_the_time_is_looked_at_now_and_then(
    make_camera: Callable[[], Camera], client: Client, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each new version of the metadata is written to the flash."""
    monkeypatch.setattr("onvifd.discovery.target._LOOKS", 3)
    service = make_camera().start().service
    assert service is not None
    numbers = itertools.count(20)

    def looks_later() -> bool:
        network.camera.ip(f"address add 192.0.2.{next(numbers)}/24 dev eth0")
        return any(event.time > time.monotonic() + 5 for event in service._agenda.queue)

    wait_until(looks_later, interval=0.25)
    ready(client)
    assert client.ask(probe(), "far0").version <= 4


def test_a_port_that_is_taken_is_tried_once_at_a_time(
    make_camera: Callable[[], Camera],
    network: Network,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However much is committed meanwhile: each commit looks, and no more than one look waits for its time."""
    monkeypatch.setattr("onvifd.discovery.target._RETRY", 0.5)
    with network.camera.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", PORT))
        camera = make_camera().start()
        for number in range(1, 9):
            camera.changed()
            wait_until(lambda: len(caplog.records) > number)  # noqa: B023 - called before the next round
        service = camera.service
        assert service is not None
        wait_until(lambda: len(service._agenda.queue) == 1)
    ready(client)


def test_a_non_discoverable_device_does_not_even_listen(
    camera: Camera, client: Client, network: Network
) -> None:
    """Core 7.2. Nobody has the port: the kernel refuses what is sent there."""
    ready(client)
    camera.state.set_mode("NonDiscoverable")
    with network.client.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("192.0.2.10", PORT))
        sock.settimeout(0.2)

        def refused() -> bool:
            sock.send(probe())
            try:
                sock.recv(65536)
            except ConnectionRefusedError:
                return True
            except TimeoutError:  # it was still there, and is closed by now
                return False
            return False

        wait_until(refused)
    camera.stop()
    assert client.said("Bye") == []


def test_the_mode_counts_from_the_answer_on(camera: Camera, client: Client) -> None:
    """An answer that waits for its time is not sent any more."""
    ready(client)
    camera.delay = 0.2
    camera.delays.clear()
    silent = probe()
    client.send(silent, "far0")
    wait_until(lambda: (0, APP_MAX_DELAY) in camera.delays)
    camera.state.set_mode("NonDiscoverable")
    wait_until(lambda: camera.service is not None and not camera.service._sockets)
    camera.state.set_mode("Discoverable")
    client.wait_for("Hello", lambda heard: heard.sequence[1] > 4)
    client.ask(probe(), "far0")
    assert not [each for each in client.answers if each.text("a:RelatesTo") == id_of(silent)]


def test_a_non_discoverable_device_starts_silently(make_camera: Callable[[], Camera], client: Client) -> None:
    camera = make_camera()
    camera.state.set_mode("NonDiscoverable")
    camera.start()
    camera.state.set_mode("Discoverable")
    assert client.wait_for("Hello", over_ipv4()).sequence[1] <= 3


def test_only_the_configured_interfaces_take_part(make_camera: Callable[[], Camera], client: Client) -> None:
    make_camera().start(interfaces=("eth1",))
    client.wait_for("Hello", over_ipv4("far1"))
    client.send(probe(), "far0")
    client.send(probe(), "far0", "192.0.2.10")
    client.ask(probe(), "far1")
    assert {each.interface for each in client.heard + client.answers} == {"far1"}


def test_only_addresses_that_are_served_are_told(make_camera: Callable[[], Camera], client: Client) -> None:
    make_camera().start(listen=("198.51.100.10", "2001:db8::10"))
    assert client.wait_for("Hello", over_ipv4("far1")).words("d:XAddrs") == [FAR]
    by_ipv6 = client.wait_for("Hello", lambda heard: heard.interface == "far0")
    assert by_ipv6.words("d:XAddrs") == [V6]


def test_the_loopback_can_be_asked_for(make_camera: Callable[[], Camera], network: Network) -> None:
    """What `onvifd demo --discovery` does."""
    local = Client(network.camera, ["lo"])
    make_camera().start(interfaces=("lo",), listen=("127.0.0.1", "::1"))
    try:
        url, url6 = (f"http://{host}/onvif/device_service" for host in ("127.0.0.1", "[::1]"))
        local.wait_for("Hello")
        assert local.ask(probe(), "lo").words("d:XAddrs") == [url, url6]
        assert local.ask(probe(), "lo", "127.0.0.1").words("d:XAddrs") == [url, url6]
    finally:
        local.close()


# -- strangers


HOSTILE = {
    "empty": b"",
    "noise": b"\x00\xffProbe" * 100,
    "no XML": b"Probe",
    "unclosed": probe()[:-20],
    "a document type": b'<!DOCTYPE a [<!ENTITY b "Probe">]>' + probe(),
    "entities": b'<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;">]><a>&c;Probe</a>',
    "deep": b"<Probe>" * 1000,
    "many elements": probe().replace(b"</d:Probe>", b"<d:x/>" * 1000 + b"</d:Probe>"),
    "too long": probe(scopes="onvif://www.onvif.org " * 500),
    "many scopes": probe(scopes=" ".join(f"urn:{number}" for number in range(500))),
    "no message ID": probe().replace(b"a:MessageID", b"a:Nothing"),
    "a long message ID": probe(message_id="urn:" + "x" * 1000),
    "an undeclared prefix": probe(types="nobody:Device"),
    "SOAP 1.1": probe().replace(
        b"http://www.w3.org/2003/05/soap-envelope", b"http://schemas.xmlsoap.org/soap/envelope/"
    ),
    "another WS-Discovery": probe().replace(
        D.encode(), b"http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01"
    ),
    "an unknown header": probe().replace(
        b"</s:Header>", b'<x:y xmlns:x="urn:x" s:mustUnderstand="1"/></s:Header>'
    ),
    "two bodies": probe().replace(b"</s:Body>", b"</s:Body><s:Body><d:Probe/></s:Body>"),
    "a fault": probe().replace(b"<d:Probe></d:Probe>", b"<s:Fault>Probe</s:Fault>"),
}


def test_strange_datagrams_are_ignored(
    camera: Camera, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Core 7.3.6; the device says nothing, logs nothing and goes on."""
    ready(client)
    for data in HOSTILE.values():
        client.send(data, "far0")
        client.send(data, "far0", "192.0.2.10")
    message = probe()
    client.ask(message, "far0")
    assert {each.text("a:RelatesTo") for each in client.answers} == {id_of(message)}
    assert caplog.records == []


def test_the_device_is_no_reflector(camera: Camera, client: Client) -> None:
    """Whoever forges a source has few answers sent to it; others are answered meanwhile."""
    ready(client)
    asked = [probe() for _ in range(300)]
    for message in asked:
        client.send(message, "far0", "192.0.2.10")
    client.ask(probe(), "far0", "2001:db8::10")
    client.ask(probe(), "far1")
    flooded = {id_of(message) for message in asked}
    answered = {each.text("a:RelatesTo") for each in client.answers} & flooded
    assert 0 < len(answered) <= ANSWERING.source_burst * 2


def test_a_flood_rests(camera: Camera, client: Client) -> None:
    """More datagrams than are read at once; the last is read all the same."""
    ready(client)
    for _ in range(100):
        client.send(b"noise", "far0")
    client.ask(probe(), "far0")

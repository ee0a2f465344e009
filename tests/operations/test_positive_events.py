"""Every operation of the Event service does what it is for (Core 9)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from onvifd.config import ServiceConfig
from onvifd.soap.names import NAMESPACES, qname
from tests.device_test.event.consumer import NotificationConsumer
from tests.official import assert_valid_response
from tests.operations.camera import Camera, leaf, value, values
from tests.operations.claims import covers
from tests.pki import Authority
from tests.support import wait_until

KEY_STATUS = "tns1:Advancedsecurity/Keystore/KeyStatus"
CONCRETE = "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete"
CONCRETE_SET = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
ITEM_FILTER = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"
ZULU = "%Y-%m-%dT%H:%M:%SZ"


def topic_filter(expression: str, dialect: str = CONCRETE) -> str:
    return f'<Filter><wsnt:TopicExpression Dialect="{dialect}">{expression}</wsnt:TopicExpression></Filter>'


def content_filter(expression: str, dialect: str = ITEM_FILTER) -> str:
    return f"<Filter><wsnt:MessageContent Dialect='{dialect}'>{expression}</wsnt:MessageContent></Filter>"


def pull_content(timeout: str = "PT0S", limit: object = 100) -> str:
    return leaf("Timeout", timeout) + leaf("MessageLimit", limit)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, ZULU).replace(tzinfo=UTC)


def _messages(answer: ET.Element) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Source and Data of each message."""

    def items(message: ET.Element, part: str) -> dict[str, str]:
        return {
            str(item.get("Name")): str(item.get("Value"))
            for found in message.iter(qname(f"tt:{part}"))
            for item in found
        }

    return [(items(m, "Source"), items(m, "Data")) for m in answer.iter(qname("tt:Message"))]


def somebody_waits(camera: Camera, path: str) -> bool:
    """Whether a PullMessages waits at a pull point: another one is refused then (Core 9.1.2)."""
    answer = camera.call("tev:PullMessages", pull_content(), path=path)
    return answer.status != 200 and answer.subcodes[1] == "wsnt:UnableToGetMessagesFault"


@covers("tev:GetServiceCapabilities")
def test_the_capabilities_of_the_event_service(make_camera: Callable[..., Camera]) -> None:
    """Core 9.8."""
    camera = make_camera(service=ServiceConfig(maximum_pull_points=17))
    capabilities = camera.do("tev:GetServiceCapabilities")[0].attrib
    assert capabilities["MaxPullPoints"] == "17"
    assert capabilities["MaxNotificationProducers"] == "8"
    assert capabilities["WSPausableSubscriptionManagerInterfaceSupport"] == "false"
    assert capabilities["PersistentNotificationStorage"] == "false"


@covers("tev:GetEventProperties")
def test_the_event_properties_describe_the_key_status(camera: Camera) -> None:
    """Core 9.7 and Security 5.5.8.1."""
    answer = camera.do("tev:GetEventProperties")
    names = dict(NAMESPACES)
    topic = answer.find("wstop:TopicSet/tns1:Advancedsecurity/Keystore/KeyStatus", names)
    assert topic is not None and topic.get(qname("wstop:topic")) == "true"
    description = topic.find("tt:MessageDescription", names)
    assert description is not None and description.get("IsProperty", "false") == "false"
    items = {
        part: [(item.get("Name"), item.get("Type")) for item in description.find(f"tt:{part}", names) or ()]
        for part in ("Source", "Data")
    }
    assert items == {
        "Source": [("KeyID", "tas:KeyID")],
        "Data": [("OldStatus", "tas:KeyStatus"), ("NewStatus", "tas:KeyStatus")],
    }
    assert set(values(answer, "wsnt:TopicExpressionDialect")) == {CONCRETE, CONCRETE_SET}
    assert value(answer, "wsnt:FixedTopicSet") == "true"
    assert values(answer, "tev:MessageContentFilterDialect") == [ITEM_FILTER]


@covers("tev:CreatePullPointSubscription")
@pytest.mark.parametrize(
    ("lifetime", "seconds"), [("", 60), ("PT10S", 10), ("PT10M", 600), ("PT0.5S", 1), ("PT1H", 3600)]
)
def test_a_pull_point_lives_as_long_as_asked_for(camera: Camera, lifetime: str, seconds: int) -> None:
    """Core 9.1.1: an address of its own, and both times with Z."""
    content = leaf("InitialTerminationTime", lifetime) if lifetime else ""
    answers = [camera.do("tev:CreatePullPointSubscription", content) for _ in range(2)]
    assert len({value(answer, "wsa:Address") for answer in answers}) == 2
    for answer in answers:
        span = _moment(value(answer, "wsnt:TerminationTime")) - _moment(value(answer, "wsnt:CurrentTime"))
        assert span == timedelta(seconds=seconds)


@covers("tev:CreatePullPointSubscription", "wsnt:Renew")
def test_an_absolute_termination_time(camera: Camera) -> None:
    """Core 9.1.1 and 9.1.3: as the client names it, in any time zone; to a second, by which it is rounded."""
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=30)
    zone = (end + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S+02:00")
    answer = camera.do("tev:CreatePullPointSubscription", leaf("InitialTerminationTime", zone))
    assert abs(_moment(value(answer, "wsnt:TerminationTime")) - end) <= timedelta(seconds=1)
    path = camera.subscribe()
    answer = camera.do("wsnt:Renew", leaf("TerminationTime", end.strftime(ZULU)), path=path)
    assert abs(_moment(value(answer, "wsnt:TerminationTime")) - end) <= timedelta(seconds=1)


@covers("tev:PullMessages", "tev:CreatePullPointSubscription")
@pytest.mark.parametrize(
    "chosen",
    [
        "",
        topic_filter(KEY_STATUS),
        topic_filter("tns1:Advancedsecurity//.", CONCRETE_SET),
        topic_filter(f"tns1:Device/Trigger | {KEY_STATUS}", CONCRETE_SET),
    ],
)
def test_key_status_messages_reach_who_wants_them(camera: Camera, chosen: str) -> None:
    """Core 9.1.2 and Security 5.5.8.1: each change of a key's status, the first one without an old status."""
    path = camera.subscribe(topic_filter=chosen)
    key_id = value(camera.do("tas:CreateRSAKeyPair", leaf("KeyLength", 2048)), "tas:KeyID")
    received: list[tuple[dict[str, str], dict[str, str]]] = []
    while len(received) < 2:
        answer = camera.do("tev:PullMessages", pull_content("PT1M"), path=path)
        assert _messages(answer), "no message within a minute"
        received += _messages(answer)
    assert received == [
        ({"KeyID": key_id}, {"NewStatus": "generating"}),
        ({"KeyID": key_id}, {"OldStatus": "generating", "NewStatus": "ok"}),
    ]


@covers("tev:PullMessages")
def test_a_key_status_message_as_it_is_on_the_wire(camera: Camera) -> None:
    """Core 9.4.1 and Security 5.5.8.1. Read as text: some clients lose parts of it."""
    path = camera.subscribe()
    start = datetime.now(UTC).replace(microsecond=0)
    key_id = value(camera.do("tas:CreateRSAKeyPair", leaf("KeyLength", 2048)), "tas:KeyID")
    answer = camera.do("tev:PullMessages", pull_content(limit=1), path=path)
    topic = next(answer.iter(qname("wsnt:Topic")))
    assert (topic.text, topic.get("Dialect")) == (KEY_STATUS, CONCRETE_SET)
    message = next(answer.iter(qname("tt:Message")))
    assert start <= _moment(str(message.get("UtcTime"))) <= datetime.now(UTC)
    assert message.get("PropertyOperation") is None  # it is no property
    assert _messages(answer) == [({"KeyID": key_id}, {"NewStatus": "generating"})]
    assert [part.tag for part in message] == [qname("tt:Source"), qname("tt:Data")]
    camera.do("tas:DeleteKey", leaf("KeyID", key_id))


@covers("tev:PullMessages")
def test_waiting_messages_are_handed_out_up_to_the_limit(camera: Camera) -> None:
    """Core 9.1.2: the others stay for the next pull; then there are none."""
    path = camera.subscribe()
    root = Authority.root()
    camera.upload(root.der)
    camera.upload(root.intermediate().der)
    ids = values(camera.do("tas:GetAllKeys"), "tas:KeyID")
    pulled = [camera.do("tev:PullMessages", pull_content(limit=1), path=path) for _ in range(3)]
    assert [_messages(answer) for answer in pulled] == [
        [({"KeyID": ids[0]}, {"NewStatus": "ok"})],
        [({"KeyID": ids[1]}, {"NewStatus": "ok"})],
        [],
    ]


@covers("tev:PullMessages")
def test_a_limit_beyond_what_the_device_keeps_is_no_fault(camera: Camera) -> None:
    """Core 9.1.2: PullMessagesFaultResponse is not for the MessageLimit."""
    path = camera.subscribe()
    camera.do("tev:PullMessages", pull_content(limit=2**31 - 1), path=path)


@covers("tev:PullMessages")
def test_a_waiting_pull_is_woken_by_a_message(camera: Camera) -> None:
    """Core 9.1.2: its timeout is longer than the test has."""
    path = camera.subscribe()
    with ThreadPoolExecutor(1) as pool:
        pulling = pool.submit(camera.do, "tev:PullMessages", pull_content("PT5M"), path=path)
        wait_until(lambda: somebody_waits(camera, path))
        key_id = value(camera.do("tas:CreateRSAKeyPair", leaf("KeyLength", 2048)), "tas:KeyID")
        answer = pulling.result(30)
    assert _messages(answer)[0] == ({"KeyID": key_id}, {"NewStatus": "generating"})


@covers("tev:PullMessages")
def test_messages_of_other_topics_do_not_wake_a_pull(camera: Camera) -> None:
    """Core 9.1.2: without a message it answers when the Timeout is over, and with the times."""
    path = camera.subscribe("PT10S")
    answer = camera.do("tev:PullMessages", pull_content("PT0.05S"), path=path)
    assert _messages(answer) == []
    assert _moment(value(answer, "tev:TerminationTime")) > _moment(value(answer, "tev:CurrentTime"))


@covers("wsnt:Renew")
@pytest.mark.parametrize("operation_path", ["", "/", "?a=b"])
def test_a_subscription_is_renewed(camera: Camera, operation_path: str) -> None:
    """Core 9.1.3: both times are in the answer. Clients differ in how they spell the address."""
    path = camera.subscribe("PT10S")
    answer = camera.do("wsnt:Renew", leaf("TerminationTime", "PT2M"), path=path + operation_path)
    span = _moment(value(answer, "wsnt:TerminationTime")) - _moment(value(answer, "wsnt:CurrentTime"))
    assert span == timedelta(minutes=2)


@covers("wsnt:Unsubscribe")
def test_an_ended_subscription_is_gone(camera: Camera) -> None:
    """Core 9.1.4: and there is room for another one."""
    path = camera.subscribe()
    camera.do("wsnt:Unsubscribe", path=path)
    answer = camera.call("tev:PullMessages", pull_content(), path=path)
    assert answer.subcodes == ["env:Receiver", "wsrf-r:ResourceUnknownFault"]


@covers("wsnt:Unsubscribe")
def test_unsubscribing_wakes_a_waiting_pull(camera: Camera) -> None:
    """Core 9.1.4: the pull point's lifetime ends, for who waits at it too."""
    path = camera.subscribe()
    with ThreadPoolExecutor(1) as pool:
        pulling = pool.submit(camera.call, "tev:PullMessages", pull_content("PT5M"), path=path)
        wait_until(lambda: somebody_waits(camera, path))
        camera.do("wsnt:Unsubscribe", path=path)
        assert pulling.result(30).subcodes == ["env:Receiver", "wsrf-r:ResourceUnknownFault"]


@covers("tev:SetSynchronizationPoint")
def test_a_synchronization_point_repeats_properties_and_there_are_none(camera: Camera) -> None:
    """Core 9.5: what waits is not lost either."""
    path = camera.subscribe()
    key_id = value(camera.do("tas:CreateRSAKeyPair", leaf("KeyLength", 2048)), "tas:KeyID")
    camera.do("tev:SetSynchronizationPoint", path=path)
    answer = camera.do("tev:PullMessages", pull_content(limit=1), path=path)
    assert _messages(answer) == [({"KeyID": key_id}, {"NewStatus": "generating"})]


@covers("wsnt:Subscribe")
@pytest.mark.parametrize(
    "chosen",
    [
        "",
        topic_filter(KEY_STATUS),
        content_filter('boolean(//tt:SimpleItem[@Name="NewStatus" and @Value="generating"])')
        + leaf("InitialTerminationTime", "PT1M"),
    ],
)
def test_notifications_reach_the_consumer(camera: Camera, chosen: str) -> None:
    """Core 9.3 and Security 5.5.8.1: each one in a Notify, valid by the official schemas."""
    with NotificationConsumer() as consumer:
        reference = (
            f"<wsa:Address>{consumer.url}</wsa:Address><wsa:ReferenceParameters>"
            '<x:Camera xmlns:x="urn:vms">7</x:Camera></wsa:ReferenceParameters>'
        )
        answer = camera.do("wsnt:Subscribe", f"<ConsumerReference>{reference}</ConsumerReference>{chosen}")
        span = _moment(value(answer, "wsnt:TerminationTime")) - _moment(value(answer, "wsnt:CurrentTime"))
        assert span == timedelta(minutes=1)
        key_id = value(camera.do("tas:CreateRSAKeyPair", leaf("KeyLength", 2048)), "tas:KeyID")
        expected = [
            ({"KeyID": key_id}, {"NewStatus": "generating"}),
            ({"KeyID": key_id}, {"OldStatus": "generating", "NewStatus": "ok"}),
        ][: 1 if "MessageContent" in chosen else 2]

        def received() -> list[tuple[dict[str, str], dict[str, str]]]:
            bodies = [assert_valid_response(posted.body) for posted in list(consumer.received)]
            return [message for body in bodies for message in _messages(body)]

        wait_until(lambda: received() == expected, 60)
        posted = consumer.received[0]
        assert posted.target == "/notify?subscription=1"
        assert posted.headers["content-type"].startswith("application/soap+xml;")
        message = ET.fromstring(posted.body)
        assert message.findtext("{*}Header/{urn:vms}Camera") == "7"
        (manager,) = {
            value(each, "wsa:Address") for each in message.iter(qname("wsnt:SubscriptionReference"))
        }
        assert manager == value(answer, "wsa:Address")


@covers("wsnt:Subscribe", "wsnt:Renew", "wsnt:Unsubscribe", "tev:SetSynchronizationPoint")
def test_a_producer_is_managed_like_a_pull_point(camera: Camera) -> None:
    """Core 9.1.3, 9.1.4, 9.5 and WS-BaseNotification 1.3, 6.1."""
    content = "<ConsumerReference><wsa:Address>http://127.0.0.1:9/</wsa:Address></ConsumerReference>"
    path = "/" + value(camera.do("wsnt:Subscribe", content), "wsa:Address").split("/", 3)[3]
    camera.do("tev:SetSynchronizationPoint", path=path)
    answer = camera.do("wsnt:Renew", leaf("TerminationTime", "PT10M"), path=path)
    span = _moment(value(answer, "wsnt:TerminationTime")) - _moment(value(answer, "wsnt:CurrentTime"))
    assert span == timedelta(minutes=10)
    camera.do("wsnt:Unsubscribe", path=path)
    assert camera.call("wsnt:Renew", leaf("TerminationTime", "PT10M"), path=path).status == 500


@covers("tev:CreatePullPointSubscription", "tev:PullMessages")
def test_a_pull_point_with_a_message_content_filter(camera: Camera) -> None:
    """Core 9.4.4."""
    chosen = content_filter('boolean(//tt:SimpleItem[@Name="NewStatus" and @Value="ok"])')
    path = camera.subscribe(topic_filter=chosen)
    key_id = value(camera.do("tas:CreateRSAKeyPair", leaf("KeyLength", 2048)), "tas:KeyID")
    answer = camera.do("tev:PullMessages", pull_content("PT1M"), path=path)
    assert _messages(answer) == [({"KeyID": key_id}, {"OldStatus": "generating", "NewStatus": "ok"})]

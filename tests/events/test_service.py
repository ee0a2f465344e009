"""The Event service, from a request to an answer that the official schema accepts (Core 9)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast
from xml.etree.ElementTree import Element

import pytest

from onvifd.call import Call, Device
from onvifd.consumers import Policy, networks
from onvifd.events.errors import (
    EventError,
    InvalidArgument,
    InvalidFilter,
    InvalidMessageContentExpression,
    InvalidTopicExpression,
    NotificationFault,
    PullTimeoutTooLong,
    ResourceUnknown,
    SubscribeCreationFailed,
    TopicExpressionDialectUnknown,
    TopicNotSupported,
    UnableToGetMessages,
    UnacceptableInitialTerminationTime,
    UnacceptableTerminationTime,
    UnrecognizedPolicyRequest,
)
from onvifd.events.notifications import Notification, key_status_notification
from onvifd.events.producers import Producer, Producers
from onvifd.events.pullpoints import PullPoints
from onvifd.events.subscriptions import Subscriptions
from onvifd.events.topics import CONCRETE, CONCRETE_SET
from onvifd.operations import OPERATIONS
from onvifd.schema import Schema
from onvifd.soap import envelope
from onvifd.soap.encode import element
from onvifd.soap.faults import Fault, fault_element
from onvifd.soap.names import NAMESPACES, qname
from tests.official import assert_valid_response

NOW = datetime(2030, 6, 1, 12, 0, 0, 900_000, tzinfo=UTC)
XMLNS = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items() if prefix != "xml")
ITEM_FILTER = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"
TOPIC = "tns1:Advancedsecurity/Keystore/KeyStatus"


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema.load()


@dataclass
class EventDevice:
    """What the handlers know of the device; its clock stands still."""

    maximum: int = 16
    time: datetime = NOW
    subscriptions: Subscriptions = field(default_factory=Subscriptions)

    def __post_init__(self) -> None:
        self.pull_points = PullPoints(self.subscriptions, self.maximum)
        self.producers = Producers(self.subscriptions, self.maximum, self._send)
        self.sent: list[tuple[str, tuple[Notification, ...]]] = []
        self.consumers = Policy(networks(["192.0.2.0/24"]), tuple, tuple)

    def _send(self, producer: Producer) -> None:
        self.sent.append((producer.consumer.url, producer.batch))

    def now(self) -> datetime:
        return self.time


class Client:
    """Sends requests to the handlers, and checks what they answer."""

    def __init__(self, schema: Schema, device: EventDevice) -> None:
        self.device = device
        self._schema = schema

    def send(self, body: str, path: str = "/onvif/event_service") -> Element:
        data = f"<env:Envelope {XMLNS}><env:Body>{body}</env:Body></env:Envelope>".encode()
        message = envelope.parse(data, envelope.Limits())
        operation = OPERATIONS[message.body.tag]
        call = Call(
            arguments=self._schema.decode(message.body, message.scope_of),
            user=None,
            base_url="http://camera.test:8080",
            path=path,
            scope_of=message.scope_of,
            device=cast(Device, self.device),
        )
        answer = element(operation.response, operation.handler(call))
        return assert_valid_response(envelope.serialize(answer))

    def create(self, content: str = "") -> Element:
        return self.send(f"<tev:CreatePullPointSubscription>{content}</tev:CreatePullPointSubscription>")

    def create_filtered(self, expression: str, dialect: str = CONCRETE_SET) -> Element:
        return self.create(
            f'<tev:Filter><wsnt:TopicExpression Dialect="{dialect}">{expression}</wsnt:TopicExpression>'
            "</tev:Filter>"
        )

    def pull(self, path: str, timeout: str = "PT0S", limit: int = 10) -> Element:
        return self.send(
            f"<tev:PullMessages><tev:Timeout>{timeout}</tev:Timeout>"
            f"<tev:MessageLimit>{limit}</tev:MessageLimit></tev:PullMessages>",
            path,
        )

    def renew(self, path: str, end: str) -> Element:
        return self.send(f"<wsnt:Renew><wsnt:TerminationTime>{end}</wsnt:TerminationTime></wsnt:Renew>", path)

    def unsubscribe(self, path: str) -> Element:
        return self.send("<wsnt:Unsubscribe/>", path)

    def set_synchronization_point(self, path: str) -> Element:
        return self.send("<tev:SetSynchronizationPoint/>", path)


def fault_detail(error: NotificationFault) -> Element:
    """The fault's detail element as a client reads it."""
    fault = Fault("Receiver", (error.element,), str(error), element(error.element, error.detail(NOW)))
    content = assert_valid_response(envelope.serialize(fault_element(fault)))
    detail = content.find(f"{qname('env:Detail')}/*")
    assert detail is not None
    return detail


def text(parent: Element, name: str) -> str | None:
    return parent.findtext(f".//{qname(name)}")


def path_of(created: Element) -> str:
    """The path of a new subscription's URL."""
    address = text(created, "wsa:Address")
    assert address is not None
    assert address.startswith("http://camera.test:8080/onvif/subscription/pullpoint-")
    return address.removeprefix("http://camera.test:8080")


@pytest.fixture
def client(schema: Schema) -> Iterator[Client]:
    client = Client(schema, EventDevice())
    yield client
    client.device.subscriptions.close()


def test_get_service_capabilities(client: Client) -> None:
    """Core 9.8, EVENT-5-1-1."""
    capabilities = client.send("<tev:GetServiceCapabilities/>")[0]
    assert capabilities.attrib == {
        "WSSubscriptionPolicySupport": "false",
        "WSPullPointSupport": "true",
        "WSPausableSubscriptionManagerInterfaceSupport": "false",
        "MaxNotificationProducers": "16",
        "MaxPullPoints": "16",
        "PersistentNotificationStorage": "false",
    }


def test_get_event_properties(client: Client) -> None:
    """Core 9.7, EVENT-1-1-2."""
    properties = client.send("<tev:GetEventProperties/>")
    assert text(properties, "tev:TopicNamespaceLocation") == (
        "http://www.onvif.org/onvif/ver10/topics/topicns.xml"
    )
    assert text(properties, "wsnt:FixedTopicSet") == "true"
    dialects = [dialect.text for dialect in properties.findall(qname("wsnt:TopicExpressionDialect"))]
    assert dialects == [CONCRETE, CONCRETE_SET]
    assert text(properties, "tev:MessageContentFilterDialect") == ITEM_FILTER
    topic = properties.find(f"{qname('wstop:TopicSet')}/{qname('tns1:Advancedsecurity')}/Keystore/KeyStatus")
    assert topic is not None
    assert topic.attrib == {qname("wstop:topic"): "true"}
    description = topic[0]
    assert description.tag == qname("tt:MessageDescription")
    assert [(group.tag, item.get("Name"), item.get("Type")) for group in description for item in group] == [
        (qname("tt:Source"), "KeyID", "tas:KeyID"),
        (qname("tt:Data"), "OldStatus", "tas:KeyStatus"),
        (qname("tt:Data"), "NewStatus", "tas:KeyStatus"),
    ]


@pytest.mark.parametrize(
    ("asked", "end"),
    [
        ("", "2030-06-01T12:01:00Z"),
        ('<tev:InitialTerminationTime xsi:nil="true"/>', "2030-06-01T12:01:00Z"),
        ("<tev:InitialTerminationTime>PT10S</tev:InitialTerminationTime>", "2030-06-01T12:00:10Z"),
        ("<tev:InitialTerminationTime>PT2M</tev:InitialTerminationTime>", "2030-06-01T12:02:00Z"),
        ("<tev:InitialTerminationTime>PT0.3S</tev:InitialTerminationTime>", "2030-06-01T12:00:01Z"),
        (
            "<tev:InitialTerminationTime>2030-06-01T12:10:00Z</tev:InitialTerminationTime>",
            "2030-06-01T12:10:00Z",
        ),
        (
            "<tev:InitialTerminationTime>2030-06-01T14:10:00+02:00</tev:InitialTerminationTime>",
            "2030-06-01T12:10:00Z",
        ),
        (
            "<tev:InitialTerminationTime>2030-06-01T12:10:00</tev:InitialTerminationTime>",
            "2030-06-01T12:10:00Z",
        ),
    ],
)
def test_create_pull_point_subscription(client: Client, asked: str, end: str) -> None:
    """Core 9.1.1, EVENT-3-1-9: absolute, relative or no termination time; times with Z."""
    created = client.create(asked)
    assert path_of(created)
    assert text(created, "wsnt:CurrentTime") == "2030-06-01T12:00:00Z"
    assert text(created, "wsnt:TerminationTime") == end


@pytest.mark.parametrize(
    "end",
    [
        "PT0S",
        "-PT10S",
        "PT3601S",
        "P1Y",
        "P9000Y",
        "-P9000Y",
        "2030-06-01T12:00:00Z",
        "2029-06-01T12:00:00Z",
        "2030-06-01T13:00:01Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
    ],
)
def test_unacceptable_termination_times(client: Client, end: str) -> None:
    """WS-BaseNotification 1.3: the fault says what the device accepts instead."""
    with pytest.raises(UnacceptableInitialTerminationTime) as initial:
        client.create(f"<tev:InitialTerminationTime>{end}</tev:InitialTerminationTime>")
    detail = fault_detail(initial.value)
    assert text(detail, "wsnt:MinimumTime") == "2030-06-01T12:00:10Z"
    assert text(detail, "wsnt:MaximumTime") == "2030-06-01T13:00:00Z"
    with pytest.raises(UnacceptableTerminationTime):
        client.renew(path_of(client.create()), end)


def test_every_pull_point_has_its_own_address(client: Client) -> None:
    """Core 9.1.6, EVENT-3-1-37; one more than MaxPullPoints is refused."""
    paths = {path_of(client.create()) for _ in range(16)}
    assert len(paths) == 16
    with pytest.raises(SubscribeCreationFailed):
        client.create()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (
            "<wsnt:TopicExpression Dialect='urn:unknown'>tns1:X</wsnt:TopicExpression>",
            TopicExpressionDialectUnknown,
        ),
        (
            f"<wsnt:TopicExpression Dialect='{CONCRETE}'>tns1:X/</wsnt:TopicExpression>",
            InvalidTopicExpression,
        ),
        (f"<wsnt:TopicExpression Dialect='{CONCRETE}'>xyz</wsnt:TopicExpression>", TopicNotSupported),
        (
            "<wsnt:MessageContent Dialect='http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter'>"
            'boolean((//tt:SimpleItem[@Name="xyz" and @Value="xyz"])</wsnt:MessageContent>',
            InvalidMessageContentExpression,
        ),
        ("<wsnt:MessageContent Dialect='urn:x'>x</wsnt:MessageContent>", InvalidMessageContentExpression),
        ("<wsnt:ProducerProperties Dialect='urn:x'>x</wsnt:ProducerProperties>", InvalidFilter),
    ],
)
def test_refused_filters(client: Client, content: str, error: type[NotificationFault]) -> None:
    """EVENT-3-1-17, EVENT-3-1-22: a declared fault, and no pull point is left behind."""
    for _ in range(20):
        with pytest.raises(error):
            client.create(f"<tev:Filter>{content}</tev:Filter>")
    client.create()


def test_a_filter_of_another_kind_is_named(client: Client) -> None:
    """WS-BaseNotification 1.3: InvalidFilterFault lists each unknown filter."""
    with pytest.raises(InvalidFilter) as error:
        client.create(
            "<tev:Filter><wsnt:ProducerProperties Dialect='urn:x'/>"
            "<wsnt:ProducerProperties Dialect='urn:x'>x</wsnt:ProducerProperties></tev:Filter>"
        )
    unknown = fault_detail(error.value).findall(qname("wsnt:UnknownFilter"))
    assert [item.text for item in unknown] == ["wsnt:ProducerProperties", "wsnt:ProducerProperties"]


def test_prefixes_declared_anywhere(client: Client) -> None:
    """EVENT-4-1-6 to 4-1-10: a topic's prefix is what it is where the expression stands."""
    client.create(
        f'<tev:Filter xmlns:q="{NAMESPACES["tns1"]}"><wsnt:TopicExpression Dialect="{CONCRETE}">'
        "q:Advancedsecurity/Keystore/KeyStatus</wsnt:TopicExpression></tev:Filter>"
    )
    with pytest.raises(TopicNotSupported):
        client.create(
            f'<tev:Filter><wsnt:TopicExpression Dialect="{CONCRETE}" xmlns:tns1="urn:other">'
            f"{TOPIC}</wsnt:TopicExpression></tev:Filter>"
        )


def test_subscription_policies(client: Client) -> None:
    """Core 9.1.1: ChangedOnly is known; UnrecognizedPolicyRequestFault for others."""
    policy = "<tev:SubscriptionPolicy>{}</tev:SubscriptionPolicy>"
    client.create(policy.format(""))
    client.create(policy.format("<tev:ChangedOnly/>"))
    with pytest.raises(UnrecognizedPolicyRequest) as error:
        client.create(policy.format("<wsnt:UseRaw/><x:Mine xmlns:x='urn:vendor'/>"))
    names = [item.text for item in fault_detail(error.value).findall(qname("wsnt:UnrecognizedPolicy"))]
    assert names == ["wsnt:UseRaw", "Mine"]


@pytest.mark.parametrize(
    ("old", "new", "data"),
    [
        (None, "generating", [("NewStatus", "generating")]),
        ("ok", "generating", [("NewStatus", "generating")]),
        (None, "ok", [("NewStatus", "ok")]),
        ("generating", "ok", [("OldStatus", "generating"), ("NewStatus", "ok")]),
        ("generating", "corrupt", [("OldStatus", "generating"), ("NewStatus", "corrupt")]),
    ],
)
def test_key_status_event(client: Client, old: str | None, new: str, data: list[tuple[str, str]]) -> None:
    """Security 5.5.8.1, ADVANCED_SECURITY-1-1-2: OldStatus unless NewStatus is generating."""
    path = path_of(client.create_filtered(TOPIC))
    client.device.subscriptions.publish(key_status_notification("key-1", old, new, NOW))
    pulled = client.pull(path)
    assert text(pulled, "wsnt:Topic") == TOPIC
    topic = pulled.find(f".//{qname('wsnt:Topic')}")
    assert topic is not None
    assert topic.attrib == {"Dialect": CONCRETE_SET}
    message = pulled.find(f".//{qname('tt:Message')}")
    assert message is not None
    assert message.attrib == {"UtcTime": "2030-06-01T12:00:00Z"}
    assert [(item.get("Name"), item.get("Value")) for group in message for item in group] == [
        ("KeyID", "key-1"),
        *data,
    ]


def test_pull_messages(client: Client) -> None:
    """Core 9.1.2: waiting messages up to MessageLimit, in order; then none."""
    path = path_of(client.create())
    for number in range(3):
        client.device.subscriptions.publish(key_status_notification(f"key-{number}", None, "ok", NOW))

    def key_ids(limit: int) -> list[str | None]:
        pulled = client.pull(path, limit=limit)
        source = f".//{qname('tt:Source')}/{qname('tt:SimpleItem')}"
        return [item.get("Value") for item in pulled.findall(source)]

    assert [key_ids(2), key_ids(2), key_ids(2)] == [["key-0", "key-1"], ["key-2"], []]


def test_a_pull_is_answered_by_an_event(client: Client) -> None:
    """Core 9.1.2 and 9.1.1: at once, and the subscription lives Timeout longer from then on (PT1M, PT60S)."""
    path = path_of(client.create("<tev:InitialTerminationTime>PT10S</tev:InitialTerminationTime>"))
    with ThreadPoolExecutor(1) as threads:
        pull = threads.submit(client.pull, path, "PT1M")
        client.device.subscriptions.publish(key_status_notification("key-1", None, "ok", NOW))
        pulled = pull.result(20)
    assert text(pulled, "tev:CurrentTime") == "2030-06-01T12:00:00Z"
    assert text(pulled, "tev:TerminationTime") == "2030-06-01T12:01:00Z"
    assert len(pulled.findall(qname("wsnt:NotificationMessage"))) == 1


def test_pull_messages_faults(client: Client) -> None:
    """Core 9.1.2: too long a Timeout is answered with the limits, an absurd one too."""
    path = path_of(client.create())
    for timeout in ("PT601S", "P1M", "P9000Y"):
        with pytest.raises(PullTimeoutTooLong) as error:
            client.pull(path, timeout)
        detail = fault_detail(error.value)
        assert text(detail, "tev:MaxTimeout") == "PT600S"
        assert text(detail, "tev:MaxMessageLimit") == "256"
    for timeout, limit in (("-PT1S", 1), ("-P9000Y", 1), ("PT1S", 0)):
        with pytest.raises(InvalidArgument):
            client.pull(path, timeout, limit)


@pytest.mark.parametrize(
    ("asked", "end"),
    [
        ("PT60S", "2030-06-01T12:01:00Z"),
        ("PT10M", "2030-06-01T12:10:00Z"),
        ("2030-06-01T12:05:00Z", "2030-06-01T12:05:00Z"),
    ],
)
def test_renew(client: Client, asked: str, end: str) -> None:
    """Core 9.1.3, EVENT-3-1-12: CurrentTime is always there."""
    renewed = client.renew(path_of(client.create()), asked)
    assert text(renewed, "wsnt:CurrentTime") == "2030-06-01T12:00:00Z"
    assert text(renewed, "wsnt:TerminationTime") == end


def test_renew_without_a_time(client: Client) -> None:
    """WS-BaseNotification 1.3: nil leaves the time to the device."""
    path = path_of(client.create("<tev:InitialTerminationTime>PT10S</tev:InitialTerminationTime>"))
    renewed = client.send('<wsnt:Renew><wsnt:TerminationTime xsi:nil="true"/></wsnt:Renew>', path)
    assert text(renewed, "wsnt:TerminationTime") == "2030-06-01T12:01:00Z"


def test_the_clock_may_be_set(client: Client) -> None:
    """A lifetime is a span: setting the device's clock moves the reported time, not the end itself."""
    path = path_of(client.create("<tev:InitialTerminationTime>PT10M</tev:InitialTerminationTime>"))
    client.device.time += timedelta(days=1000)
    assert client.renew(path, "PT10M") is not None
    pulled = client.pull(path)
    assert text(pulled, "tev:CurrentTime") == "2033-02-25T12:00:00Z"


SUBSCRIPTION_REQUESTS: list[Callable[[Client, str], Element]] = [
    Client.pull,
    lambda client, path: client.renew(path, "PT60S"),
    Client.unsubscribe,
    Client.set_synchronization_point,
]


@pytest.mark.parametrize("request_to", SUBSCRIPTION_REQUESTS)
@pytest.mark.parametrize("spelling", ["{}", "{}/", "{}?x=1", "{}/?x=/y"])
def test_operations_of_a_subscription(
    client: Client, request_to: Callable[[Client, str], Element], spelling: str
) -> None:
    """Core 9.1: each works on the subscription's own URL; a trailing slash or a query do no harm."""
    request_to(client, spelling.format(path_of(client.create())))


@pytest.mark.parametrize("request_to", SUBSCRIPTION_REQUESTS)
@pytest.mark.parametrize(
    "path", ["/onvif/event_service", "/onvif/subscription/", "/onvif/subscription/pullpoint-0", "/"]
)
def test_operations_on_a_url_that_is_no_subscription(
    client: Client, request_to: Callable[[Client, str], Element], path: str
) -> None:
    """Core 9.1.3, 9.1.4: ResourceUnknownFault."""
    client.create()
    with pytest.raises(ResourceUnknown) as error:
        request_to(client, path)
    detail = fault_detail(error.value)
    assert detail.tag == qname("wsrf-r:ResourceUnknownFault")


def test_unsubscribe(client: Client) -> None:
    """Core 9.1.4, EVENT-3-1-19: afterwards the subscription is unknown."""
    path = path_of(client.create())
    client.unsubscribe(path)
    with pytest.raises(ResourceUnknown):
        client.unsubscribe(path)


FAULTS = [
    ResourceUnknown("reason"),
    SubscribeCreationFailed("reason"),
    UnableToGetMessages("reason"),
    TopicExpressionDialectUnknown("reason"),
    InvalidTopicExpression("reason"),
    TopicNotSupported("reason"),
    InvalidMessageContentExpression("reason"),
    InvalidFilter("reason", [qname("wsnt:MessageContent"), "{urn:vendor}Filter", "Filter"]),
    UnrecognizedPolicyRequest("reason", [qname("wsnt:UseRaw")]),
    UnacceptableInitialTerminationTime("reason", timedelta(seconds=10), timedelta(hours=1)),
    UnacceptableTerminationTime("reason", timedelta(seconds=10), timedelta(hours=1)),
]


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
def test_fault_details(error: NotificationFault) -> None:
    """WS-BaseFaults 1.2, EVENT-3-1-17: a detail with the time in UTC and a description."""
    detail = fault_detail(error)
    assert text(detail, "wsrf-bf:Timestamp") == "2030-06-01T12:00:00Z"
    assert text(detail, "wsrf-bf:Description") == "reason"


def test_every_fault_has_its_detail_tested() -> None:
    declared = set(NotificationFault.__subclasses__()) | {
        UnacceptableInitialTerminationTime,
        UnacceptableTerminationTime,
    }
    public = {kind for kind in declared if not kind.__name__.startswith("_")}
    assert public == {type(error) for error in FAULTS} | {PullTimeoutTooLong}
    assert issubclass(NotificationFault, EventError)


def test_capabilities_follow_the_limits(schema: Schema) -> None:
    """Core 9.8: never a number that is not served."""
    client = Client(schema, EventDevice(maximum=3))
    capabilities = client.send("<tev:GetServiceCapabilities/>")[0]
    assert capabilities.get("MaxPullPoints") == capabilities.get("MaxNotificationProducers") == "3"
    for _ in range(3):
        client.create()
    with pytest.raises(SubscribeCreationFailed):
        client.create()

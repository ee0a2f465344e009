"""Every fault of the Event service, as WS-BaseNotification and Core 9.9 word it; no pull point is made or lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

import pytest

from onvifd.config import NotificationConfig, ServiceConfig
from onvifd.soap.names import NAMESPACES, qname
from tests.application import Answer
from tests.operations.camera import Camera, leaf, value
from tests.operations.claims import provokes
from tests.operations.test_positive_events import (
    CONCRETE,
    CONCRETE_SET,
    ITEM_FILTER,
    KEY_STATUS,
    ZULU,
    content_filter,
    pull_content,
    somebody_waits,
    topic_filter,
)
from tests.support import wait_until

CREATE = "tev:CreatePullPointSubscription"
SUBSCRIBE = "wsnt:Subscribe"
VALUE = ("env:Sender", "ter:InvalidArgVal")
UNKNOWN = ("env:Receiver", "wsrf-r:ResourceUnknownFault")
NOWHERE = "/onvif/subscription/pullpoint-0"


def receiver(name: str) -> tuple[str, str]:
    return ("env:Receiver", name)


def assert_detailed(answer: Answer, element: str) -> None:
    """Core 9.9: the detail is the fault's own element of WS-BaseNotification, with the time and the reason."""
    assert answer.body is not None
    (detail,) = answer.body.iter(qname("env:Detail"))
    assert [child.tag for child in detail] == [qname(element)]
    timestamp = datetime.strptime(value(detail, "wsrf-bf:Timestamp"), ZULU).replace(tzinfo=UTC)
    assert timedelta(0) <= datetime.now(UTC) - timestamp < timedelta(minutes=5)
    assert value(detail, "wsrf-bf:Description") == answer.reason


def subscribe_content(address: str, more: str = "") -> str:
    return f"<ConsumerReference><wsa:Address>{escape(address)}</wsa:Address></ConsumerReference>{more}"


def refuse_both(camera: Camera, content: str, codes: tuple[str, str], hint: str = "") -> None:
    """Both ways to subscribe refuse it, with the fault that the detail names again."""
    for operation, whole in (
        (CREATE, content),
        (SUBSCRIBE, subscribe_content("http://127.0.0.1:9/", content)),
    ):
        assert_detailed(camera.refuse(operation, whole, codes, hint), codes[1])


# CreatePullPointSubscription (Core 9.1.1) and Subscribe (WS-BaseNotification 1.3, 4.2)


@provokes(CREATE, *receiver("wsnt:InvalidFilterFault"))
@provokes(SUBSCRIBE, *receiver("wsnt:InvalidFilterFault"))
@pytest.mark.parametrize(
    "more", ["", f'<wsnt:TopicExpression Dialect="{CONCRETE}">{KEY_STATUS}</wsnt:TopicExpression>']
)
def test_a_filter_of_another_kind(camera: Camera, more: str) -> None:
    kind = "ProducerProperties"
    content = f'<Filter>{more}<wsnt:{kind} Dialect="urn:x">a/b</wsnt:{kind}></Filter>'
    refuse_both(camera, content, receiver("wsnt:InvalidFilterFault"), "MessageContent")
    answer = camera.refuse(CREATE, content, receiver("wsnt:InvalidFilterFault"))
    assert answer.body is not None and value(answer.body, "wsnt:UnknownFilter") == f"wsnt:{kind}"


@provokes(CREATE, *receiver("wsnt:InvalidMessageContentExpressionFault"))
@provokes(SUBSCRIBE, *receiver("wsnt:InvalidMessageContentExpressionFault"))
@pytest.mark.parametrize(
    ("expression", "dialect"),
    [
        ('boolean(//tt:SimpleItem[@Name="KeyID"])', "http://www.w3.org/TR/1999/REC-xpath-19991116"),
        ('boolean (//tt:SimpleItem[@Name="xyz" and @Value="xyz"])', ITEM_FILTER),
        ('boolean((//tt:SimpleItem[@Name="KeyID"])', ITEM_FILTER),
        ('boolean(//tt:SimpleItem[contains(@Name, "KeyID")])', ITEM_FILTER),
        ("count(//*) = 3", ITEM_FILTER),
        ("(" * 900, ITEM_FILTER),
        ("a" * 1025, ITEM_FILTER),
        ("", ITEM_FILTER),
    ],
)
def test_message_content_that_is_none(camera: Camera, expression: str, dialect: str) -> None:
    """Core 9.4.4; what is no XPath, what is not of the subset, what no notification can have."""
    refuse_both(
        camera,
        content_filter(expression, dialect),
        receiver("wsnt:InvalidMessageContentExpressionFault"),
    )


@provokes(CREATE, *receiver("wsnt:TopicExpressionDialectUnknownFault"))
@provokes(SUBSCRIBE, *receiver("wsnt:TopicExpressionDialectUnknownFault"))
@pytest.mark.parametrize("dialect", ["", "urn:x", "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Full"])
def test_a_dialect_that_is_unknown(camera: Camera, dialect: str) -> None:
    content = topic_filter(KEY_STATUS, dialect)
    refuse_both(camera, content, receiver("wsnt:TopicExpressionDialectUnknownFault"), CONCRETE_SET)


@provokes(CREATE, *receiver("wsnt:InvalidTopicExpressionFault"))
@provokes(SUBSCRIBE, *receiver("wsnt:InvalidTopicExpressionFault"))
@pytest.mark.parametrize(
    ("expression", "dialect"),
    [
        ("", CONCRETE),
        ("tns1:", CONCRETE),
        ("tns1:Advancedsecurity//.", CONCRETE),
        (f"{KEY_STATUS}|{KEY_STATUS}", CONCRETE),
        ("tns1:Advancedsecurity/*", CONCRETE_SET),
        ("//tns1:Advancedsecurity", CONCRETE_SET),
        ("tns1:Advancedsecurity[1]", CONCRETE_SET),
        (f"{KEY_STATUS}|", CONCRETE_SET),
        ("nobody:Advancedsecurity/Keystore/KeyStatus", CONCRETE_SET),
        ("' OR 1=1 --", CONCRETE_SET),
        ("a" * 8193, CONCRETE),
        ("<b/>", CONCRETE),
    ],
)
def test_a_topic_expression_that_is_none(camera: Camera, expression: str, dialect: str) -> None:
    content = topic_filter(expression, dialect)
    refuse_both(camera, content, receiver("wsnt:InvalidTopicExpressionFault"))


@provokes(CREATE, *receiver("wsnt:TopicNotSupportedFault"))
@provokes(SUBSCRIBE, *receiver("wsnt:TopicNotSupportedFault"))
@pytest.mark.parametrize(
    ("expression", "dialect"),
    [
        ("tns1:Device/Trigger", CONCRETE),
        ("tns1:Advancedsecurity", CONCRETE),
        ("Advancedsecurity/Keystore/KeyStatus", CONCRETE),
        ("tt:Advancedsecurity/Keystore/KeyStatus", CONCRETE),
        (f"{KEY_STATUS}/Deeper", CONCRETE),
        ("tns1:Device//.", CONCRETE_SET),
        ("tns1:Device/Trigger|tns1:RuleEngine//.", CONCRETE_SET),
    ],
)
def test_a_topic_that_the_device_has_not(camera: Camera, expression: str, dialect: str) -> None:
    content = topic_filter(expression, dialect)
    refuse_both(camera, content, receiver("wsnt:TopicNotSupportedFault"), expression)


@provokes(CREATE, *receiver("wsnt:UnacceptableInitialTerminationTimeFault"))
@provokes(SUBSCRIBE, *receiver("wsnt:UnacceptableInitialTerminationTimeFault"))
@provokes("wsnt:Renew", *receiver("wsnt:UnacceptableTerminationTimeFault"))
@pytest.mark.parametrize(
    "end",
    [
        "PT0S",
        "-PT1S",
        "PT1H1S",
        "P1Y",
        "P9999Y",
        "-P9999Y",
        "2000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
    ],
)
def test_an_end_that_is_past_or_too_far_away(camera: Camera, end: str) -> None:
    """Core 9.1.1 and 9.1.3; the detail bounds what can be asked for."""
    path = camera.subscribe()
    create, renew = "wsnt:UnacceptableInitialTerminationTimeFault", "wsnt:UnacceptableTerminationTimeFault"
    created = camera.refuse(CREATE, leaf("InitialTerminationTime", end), receiver(create), "3600")
    refuse_both(camera, leaf("InitialTerminationTime", end), receiver(create), "3600")
    renewed = camera.refuse("wsnt:Renew", leaf("TerminationTime", end), receiver(renew), "3600", path)
    for answer, fault in ((created, create), (renewed, renew)):
        assert_detailed(answer, fault)
        assert answer.body is not None
        minimum, maximum = (value(answer.body, f"wsnt:{name}") for name in ("MinimumTime", "MaximumTime"))
        assert datetime.now(UTC).strftime(ZULU) < minimum < maximum
        camera.do("wsnt:Renew", leaf("TerminationTime", minimum), path=path)


@provokes(CREATE, *receiver("wsnt:UnrecognizedPolicyRequestFault"))
@provokes(SUBSCRIBE, *receiver("wsnt:UnrecognizedPolicyRequestFault"))
def test_a_policy_that_is_unknown(camera: Camera) -> None:
    content = '<SubscriptionPolicy><tev:ChangedOnly/><x:Fast xmlns:x="urn:x"/></SubscriptionPolicy>'
    refuse_both(camera, content, receiver("wsnt:UnrecognizedPolicyRequestFault"), "ChangedOnly")
    answer = camera.refuse(CREATE, content, receiver("wsnt:UnrecognizedPolicyRequestFault"))
    assert answer.body is not None and value(answer.body, "wsnt:UnrecognizedPolicy") == "Fast"
    camera.do(CREATE, "<SubscriptionPolicy><tev:ChangedOnly/></SubscriptionPolicy>")


@provokes(CREATE, *receiver("wsnt:SubscribeCreationFailedFault"))
def test_more_pull_points_than_there_can_be(make_camera: Callable[..., Camera]) -> None:
    """Core 9.1.6: and one that ends makes room."""
    camera = make_camera(service=ServiceConfig(maximum_pull_points=2))
    paths = [camera.subscribe(), camera.subscribe()]
    answer = camera.refuse(CREATE, "", receiver("wsnt:SubscribeCreationFailedFault"), "2 pull points")
    assert_detailed(answer, "wsnt:SubscribeCreationFailedFault")
    camera.do("wsnt:Unsubscribe", path=paths[0])
    camera.subscribe()


@provokes(SUBSCRIBE, *receiver("wsnt:SubscribeCreationFailedFault"))
def test_more_producers_than_there_can_be(make_camera: Callable[..., Camera]) -> None:
    """Core 9.3.2, MaxNotificationProducers: and one that ends makes room."""
    camera = make_camera(notification=NotificationConfig(("127.0.0.0/8",), 1))
    content = subscribe_content("http://127.0.0.1:9/")
    address = value(camera.do(SUBSCRIBE, content), "wsa:Address")
    answer = camera.refuse(
        SUBSCRIBE, content, receiver("wsnt:SubscribeCreationFailedFault"), "1 notification producers"
    )
    assert_detailed(answer, "wsnt:SubscribeCreationFailedFault")
    camera.do("wsnt:Unsubscribe", path="/" + address.split("/", 3)[3])
    camera.do(SUBSCRIBE, content)


@provokes(SUBSCRIBE, *receiver("wsnt:SubscribeCreationFailedFault"))
@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("http://192.0.2.1/", "notification.networks"),
        ("http://169.254.169.254/latest/meta-data/", "notification.networks"),
        ("http://127.0.0.1:{port}/onvif/device_service", "the device's own"),
        ("http://localhost:{port}/", "the device's own"),
        ("http://[::1]:8080/", "notification.networks"),
        ("http://user:password@127.0.0.1:9/", "password"),
        ("ftp://127.0.0.1:9/", "http://"),
        ("file:///etc/passwd", "http://"),
        ("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "http://"),
        ("http://www.w3.org/2005/08/addressing/anonymous", "IP address"),
        ("http://127.0.0.1:9/ x", "URL"),
        ("", "URL"),
    ],
)
def test_a_consumer_that_is_not_permitted(camera: Camera, address: str, hint: str) -> None:
    """The device sends nothing to itself, nor to whom the configuration does not name."""
    content = subscribe_content(address.format(port=camera.http_port))
    answer = camera.refuse(SUBSCRIBE, content, receiver("wsnt:SubscribeCreationFailedFault"), hint)
    assert_detailed(answer, "wsnt:SubscribeCreationFailedFault")


@provokes(SUBSCRIBE, "env:Receiver", "ter:ActionNotSupported")
@pytest.mark.parametrize("settings", [NotificationConfig(), NotificationConfig(("127.0.0.0/8",), 0)])
def test_a_device_that_sends_nothing(
    make_camera: Callable[..., Camera], settings: NotificationConfig
) -> None:
    """Core 9.3.2: the interface is there if MaxNotificationProducers is not zero."""
    camera = make_camera(notification=settings)
    assert camera.do("tev:GetServiceCapabilities")[0].get("MaxNotificationProducers") == "0"
    content = subscribe_content("http://127.0.0.1:9/")
    codes = ("env:Receiver", "ter:ActionNotSupported")
    camera.refuse(SUBSCRIBE, content, codes, "CreatePullPointSubscription")


# A subscription's own operations


@provokes("tev:PullMessages", *UNKNOWN)
@provokes("tev:SetSynchronizationPoint", *UNKNOWN)
@provokes("wsnt:Renew", *UNKNOWN)
@provokes("wsnt:Unsubscribe", *UNKNOWN)
def test_a_pull_point_that_there_is_not(camera: Camera) -> None:
    """Core 9.1.3 and 9.1.4: never there, ended by the client, the service's own URL, a bit too much or too little."""
    ended, path = camera.subscribe(), camera.subscribe()
    camera.do("wsnt:Unsubscribe", path=ended)
    for url in (
        NOWHERE,
        ended,
        "/onvif/event_service",
        "/",
        f"{path}0",
        path[:-1],
        f"{path}/x",
        path.upper(),
    ):
        for operation, content in (
            ("tev:PullMessages", pull_content()),
            ("tev:SetSynchronizationPoint", ""),
            ("wsnt:Renew", leaf("TerminationTime", "PT1M")),
            ("wsnt:Unsubscribe", ""),
        ):
            answer = camera.refuse(operation, content, UNKNOWN, "CreatePullPointSubscription", url)
            assert_detailed(answer, "wsrf-r:ResourceUnknownFault")


@provokes("tev:PullMessages", *UNKNOWN)
def test_a_pull_point_whose_time_is_over(camera: Camera) -> None:
    """Core 9.1.6."""
    path = camera.subscribe("PT1S")
    wait_until(lambda: camera.call("tev:SetSynchronizationPoint", path=path).status == 500)
    assert tuple(camera.call("tev:PullMessages", pull_content(), path=path).subcodes) == UNKNOWN


@provokes("tev:PullMessages", *receiver("tev:PullMessagesFaultResponse"))
@pytest.mark.parametrize("timeout", ["PT10M1S", "P1Y", "P9999Y"])
def test_a_pull_that_would_wait_too_long(camera: Camera, timeout: str) -> None:
    """Core 9.1.2: the detail holds both limits."""
    path = camera.subscribe()
    content = pull_content(timeout)
    answer = camera.refuse(
        "tev:PullMessages", content, receiver("tev:PullMessagesFaultResponse"), "600", path
    )
    assert answer.body is not None
    assert value(answer.body, "tev:MaxTimeout") == "PT600S"
    assert int(value(answer.body, "tev:MaxMessageLimit")) >= 1


@provokes("tev:PullMessages", *receiver("wsnt:UnableToGetMessagesFault"))
def test_a_pull_beside_another_one(camera: Camera) -> None:
    """Core 9.1.2: the first one goes on waiting."""
    path = camera.subscribe()
    with ThreadPoolExecutor(1) as pool:
        pulling = pool.submit(camera.call, "tev:PullMessages", pull_content("PT5M"), path=path)
        wait_until(lambda: somebody_waits(camera, path))
        codes = receiver("wsnt:UnableToGetMessagesFault")
        answer = camera.refuse("tev:PullMessages", pull_content(), codes, "pull point", path)
        assert_detailed(answer, "wsnt:UnableToGetMessagesFault")
        assert not pulling.done()
        camera.do("wsnt:Unsubscribe", path=path)
        pulling.result(30)


@provokes("tev:PullMessages", *VALUE)
@pytest.mark.parametrize(
    ("content", "culprit"),
    [
        (pull_content("-PT1S"), "Timeout"),
        (pull_content("-P9999Y"), "Timeout"),
        (pull_content(limit=0), "MessageLimit"),
        (pull_content(limit=-1), "MessageLimit"),
        (pull_content(limit=-(2**31)), "MessageLimit"),
    ],
)
def test_a_pull_that_makes_no_sense(camera: Camera, content: str, culprit: str) -> None:
    camera.refuse("tev:PullMessages", content, VALUE, culprit, camera.subscribe())


def test_every_fault_of_the_event_service_is_declared() -> None:
    """The names that this device gives to faults are elements of the official namespaces."""
    from tests.official import official_schemas
    from tests.operations.faults import FURTHER, SPECIFIED

    codes = [
        codes for operation in SPECIFIED if operation[:3] in ("tev", "wsn") for codes in SPECIFIED[operation]
    ]
    codes += [codes for (operation, codes) in FURTHER if operation[:3] in ("tev", "wsn")]
    names = {codes[-1] for codes in codes if codes[0] == "env:Receiver" and codes[1][:4] != "ter:"}
    assert {qname(name) for name in names} <= set(official_schemas().maps.elements)
    assert NAMESPACES

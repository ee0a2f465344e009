"""Every fault of the Event service, as WS-BaseNotification and Core 9.9 word it; no pull point is made or lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from onvifd.config import ServiceConfig
from onvifd.soap.names import NAMESPACES, qname
from tests.application import Answer
from tests.operations.camera import Camera, leaf, value
from tests.operations.claims import provokes
from tests.operations.test_positive_events import (
    CONCRETE,
    CONCRETE_SET,
    KEY_STATUS,
    ZULU,
    pull_content,
    somebody_waits,
    topic_filter,
)
from tests.support import wait_until

CREATE = "tev:CreatePullPointSubscription"
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


# CreatePullPointSubscription (Core 9.1.1)


@provokes(CREATE, *receiver("wsnt:InvalidFilterFault"))
@pytest.mark.parametrize("name", ["MessageContent", "ProducerProperties"])
@pytest.mark.parametrize(
    "more", ["", f'<wsnt:TopicExpression Dialect="{CONCRETE}">{KEY_STATUS}</wsnt:TopicExpression>']
)
def test_a_filter_of_another_kind(camera: Camera, name: str, more: str) -> None:
    content = f'<Filter>{more}<wsnt:{name} Dialect="urn:x">a/b</wsnt:{name}></Filter>'
    answer = camera.refuse(CREATE, content, receiver("wsnt:InvalidFilterFault"), "TopicExpression")
    assert_detailed(answer, "wsnt:InvalidFilterFault")
    assert answer.body is not None and value(answer.body, "wsnt:UnknownFilter") == f"wsnt:{name}"


@provokes(CREATE, *receiver("wsnt:TopicExpressionDialectUnknownFault"))
@pytest.mark.parametrize("dialect", ["", "urn:x", "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Full"])
def test_a_dialect_that_is_unknown(camera: Camera, dialect: str) -> None:
    content = topic_filter(KEY_STATUS, dialect)
    answer = camera.refuse(CREATE, content, receiver("wsnt:TopicExpressionDialectUnknownFault"), CONCRETE_SET)
    assert_detailed(answer, "wsnt:TopicExpressionDialectUnknownFault")


@provokes(CREATE, *receiver("wsnt:InvalidTopicExpressionFault"))
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
    answer = camera.refuse(CREATE, content, receiver("wsnt:InvalidTopicExpressionFault"))
    assert_detailed(answer, "wsnt:InvalidTopicExpressionFault")


@provokes(CREATE, *receiver("wsnt:TopicNotSupportedFault"))
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
    answer = camera.refuse(CREATE, content, receiver("wsnt:TopicNotSupportedFault"), expression)
    assert_detailed(answer, "wsnt:TopicNotSupportedFault")


@provokes(CREATE, *receiver("wsnt:UnacceptableInitialTerminationTimeFault"))
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
    renewed = camera.refuse("wsnt:Renew", leaf("TerminationTime", end), receiver(renew), "3600", path)
    for answer, fault in ((created, create), (renewed, renew)):
        assert_detailed(answer, fault)
        assert answer.body is not None
        minimum, maximum = (value(answer.body, f"wsnt:{name}") for name in ("MinimumTime", "MaximumTime"))
        assert datetime.now(UTC).strftime(ZULU) < minimum < maximum
        camera.do("wsnt:Renew", leaf("TerminationTime", minimum), path=path)


@provokes(CREATE, *receiver("wsnt:UnrecognizedPolicyRequestFault"))
def test_a_policy_that_is_unknown(camera: Camera) -> None:
    content = '<SubscriptionPolicy><tev:ChangedOnly/><x:Fast xmlns:x="urn:x"/></SubscriptionPolicy>'
    answer = camera.refuse(CREATE, content, receiver("wsnt:UnrecognizedPolicyRequestFault"), "ChangedOnly")
    assert_detailed(answer, "wsnt:UnrecognizedPolicyRequestFault")
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


# A pull point's own operations


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
    names = {codes[-1] for codes in codes if codes[0] == "env:Receiver"}
    assert {qname(name) for name in names} <= set(official_schemas().maps.elements)
    assert NAMESPACES

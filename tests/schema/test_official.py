"""The helper that judges every response of the suite notices what it should."""

from datetime import timedelta

import pytest

from onvifd.soap.encode import element
from onvifd.soap.envelope import serialize
from onvifd.soap.faults import Fault, fault_element
from onvifd.soap.names import qname
from tests.official import assert_valid_response, official_schemas

ANSWER = {"KeyID": "key-1", "EstimatedCreationTime": timedelta(seconds=1)}
RESPONSE = serialize(element("tas:CreateRSAKeyPairResponse", ANSWER))
FAULT = serialize(fault_element(Fault("Sender", ("ter:InvalidArgVal", "ter:KeyID"), "x")))
TOPICS = serialize(
    element(
        "tev:GetEventPropertiesResponse",
        {
            "TopicNamespaceLocation": "http://www.onvif.org/onvif/ver10/topics/topicns.xml",
            "wsnt:FixedTopicSet": True,
            "wstop:TopicSet": {"tns1:Advancedsecurity": {"Keystore": {"KeyStatus": {"@wstop:topic": True}}}},
            "wsnt:TopicExpressionDialect": ["http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete"],
            "MessageContentFilterDialect": "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter",
            "MessageContentSchemaLocation": "http://www.onvif.org/onvif/ver10/schema/onvif.xsd",
        },
    )
)


def test_the_schemas_hold_every_namespace() -> None:
    names = [
        "tds:GetUsersResponse",
        "tas:GetAllKeysResponse",
        "tev:PullMessagesResponse",
        "wsnt:RenewResponse",
    ]
    names += [
        "env:Fault",
        "wsa:EndpointReference",
        "wstop:TopicSet",
        "wsrf-r:ResourceUnknownFault",
        "tt:Message",
    ]
    assert [name for name in names if qname(name) not in official_schemas().maps.elements] == []


@pytest.mark.parametrize("response", [RESPONSE, FAULT, TOPICS])
def test_what_is_right(response: bytes) -> None:
    assert_valid_response(response)


@pytest.mark.parametrize(
    ("response", "old", "new"),
    [
        (RESPONSE, b"PT1S", b"1S"),
        (RESPONSE, b"EstimatedCreationTime", b"Time"),
        (RESPONSE, b"CreateRSAKeyPairResponse", b"CreateRSAKeyPairAnswer"),
        (RESPONSE, b"<tas:KeyID>key-1</tas:KeyID>", b""),
        (RESPONSE, b"<env:Body>", b"<env:Body><tas:GetAllKeysResponse/>"),
        (RESPONSE, b"<?xml", b" <?xml"),
        (FAULT, b"env:Sender", b"env:Client"),
        (FAULT, b'xml:lang="en"', b'xml:lang="de"'),
        (FAULT, b' xml:lang="en"', b""),
        (FAULT, b">ter:KeyID<", b">nope:KeyID<"),
        (FAULT, b">x<", b"> <"),
        (TOPICS, b'wstop:topic="true"', b'wstop:topic="perhaps"'),
        (TOPICS, b"FixedTopicSet>true<", b"FixedTopicSet>yes<"),
    ],
)
def test_what_is_wrong(response: bytes, old: bytes, new: bytes) -> None:
    assert old in response
    with pytest.raises(AssertionError):
        assert_valid_response(response.replace(old, new))

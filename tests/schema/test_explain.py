"""What a client reads of a request that breaks its schema: which element, which rule, in plain English."""

import pytest

from onvifd.schema import InvalidArguments
from onvifd.soap.names import NAMESPACES
from tests.schema.test_decode import decoded

TAS = NAMESPACES["tas"]
TDS = NAMESPACES["tds"]


def key_pair(content: str, attributes: str = "") -> str:
    return f"<tas:CreateRSAKeyPair {attributes}>{content}</tas:CreateRSAKeyPair>"


def protocol(name: str = "HTTP", enabled: str = "true", port: str = "80") -> str:
    return (
        f"<tds:SetNetworkProtocols><tds:NetworkProtocols><tt:Name>{name}</tt:Name><tt:Enabled>{enabled}</tt:Enabled>"
        f"<tt:Port>{port}</tt:Port></tds:NetworkProtocols></tds:SetNetworkProtocols>"
    )


def renewal(time: str) -> str:
    return f"<wsnt:Renew><wsnt:TerminationTime>{time}</wsnt:TerminationTime></wsnt:Renew>"


def filtered(content: str) -> str:
    content = f"<tev:Filter>{content}</tev:Filter>"
    return f"<tev:CreatePullPointSubscription>{content}</tev:CreatePullPointSubscription>"


def key_status(key_id: str) -> str:
    return f"<tas:GetKeyStatus><tas:KeyID>{key_id}</tas:KeyID></tas:GetKeyStatus>"


def certificate(text: str) -> str:
    return f"<tas:UploadCertificate><tas:Certificate>{text}</tas:Certificate></tas:UploadCertificate>"


def pull(timeout: str) -> str:
    return f"<tev:PullMessages><tev:Timeout>{timeout}</tev:Timeout></tev:PullMessages>"


LENGTH = "<tas:KeyLength>2048</tas:KeyLength>"
ALIAS = "<tas:Alias>a</tas:Alias>"
DATE_TIME = "a date and time such as 2030-01-31T12:00:00Z"

ELEMENTS = [
    (key_pair(""), "CreateRSAKeyPair is incomplete: KeyLength is missing"),
    (key_pair(ALIAS), "Alias is not expected first in CreateRSAKeyPair; expected: KeyLength"),
    (key_pair(LENGTH * 2), "KeyLength is not expected after KeyLength in CreateRSAKeyPair"),
    (key_pair(LENGTH + "<tas:Foo/>"), "Foo is not expected after KeyLength in CreateRSAKeyPair"),
    (key_pair("<KeyLength>1</KeyLength>"), f"KeyLength must be in the namespace {TAS}, not in ''"),
    (key_pair("<tds:KeyLength/>"), f"KeyLength must be in the namespace {TAS}, not in '{TDS}'"),
    (key_pair(LENGTH + "<tds:Alias/>"), f"Alias must be in the namespace {TAS}, not in '{TDS}'"),
    ("<tas:GetAllKeys><tas:KeyID/></tas:GetAllKeys>", "KeyID is not expected first in GetAllKeys"),
    ("<tds:DeleteUsers/>", "DeleteUsers is incomplete: Username is missing"),
    (filtered("<x xmlns='urn:x'/>"), "x in the namespace 'urn:x' is not known here"),
]
VALUES = [
    (key_pair("<tas:KeyLength>abc</tas:KeyLength>"), "KeyLength: 'abc' is not a whole number"),
    (key_pair("<tas:KeyLength>2_048</tas:KeyLength>"), "KeyLength: '2_048' is not a whole number"),
    (key_pair("<tas:KeyLength/>"), "KeyLength: '' is not a whole number"),
    (
        key_pair("<tas:KeyLength>-1</tas:KeyLength>"),
        "KeyLength: '-1' is not accepted: value must be non negative",
    ),
    (protocol(name="FTP"), "Name: 'FTP' is not one of HTTP, HTTPS, RTSP"),
    (protocol(enabled="yes"), "Enabled: 'yes' is neither true nor false"),
    (protocol(port="9999999999"), "Port: '9999999999' is not accepted: value must be -2^31 <= x < 2^31"),
    (renewal("soon"), f"TerminationTime: 'soon' is neither {DATE_TIME} nor a duration such as PT60S"),
    (renewal("P10000Y"), "TerminationTime: 'P10000Y' is not within the years 1 to 9999"),
    (pull("60"), "Timeout: '60' is not a duration such as PT60S"),
    (certificate("%"), "Certificate: '%' is not base64"),
    (
        key_status("1"),
        "KeyID: '1' is not an identifier: a letter or _, then letters, digits, '.', '-' or '_'",
    ),
    (key_status("k" * 65), f"KeyID: '{'k' * 40}...' has more than 64 characters"),
]
CONTENT = [
    (
        key_pair("<tas:KeyLength>1<tas:a/></tas:KeyLength>"),
        "KeyLength: a simple content element can't have child elements",
    ),
    (key_pair("text" + LENGTH), "CreateRSAKeyPair: character data between child elements not allowed"),
    (
        "<tas:GetAllKeys>text</tas:GetAllKeys>",
        "GetAllKeys: character data is not allowed because content is empty",
    ),
    (key_pair(LENGTH, 'a="b"'), "CreateRSAKeyPair: 'a' attribute not allowed for element"),
    (filtered("<wsnt:TopicExpression/>"), "TopicExpression: missing required attribute 'Dialect'"),
]


@pytest.mark.parametrize(("request_text", "reason"), ELEMENTS + VALUES + CONTENT)
def test_the_reason(request_text: str, reason: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        decoded(request_text)
    assert str(caught.value) == reason


SECRET = "Tr0ub4dor"


@pytest.mark.parametrize(
    "password",
    [
        f"<tt:Password><x>{SECRET}</x></tt:Password>",
        f"<tt:Password>{SECRET}<x/></tt:Password>",
        f"<tt:Password xsi:nil='true'>{SECRET}</tt:Password>",
        f"<tt:Password xsi:type='xs:int'>{SECRET}</tt:Password>",
        f"<tt:Password xsi:type='xs:NCName'>1 {SECRET}</tt:Password>",
        f"<tt:Password>{SECRET}</tt:Password><tt:Password>{SECRET}</tt:Password>",
        f"<tt:UserLevel/><tt:Password>{SECRET}</tt:Password>",
        f"<Password>{SECRET}</Password>",
    ],
)
def test_a_password_is_never_shown(password: str) -> None:
    user = f"<tt:Username>a</tt:Username>{password}<tt:UserLevel>User</tt:UserLevel>"
    request = f"<tds:CreateUsers><tds:User>{user}</tds:User></tds:CreateUsers>"
    with pytest.raises(InvalidArguments) as caught:
        decoded(request)
    assert SECRET not in str(caught.value)


LONG = "a" * 100_000


@pytest.mark.parametrize(
    "request_text",
    [
        key_pair(f"<tas:KeyLength>{LONG}</tas:KeyLength>"),
        key_pair(f"<tas:{LONG}/>"),
        key_pair(f"<KeyLength xmlns='{LONG}'/>"),
        key_pair(LENGTH, f'{LONG}="b"'),
        key_pair(f"<tas:KeyLength xsi:type='{LONG}'/>"),
        filtered(f"<x xmlns='{LONG}'/>"),
        filtered(f"<wsnt:TopicExpression Dialect='' y:{LONG}='{LONG}' xmlns:y='{LONG}'/>"),
        filtered(f"<{LONG} xmlns='urn:x'/>"),
        protocol(name=LONG),
    ],
)
def test_little_of_the_request_is_repeated(request_text: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        decoded(request_text)
    assert len(str(caught.value)) < 300

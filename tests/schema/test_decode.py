"""Requests as plain Python values."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from onvifd.schema import Duration, InvalidArguments, Schema
from onvifd.soap.envelope import Limits, Message, parse
from onvifd.soap.names import NAMESPACES, qname

SCHEMA = Schema.load()
TAS = NAMESPACES["tas"]


def message(request: str) -> Message:
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items() if prefix != "xml")
    return parse(f"<env:Envelope {names}><env:Body>{request}</env:Body></env:Envelope>".encode(), Limits())


def decoded(request: str) -> dict[str, Any]:
    received = message(request)
    return SCHEMA.decode(received.body, received.scope_of)


def renewal(time: str) -> Any:
    return decoded(f"<wsnt:Renew><wsnt:TerminationTime>{time}</wsnt:TerminationTime></wsnt:Renew>")[
        "TerminationTime"
    ]


@pytest.mark.parametrize(
    "text", ["<tas:CreateECCKeyPair/>", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'/>"]
)
def test_an_element_that_is_not_declared(text: str) -> None:
    received = message(text)
    with pytest.raises(KeyError):
        SCHEMA.decode(received.body, received.scope_of)


def test_an_empty_request() -> None:
    assert decoded("<tas:GetAllKeys/>") == {}
    assert decoded("<tas:GetAllKeys> \n </tas:GetAllKeys>") == {}


def test_absent_optional_values_are_none() -> None:
    request = "<tas:CreateRSAKeyPair><tas:KeyLength> 2048 </tas:KeyLength></tas:CreateRSAKeyPair>"
    assert decoded(request) == {"KeyLength": 2048, "Alias": None}


def test_absent_repeated_values_are_an_empty_list() -> None:
    assert decoded("<tds:GetCapabilities/>") == {"Category": []}


def test_absent_values_with_a_default_have_it() -> None:
    request = "<tas:UploadCertificate><tas:Certificate>AP8=</tas:Certificate></tas:UploadCertificate>"
    expected = {"Certificate": b"\x00\xff", "Alias": None, "KeyAlias": None, "PrivateKeyRequired": False}
    assert decoded(request) == expected
    given = request.replace(
        "</tas:UploadC", "<tas:PrivateKeyRequired>1</tas:PrivateKeyRequired></tas:UploadC"
    )
    assert decoded(given)["PrivateKeyRequired"] is True
    empty = request.replace("</tas:UploadC", "<tas:PrivateKeyRequired/></tas:UploadC")
    assert decoded(empty)["PrivateKeyRequired"] is False


def test_base64_may_be_folded() -> None:
    request = (
        "<tas:UploadCertificate><tas:Certificate>\r\n AA\n E= \t</tas:Certificate></tas:UploadCertificate>"
    )
    assert decoded(request)["Certificate"] == b"\x00\x01"


def test_strings_keep_their_white_space_and_identifiers_do_not() -> None:
    def alias(text: str) -> Any:
        length = "<tas:KeyLength>1</tas:KeyLength>"
        request = f"<tas:CreateRSAKeyPair>{length}<tas:Alias>{text}</tas:Alias></tas:CreateRSAKeyPair>"
        return decoded(request)["Alias"]

    assert alias(" a  b ") == " a  b "
    assert alias("") == ""
    assert decoded("<tas:GetKeyStatus><tas:KeyID>\n key-1 </tas:KeyID></tas:GetKeyStatus>") == {
        "KeyID": "key-1"
    }


def test_nested_structures_and_lists() -> None:
    request = """<tds:SetNetworkProtocols>
      <tds:NetworkProtocols vendor="1" xml:lang="en">
        <tt:Name>HTTP</tt:Name><tt:Enabled>0</tt:Enabled><tt:Port>80</tt:Port><tt:Port>8080</tt:Port>
      </tds:NetworkProtocols>
      <tds:NetworkProtocols>
        <tt:Name>HTTPS</tt:Name><tt:Enabled>true</tt:Enabled><tt:Port>443</tt:Port><tt:Extension/>
      </tds:NetworkProtocols>
    </tds:SetNetworkProtocols>"""
    assert decoded(request.replace('vendor="1" ', 'wsse:vendor="1" ')) == {
        "NetworkProtocols": [
            {"Name": "HTTP", "Enabled": False, "Port": [80, 8080], "Extension": None},
            {"Name": "HTTPS", "Enabled": True, "Port": [443], "Extension": {"any": []}},
        ]
    }


def test_users() -> None:
    request = """<tds:CreateUsers><tds:User>
      <tt:Username>a</tt:Username><tt:UserLevel>Operator</tt:UserLevel>
      <tt:Extension><tt:Roles> one  two </tt:Roles></tt:Extension>
    </tds:User></tds:CreateUsers>"""
    extension = {"Roles": ["one", "two"], "any": []}
    user = {"Username": "a", "Password": None, "UserLevel": "Operator", "Extension": extension}
    assert decoded(request) == {"User": [user]}


def test_a_certificate_request() -> None:
    request = """<tas:CreatePKCS10CSR>
      <tas:Subject>
        <tas:Country>DE</tas:Country><tas:CommonName>a</tas:CommonName><tas:CommonName>b</tas:CommonName>
        <tas:GenericAttribute><tas:Type>2.5.4.9</tas:Type><tas:Value>street</tas:Value></tas:GenericAttribute>
        <tas:MultiValuedRDN><tas:Attribute><tas:Type>CN</tas:Type><tas:Value>c</tas:Value></tas:Attribute></tas:MultiValuedRDN>
        <tas:anyAttribute><tas:DomainComponent>org</tas:DomainComponent><x xmlns="urn:x"/></tas:anyAttribute>
      </tas:Subject>
      <tas:KeyID>key-1</tas:KeyID>
      <tas:CSRAttribute><tas:X509v3Extension><tas:extnOID>2.5.29.17</tas:extnOID><tas:critical/>
        <tas:extnValue>MAA=</tas:extnValue></tas:X509v3Extension></tas:CSRAttribute>
      <tas:CSRAttribute/>
      <tas:SignatureAlgorithm><tas:algorithm>1.2.840.113549.1.1.11</tas:algorithm><tas:parameters>BQA=</tas:parameters>
      </tas:SignatureAlgorithm>
    </tas:CreatePKCS10CSR>"""
    value = decoded(request)
    subject = value["Subject"]
    assert (subject["Country"], subject["CommonName"], subject["Title"]) == (["DE"], ["a", "b"], [])
    assert subject["GenericAttribute"] == [{"Type": "2.5.4.9", "Value": "street", "any": []}]
    assert subject["MultiValuedRDN"] == [{"Attribute": [{"Type": "CN", "Value": "c", "any": []}]}]
    assert subject["anyAttribute"]["DomainComponent"] == ["org"]
    assert [item.tag for item in subject["anyAttribute"]["any"]] == ["{urn:x}x"]
    first, second = value["CSRAttribute"]
    extension = {"extnOID": "2.5.29.17", "critical": False, "extnValue": b"0\x00", "any": []}
    assert first == {"X509v3Extension": extension, "BasicRequestAttribute": None, "anyAttribute": None}
    assert set(second.values()) == {None}
    algorithm = {"algorithm": "1.2.840.113549.1.1.11", "parameters": b"\x05\x00", "anyParameters": None}
    assert value["SignatureAlgorithm"] == algorithm


def test_a_subscription_with_its_filter_and_scopes() -> None:
    received = message(
        """<tev:CreatePullPointSubscription><tev:Filter>
        <wsnt:TopicExpression Dialect="urn:d" xmlns:t="urn:t">t:a/b<!-- c --></wsnt:TopicExpression>
        </tev:Filter><tev:InitialTerminationTime>PT60S</tev:InitialTerminationTime></tev:CreatePullPointSubscription>"""
    )
    value = SCHEMA.decode(received.body, received.scope_of)
    (expression,) = value["Filter"]["any"]
    assert (expression.text, expression.get("Dialect")) == ("t:a/b", "urn:d")
    assert received.scope_of(expression)["t"] == "urn:t"
    assert value["InitialTerminationTime"] == Duration(0, Decimal(60))
    assert value["SubscriptionPolicy"] is None
    assert value["any"] == []


def test_mixed_content_and_attributes() -> None:
    received = message(
        '<wsnt:TopicExpression Dialect="urn:d" xml:lang="en">a<x xmlns="urn:x"/></wsnt:TopicExpression>'
    )
    value = SCHEMA.decode(received.body, received.scope_of)
    assert (value["@Dialect"], value[""], len(value["any"])) == ("urn:d", "a", 1)


def test_times_absolute_and_relative() -> None:
    """WS-BaseNotification 1.3: wsnt:AbsoluteOrRelativeTimeType."""
    assert renewal("2030-01-31T12:00:00Z") == datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
    assert renewal(" 2030-01-31T12:00:00 ") == datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
    assert renewal("PT1M") == Duration(0, Decimal(60))
    assert renewal("-P1M") == Duration(-1, Decimal(0))


@pytest.mark.parametrize("nil", ["true", "1", " true "])
def test_nil_is_none(nil: str) -> None:
    request = f'<wsnt:Renew><wsnt:TerminationTime xsi:nil="{nil}"/></wsnt:Renew>'
    assert decoded(request) == {"TerminationTime": None, "any": []}


def test_nil_is_refused_where_it_means_nothing() -> None:
    with pytest.raises(InvalidArguments, match="KeyID: element is not nillable"):
        decoded('<tas:GetKeyStatus><tas:KeyID xsi:nil="true"/></tas:GetKeyStatus>')


@pytest.mark.parametrize(
    "time",
    [
        "P99999999999999Y",
        "PT99999999999999999999S",
        f"PT{'9' * 5000}S",
        "99999-01-01T00:00:00Z",
        f"{'9' * 30}-01-01T00:00:00Z",
        f"{'9' * 5000}-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
    ],
)
def test_times_beyond_all_range(time: str) -> None:
    with pytest.raises(InvalidArguments, match=r"^TerminationTime: '"):
        renewal(time)
    timeout = f"<tev:Timeout>{time}</tev:Timeout><tev:MessageLimit>1</tev:MessageLimit>"
    with pytest.raises(InvalidArguments, match=r"^Timeout: '"):
        decoded(f"<tev:PullMessages>{timeout}</tev:PullMessages>")


def test_numbers_beyond_all_range() -> None:
    def key_length(number: str) -> Any:
        length = f"<tas:KeyLength>{number}</tas:KeyLength>"
        return decoded(f"<tas:CreateRSAKeyPair>{length}</tas:CreateRSAKeyPair>")["KeyLength"]

    assert key_length("9" * 100) == int("9" * 100)
    with pytest.raises(InvalidArguments, match=r"^KeyLength: '9"):
        key_length("9" * 5000)


class TestType:
    """xsi:type, whose prefix may be declared anywhere around it, as .NET does."""

    def test_a_prefix_declared_on_the_element_itself(self) -> None:
        request = (
            '<tas:GetKeyStatus><tas:KeyID xmlns:q="http://www.onvif.org/ver10/advancedsecurity/wsdl" '
            'xsi:type="q:KeyID">key-1</tas:KeyID></tas:GetKeyStatus>'
        )
        assert decoded(request) == {"KeyID": "key-1"}

    def test_a_type_of_the_default_namespace(self) -> None:
        request = (
            '<GetKeyStatus xmlns="http://www.onvif.org/ver10/advancedsecurity/wsdl">'
            '<KeyID xsi:type="KeyID">a</KeyID></GetKeyStatus>'
        )
        assert decoded(request) == {"KeyID": "a"}

    def test_the_same_prefix_with_another_meaning(self) -> None:
        key_id = '<t:KeyID xmlns:tas="urn:x" xsi:type="tas:KeyID">a</t:KeyID>'
        request = f'<t:GetKeyStatus xmlns:t="{TAS}">{key_id}</t:GetKeyStatus>'
        with pytest.raises(InvalidArguments):
            decoded(request)

    @pytest.mark.parametrize("name", ["nope:KeyID", "KeyID", "", "tas:Nope", "tas:", ":KeyID", "a:b:c"])
    def test_an_unknown_type(self, name: str) -> None:
        with pytest.raises(InvalidArguments, match="KeyID: its xsi:type is not known here"):
            decoded(f'<tas:GetKeyStatus><tas:KeyID xsi:type="{name}">a</tas:KeyID></tas:GetKeyStatus>')

    def test_a_type_that_is_not_derived(self) -> None:
        with pytest.raises(InvalidArguments, match="not derived"):
            decoded('<tas:GetKeyStatus><tas:KeyID xsi:type="xs:int">1</tas:KeyID></tas:GetKeyStatus>')

    def test_extensions_keep_their_identity(self) -> None:
        """The elements at a wildcard are the message's own: their scope can be asked for."""
        received = message('<wsnt:Unsubscribe><x xmlns="urn:x" xsi:type="xs:int">1</x></wsnt:Unsubscribe>')
        (extension,) = SCHEMA.decode(received.body, received.scope_of)["any"]
        assert received.scope_of(extension)[""] == "urn:x"
        assert extension.get(qname("xsi:type")) == "xs:int"


def test_a_request_makes_nothing_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the location that a request names, nor what xmlschema knows for a namespace."""
    namespaces = ["urn:x", "http://www.w3.org/1999/xhtml", "http://www.w3.org/1999/xlink", NAMESPACES["wsa"]]
    opened: list[str] = []
    monkeypatch.setattr(
        "xmlschema.resources.xml_resource.XMLResource.open", lambda self: opened.append(self.url)
    )
    monkeypatch.setattr("urllib.request.urlopen", lambda url, *_: opened.append(url))
    for namespace in namespaces:
        decoded(
            f'<wsnt:Unsubscribe xsi:schemaLocation="{namespace} http://127.0.0.1:1/a.xsd">'
            f'<x xmlns="{namespace}" y:z="1" xmlns:y="{namespace}"/></wsnt:Unsubscribe>'
        )
    assert not opened


def test_many_threads_at_once() -> None:
    requests = {
        "<tas:CreateRSAKeyPair><tas:KeyLength>{}</tas:KeyLength></tas:CreateRSAKeyPair>": "KeyLength",
        "<tev:PullMessages><tev:Timeout>PT1S</tev:Timeout><tev:MessageLimit>{}</tev:MessageLimit>"
        "</tev:PullMessages>": "MessageLimit",
        '<wsnt:Unsubscribe><x xmlns="urn:x" xsi:type="xs:int">{}</x></wsnt:Unsubscribe>': "any",
    }
    schema = Schema.load()

    def work(number: int) -> None:
        for request, key in requests.items():
            received = message(request.format(number))
            value = schema.decode(received.body, received.scope_of)[key]
            assert (value if key != "any" else int(value[0].text)) == number
            broken = message(request.format("x"))
            with pytest.raises(InvalidArguments, match="'x' is not a whole number"):
                schema.decode(broken.body, broken.scope_of)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(300)))

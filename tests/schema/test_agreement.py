"""Our schemas and the official ones give every request the same verdict.

Twice over: their declarations are compared part by part, and Hypothesis makes up requests from the official
declarations, mutates them, and asks both. Where the two differ on purpose, DIFFERENCES says so and why.
"""

from __future__ import annotations

import io
from importlib.resources import as_file, files
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
import xmlschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xmlschema.validators import XsdAnyElement, XsdElement, XsdGroup

from onvifd.operations import SERVED
from onvifd.schema import InvalidArguments, Schema
from onvifd.soap import envelope
from onvifd.soap.names import NAMESPACES, qname
from tests.official import official_schemas
from tests.schema import documents

OURS = Schema.load()

NAMES = sorted(SERVED)
WITH_CONTENT = [name for name in NAMES if len(official_schemas().maps.elements[qname(name)].type.content)]
WITHOUT_CONTENT = [name for name in NAMES if name not in WITH_CONTENT]


def test_our_schemas_are_valid() -> None:
    """Loaded with all the checks that the device does without, when it starts."""
    with as_file(files("onvifd.schemas")) as directory:
        sources = sorted(str(path) for path in directory.glob("*.xsd"))
        loaded = xmlschema.XMLSchema11(sources, allow="local", use_fallback=False)
    assert {*map(qname, SERVED)} <= {*loaded.maps.elements}
    assert {*loaded.maps.identities} == {*xmlschema.XMLSchema11.meta_schema.maps.identities}


def declaration(name: str) -> XsdElement:
    return official_schemas().maps.elements[qname(name)]


def ours(request: str) -> bool:
    data = f'<e:Envelope xmlns:e="{NAMESPACES["env"]}"><e:Body>{request}</e:Body></e:Envelope>'
    message = envelope.parse(data.encode(), envelope.Limits())
    try:
        OURS.decode(message.body, message.scope_of)
    except InvalidArguments as error:
        assert str(error)
        return False
    return True


def theirs(request: str) -> bool:
    return is_official(xmlschema.XMLResource(io.StringIO(request)))


def is_official(request: xmlschema.XMLResource) -> bool:
    try:
        return official_schemas().is_valid(request)
    except (xmlschema.XMLSchemaException, OverflowError):
        return False


def check(element: Element) -> None:
    request = ElementTree.tostring(element, encoding="unicode")
    official = xmlschema.XMLResource(io.StringIO(request))
    if not len(official.root) and not (official.root.text or "").strip(" \t\n\r"):
        official.root.text = None  # the indented empty request of DIFFERENCES
    assert ours(request) == is_official(official), request


QUICK = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("name", NAMES)
@given(st.data())
@settings(QUICK, max_examples=20)
def test_a_valid_request_is_valid_to_both(name: str, data: st.DataObject) -> None:
    request = ElementTree.tostring(data.draw(documents.documents(declaration(name))), encoding="unicode")
    assert ours(request)
    assert theirs(request)


@pytest.mark.parametrize("name", WITH_CONTENT)
@given(st.data())
@settings(QUICK, max_examples=100)
def test_a_mutated_request_gets_one_verdict(name: str, data: st.DataObject) -> None:
    check(data.draw(documents.mutants(declaration(name))))


@pytest.mark.parametrize("name", WITHOUT_CONTENT)
@given(st.data())
@settings(QUICK, max_examples=30)
def test_a_mutated_empty_request_gets_one_verdict(name: str, data: st.DataObject) -> None:
    check(data.draw(documents.mutants(declaration(name))))


def described(particle: Any) -> Any:
    """A declaration and all below it as plain values, which are equal if it accepts the same."""
    occurs = (particle.min_occurs, particle.max_occurs)
    if isinstance(particle, XsdAnyElement):
        return (
            "any",
            sorted(particle.namespace),
            sorted(particle.not_namespace),
            particle.process_contents,
            occurs,
        )
    if isinstance(particle, XsdGroup):
        return (particle.model, [described(item) for item in particle], occurs)
    return (
        particle.name,
        described_type(particle.type),
        occurs,
        particle.nillable,
        particle.default,
        particle.fixed,
    )


def described_type(kind: Any) -> Any:
    if not kind.is_complex():
        return described_simple_type(kind)
    attributes = [
        (name, attribute.use, described_simple_type(attribute.type))
        if name is not None
        else ("any", sorted(attribute.namespace), attribute.process_contents)
        for name, attribute in kind.attributes.items()
    ]
    content = kind.content
    inner = described(content) if isinstance(content, XsdGroup) else described_simple_type(content)
    return (kind.mixed, inner, attributes)


def described_simple_type(kind: Any) -> Any:
    if kind.is_list():
        return ("list", described_simple_type(kind.item_type))
    if kind.is_union():
        return ("union", [described_simple_type(member) for member in kind.member_types])
    facets = [
        (str(name).rpartition("}")[2], getattr(facet, "value", None) or str(facet))
        for name, facet in kind.facets.items()
        if name not in (None, qname("xs:pattern"))  # of equal language, see advancedsecurity.xsd
    ]
    return (kind.root_type.name, kind.is_derived(kind.maps.types[qname("xs:NCName")]), sorted(facets))


@pytest.mark.parametrize("name", NAMES)
def test_the_declarations_are_the_official_ones(name: str) -> None:
    assert described(OURS._elements[qname(name)]) == described(declaration(name))


def test_nothing_is_declared_that_is_no_request_or_filter() -> None:
    filters = ["wsnt:TopicExpression", "wsnt:MessageContent", "wsnt:ProducerProperties"]
    assert set(OURS._elements) == {qname(name) for name in [*NAMES, *filters, "wsnt:ConsumerReference"]}


def declared(request: str) -> str:
    """The request with our prefixes declared on it."""
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items() if prefix != "xml")
    return request.replace(">", f" {names}>", 1)


def renewal(time: str) -> str:
    return f"<wsnt:Renew><wsnt:TerminationTime>{time}</wsnt:TerminationTime></wsnt:Renew>"


def key_length(number: str) -> str:
    return f"<tas:CreateRSAKeyPair><tas:KeyLength>{number}</tas:KeyLength></tas:CreateRSAKeyPair>"


DIFFERENCES = {
    # Clients indent what they write, and an empty content model has no place even for a space.
    "an indented empty request": ("<tas:GetAllKeys>\n  </tas:GetAllKeys>", False, True),
    # Python's dates end at the year 9999, and no device outlives it.
    "year 10000": (renewal("10000-01-01T00:00:00Z"), True, False),
    "the hour after the year 9999": (renewal("9999-12-31T24:00:00Z"), True, False),
    "year 0": (renewal("0000-01-01T00:00:00Z"), True, False),
    "before the common era": (renewal("-0044-03-15T12:00:00Z"), True, False),
    "10000 years": (renewal("P10000Y"), True, False),
    "a duration of more than 64 characters": (renewal("PT0." + "0" * 80 + "S"), True, False),
    # xmlschema takes its own notation of a name, and what Python's int() takes; XML Schema has none of it.
    "a type named as ElementTree does": (
        '<tds:DeleteUsers><tds:Username xsi:type="{http://www.w3.org/2001/XMLSchema}string">a</tds:Username>'
        "</tds:DeleteUsers>",
        True,
        False,
    ),
    "underscores in a number": (key_length("2_048"), True, False),
    "digits of another script": (key_length("\u0662\u0660\u0664\u0668"), True, False),
    # A strict wildcard means the elements that are declared, and ours declare what a filter can hold.
    "a filter that is no filter": (
        "<tev:CreatePullPointSubscription><tev:Filter><wsnt:FixedTopicSet>true</wsnt:FixedTopicSet></tev:Filter>"
        "</tev:CreatePullPointSubscription>",
        True,
        False,
    ),
    "an extension of PullMessages": (
        "<tev:PullMessages><tev:Timeout>PT1S</tev:Timeout><tev:MessageLimit>1</tev:MessageLimit>"
        "<tt:IntRange><tt:Min>1</tt:Min><tt:Max>2</tt:Max></tt:IntRange></tev:PullMessages>",
        True,
        False,
    ),
    "an attribute of WS-Topics on a topic expression": (
        "<tev:CreatePullPointSubscription><tev:Filter>"
        '<wsnt:TopicExpression Dialect="urn:x" wstop:topic="true"/>'
        "</tev:Filter></tev:CreatePullPointSubscription>",
        True,
        False,
    ),
    # A lax wildcard validates what is declared; what only the official schemas declare is used by nobody.
    "a wrong element of ONVIF as an extension": (
        "<wsnt:Unsubscribe><tt:IntRange/></wsnt:Unsubscribe>",
        False,
        True,
    ),
    # xsi:type can only name a type that is declared.
    "an official type for a plain string": (
        '<tds:DeleteUsers><tds:Username xsi:type="tt:Name">a</tds:Username></tds:DeleteUsers>',
        True,
        False,
    ),
}
"""What the two differ in: a request, the official verdict, ours."""


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_only_differences(name: str) -> None:
    request, official, own = DIFFERENCES[name]
    assert theirs(declared(request)) == official
    assert ours(declared(request)) == own

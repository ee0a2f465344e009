"""Requests made up from a schema's own components: valid ones, and what becomes of them by mutation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from xml.etree.ElementTree import Comment, Element, ProcessingInstruction, QName, SubElement

from hypothesis import strategies as st
from xmlschema.validators import XsdAnyElement, XsdElement, XsdGroup, XsdSimpleType

from onvifd.soap.names import NAMESPACES, qname

TYPE = qname("xsi:type")
NIL = qname("xsi:nil")

VALUES = {
    "boolean": ["true", "false", "1", "0", " true\n"],
    "int": ["0", "80", "+5", "-0", "007", " 443 ", "2147483647", "-2147483648"],
    "nonNegativeInteger": ["0", "2048", "+2048", " 2048\t", "-0", "99999999999999999999"],
    "positiveInteger": ["1", "3", "+3", "00000000000000000000003"],
    "KeyID": ["key-1", "_", "a.b-c_9", "\u00e9t\u00e9", " key-1 ", "k" * 64],
    "CertificateID": ["certificate-1", "_", "c" * 64],
    "CertificationPathID": ["path-1", "_", "p" * 64],
    "Base64DERencodedASN1Value": ["", "AAAA", "AAA=", "AA==", "A A\nA A", " MIIB "],
    "DotDecimalOID": ["1", "1.2.840.113549.1.1.11", "12", "1x2", "1 2"],
    "dateTime": [
        "2030-01-31T12:00:00Z",
        "2030-01-31T12:00:00",
        "2030-12-31T24:00:00.000+14:00",
        " 0001-01-01T00:00:00Z ",
    ],
    "duration": ["PT60S", "P1D", "-P1Y2M3DT4H5M6.7S", "PT0S", " PT1M ", "P0Y"],
    "string": ["", "admin", " two  words ", "\u00fc\U0001f511", "a&b<c>\"'", "x" * 300],
    "anyURI": ["urn:x", "", "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"],
}
"""Valid values by the name of the type, or of the first of its ancestors that is listed."""

WRONG = [
    *("", " ", "abc", "TRUE", "2", "-1", "1.0", "1e3", "0x10", "2147483648", "-2147483649", "NaN"),
    *("1key", "a:b", "a b", "k" * 65, "FTP", "http", " HTTP", "Root", "\u00a0", "\u2003true"),
    *("AAA", "====", "AA=A", "!!!!", "A", "1.", ".1", "1..2"),
    *("2030-01-31", "2030-1-1T1:1:1Z", "2030-02-30T00:00:00Z", "2030-01-31T25:00:00Z"),
    *("2030-01-31T12:00:60Z", "2030-01-31T12:00:00+15:00"),
    *("P", "PT", "P1", "1S", "PT1M1", "P1S", "--P1D"),
]
"""Values that are wrong for some types, and right for others."""


def _known_elsewhere() -> list[Element]:
    """Elements that both schemas declare for a place of their own, right and wrong inside."""
    wrong = Element(qname("tas:GetKeyStatus"))
    SubElement(wrong, qname("tas:KeyID")).text = "1"
    expression = Element(qname("wsnt:TopicExpression"), {"Dialect": "urn:x"})
    expression.text = "tns1:a/b"
    return [Element(qname("tas:GetAllKeys")), wrong, expression, Element(qname("wsnt:MessageContent"))]


def _strange() -> list[Element]:
    """Elements that no schema declares."""
    deep = Element("{urn:x}a", {"b": "1", "{urn:y}c": "2"})
    SubElement(deep, "{urn:x}d").text = "text"
    return [
        deep,
        Element("{urn:x}a"),
        Element("plain"),
        *(Element(qname(f"{prefix}:Strange")) for prefix in ("tas", "tds", "tt", "tev", "wsnt", "env")),
    ]


_ATTRIBUTES: Sequence[tuple[str, str | QName]] = (
    ("plain", "1"),
    ("Dialect", "urn:x"),
    ("{urn:x}foreign", "1"),
    (qname("tt:own"), "1"),
    (qname("tas:own"), "1"),
    (qname("xml:lang"), "en"),
    (qname("xml:lang"), "not a language"),
    (qname("xsi:schemaLocation"), "urn:x http://127.0.0.1:1/x.xsd"),
    (qname("xsi:strange"), "1"),
    (NIL, "true"),
    (NIL, " 1 "),
    (NIL, "false"),
    (NIL, "maybe"),
    *(
        (TYPE, QName(qname(name)))
        for name in (
            "xs:string",
            "xs:token",
            "xs:int",
            "xs:unsignedShort",
            "xs:dateTime",
            "xs:duration",
            "xs:dayTimeDuration",
            "xs:anyType",
            "tt:User",
            "tas:KeyID",
            "tas:CertificateID",
            "tas:DistinguishedName",
            "wsnt:FilterType",
            "tas:Strange",
        )
    ),
    (TYPE, "undeclared:User"),
    (TYPE, "string"),
    (TYPE, ""),
    (TYPE, "a:b:c"),
)


@st.composite
def documents(draw: st.DrawFn, declaration: XsdElement) -> Element:
    """A valid request element."""
    return _element(draw, declaration)


@st.composite
def mutants(draw: st.DrawFn, declaration: XsdElement) -> Element:
    """A request element after one to three mutations, each of which may happen to leave it valid."""
    root = _element(draw, declaration)
    for _ in range(draw(st.integers(1, 3))):
        draw(st.sampled_from(_MUTATIONS))(draw, root)
    return root


def _element(draw: st.DrawFn, declaration: XsdElement) -> Element:
    element = Element(declaration.name)
    for name, attribute in declaration.attributes.items():
        if name is not None and attribute.use == "required":
            element.set(name, draw(st.sampled_from(VALUES["anyURI"])))
    if isinstance(declaration.type, XsdSimpleType):
        element.text = _value(draw, declaration.type, empty=declaration.default is not None)
    elif isinstance(declaration.type.content, XsdGroup):
        _fill(draw, element, declaration.type.content)
    return element


def _fill(draw: st.DrawFn, parent: Element, group: XsdGroup) -> None:
    particles: list[Any] = list(group)
    if group.model == "choice":
        particles = [draw(st.sampled_from(particles))]
    for particle in particles:
        most = particle.min_occurs + 2 if particle.max_occurs is None else particle.max_occurs
        for _ in range(draw(st.integers(particle.min_occurs, most))):
            if isinstance(particle, XsdElement):
                parent.append(_element(draw, particle))
            elif isinstance(particle, XsdAnyElement):
                parent.append(_extension(draw, particle))
            else:
                _fill(draw, parent, particle)


def _extension(draw: st.DrawFn, wildcard: XsdAnyElement) -> Element:
    if wildcard.process_contents == "strict":
        extension = Element(qname("wsnt:TopicExpression"), {"Dialect": "urn:x"})
        extension.text = "tns1:a"
        return extension
    return draw(st.sampled_from(_strange()[:2]))


def _value(draw: st.DrawFn, kind: Any, empty: bool) -> str:
    if empty and draw(st.booleans()):
        return ""
    if kind.is_list():
        return " ".join(draw(st.lists(st.sampled_from(["a", "b"]), max_size=3)))
    if kind.enumeration:
        return str(draw(st.sampled_from(kind.enumeration)))
    if kind.local_name == "AbsoluteOrRelativeTimeType":
        return str(draw(st.sampled_from(VALUES["dateTime"] + VALUES["duration"])))
    while kind.local_name not in VALUES:
        kind = kind.base_type
    return str(draw(st.sampled_from(VALUES[kind.local_name])))


def _any(draw: st.DrawFn, root: Element) -> Element:
    """An element of the document, the root included."""
    return draw(st.sampled_from(_elements(root)))


def _elements(root: Element) -> list[Element]:
    return [item for item in root.iter() if isinstance(item.tag, str)]


def _parent_and_index(draw: st.DrawFn, root: Element) -> tuple[Element, int] | None:
    """The place of an element that is not the root."""
    places = [(parent, index) for parent in _elements(root) for index in range(len(parent))]
    return draw(st.sampled_from(places)) if places else None


def _drop(draw: st.DrawFn, root: Element) -> None:
    if place := _parent_and_index(draw, root):
        parent, index = place
        del parent[index]


def _duplicate(draw: st.DrawFn, root: Element) -> None:
    if place := _parent_and_index(draw, root):
        parent, index = place
        parent.insert(draw(st.integers(0, len(parent))), _copy(parent[index]))


def _move(draw: st.DrawFn, root: Element) -> None:
    if place := _parent_and_index(draw, root):
        parent, index = place
        item = parent[index]
        del parent[index]
        target = draw(st.sampled_from([parent, parent, _any(draw, root)]))
        target.insert(draw(st.integers(0, len(target))), item)


def _rename(draw: st.DrawFn, root: Element) -> None:
    if place := _parent_and_index(draw, root):
        item = place[0][place[1]]
        if isinstance(item.tag, str):
            names = sorted({other.tag.rpartition("}")[2] for other in _elements(root)} | {"Strange"})
            namespaces = [NAMESPACES[prefix] for prefix in ("tas", "tds", "tt", "tev", "wsnt")] + [
                "urn:x",
                "",
            ]
            keep_name = draw(st.booleans())
            name = item.tag.rpartition("}")[2] if keep_name else draw(st.sampled_from(names))
            namespace = (
                item.tag.rpartition("}")[0][1:] if not keep_name else draw(st.sampled_from(namespaces))
            )
            item.tag = f"{{{namespace}}}{name}" if namespace else name


def _revalue(draw: st.DrawFn, root: Element) -> None:
    leaves = [item for item in _elements(root) if len(item) == 0] or [root]
    values = sorted({value for pool in VALUES.values() for value in pool})
    draw(st.sampled_from(leaves)).text = draw(st.sampled_from(WRONG) | st.sampled_from(values))


def _decorate(draw: st.DrawFn, root: Element) -> None:
    name, value = draw(st.sampled_from(_ATTRIBUTES))
    _any(draw, root).attrib[name] = value  # type: ignore[assignment] - ElementTree writes a QName


def _strip(draw: st.DrawFn, root: Element) -> None:
    """Remove an attribute."""
    element = _any(draw, root)
    if element.attrib:
        del element.attrib[draw(st.sampled_from(sorted(element.attrib)))]


def _extend(draw: st.DrawFn, root: Element) -> None:
    element = _any(draw, root)
    addition = draw(st.sampled_from(_strange() + _known_elsewhere()))
    element.insert(draw(st.integers(0, len(element))), addition)


def _scribble(draw: st.DrawFn, root: Element) -> None:
    """Text where there may be none."""
    element = _any(draw, root)
    text = draw(st.sampled_from(["text", " ", "\n\t"]))
    if len(element) and draw(st.booleans()):
        element[-1].tail = text
    else:
        element.text = text


def _annotate(draw: st.DrawFn, root: Element) -> None:
    """A comment or processing instruction, perhaps in the middle of a value."""
    element = _any(draw, root)
    note = draw(st.sampled_from([Comment, ProcessingInstruction]))("note")
    if element.text and not len(element):
        element.text, note.tail = element.text[:1], element.text[1:]
    element.insert(0, note)


def _copy(element: Element) -> Element:
    copy = Element(element.tag, element.attrib)
    copy.text = element.text
    copy.extend(_copy(child) for child in element if isinstance(child.tag, str))
    return copy


_MUTATIONS: Sequence[Callable[[st.DrawFn, Element], None]] = (
    _drop,
    _duplicate,
    _move,
    _rename,
    _revalue,
    _revalue,
    _decorate,
    _decorate,
    _strip,
    _extend,
    _scribble,
    _annotate,
)

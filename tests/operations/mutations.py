"""What can be wrong with a request: generated from a right one and from what the official schema says of it."""

from __future__ import annotations

import copy
import io
import re
from collections.abc import Callable, Iterator
from functools import partial
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, QName, SubElement

import xmlschema

from onvifd.soap.names import NAMESPACES, qname
from tests.official import official_schemas

LONG = 10**400

for _prefix, _uri in NAMESPACES.items():
    if _prefix != "xml":
        ElementTree.register_namespace(_prefix, _uri)

WRONG_TYPES = [
    "", " ", "abc", "-1", "-0", "+1", "1.5", "1e3", "0x10", "١٢", "1_000", "NaN", "INF", "TRUE", "yes", "2", "2147483648",
    "-2147483649", str(2**70), str(-(2**70)), str(LONG), f"-{LONG}", "0" * 5000, "2048" + " " * 5000, "AAA", "====",
    "A", "!!!!", "AAAA\u00a0", "ÄÖÜ=", "1key", "a b", "a:b", ".a", "k" * 65, "k" * 5000, "é" * 65, "a\u0300" * 33,
    "{urn:x}a", "1.", ".1", "1..2", "-1.2", "1.2.840.", "2030-02-30T00:00:00Z", "0000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z", "99999-01-01T00:00:00Z", "9999-12-31T24:00:00Z", "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00", "2030-01-01T00:00:00+15:00", "2030-01-01T00:00:60Z", "2030-01-01", "12:00:00Z",
    "2030-01-01T00:00:00." + "9" * 5000 + "Z", "9" * 5000 + "-01-01T00:00:00Z", f"P{10**20}Y", f"-P{10**20}Y",
    f"PT{LONG}S", f"PT0.{'9' * 5000}S", "P", "PT", "P1S", "-PT0S", "PT0S", "P0Y", "--P1D", "PT-1S", "http", "HTTP ",
    "Administrator ", "all", "hard",
]  # fmt: skip
"""Texts that are of the wrong type for some elements, and odd but right for others."""

HOSTILE = [
    "' OR 1=1 --", "'; DROP TABLE user; --", '" OR ""="', "x' UNION SELECT password FROM user --", "%' --", "\\", "\\0",
    "../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "file:///etc/passwd", "$(reboot)", "`reboot`", "; reboot", "| sh",
    "${jndi:ldap://x/y}", "{0.__class__}", "%s%n%x", "%00", "\\u0000", "]]>", "<b>bold</b>", "<![CDATA[x]]>", "&amp;lt;",
    "<?xml version='1.0'?>", "<!-- x -->", "\u202eevil", "\u200b", "\u2028", "\ufeff", "\ufffd", "\U000e0001", "\U0010fffd",
    "\U0001f511", "\x85", "\x7f", "\x9f", "\u0600", "ﷺ", "مفتاح", "מפתח", "鍵", "a\u0300", "İ", "ß", "\r\n", "\t", "\r", "a\nb",
    "null", "None", "undefined", "true", "[]", "{}", "key-*", "key-%", "_", "a", "a.b-c_d", "ключ", "k" * 64, "ﬁ",
]  # fmt: skip
"""Texts that are after SQL, files, shells, templates, markup, and whoever reads them."""

Mutation = Callable[[Element, Element | None], bool]
"""Changes an element, whose parent is given, in place; False if that is not possible there."""


def mutants(request: Element) -> Iterator[tuple[str, Element]]:
    """The request with one thing changed, in every way and at every place; and what was changed."""
    for position, original in enumerate(request.iter()):
        for name, mutation in _MUTATIONS.items():
            mutant = copy.deepcopy(request)
            parents = {child: parent for parent in mutant.iter() for child in parent}
            element = list(mutant.iter())[position]
            if mutation(element, parents.get(element)):
                yield f"{name} {original.tag.partition('}')[2]}", mutant


def written(request: Element) -> str:
    """The request as text, with the prefixes that occur in values only, which ElementTree does not declare."""
    text = ElementTree.tostring(request, encoding="unicode")
    start = text.partition(">")[0]
    missing = (
        f' xmlns:{p}="{u}"' for p, u in NAMESPACES.items() if p != "xml" and f"xmlns:{p}=" not in start
    )
    return re.sub(r"^<[^\s/>]+", lambda name: name[0] + "".join(missing), text, count=1)


def is_valid(request: Element) -> bool:
    """The official schema's verdict."""
    try:
        return official_schemas().is_valid(xmlschema.XMLResource(io.StringIO(written(request))))
    except (xmlschema.XMLSchemaException, OverflowError):
        return False


def shares(request: Element, texts: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The positions, among all elements, of those that hold text, each with the texts to try there.

    The attributes of a distinguished name share them: each takes every fourth, so that one text meets four or more.
    """
    attributes = [element for name in request.iter(qname("tas:Subject")) for element in name.iter()]
    for position, element in enumerate(request.iter()):
        if position and not len(element):
            yield position, texts[position % 4 :: 4] if element in attributes else texts


def with_text(request: Element, position: int, text: str) -> Element:
    mutant = copy.deepcopy(request)
    list(mutant.iter())[position].text = text
    return mutant


def _drop(element: Element, parent: Element | None) -> bool:
    if parent is not None:
        parent.remove(element)
    return parent is not None


def _repeat(element: Element, parent: Element | None) -> bool:
    if parent is not None:
        parent.insert(list(parent).index(element), copy.deepcopy(element))
    return parent is not None


def _swap(element: Element, parent: Element | None) -> bool:
    position = list(parent).index(element) + 1 if parent is not None else 0
    if parent is None or position == len(parent):
        return False
    parent.remove(element)
    parent.insert(position, element)
    return True


def _wrap(element: Element, parent: Element | None) -> bool:
    """Put it within another one of its name."""
    if parent is None:
        return False
    position = list(parent).index(element)
    parent.remove(element)
    outer = Element(element.tag)
    outer.append(element)
    parent.insert(position, outer)
    return True


def _move_to(namespace: str, element: Element, parent: Element | None) -> bool:
    before, local = element.tag[1:].split("}")
    element.tag = f"{{{namespace}}}{local}" if namespace else local
    return parent is not None and namespace != before


def _rename(change: Callable[[str], str], element: Element, parent: Element | None) -> bool:
    namespace, local = element.tag[1:].split("}")
    element.tag = f"{{{namespace}}}{change(local)}"
    return parent is not None and change(local) != local


def _add_child(position: int, namespace: str | None, element: Element, _: Element | None) -> bool:
    own = element.tag[1:].partition("}")[0]
    element.insert(position, Element(f"{{{own if namespace is None else namespace}}}Surplus"))
    return True


def _add_text(element: Element, _: Element | None) -> bool:
    """Where there are only elements, or none."""
    if len(element):
        element[-1].tail = "surplus"
    elif not element.text:
        element.text = "surplus"
    return len(element) > 0 or element.text == "surplus"


def _set(name: str, value: str | QName, element: Element, _: Element | None) -> bool:
    element.attrib[name] = value  # type: ignore[assignment] # ElementTree writes a QName with its prefix
    return True


def _flood(element: Element, _: Element | None) -> bool:
    """More children than any request needs."""
    for _number in range(2000):
        SubElement(element, element.tag)
    return True


_MUTATIONS: dict[str, Mutation] = {
    "without": _drop,
    "twice": _repeat,
    "swapped with the next:": _swap,
    "in itself:": _wrap,
    "in lower case:": partial(_rename, str.lower),
    "misspelt:": partial(_rename, lambda name: f"{name}s"),
    "surplus text in": _add_text,
    "surplus attribute at": partial(_set, "surplus", "1"),
    "nil:": partial(_set, qname("xsi:nil"), "true"),
    "flooded:": _flood,
    **{
        f"in the namespace {namespace!r}:": partial(_move_to, namespace)
        for namespace in ("urn:wrong", "", *(NAMESPACES[prefix] for prefix in ("tt", "tas", "tds")))
    },
    **{
        f"surplus element {place} ({namespace or 'own'}) in": partial(_add_child, position, namespace)
        for place, position in (("first", 0), ("last", 1_000_000))
        for namespace in (None, "urn:foreign")
    },
    **{
        f"of the type {name!r}:": partial(_set, qname("xsi:type"), name)
        for name in ("xs:string", "tas:Nothing", "nobody:KeyID", ":", "", "KeyID")
    },
    **{
        f"of the type {name}:": partial(_set, qname("xsi:type"), QName(qname(name)))
        for name in ("xs:string", "xs:anyType", "xs:int", "tas:KeyID", "tas:DistinguishedName", "tt:User")
    },
}

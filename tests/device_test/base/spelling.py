"""The five ways to declare namespaces of annex 9.11: the same document, spelled differently."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Mapping
from xml.sax.saxutils import XMLGenerator

from lxml import etree

from tests.device_test.client import NAMES

Scope = Mapping[str, str]
"""The namespaces by prefix; the default one has the prefix ""."""
Speller = Callable[[str, Scope], tuple[str, Scope]]
"""For an element's namespace and the scope around it: the element's prefix, and what it declares."""


def default_in_each_tag(namespace: str, _: Scope) -> tuple[str, Scope]:
    return "", {"": namespace}


def default_in_parent_tag(namespace: str, scope: Scope) -> tuple[str, Scope]:
    return "", {} if scope.get("") == namespace else {"": namespace}


def strange_prefixes(namespace: str, scope: Scope) -> tuple[str, Scope]:
    """All of them at the root."""
    strange = {uri: f"prefix{number}" for number, uri in enumerate(NAMES.values(), 1)}
    return strange[namespace], {} if scope else {prefix: uri for uri, prefix in strange.items()}


def different_prefixes() -> Speller:
    """A prefix of its own for each element."""
    numbers = itertools.count(1)

    def spell(namespace: str, _: Scope) -> tuple[str, Scope]:
        prefix = f"p{next(numbers)}"
        return prefix, {prefix: namespace}

    return spell


def same_prefix(namespace: str, scope: Scope) -> tuple[str, Scope]:
    """One for all, declared anew wherever the namespace is another one."""
    return "p1", {} if scope.get("p1") == namespace else {"p1": namespace}


def spelled(document: bytes, speller: Speller) -> bytes:
    """A document whose attributes have no namespace, with its namespaces declared in a certain way."""
    output = io.BytesIO()
    writer = XMLGenerator(output, "utf-8", short_empty_elements=True)
    writer.startDocument()
    _write(etree.fromstring(document), writer, speller, {})
    return output.getvalue()


def _write(element: etree._Element, writer: XMLGenerator, speller: Speller, scope: Scope) -> None:
    name = etree.QName(element)
    prefix, declared = speller(name.namespace, scope)
    tag = f"{prefix}:{name.localname}" if prefix else name.localname
    declarations = {f"xmlns:{key}" if key else "xmlns": uri for key, uri in declared.items()}
    writer.startElement(tag, {**declarations, **element.attrib})
    writer.characters(element.text or "")
    for child in element:
        _write(child, writer, speller, {**scope, **declared})
    writer.endElement(tag)

"""Bytes to an XML tree, within bounds: nothing that a client sends costs much, or loads anything.

expat does the parsing. A document type declaration is refused where it starts, so no entity is ever declared.
"""

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from onvifd.soap.faults import Fault
from onvifd.soap.names import NAMESPACES

_EXCERPT = 80


@dataclass(frozen=True)
class Limits:
    """How large a message may be in every way but its bytes, which whoever reads them has to bound."""

    depth: int = 64
    """Elements within each other."""
    attributes: int = 64
    """Attributes and namespace declarations of one element: gSOAP declares about 20."""
    elements: int = 2_000
    """Elements of one message: the operations take some tens. A bad one is validated before any login."""
    header_blocks: int = 64
    """Children of the SOAP header."""


@dataclass(frozen=True, eq=False)
class Document:
    """An XML tree and the namespace prefixes in scope of each of its elements."""

    root: Element
    _scopes: Mapping[Element, Mapping[str, str]]

    def scope_of(self, element: Element) -> Mapping[str, str]:
        """The namespace of each prefix in scope of an element; "" is the default namespace.

        Raises KeyError for an element of another document.
        """
        return self._scopes[element]


def read(data: bytes, limits: Limits) -> Document:
    """The document in `data`, its comments and processing instructions left out.

    Raises Fault: ter:WellFormed for what is not XML with namespaces or has a document type declaration,
    ter:InvalidArgs for what exceeds the limits.
    """
    target = _Target(limits)
    parser = XMLParser(target=target)  # noqa: S314 - the target refuses what is dangerous
    try:
        parser.feed(data)
        root: Element = parser.close()
    except ParseError as error:
        _refuse_malformed(str(error)[:_EXCERPT])
    except (ValueError, LookupError):  # an encoding that Python does not know, or not byte by byte
        _refuse_malformed("the encoding is not supported; use UTF-8")
    return Document(root, target.scopes)


def _refuse_malformed(reason: str) -> NoReturn:
    raise Fault("Sender", ("ter:WellFormed",), reason)


def _refuse_excess(reason: str) -> NoReturn:
    raise Fault("Sender", ("ter:InvalidArgs",), reason)


class _Target:
    """What the parser reports to: builds the tree, counts, and remembers the scopes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._builder = TreeBuilder()
        self._declared: dict[str, str] = {}
        # Merged, the declarations of elements within each other would cost as much for each as all have.
        self._open: list[ChainMap[str, str]] = [ChainMap({"xml": NAMESPACES["xml"]})]
        self.scopes: dict[Element, ChainMap[str, str]] = {}
        self.data = self._builder.data
        self.close = self._builder.close

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        _refuse_malformed("SOAP 1.2 allows no document type declaration")

    def start_ns(self, prefix: str, uri: str) -> None:
        self._declared[prefix] = uri

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        limits = self._limits
        if len(attributes) + len(self._declared) > limits.attributes:
            _refuse_excess(
                f"an element has more than {limits.attributes} attributes and namespace declarations"
            )
        if len(self._open) > limits.depth:
            _refuse_excess(f"the elements are nested more than {limits.depth} deep")
        if len(self.scopes) >= limits.elements:
            _refuse_excess(f"the message has more than {limits.elements} elements")
        scope = self._open[-1]
        if self._declared:
            scope = scope.new_child(self._declared)
            self._declared = {}
        self._open.append(scope)
        self.scopes[self._builder.start(tag, attributes)] = scope

    def end(self, tag: str) -> None:
        self._open.pop()
        self._builder.end(tag)

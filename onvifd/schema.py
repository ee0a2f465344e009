"""Requests checked against the schemas and decoded to plain Python values."""

import base64
import contextlib
import re
from collections.abc import Callable, Container, Iterator, Mapping
from copy import deepcopy
from importlib.resources import as_file, files
from typing import Any
from xml.etree.ElementTree import Element

import xmlschema
from xmlschema.validators import XsdAnyElement, XsdComplexType, XsdElement, XsdSimpleType, XsdUnion
from xmlschema.validators.identities import XsdFieldSelector, XsdSelector

from onvifd.schemas import explain
from onvifd.soap.datatypes import Duration, parse_date_time, parse_duration
from onvifd.soap.names import NAMESPACES, qname

__all__ = ["Duration", "InvalidArguments", "Schema"]

ScopeOf = Callable[[Element], Mapping[str, str]]
_Decoder = Callable[[Element], Any]
_Parser = Callable[[str], Any]

_FILES = ("devicemgmt.xsd", "advancedsecurity.xsd", "event.xsd")
_SERVICES = ("tds", "tas", "tev", "wsnt")
_TYPE = qname("xsi:type")
_NIL = qname("xsi:nil")
_WHITE_SPACE = " \t\n\r"
_INTEGER = re.compile("[+-]?[0-9]{1,1000}", re.ASCII)


class InvalidArguments(Exception):
    """A request that breaks its schema: the reason names the element and the rule (ter:InvalidArgs)."""


class Schema:
    """The request elements of every service. Any number of threads may decode at once."""

    def __init__(self, schema: xmlschema.XMLSchema11) -> None:
        namespaces = {NAMESPACES[prefix] for prefix in _SERVICES}
        self._types: Container[str] = schema.maps.types
        self._elements: Mapping[str, XsdElement] = {
            tag: element
            for tag, element in schema.maps.elements.items()
            if element.target_namespace in namespaces
        }
        self._decoders = {tag: _element_decoder(element) for tag, element in self._elements.items()}

    @classmethod
    def load(cls) -> "Schema":
        """The schemas of this package. Takes a tenth of a second."""
        with _trusted_xpaths(), as_file(files("onvifd.schemas")) as directory:
            return cls(
                xmlschema.XMLSchema11(
                    [str(directory / name) for name in _FILES],
                    allow="local",
                    loader_class=_OwnSchemas,
                    use_fallback=False,
                    validation="skip",  # of the schemas: the tests do that
                    use_cache=False,  # it keeps every name that a client ever made up, for ever
                )
            )

    def decode(self, element: Element, scope_of: ScopeOf) -> dict[str, Any]:
        """The request's children by local name, each declared one present.

        An absent child is its schema's default or None, one that may be repeated is a list, one with children
        of its own another such dictionary. xs:base64Binary becomes bytes, xs:dateTime an aware datetime,
        xs:duration a Duration; "@Name" is an attribute, "" the text of mixed or simple
        content, "any" the elements at a wildcard.

        Raises InvalidArguments, and KeyError for an element that is not declared.
        """
        self._validate(element, scope_of)
        result: dict[str, Any] = self._decoders[element.tag](element)
        return result

    def _validate(self, element: Element, scope_of: ScopeOf) -> None:
        if not len(element) and not (element.text or "").strip(_WHITE_SPACE):
            element.text = None  # an indented end tag: clients do that where the schema has no content at all
        typed = self._with_expanded_types(element, scope_of)
        try:
            error = next(self._elements[element.tag].iter_errors(typed), None)
        except OverflowError:
            # xmlschema does not say which date or duration it was. Ours have a smaller range, and do.
            self._decoders[element.tag](element)
            raise InvalidArguments(f"{explain.name(element)}: a value is out of range") from None
        if error is not None:
            raise InvalidArguments(explain.validation_error(error))

    def _with_expanded_types(self, element: Element, scope_of: ScopeOf) -> Element:
        """The element, or a copy in which xsi:type names its type as `{namespace}local`.

        xmlschema knows no prefixes that are declared within the request.
        """
        if not any(_TYPE in item.attrib for item in element.iter()):
            return element
        copy = deepcopy(element)
        for original, item in zip(element.iter(), copy.iter(), strict=True):
            if _TYPE in item.attrib:
                item.set(_TYPE, self._type_of(original, scope_of(original)))
        return copy

    def _type_of(self, element: Element, prefixes: Mapping[str, str]) -> str:
        prefix, _, local = element.attrib[_TYPE].strip().rpartition(":")
        namespace = prefixes.get(prefix, "")
        tag = f"{{{namespace}}}{local}" if namespace else local
        if tag not in self._types:
            raise InvalidArguments(f"{explain.name(element)}: its xsi:type is not known here")
        return tag


@contextlib.contextmanager
def _trusted_xpaths() -> Iterator[None]:
    """Let xmlschema not check the XPaths of its own meta-schema: to compile all letters of Unicode for that
    takes half of the time. Our schemas have no XPaths; their test loads them with all checks.
    """
    selectors = (XsdSelector, XsdFieldSelector)
    for selector in selectors:
        selector.pattern = re.compile("")
    try:
        yield
    finally:
        for selector in selectors:
            selector.pattern = None


class _OwnSchemas(xmlschema.SchemaLoader):
    """Loads what the schemas import, and nothing at the sight of a request that uses another namespace."""

    def load_namespace(self, namespace: str, build: bool = True) -> bool:
        return namespace in self.maps.namespaces


def _element_decoder(declaration: XsdElement) -> _Decoder:
    """What turns an element of this declaration into its value, once it is known to be valid."""
    kind = declaration.type
    if not isinstance(kind, XsdSimpleType):
        return _Structure(kind).decode
    parse = _parser(kind)
    default = declaration.default or ""
    nillable = declaration.nillable

    def decode(element: Element) -> Any:
        if nillable and element.get(_NIL, "").strip() in ("1", "true"):
            return None
        try:
            return parse(element.text or default)
        except ValueError as error:
            raise InvalidArguments(explain.bad_value(element, str(error))) from None

    return decode


class _Child:
    """One element declaration within a structure."""

    __slots__ = ("decode", "default", "name", "repeated")

    def __init__(self, declaration: XsdElement) -> None:
        self.name: str = declaration.local_name
        self.repeated = declaration.is_multiple()
        self.decode = _element_decoder(declaration)
        kind = declaration.type
        absent = declaration.default
        self.default = (
            _parser(kind)(absent) if absent is not None and isinstance(kind, XsdSimpleType) else None
        )


class _Structure:
    """A complex type: a sequence or a choice of elements, a wildcard at its end."""

    def __init__(self, kind: XsdComplexType) -> None:
        particles = [] if isinstance(kind.content, XsdSimpleType) else list(kind.content.iter_elements())
        self._children = {
            particle.name: _Child(particle) for particle in particles if isinstance(particle, XsdElement)
        }
        self._open = any(isinstance(particle, XsdAnyElement) for particle in particles)
        self._text = kind.mixed or isinstance(kind.content, XsdSimpleType)
        self._attributes = [name for name in kind.attributes if isinstance(name, str) and "}" not in name]

    def decode(self, element: Element) -> dict[str, Any]:
        result: dict[str, Any] = {
            child.name: [] if child.repeated else child.default for child in self._children.values()
        }
        result.update((f"@{name}", element.get(name)) for name in self._attributes)
        if self._text:
            result[""] = element.text or ""
        extensions = []
        for item in element:
            child = self._children.get(item.tag)
            if child is None:
                extensions.append(item)
            elif child.repeated:
                result[child.name].append(child.decode(item))
            else:
                result[child.name] = child.decode(item)
        if self._open:
            result["any"] = extensions
        return result


def _parser(kind: XsdSimpleType) -> _Parser:
    """What turns a text of this type into its value; raises ValueError for a value beyond Python's range."""
    if kind.is_list():
        return _list_parser(kind)
    if isinstance(kind, XsdUnion):
        return _union_parser(kind)
    parse = next(_PARSERS[name] for name in _ancestry(kind) if name in _PARSERS)
    return lambda text: parse(kind.normalize(text))


def _ancestry(kind: XsdSimpleType) -> list[str]:
    names = []
    ancestor: Any = kind
    while ancestor is not None:
        names.append(ancestor.local_name)
        ancestor = ancestor.base_type
    return names


def _list_parser(kind: Any) -> _Parser:
    parse = _parser(kind.item_type)
    return lambda text: [parse(item) for item in kind.normalize(text).split()]


def _union_parser(kind: XsdUnion) -> _Parser:
    members = [_parser(member) for member in kind.member_types]

    def parse(text: str) -> Any:
        for member in members:
            try:
                return member(text)
            except ValueError:
                continue
        raise ValueError("is not within the years 1 to 9999")

    return parse


def _integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None:  # xmlschema also takes 1_000 and the digits of other scripts
        raise ValueError("is not a whole number")
    return int(text)


_PARSERS: Mapping[str, _Parser] = {
    "string": str,
    "anyURI": str,
    "boolean": lambda text: text in ("1", "true"),
    "integer": _integer,
    "base64Binary": base64.b64decode,
    "dateTime": parse_date_time,
    "duration": parse_duration,
}

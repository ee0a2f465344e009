"""An XML tree to bytes, spelt so that every ONVIF client reads it.

Namespaces are declared on the root element with their usual prefixes, also those that only occur in content
(`ter:` in a fault's code); attributes stand in double quotes; nothing precedes the XML declaration.
Some clients read XML with regular expressions, and depend on it.
"""

import functools
import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, QName

from onvifd.soap.names import NAMESPACES, SERVICE, split

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What Char leaves out (XML 1.0, 2.2). To compile all that it has would take ten times as long."""


def write(root: Element, prefixes: tuple[str, ...] = SERVICE) -> bytes:
    """The document in UTF-8; the namespaces of `prefixes` are declared whether it needs them or not.

    Raises ValueError for a character that XML 1.0 does not allow.
    """
    usual, declarations = _usual(prefixes)
    writer = _Writer(usual)
    writer.write(root)
    declarations += writer.declarations()
    return "".join([_DECLARATION, writer.parts[0], declarations, *writer.parts[1:]]).encode("utf-8")


@functools.cache
def _usual(prefixes: tuple[str, ...]) -> tuple[Mapping[str, str], str]:
    """The prefix of each namespace, and their declarations."""
    declarations = "".join(f' xmlns:{prefix}="{NAMESPACES[prefix]}"' for prefix in prefixes)
    return {NAMESPACES[prefix]: prefix for prefix in ("xml", *prefixes)}, declarations


def replace_forbidden(text: str) -> str:
    """The text with U+FFFD in the place of each character that XML 1.0 does not allow."""
    return _FORBIDDEN.sub("\ufffd", text)


class _Writer:
    """The parts of one document. The first is `<` and the root's name, which the declarations follow."""

    def __init__(self, usual: Mapping[str, str]) -> None:
        self.parts: list[str] = []
        self._usual = usual
        self._unusual: dict[str, str] = {}

    def declarations(self) -> str:
        """Those of the namespaces that have no prefix of ours."""
        return "".join(f' xmlns:{prefix}="{_attribute(uri)}"' for uri, prefix in self._unusual.items())

    def write(self, element: Element) -> None:
        name = self._name(element.tag)
        append = self.parts.append
        append(f"<{name}")
        for key, value in element.items():
            append(f' {self._name(key)}="{_attribute(self._content(value))}"')
        if element.text or len(element):
            append(">")
            append(_escape(element.text or ""))
            for child in element:
                self.write(child)
                append(_escape(child.tail or ""))
            append(f"</{name}>")
        else:
            append("/>")

    def _content(self, value: object) -> str:
        return self._name(value.text) if isinstance(value, QName) else str(value)

    def _name(self, tag: str) -> str:
        namespace, local = split(tag)
        if not namespace:
            return local
        prefix = self._usual.get(namespace) or self._unusual.setdefault(
            namespace, f"n{len(self._unusual) + 1}"
        )
        return f"{prefix}:{local}"


def _escape(text: str) -> str:
    if found := _FORBIDDEN.search(text):
        raise ValueError(f"XML 1.0 has no character {found.group()!a}")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _attribute(value: str) -> str:
    return _escape(value).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")

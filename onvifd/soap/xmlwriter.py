"""An XML tree to bytes, spelt so that every ONVIF client reads it.

All namespaces are declared on the root element with their usual prefixes, also those that only occur in
content (`ter:` in a fault's code); attributes stand in double quotes; nothing precedes the XML declaration.
Some clients read XML with regular expressions, and depend on it.
"""

import re
from xml.etree.ElementTree import Element, QName

from onvifd.soap.names import NAMESPACES, PREFIXES, split

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_USUAL = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items() if prefix != "xml")


def write(root: Element) -> bytes:
    """The document in UTF-8. Raises ValueError for a character that XML 1.0 does not allow."""
    writer = _Writer()
    writer.write(root)
    start = writer.parts[0]
    document = "".join([_DECLARATION, start, _USUAL, writer.declarations(), *writer.parts[1:]])
    return document.encode("utf-8")


def replace_forbidden(text: str) -> str:
    """The text with U+FFFD in the place of each character that XML 1.0 does not allow."""
    return _FORBIDDEN.sub("\ufffd", text)


class _Writer:
    """The parts of one document. The first is `<` and the root's name, which the declarations follow."""

    def __init__(self) -> None:
        self.parts: list[str] = []
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
        prefix = PREFIXES.get(namespace) or self._unusual.setdefault(namespace, f"n{len(self._unusual) + 1}")
        return f"{prefix}:{local}"


def _escape(text: str) -> str:
    if found := _FORBIDDEN.search(text):
        raise ValueError(f"XML 1.0 has no character {found.group()!a}")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _attribute(value: str) -> str:
    return _escape(value).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")

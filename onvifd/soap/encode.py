"""Plain Python values as XML elements."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from xml.etree.ElementTree import Element, SubElement

from onvifd.soap.datatypes import format_date_time, format_duration
from onvifd.soap.names import qname


def element(tag: str, value: object) -> Element:
    """The element `tag` (`tds:GetUsersResponse`) with the content `value`.

    A mapping's keys are its children in order: `Name` in the parent's namespace, `tt:Name` in that of the
    prefix, `:Name` in none, `@Name` an attribute, "" the text. A list repeats its key; None omits it; an
    Element stands in the place of its key as it is. bytes become base64, the items of an attribute's list are
    separated by spaces.

    Raises KeyError for an unknown prefix, TypeError for a value that has no XML form, ValueError for a time
    without a zone.
    """
    result = Element(qname(tag))
    _fill(result, value)
    return result


def _fill(parent: Element, value: object) -> None:
    if not isinstance(value, Mapping):
        parent.text = _text(value)
        return
    for key, content in value.items():
        if key == "":
            parent.text = _text(content)
        elif key.startswith("@"):
            _set_attribute(parent, key[1:], content)
        elif isinstance(content, list | tuple):
            for item in content:
                _append(parent, key, item)
        else:
            _append(parent, key, content)


def _append(parent: Element, key: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, Element):
        parent.append(value)
    else:
        _fill(SubElement(parent, _child_tag(parent, key)), value)


def _child_tag(parent: Element, key: str) -> str:
    prefix, colon, local = key.rpartition(":")
    if prefix:
        return qname(key)
    if colon:
        return local
    namespace, brace, _ = parent.tag.rpartition("}")
    return f"{namespace}{brace}{local}"


def _set_attribute(parent: Element, name: str, value: object) -> None:
    if value is None:
        return
    items = value if isinstance(value, list | tuple) else [value]
    parent.set(qname(name) if ":" in name else name, " ".join(_text(item) for item in items))


def _text(value: object) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return format_date_time(value)
    if isinstance(value, timedelta):
        return format_duration(value)
    raise TypeError(f"{type(value).__name__} has no XML form")

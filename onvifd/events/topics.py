"""The device's topics, and the expressions that select some of them (Core 9.6)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from onvifd.events.errors import (
    InvalidTopicExpression,
    TopicExpressionDialectUnknown,
    TopicNotSupported,
)
from onvifd.soap.names import NAMESPACES, QualifiedName

CONCRETE = "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete"
CONCRETE_SET = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
DIALECTS = (CONCRETE, CONCRETE_SET)
TOPIC_NAMESPACE_LOCATION = "http://www.onvif.org/onvif/ver10/topics/topicns.xml"

MAXIMUM_EXPRESSION_LENGTH = 8192
"""Characters of one topic expression."""


@dataclass(frozen=True)
class Topic:
    """A topic and what its notifications carry (Core 9.4.3)."""

    path: str
    """`prefix:Root/Child/Child` with the prefixes of NAMESPACES; a child without one is in its parent's."""
    source: tuple[tuple[str, str], ...]
    """Name and type of each simple item of Source; the type is written with a prefix of NAMESPACES."""
    data: tuple[tuple[str, str], ...]
    """Name and type of each simple item of Data."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The steps of the path as `{namespace}name`."""
        return _names(self.path, NAMESPACES)


KEY_STATUS = Topic(
    "tns1:Advancedsecurity/Keystore/KeyStatus",
    source=(("KeyID", "tas:KeyID"),),
    data=(("OldStatus", "tas:KeyStatus"), ("NewStatus", "tas:KeyStatus")),
)
"""Security 5.5.8.1."""

TOPICS = (KEY_STATUS,)


def topic_set(topics: Iterable[Topic]) -> dict[str, Any]:
    """The content of wstop:TopicSet: the topics as a tree of elements (Core 9.6.2)."""
    tree: dict[str, Any] = {}
    for topic in topics:
        node = tree
        for step in topic.path.split("/"):
            node = node.setdefault(step if ":" in step else f":{step}", {})
        node["@wstop:topic"] = True
        node["tt:MessageDescription"] = {
            "Source": _item_descriptions(topic.source),
            "Data": _item_descriptions(topic.data),
        }
    return tree


def _item_descriptions(items: Iterable[tuple[str, str]]) -> dict[str, Any]:
    return {"SimpleItemDescription": [{"@Name": name, "@Type": QualifiedName(kind)} for name, kind in items]}


def select(
    expression: str, dialect: str | None, scope: Mapping[str, str], topics: Iterable[Topic] = TOPICS
) -> frozenset[Topic]:
    """The topics that a topic expression selects (Core 9.6.3), at least one.

    `scope` gives the namespaces of the prefixes at the place where the expression stands. Raises
    TopicExpressionDialectUnknown, InvalidTopicExpression or TopicNotSupported.
    """
    if dialect not in DIALECTS:
        raise TopicExpressionDialectUnknown(
            f"The topic expression's Dialect must be one of: {', '.join(DIALECTS)}"
        )
    if len(expression) > MAXIMUM_EXPRESSION_LENGTH:
        raise InvalidTopicExpression(
            f"A topic expression can have {MAXIMUM_EXPRESSION_LENGTH} characters at most"
        )
    paths = [_topic_path(path.strip(), dialect, scope) for path in _paths(expression, dialect)]
    selected = frozenset(topic for topic in topics if any(path.selects(topic) for path in paths))
    if not selected:
        raise TopicNotSupported(
            f"No topic of this device matches {expression.strip()!r}; GetEventProperties lists its topics"
        )
    return selected


@dataclass(frozen=True)
class _TopicPath:
    names: tuple[str, ...]
    subtree: bool

    def selects(self, topic: Topic) -> bool:
        names = topic.names
        return names == self.names or (self.subtree and names[: len(self.names)] == self.names)


def _paths(expression: str, dialect: str) -> list[str]:
    return expression.split("|") if dialect == CONCRETE_SET else [expression]


def _topic_path(path: str, dialect: str, scope: Mapping[str, str]) -> _TopicPath:
    subtree = dialect == CONCRETE_SET and path.endswith("//.")
    return _TopicPath(_names(path.removesuffix("//.") if subtree else path, scope), subtree)


_NAME_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME = f"[{_NAME_START}][{_NAME_START}\\-.0-9\u00b7\u0300-\u036f\u203f\u2040]*"
# A client in the field writes the root's prefix twice: tns1:tns1:Advancedsecurity.
# To compile this takes as long as a module to import: not before somebody asks.
_STEP = f"(?:(?P<prefix>{_NAME}):(?:(?P=prefix):)?)?(?P<name>{_NAME})"


def _names(path: str, scope: Mapping[str, str]) -> tuple[str, ...]:
    """The steps of `prefix:Root/Child/Child` as `{namespace}name`.

    The topic set writes a child without a namespace, clients write it with its root's prefix or without
    one: a step without a prefix counts as one in its parent's namespace, so that all of these are equal.
    """
    names = []
    namespace = ""
    for step in path.split("/"):
        match = re.fullmatch(_STEP, step)
        if match is None:
            raise InvalidTopicExpression(
                f"{path!r} is no topic path: write prefix:Root/Child/Child"
                " (with | between paths and //. after one only in the ConcreteSet dialect)"
            )
        prefix = match["prefix"]
        if prefix is not None:
            try:
                namespace = scope[prefix]
            except KeyError:
                raise InvalidTopicExpression(
                    f"The namespace prefix {prefix!r} of {path!r} is not declared"
                ) from None
        names.append(f"{{{namespace}}}{match['name']}")
    return tuple(names)

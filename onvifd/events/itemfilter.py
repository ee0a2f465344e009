"""Message content filters in the ItemFilter dialect: a subset of XPath 1.0 (Core 9.4.4).

elementpath parses them; what its tree may consist of is decided here. An expression is evaluated over an item
list in three-valued logic, so that the same code also tells whether it can ever hold: in a description of a
topic the items are optional and have no value yet.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn, TypeVar

from elementpath import ElementPathError, XPath1Parser, XPathToken

from onvifd.events.errors import InvalidMessageContentExpression
from onvifd.soap.names import NAMESPACES

DIALECT = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"

MAXIMUM_EXPRESSION_LENGTH = 1024
"""Characters of one expression: so few that evaluating what is nested as deep as it can be stays cheap."""

Item = tuple[str, str | None]
"""Name and value of a simple item. One without a value has any, and may be absent."""

Verdict = bool | None
"""None: it depends on the message."""

Expression = Callable[[Iterable[Item]], Verdict]

T = TypeVar("T")

_EXCERPT = 160

_EXAMPLE = 'boolean(//tt:SimpleItem[@Name="KeyID" and @Value="key-1"])'


def parse(text: str, dialect: str, scope: Mapping[str, str]) -> Expression:
    """The expression as a function of a message's simple items.

    `scope` gives the namespaces of the prefixes at the place where the expression stands. Raises
    InvalidMessageContentExpression.
    """
    if dialect != DIALECT:
        raise InvalidMessageContentExpression(f"The Dialect of a message content filter must be {DIALECT}")
    if len(text) > MAXIMUM_EXPRESSION_LENGTH:
        raise InvalidMessageContentExpression(
            f"A message content filter can have {MAXIMUM_EXPRESSION_LENGTH} characters at most"
        )
    # The specification's own example does not declare tt (Core 9.10.3). XPath 1.0 has no default namespace.
    prefixes = {"tt": NAMESPACES["tt"], **{prefix: uri for prefix, uri in scope.items() if prefix}}
    try:
        return _expression(XPath1Parser(prefixes).parse(text))
    except ElementPathError as error:
        where = str(error).partition(": [")[0][:_EXCERPT]  # what follows is the library's own view of it
        raise InvalidMessageContentExpression(
            f"The message content filter is no XPath: {where}; write for example {_EXAMPLE}"
        ) from None
    except RecursionError:  # the length keeps it from costing much
        raise InvalidMessageContentExpression("The message content filter is nested too deeply") from None


def _expression(token: XPathToken) -> Expression:
    """Productions 1 and 2: boolean combinations of questions whether there is such an item."""
    if token.symbol == "boolean":
        return _path(token[0])
    return _combination(token, _expression)


def _path(token: XPathToken) -> Expression:
    """Productions 3 to 5: `//tt:SimpleItem[test]`."""
    if token.symbol != "//" or len(token) != 1 or token[0].symbol != "[":
        _refuse(token)
    name, predicate = token[0]
    if name.symbol == ":" and name[1].namespace == NAMESPACES["tt"]:
        name = name[1]
    if name.symbol != "(name)" or name.value not in ("SimpleItem", "ElementItem"):
        _refuse(name)
    test = _test(predicate)
    if name.value == "ElementItem":
        return lambda _items: False  # no message of this device has any

    def exists(item: Item) -> Verdict:
        passed = test(item)
        return None if passed and item[1] is None else passed

    return lambda items: _any(map(exists, items))


def _test(token: XPathToken) -> Callable[[Item], Verdict]:
    """Productions 6 to 8: boolean combinations of comparisons with an item's attribute."""
    if token.symbol == "=" and token[0].symbol == "@" and token[1].symbol == "(string)":
        attribute, expected = token[0][0].value, token[1].value
        if attribute == "Name":
            return lambda item: item[0] == expected
        if attribute == "Value":
            return lambda item: None if item[1] is None else item[1] == expected
    return _combination(token, _test)


def _combination(
    token: XPathToken, operand: Callable[[XPathToken], Callable[[T], Verdict]]
) -> Callable[[T], Verdict]:
    if token.symbol in ("and", "or"):
        combine = _all if token.symbol == "and" else _any
        operands = [operand(each) for each in token]
        return lambda subject: combine(each(subject) for each in operands)
    if token.symbol == "(" and len(token) == 1:
        return operand(token[0])
    if token.symbol == "not":
        negated = operand(token[0])
        return lambda subject: _not(negated(subject))
    return _refuse(token)


def _any(verdicts: Iterable[Verdict]) -> Verdict:
    return _not(_all(map(_not, verdicts)))


def _all(verdicts: Iterable[Verdict]) -> Verdict:
    known = set(verdicts)
    return False if False in known else None if None in known else True


def _not(verdict: Verdict) -> Verdict:
    return None if verdict is None else not verdict


def _refuse(token: XPathToken) -> NoReturn:
    raise InvalidMessageContentExpression(
        f"A message content filter can't have {token.source[:_EXCERPT]!r} there (Core 9.4.4);"
        f" write for example {_EXAMPLE}"
    )

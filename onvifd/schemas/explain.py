"""What is wrong with a request, in the words of its sender: which element, which rule."""

from xml.etree.ElementTree import Element

from xmlschema import XMLSchemaChildrenValidationError, XMLSchemaValidationError
from xmlschema.validators import (
    XsdAnyElement,
    XsdElement,
    XsdEnumerationFacets,
    XsdGroup,
    XsdMaxLengthFacet,
    XsdSimpleType,
)

from onvifd.soap.names import split

_LONGEST_VALUE = 40
_LONGEST_TEXT = 80
_TYPE_MISMATCH = "cannot substitute"  # xmlschema's words, amid its own objects
_SECRETS = frozenset({"Password"})

_DATE_TIME = "a date and time such as 2030-01-31T12:00:00Z"
_DURATION = "a duration such as PT60S"
_RULES = {
    "boolean": "is neither true nor false",
    "int": "is not a whole number",
    "nonNegativeInteger": "is not a whole number",
    "positiveInteger": "is not a whole number",
    "base64Binary": "is not base64",
    "dateTime": f"is not {_DATE_TIME}",
    "duration": f"is not {_DURATION}",
    "NCName": "is not an identifier: a letter or _, then letters, digits, '.', '-' or '_'",
    "AbsoluteOrRelativeTimeType": f"is neither {_DATE_TIME} nor {_DURATION}",
    "DotDecimalOID": "is not an object identifier such as 1.2.840.113549",
}


def validation_error(error: XMLSchemaValidationError) -> str:
    """An error of xmlschema as a sentence."""
    element = error.elem
    if element is None:
        return "the request does not match its schema"
    if isinstance(error, XMLSchemaChildrenValidationError):
        return _wrong_children(error, element)
    if isinstance(error.validator, XsdAnyElement):
        return f"{name(element)} in the namespace '{_shortened(split(element.tag)[0])}' is not known here"
    if rule := _value_rule(error):
        return bad_value(element, rule)
    reason = error.reason or "it is not allowed here"
    if _TYPE_MISMATCH in reason:
        return f"{name(element)}: an xsi:type is not derived from the declared type"
    return f"{name(element)}: {_shortened(reason)}"


def bad_value(element: Element, rule: str) -> str:
    """`KeyLength: 'abc' is not a whole number`. A password is not shown."""
    if split(element.tag)[1] in _SECRETS:
        return f"{name(element)}: its value {rule}"
    value = (element.text or "").strip()
    return f"{name(element)}: '{_shortened(value, _LONGEST_VALUE)}' {rule}"


def name(element: Element) -> str:
    """The element's local name."""
    return _shortened(split(element.tag)[1])


def _value_rule(error: XMLSchemaValidationError) -> str | None:
    """The rule that the element's text breaks, if it is the text."""
    validator = error.validator
    if isinstance(validator, XsdEnumerationFacets):
        return f"is not one of {', '.join(str(value) for value in validator.enumeration)}"
    if isinstance(validator, XsdMaxLengthFacet):
        return f"has more than {validator.value} characters"
    if callable(validator) and not hasattr(validator, "elem"):  # the range check of a built-in type
        return f"is not accepted: {error.reason}"
    kind = validator if isinstance(validator, XsdSimpleType) else getattr(validator, "parent", None)
    return _RULES.get(kind.local_name or "") if isinstance(kind, XsdSimpleType) else None


def _wrong_children(error: XMLSchemaChildrenValidationError, parent: Element) -> str:
    group = error.validator
    declared = list(group.iter_elements()) if isinstance(group, XsdGroup) else []
    elements = [item for item in declared if isinstance(item, XsdElement)]
    expected = ", ".join(item.local_name for item in error.expected or () if isinstance(item, XsdElement))
    if error.index >= len(parent):
        return f"{name(parent)} is incomplete: {expected or 'an element'} is missing"
    child = parent[error.index]
    namespace, local = split(child.tag)
    for item in elements:
        if item.local_name == local and item.name != child.tag:
            right = item.target_namespace
            return f"{name(child)} must be in the namespace {right}, not in '{_shortened(namespace)}'"
    place = f"after {name(parent[error.index - 1])}" if error.index else "first"
    hint = f"; expected: {expected}" if expected else ""
    return f"{name(child)} is not expected {place} in {name(parent)}{hint}"


def _shortened(text: str, length: int = _LONGEST_TEXT) -> str:
    return text if len(text) <= length else f"{text[:length]}..."

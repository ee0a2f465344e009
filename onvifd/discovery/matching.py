"""Which scopes a Probe matches (Core 7.3.3, WSD 5.1)."""

import uuid
from collections.abc import Callable, Collection, Sequence
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from onvifd.soap.names import NAMESPACES

DEFAULT = f"{NAMESPACES['d']}/rfc3986"
"""The rule of a Probe that names none: Core 7.3.3 replaces the one of WS-Discovery by it."""


class _Uri(NamedTuple):
    scheme: str
    authority: str
    segments: tuple[str, ...]
    """Decoded: `%41` and `A` are the same character (RFC 3986 6.2.2)."""


def _uri(text: str) -> _Uri | None:
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return _Uri(parts.scheme, parts.netloc.lower(), tuple(map(unquote, parts.path.split("/"))))


def _rfc3986(probed: str, scopes: Collection[str]) -> bool:
    """Scheme and authority are equal, and the path is a prefix of the scope's, by segments and not by
    characters. A slash at its end makes no difference. Query and fragment are not compared."""
    wanted = _uri(probed)
    if wanted is None or not wanted.scheme:
        return False
    segments = wanted.segments[:-1] if wanted.segments[-1] == "" else wanted.segments
    return any(
        offered is not None
        and (offered.scheme, offered.authority) == (wanted.scheme, wanted.authority)
        and offered.segments[: len(segments)] == segments
        and not {".", ".."} & {*segments, *offered.segments}
        for offered in map(_uri, scopes)
    )


def _strcmp0(probed: str, scopes: Collection[str]) -> bool:
    return probed in scopes


def _uuid(probed: str, scopes: Collection[str]) -> bool:
    wanted = _as_uuid(probed)
    return wanted is not None and any(_as_uuid(scope) == wanted for scope in scopes)


def _as_uuid(text: str) -> uuid.UUID | None:
    scheme, _, rest = text.removeprefix("urn:").partition(":")
    if scheme.lower() != "uuid":
        return None
    try:
        return uuid.UUID(rest)
    except ValueError:
        return None


RULES = MappingProxyType(
    {
        DEFAULT: _rfc3986,
        f"{NAMESPACES['d']}/rfc2396": _rfc3986,
        f"{NAMESPACES['d']}/strcmp0": _strcmp0,
        f"{NAMESPACES['d']}/uuid": _uuid,
    }
)
"""The scope matching rules by their URI."""

Rule = Callable[[str, Collection[str]], bool]


def matches(probed: Sequence[str], scopes: Collection[str], rule: str) -> bool:
    """Whether each of the probed scopes matches one of the device's. Raises KeyError for an unknown rule."""
    check: Rule = RULES[rule]
    return all(check(each, scopes) for each in probed)

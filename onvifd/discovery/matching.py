"""Which scopes a Probe matches (Core 7.3.3, WSD 5.1)."""

import uuid
from collections.abc import Callable, Collection, Sequence
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from onvifd.soap.names import NAMESPACES

DEFAULT = f"{NAMESPACES['d']}/rfc3986"
"""The rule of a Probe that names none: Core 7.3.3 replaces the one of WS-Discovery by it."""


Matcher = Callable[[str], bool]
"""Whether a probed scope matches one of the device's: these are read once, however many are probed."""


class _Uri(NamedTuple):
    scheme: str
    authority: str
    segments: tuple[str, ...]
    """Decoded: `%41` and `A` are the same character (RFC 3986 6.2.2)."""


def _uri(text: str) -> _Uri | None:
    """None for what is no URI, and for one with dot segments: these match nothing (WSD 5.1)."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    segments = tuple(map(unquote, parts.path.split("/")))
    if "." in segments or ".." in segments:
        return None
    return _Uri(parts.scheme, parts.netloc.lower(), segments)


def _rfc3986(scopes: Collection[str]) -> Matcher:
    """Scheme and authority are equal, and the path is a prefix of the scope's, by segments and not by
    characters. A slash at its end makes no difference. Query and fragment are not compared."""
    offered = [uri for uri in map(_uri, scopes) if uri is not None]

    def matches(probed: str) -> bool:
        wanted = _uri(probed)
        if wanted is None or not wanted.scheme:
            return False
        segments = wanted.segments[:-1] if wanted.segments[-1] == "" else wanted.segments
        return any(
            (each.scheme, each.authority) == (wanted.scheme, wanted.authority)
            and each.segments[: len(segments)] == segments
            for each in offered
        )

    return matches


def _strcmp0(scopes: Collection[str]) -> Matcher:
    return lambda probed: probed in scopes


def _uuid(scopes: Collection[str]) -> Matcher:
    offered = {_as_uuid(scope) for scope in scopes} - {None}
    return lambda probed: _as_uuid(probed) in offered


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


def matches(probed: Sequence[str], scopes: Collection[str], rule: str) -> bool:
    """Whether each of the probed scopes matches one of the device's. Raises KeyError for an unknown rule."""
    return all(map(RULES[rule](scopes), probed))

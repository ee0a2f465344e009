"""WS-Security UsernameToken with PasswordDigest (Core 5.9.5, OASIS UsernameToken Profile 1.0)."""

import base64
import contextlib
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element

from onvifd.auth.errors import NotAuthorized
from onvifd.auth.replay import ReplayCache
from onvifd.auth.spelling import spellings
from onvifd.auth.users import User, Users
from onvifd.auth.watermark import Watermark
from onvifd.soap.names import qname

_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
_PASSWORD_DIGEST = f"{_OASIS}username-token-profile-1.0#PasswordDigest"
_BASE64 = f"{_OASIS}soap-message-security-1.0#Base64Binary"

_MAX_TEXT = 1024  # characters of a nonce or a time: far more than any client sends
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")


@dataclass(frozen=True)
class UsernameToken:
    """A UsernameToken as the client sent it."""

    username: str
    digest: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    """The octets that the client's Base64 text stands for."""
    created: str
    """The literal text, which is what the client hashed."""
    created_at: datetime
    """What the text means; a time without a zone is UTC."""


def find_token(header: Element | None) -> Element | None:
    """The UsernameToken element of a SOAP Header. Whatever else wsse:Security holds does not matter.

    Raises NotAuthorized if there are several: they could name different users.
    """
    if header is None:
        return None
    tokens = header.findall(f"{qname('wsse:Security')}/{qname('wsse:UsernameToken')}")
    if len(tokens) > 1:
        raise NotAuthorized("The request has more than one UsernameToken: send one")
    return tokens[0] if tokens else None


def read_token(element: Element) -> UsernameToken:
    """Decode a UsernameToken. Raises NotAuthorized unless it is complete and has a password digest."""
    username = _text(element, "wsse:Username")
    password = _child(element, "wsse:Password")
    if password.get("Type", "").strip() != _PASSWORD_DIGEST:
        raise NotAuthorized(f"The Password of a UsernameToken must have the Type {_PASSWORD_DIGEST}")
    nonce = _child(element, "wsse:Nonce")
    if nonce.get("EncodingType", _BASE64).strip() != _BASE64:
        raise NotAuthorized(f"The Nonce of a UsernameToken must have the EncodingType {_BASE64}, or none")
    created = _text(element, "wsu:Created")
    return UsernameToken(
        username,
        _octets(element, "wsse:Password"),
        _octets(element, "wsse:Nonce"),
        created,
        _date_time(created),
    )


def password_digest(nonce: bytes, created: str, password: bytes) -> bytes:
    """The octets of a PasswordDigest: SHA-1 over nonce, creation time and password."""
    return hashlib.sha1(nonce + created.encode() + password, usedforsecurity=False).digest()


class UsernameTokenVerifier:
    """Tells whose UsernameToken it is.

    The digest is checked first, then the clock, then that the token is new: what the device says about its
    clock is said only to who knows the password.
    """

    def __init__(
        self,
        users: Users,
        clock: Callable[[], datetime],
        clock_skew: timedelta,
        remembered: int,
        watermark: Watermark,
    ) -> None:
        """Take the device's clock, by how much Created may differ, the number of tokens to remember, and what
        is known of those of earlier runs.

        The clock may jump; see ReplayCache and Watermark for what that does.
        """
        self._users = users
        self._clock = clock
        self._clock_skew = clock_skew
        self._used = ReplayCache(remembered, clock_skew.total_seconds())
        self._watermark = watermark

    def verify(self, token: UsernameToken) -> User | None:
        """The user, or None for an unknown user and for a wrong password alike.

        Raises NotAuthorized if the password is right and the token is too old, too new or was used before.
        """
        credentials = self._users.credentials(token.username)
        right = [
            hmac.compare_digest(token.digest, password_digest(token.nonce, token.created, password))
            for password in spellings(credentials.password)
        ]
        if credentials.user is None or not any(right):
            return None
        now = self._clock()
        self._check_clock(token.created_at - now)
        created = token.created_at.timestamp()
        horizon = (now + self._clock_skew).timestamp()
        if self._watermark.covers(created, horizon):
            after = datetime.fromtimestamp(self._watermark.before, UTC)
            raise NotAuthorized(
                "The device has restarted, and the UsernameToken is not newer than those that were used"
                f" before: send one with a Created after {after:%Y-%m-%dT%H:%M:%SZ}, or use HTTP Digest"
            )
        # The digest stands for the token: it covers nonce and time, and one that was recorded can't be passed
        # off as that of another user who happens to have the same password.
        if not self._used.first_use(token.digest, created, now.timestamp()):
            raise NotAuthorized(
                "The UsernameToken was used before, or is older than what the device remembers: send a new"
                " Nonce and the present time as Created with every request"
            )
        self._watermark.advance(created, horizon)
        return credentials.user

    def _check_clock(self, ahead: timedelta) -> None:
        if abs(ahead) > self._clock_skew:
            direction = "ahead of" if ahead > timedelta() else "behind"
            raise NotAuthorized(
                f"Created is {abs(ahead).total_seconds():.0f} s {direction} the device's clock, and at most"
                f" {self._clock_skew.total_seconds():.0f} s are accepted: read GetSystemDateAndTime and"
                " allow for the difference"
            )


def _child(element: Element, name: str) -> Element:
    found = element.findall(qname(name))
    if len(found) != 1:
        raise NotAuthorized(f"A UsernameToken needs exactly one element {qname(name)}")
    return found[0]


def _text(element: Element, name: str) -> str:
    """The text without the white space that formatted XML puts around it, which no client hashes."""
    text = (_child(element, name).text or "").strip()
    if not text or len(text) > _MAX_TEXT:
        raise NotAuthorized(f"The {name} of a UsernameToken must have 1 to {_MAX_TEXT} characters")
    return text


def _octets(element: Element, name: str) -> bytes:
    try:
        return base64.b64decode("".join(_text(element, name).split()), validate=True)
    except ValueError:
        raise NotAuthorized(f"The {name} of a UsernameToken must be Base64") from None


def _date_time(text: str) -> datetime:
    if _DATE_TIME.fullmatch(text):
        with contextlib.suppress(ValueError):  # a 13th month
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    raise NotAuthorized("The Created of a UsernameToken must be a time like 2026-01-31T12:00:00Z")

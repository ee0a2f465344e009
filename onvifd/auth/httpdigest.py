"""HTTP Digest with MD5 and SHA-256 (Core 5.9.1 and 5.9.3, RFC 7616)."""

import base64
import hashlib
import hmac
import re
import secrets
import struct
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from onvifd.auth.errors import DigestRequired
from onvifd.auth.replay import ReplayCache
from onvifd.auth.spelling import spellings
from onvifd.auth.users import User, Users

# In the order of preference (RFC 7616 3.7). Clients that take the first challenge they know get SHA-256,
# those that take the last one get MD5, which they all know.
ALGORITHMS: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda octets: hashlib.sha256(octets).hexdigest(),
    "MD5": lambda octets: hashlib.md5(octets, usedforsecurity=False).hexdigest(),
}

_MAX_HEADER = 8192
_REQUIRED = ("realm", "nonce", "uri", "response", "qop", "nc", "cnonce")
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


@dataclass(frozen=True)
class DigestCredentials:
    """The value of an Authorization header, as the client sent it without quotes (RFC 7616 3.4)."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = field(repr=False)
    algorithm: str
    cnonce: str
    nc: str
    qop: str


def parse(authorization: str) -> DigestCredentials:
    """Decode the value of an Authorization header, given as Latin-1 text as WSGI does.

    Raises DigestRequired for another scheme, for what is malformed, and for what was not offered: the -sess
    algorithms, auth-int, userhash, no qop.
    """
    scheme, _, parameters = authorization.strip().partition(" ")
    if scheme.lower() != "digest":
        raise DigestRequired("Only the Digest scheme of HTTP is accepted")
    if len(parameters) > _MAX_HEADER:
        raise DigestRequired(f"The Authorization header has more than {_MAX_HEADER} characters")
    if any(character > "\xff" for character in parameters):
        raise DigestRequired("The Authorization header is not made of octets")
    values = _parameters(parameters)
    for name in _REQUIRED:
        if not values.get(name):
            raise DigestRequired(f"The Authorization header lacks the parameter {name}")
    if values.get("userhash", "false").lower() != "false":
        raise DigestRequired("userhash is not offered: send the user name")
    if values["qop"] != "auth":
        raise DigestRequired("Only qop=auth is offered")
    algorithm = values.get("algorithm", "MD5").upper()
    if algorithm not in ALGORITHMS:
        raise DigestRequired(f"Only these algorithms are offered: {', '.join(ALGORITHMS)}")
    if not re.fullmatch("[0-9A-Fa-f]{1,8}", values["nc"]):
        raise DigestRequired("nc must be a hexadecimal number of up to 8 digits")
    return DigestCredentials(
        username=_username(values),
        realm=values["realm"],
        nonce=values["nonce"],
        uri=values["uri"],
        response=values["response"].lower(),
        algorithm=algorithm,
        cnonce=values["cnonce"],
        nc=values["nc"],
        qop=values["qop"],
    )


def response(credentials: DigestCredentials, method: str, user_realm_password: bytes) -> str:
    """The digest that these credentials must carry for a request (RFC 7616 3.4.1)."""
    digest = ALGORITHMS[credentials.algorithm]
    request = digest(f"{method}:{credentials.uri}".encode("latin-1"))
    parts = (credentials.nonce, credentials.nc, credentials.cnonce, credentials.qop, request)
    return digest(f"{digest(user_realm_password)}:{':'.join(parts)}".encode("latin-1"))


class Nonces:
    """Challenges that need no memory: the time of issue and random octets, signed.

    Times are those of a clock in seconds that never goes back: setting the device's time spoils no nonce.
    """

    _STAMP = struct.Struct(">Q9s")  # milliseconds, random octets
    _SIGNATURE = 16  # octets; with the stamp they are 33, which Base64 writes without padding

    def __init__(self, secret: bytes, lifetime: timedelta, clock: Callable[[], float]) -> None:
        """Take the secret to sign with.

        It must be new at each start of the service: nonces of the run before then are stale, and what was
        recorded during it can't be replayed.
        """
        self._secret = secret
        self._lifetime = lifetime.total_seconds()
        self._clock = clock

    def issue(self) -> str:
        """A new nonce of characters that need no quoting in any context."""
        stamp = self._STAMP.pack(int(self._clock() * 1000), secrets.token_bytes(9))
        return base64.urlsafe_b64encode(stamp + self._sign(stamp)).decode()

    def issued_at(self, nonce: str) -> float | None:
        """When the nonce was issued, in seconds of the clock; None if it is not ours or its lifetime is
        over."""
        try:
            octets = base64.b64decode(nonce, altchars=b"-_", validate=True)
        except ValueError:
            return None
        stamp, signature = octets[: self._STAMP.size], octets[self._STAMP.size :]
        if not hmac.compare_digest(signature, self._sign(stamp)):
            return None
        issued = int(self._STAMP.unpack(stamp)[0]) / 1000
        return issued if 0 <= self._clock() - issued <= self._lifetime else None

    def _sign(self, stamp: bytes) -> bytes:
        return hmac.digest(self._secret, stamp, "sha256")[: self._SIGNATURE]


class DigestVerifier:
    """Challenges clients and tells whose answer it is."""

    def __init__(
        self, users: Users, realm: str, nonces: Nonces, clock: Callable[[], float], remembered: int
    ) -> None:
        """Take the clock of the nonces and the number of requests to remember against replays."""
        self._users = users
        self._realm = realm
        self._nonces = nonces
        self._clock = clock
        self._used = ReplayCache(remembered, reach=0)

    def challenges(self, *, stale: bool) -> list[str]:
        """The values for one WWW-Authenticate header each.

        All have the same realm and nonce, because there are clients that combine one's realm with the other's
        nonce, and are spelled so that the strictest parsers take them.
        """
        nonce = self._nonces.issue()
        suffix = ", stale=true" if stale else ""
        return [
            f'Digest realm="{self._realm}", qop="auth", algorithm={algorithm}, nonce="{nonce}"{suffix}'
            for algorithm in ALGORITHMS
        ]

    def verify(self, credentials: DigestCredentials, method: str, target: str) -> User | None:
        """The user, or None for an unknown user and for a wrong password alike.

        The target is that of the request line, as received. Raises DigestRequired if the credentials are not
        for this request, and with `stale` if the password is right and the nonce is not ours, expired or was
        used with the same nc. Any nc that was not yet used is good: clients send in parallel, and there are
        clients that do not start at 1 for a new nonce.
        """
        if credentials.realm != self._realm:
            raise DigestRequired("The realm is not that of the challenge")
        if _without_authority(credentials.uri) != _without_authority(target):
            raise DigestRequired("The uri parameter is not the target of the request")
        stored = self._users.credentials(credentials.username)
        right = [
            hmac.compare_digest(credentials.response.encode(), response(credentials, method, secret).encode())
            for secret in spellings(f"{credentials.username}:{self._realm}:{stored.password}")
        ]
        if stored.user is None or not any(right):
            return None
        issued = self._nonces.issued_at(credentials.nonce)
        if issued is None:
            raise DigestRequired("The nonce has expired: use the one of this answer", stale=True)
        use = f"{credentials.nonce}:{int(credentials.nc, 16):x}".encode()
        if not self._used.first_use(hashlib.sha256(use).digest(), issued, self._clock()):
            raise DigestRequired(
                "The nonce was used with this nc before: use that of this answer", stale=True
            )
        return stored.user


def _parameters(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for item in filter(None, urllib.request.parse_http_list(text)):
        name, _, value = item.partition("=")
        name, value = name.strip().lower(), value.strip()
        if value.startswith('"'):
            if not value.endswith('"'):
                raise DigestRequired(f"The quotation mark of the parameter {name} is not closed")
            value = value[1:-1]
        if name in values:
            raise DigestRequired(f"The Authorization header has the parameter {name} more than once")
        values[name] = value
    return values


def _username(values: dict[str, str]) -> str:
    """The user name, which clients write in UTF-8, in Latin-1 or as RFC 8187 says (RFC 7616 3.4)."""
    plain, extended = values.get("username"), values.get("username*")
    if (plain is None) == (extended is None):
        raise DigestRequired("The Authorization header must have either username or username*")
    try:
        if extended is not None:
            charset, _, rest = extended.partition("'")
            if charset.upper() != "UTF-8":
                raise DigestRequired("username* must be in UTF-8")
            return urllib.parse.unquote(rest.partition("'")[2], errors="strict")
    except UnicodeDecodeError:
        raise DigestRequired("username* is not valid UTF-8") from None
    name = plain or ""
    try:
        return name.encode("latin-1").decode()
    except UnicodeDecodeError:
        return name


def _without_authority(target: str) -> str:
    """The path and query of a target in origin-form or absolute-form (RFC 9112 3.2), as written."""
    authority = _AUTHORITY.match(target)
    return (target[authority.end() :] if authority else target) or "/"

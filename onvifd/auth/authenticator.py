"""Who sent a request: HTTP Digest and UsernameToken together (Core 5.9.1)."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from onvifd.auth import httpdigest, usernametoken
from onvifd.auth.errors import DigestRequired, NotAuthorized
from onvifd.auth.throttle import Throttle
from onvifd.auth.users import User, Users
from onvifd.auth.watermark import Watermark

_WRONG = "The user name or the password is wrong"


@dataclass(frozen=True)
class AuthSettings:
    """How clients prove who they are."""

    realm: str = "onvifd"
    """Of HTTP Digest: printable ASCII without quotation mark and backslash. Clients may show it."""
    clock_skew: timedelta = timedelta(minutes=5)
    """By how much the Created of a UsernameToken may differ from the device's clock, either way."""
    nonce_lifetime: timedelta = timedelta(minutes=5)
    """How long a client may answer the same HTTP Digest challenge."""
    throttle_burst: int = 20
    """Wrong log-ins that one address has free."""
    throttle_refill: float = 1.0
    """Wrong log-ins per second that one address has after these."""
    throttle_sources: int = 1024
    """Addresses whose wrong log-ins are remembered."""
    remembered_tokens: int = 8192
    """UsernameTokens remembered against replays, about 130 bytes each. If more than that arrive within
    `clock_skew`, clients whose clock is behind the device's are refused."""
    remembered_requests: int = 4096
    """HTTP Digest requests remembered against replays, about 130 bytes each. If more than that arrive within
    `nonce_lifetime`, clients are asked to use a new nonce."""

    def __post_init__(self) -> None:
        """Raises ValueError for a value that can't work."""
        if not (self.realm.isascii() and self.realm.isprintable()) or set(self.realm) & set('"\\'):
            raise ValueError("realm must be printable ASCII without quotation mark and backslash")
        if min(self.clock_skew, self.nonce_lifetime) <= timedelta():
            raise ValueError("clock_skew and nonce_lifetime must be more than 0 s")
        if min(self.throttle_burst, self.throttle_sources) < 1 or self.throttle_refill <= 0:
            raise ValueError(
                "throttle_burst and throttle_sources must be at least 1, throttle_refill more than 0"
            )
        if min(self.remembered_tokens, self.remembered_requests) < 1:
            raise ValueError("remembered_tokens and remembered_requests must be at least 1")


class Authenticator:
    """Verifies the credentials of requests. Methods may be called from any thread."""

    def __init__(
        self,
        users: Users,
        settings: AuthSettings,
        secret: bytes,
        watermark: Watermark,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the users, the settings, a secret, the mark of earlier runs, the device's clock and one that
        never goes back.

        The secret (32 random octets) signs the nonces of HTTP Digest and must be new at each start. The
        device's clock gives aware times and may jump; only UsernameToken depends on it.
        """
        self._throttle = Throttle(
            settings.throttle_burst, settings.throttle_refill, settings.throttle_sources, monotonic
        )
        self._tokens = usernametoken.UsernameTokenVerifier(
            users, clock, settings.clock_skew, settings.remembered_tokens, watermark
        )
        self._watermark = watermark
        nonces = httpdigest.Nonces(secret, settings.nonce_lifetime, monotonic)
        self._digests = httpdigest.DigestVerifier(
            users, settings.realm, nonces, monotonic, settings.remembered_requests
        )

    def authenticate(
        self, *, header: Element | None, authorization: str | None, method: str, uri: str, source: str
    ) -> User | None:
        """The user who sent a request, or None if it has no credentials.

        Takes the SOAP Header, the Authorization header as WSGI gives it, the method and the target of the
        request line as received, and the client's address. If both kinds of credentials are sent both must
        hold, HTTP first, and the requestor is the user of the UsernameToken, which may be another one. Not to
        be called for operations of the access class PRE_AUTH: these ignore credentials.

        Raises DigestRequired if the HTTP credentials fail and NotAuthorized if the UsernameToken fails; while
        too many log-ins from the address are wrong, without looking at the credentials.
        """
        element = usernametoken.find_token(header)
        if not authorization and element is None:
            return None
        refusal: type[DigestRequired | NotAuthorized] = DigestRequired if authorization else NotAuthorized
        wait = self._throttle.take(source)
        if wait:
            raise refusal(f"Too many wrong log-ins from this address: try again in {math.ceil(wait)} s")
        wrong = False
        try:
            user = None
            if authorization:
                user = self._digests.verify(httpdigest.parse(authorization), method, uri)
                wrong = user is None
            if element is not None and not wrong:
                refusal = NotAuthorized
                user = self._tokens.verify(usernametoken.read_token(element))
                wrong = user is None
        finally:
            if not wrong:
                self._throttle.give_back(source)
        if wrong:
            raise refusal(_WRONG)
        return user

    def close(self) -> None:
        """The orderly end of a run."""
        self._watermark.close()

    def challenges(self, *, stale: bool = False) -> list[str]:
        """The values of the WWW-Authenticate headers of an HTTP 401 answer, one header each."""
        return self._digests.challenges(stale=stale)

"""What the authentication layer refuses.

One tree under AuthError. Each class is one condition of the specification; the message is an English reason
that tells the client how to mend the request. It never holds a password or a digest.
"""


class AuthError(Exception):
    """The root of everything that this package raises on purpose."""


class NotAuthorized(AuthError):
    """A UsernameToken does not prove who asks (ter:NotAuthorized with HTTP 400, Core 5.9.1)."""


class DigestRequired(AuthError):
    """HTTP Digest credentials are missing or do not prove who asks (HTTP 401 with challenges, Core 5.9.1)."""

    def __init__(self, reason: str, *, stale: bool = False) -> None:
        """`stale`: the password was right and only the nonce is used up, so that no user has to be asked."""
        super().__init__(reason)
        self.stale = stale


class UsernameClash(AuthError):
    """The user name exists already (ter:OperationProhibited/ter:UsernameClash, Core 8.4.4)."""


class UsernameTooLong(AuthError):
    """The user name is too long (ter:OperationProhibited/ter:UsernameTooLong, Core 8.4.4)."""


class UsernameTooShort(AuthError):
    """The user name is empty (ter:OperationProhibited/ter:UsernameTooShort, Core 8.4.4)."""


class InvalidUsername(AuthError):
    """The user name has a character that clients can't log in with (ter:InvalidArgVal, Core 5.8.2.2)."""


class PasswordTooLong(AuthError):
    """The password is too long (ter:OperationProhibited/ter:PasswordTooLong, Core 8.4.4 and 8.4.6)."""


class WeakPassword(AuthError):
    """A new user's password is too weak (ter:OperationProhibited/ter:Password, Core 8.4.4)."""


class PasswordTooWeak(AuthError):
    """A changed password is too weak (ter:OperationProhibited/ter:PasswordTooWeak, Core 8.4.6)."""


class InvalidPassword(AuthError):
    """The password can't be written in UTF-8 (ter:InvalidArgVal, Core 5.8.2.2)."""


class TooManyUsers(AuthError):
    """There is no room for the new users (ter:Action/ter:TooManyUsers, Core 8.4.4)."""


class AnonymousNotAllowed(AuthError):
    """No user has the level Anonymous (ter:OperationProhibited/ter:AnonymousNotAllowed, Core 8.4.4)."""


class UnsupportedUserLevel(AuthError):
    """The level is not served, as Extended is not (ter:InvalidArgVal, Core 5.8.2.2 and 5.9.4.2)."""


class UsernameMissing(AuthError):
    """No user has that name (ter:InvalidArgVal/ter:UsernameMissing, Core 8.4.5 and 8.4.6)."""


class FixedUser(AuthError):
    """The last administrator has to stay one (ter:InvalidArgVal/ter:FixedUser, Core 8.4.5 and 8.4.6)."""

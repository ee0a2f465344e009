"""The default access policy (Core 5.9.4)."""

from enum import StrEnum

from onvifd.auth.users import UserLevel


class AccessClass(StrEnum):
    """What an operation does to the device, by its impact (Core 5.9.4.3)."""

    PRE_AUTH = "PRE_AUTH"
    READ_SYSTEM = "READ_SYSTEM"
    READ_SYSTEM_SENSITIVE = "READ_SYSTEM_SENSITIVE"
    READ_SYSTEM_SECRET = "READ_SYSTEM_SECRET"  # noqa: S105 - the name of a class, not a secret
    WRITE_SYSTEM = "WRITE_SYSTEM"
    UNRECOVERABLE = "UNRECOVERABLE"
    READ_MEDIA = "READ_MEDIA"
    ACTUATE = "ACTUATE"


_ADMINISTRATOR = frozenset({UserLevel.ADMINISTRATOR})
_OPERATOR = _ADMINISTRATOR | {UserLevel.OPERATOR}
_USER = _OPERATOR | {UserLevel.USER}
_ANONYMOUS: frozenset[UserLevel | None] = _USER | {None}

_POLICY: dict[AccessClass, frozenset[UserLevel | None]] = {
    AccessClass.PRE_AUTH: _ANONYMOUS,
    AccessClass.READ_SYSTEM: frozenset(_USER),
    AccessClass.READ_SYSTEM_SENSITIVE: frozenset(_OPERATOR),
    AccessClass.READ_SYSTEM_SECRET: frozenset(_ADMINISTRATOR),
    AccessClass.WRITE_SYSTEM: frozenset(_ADMINISTRATOR),
    AccessClass.UNRECOVERABLE: frozenset(_ADMINISTRATOR),
    AccessClass.READ_MEDIA: frozenset(_USER),
    AccessClass.ACTUATE: frozenset(_OPERATOR),
}


def allowed(level: UserLevel | None, access_class: AccessClass) -> bool:
    """Whether a user of the level, None for an anonymous one, may use operations of the class (Core
    5.9.4.3)."""
    return level in _POLICY[access_class]

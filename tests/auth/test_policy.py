"""Core 5.9.4.3: the table of access classes and user levels."""

import pytest

from onvifd.auth.policy import AccessClass, allowed
from onvifd.auth.users import UserLevel

TABLE = """
PRE_AUTH                Administrator Operator User Anonymous
READ_SYSTEM             Administrator Operator User
READ_SYSTEM_SENSITIVE   Administrator Operator
READ_SYSTEM_SECRET      Administrator
WRITE_SYSTEM            Administrator
UNRECOVERABLE           Administrator
READ_MEDIA              Administrator Operator User
ACTUATE                 Administrator Operator
"""
ROWS = {name: set(levels) for name, *levels in map(str.split, TABLE.strip().splitlines())}


def test_every_access_class_of_core_is_in_the_table() -> None:
    assert set(ROWS) == {str(access_class) for access_class in AccessClass}


@pytest.mark.parametrize("level", [*UserLevel, None])
@pytest.mark.parametrize("access_class", list(AccessClass))
def test_access_as_core_5_9_4_3(level: UserLevel | None, access_class: AccessClass) -> None:
    assert allowed(level, access_class) == ((level or "Anonymous") in ROWS[access_class])

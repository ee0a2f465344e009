"""Giving up root: the bench has no use for it."""

import os
import pwd
import sys
from collections.abc import Sequence
from pathlib import Path

ACCOUNTS = ("onvifd", "nobody")
"""Who to become: the package's own account where it is installed."""


def unprivileged() -> pwd.struct_passwd:
    """The account of ACCOUNTS that this machine has. Raises KeyError if it has none of them."""
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise KeyError(f"none of the accounts {', '.join(ACCOUNTS)} exists")


def unreadable(account: pwd.struct_passwd, paths: Sequence[Path]) -> Path | None:
    """The first of the paths that an account can't read, as the kernel says, not as the mode bits suggest."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        become(account)
        bad = next((path for path in paths if not os.access(path, os.R_OK)), None)
        os.write(writer, os.fsencode(bad) if bad else b"")
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return Path(os.fsdecode(answer)) if answer else None


def become(account: pwd.struct_passwd) -> None:
    """Turn this process into one of an account, for good."""
    os.setgroups([])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)


def program_files() -> list[Path]:
    """What this program must be able to read while it runs: the interpreter, its library and its packages."""
    return [Path(sys.executable), *(Path(entry) for entry in sys.path if entry and Path(entry).exists())]

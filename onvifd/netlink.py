"""What the kernel has of links, addresses and routes: rtnetlink(7), with the messages of pyroute2.

To import pyroute2 is to import 150 modules, for queueing disciplines, WireGuard and databases of interfaces:
9 MiB of a camera's memory, and a second of its start. The messages and their parser take 1.5 MiB.
"""

import contextlib
import importlib.util
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def _bare(package: str) -> Iterator[None]:
    """Let modules of a package be imported without what the package imports itself."""
    found = importlib.util.find_spec(package)
    if found is None or package in sys.modules:
        yield
        return
    sys.modules[package] = importlib.util.module_from_spec(found)
    try:
        yield
    finally:
        del sys.modules[package]  # who imports it later gets all of it


with _bare("pyroute2"):
    from pyroute2.netlink.exceptions import NetlinkError  # type: ignore[import-untyped, unused-ignore]
    from pyroute2.netlink.marshal import Marshal  # type: ignore[import-untyped, unused-ignore]
    from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg  # type: ignore[import-untyped, unused-ignore]
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg  # type: ignore[import-untyped, unused-ignore]
    from pyroute2.netlink.rtnl.rtmsg import rtmsg  # type: ignore[import-untyped, unused-ignore]

RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE = 18, 22, 26
"""What can be asked for."""
_ANSWERS = {RTM_GETLINK - 2: ifinfmsg, RTM_GETADDR - 2: ifaddrmsg, RTM_GETROUTE - 2: rtmsg}
"""RTM_NEWLINK, RTM_NEWADDR and RTM_NEWROUTE."""
_REQUEST = struct.Struct("=IHHIIB3x")
"""nlmsghdr: length, type, flags, sequence number and port; and rtgenmsg, the address family."""
_ALL = 0x1 | 0x300
"""NLM_F_REQUEST with NLM_F_DUMP."""
_DONE = 3
"""NLMSG_DONE."""
_LARGEST = 65536
"""Bytes that are read at once. The kernel gives 32 KiB at most."""


def dump(kind: int) -> list[Any]:
    """All links, addresses or routes that the kernel has: pyroute2's messages.

    `kind` is RTM_GETLINK, RTM_GETADDR or RTM_GETROUTE. Raises OSError if the kernel does not tell.
    """
    parser = Marshal()
    parser.msg_map = _ANSWERS
    found: list[Any] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.bind((0, 0))
        kernel.send(_REQUEST.pack(_REQUEST.size, kind, _ALL, 1, 0, socket.AF_UNSPEC))
        while True:
            for message in parser.parse(kernel.recv(_LARGEST)):
                header = message["header"]
                if isinstance(header["error"], NetlinkError):
                    raise OSError(*header["error"].args)
                if header["type"] == _DONE:
                    return found
                found.append(message)

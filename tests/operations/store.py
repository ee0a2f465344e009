"""All that a device holds and serves, as values that can be compared: before a refused request and after it."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
from pathlib import Path
from typing import Any

from onvifd.assembly import Running
from onvifd.webserver.process import processes
from tests.webserver.support import trusting_anything

VOLATILE = {"generation_time"}
"""Tables that change by themselves: `generation_time` is how long key generation took, measured when a key is
done, which has nothing to do with the request that is being looked at."""

_LISTENING = "0A"
_TIMEOUT = 10


def logical_content(running: Running) -> dict[str, Any]:
    """Every row of every table, the subscriptions, and what the web server serves on which port."""
    return {
        "stored": stored(running),
        "subscriptions": subscriptions(running),
        "served": served(running),
    }


def subscriptions(running: Running) -> list[str]:
    """The IDs of all subscriptions. They live in memory, in whatever table the event service keeps them."""
    tables = (table for table in vars(running.device.subscriptions).values() if isinstance(table, dict))
    return sorted(key for table in tables for key in table)


def stored(running: Running) -> dict[str, list[str]]:
    """The rows of each table, sorted. Sealed values as they are: sealing anew would be a change."""
    with running.store.database.read() as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {
            name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"')))
            for (name,) in names
            if name not in VOLATILE and not name.startswith("sqlite_")
        }


def served(running: Running) -> dict[tuple[str, int], tuple[str, ...]]:
    """What a client meets at each address and port on which this device's web server listens."""
    directory = str(running.device.config.run_dir / "webserver")
    masters = [process.pid for process in processes() if f" {directory}/current/" in process.command]
    inodes = {inode for master in masters for inode in _sockets(master)}
    return {place: _met(*place) for place in _listening(inodes)}


def _sockets(pid: int) -> set[str]:
    links = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # it is closed by now
            match = re.fullmatch(r"socket:\[(\d+)\]", str(Path(entry.path).readlink()))
            if match:
                links.add(match[1])
    return links


def _listening(inodes: set[str]) -> list[tuple[str, int]]:
    """The IPv4 addresses and ports of the listening sockets with these inodes (proc(5), /proc/net/tcp)."""
    places = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTENING and fields[9] in inodes:
            address, _, port = fields[1].partition(":")
            places.append((socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16)))
    return sorted(places)


def _met(address: str, port: int) -> tuple[str, ...]:
    """`HTTP` and its status, or `HTTPS` and the certificate for clients that accept RSA, and for EC."""
    with socket.create_connection((address, port), _TIMEOUT) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = connection.recv(4096).decode("latin-1")
    # lighttpd says nothing at all to who speaks HTTP there.
    if answer and "plain HTTP request was sent to HTTPS port" not in answer:
        return ("HTTP", answer.partition("\r\n")[0])
    return ("HTTPS", *(_certificate(address, port, ciphers) for ciphers in ("aRSA", "aECDSA")))


def _certificate(address: str, port: int, ciphers: str) -> str:
    context = trusting_anything()
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # above it the ciphers do not choose the certificate
    context.set_ciphers(ciphers)
    try:
        with (
            socket.create_connection((address, port), _TIMEOUT) as plain,
            context.wrap_socket(plain) as secured,
        ):
            return (secured.getpeercert(binary_form=True) or b"").hex()
    except ssl.SSLError:
        return "none"

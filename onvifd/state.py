"""The device's own persistent settings: its network protocols and its identity."""

import html
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from keystore import Database
from onvifd.config import ProtocolsConfig


class StateError(Exception):
    """What a client asked of the settings can't be done; nothing was changed."""


class ProtocolNotSupported(StateError):
    """The device does not have this protocol (Core 8.2.13, ServiceNotSupported)."""


class InvalidPort(StateError):
    """A port outside 1 to 65535, or too many of them."""


class PortConflict(StateError):
    """Two enabled protocols want the same port (Core 8.2.13, PortAlreadyInUse)."""


class TLSNotConfigured(StateError):
    """HTTPS can't be enabled yet (Core 8.2.13, EnablingTlsFailed)."""


class LockoutRefused(StateError):
    """The change would leave no way to reach the device service."""


MAXIMUM_PORTS = 8
"""Ports of one protocol."""


@dataclass(frozen=True)
class Protocol:
    """A network protocol of the device: tt:NetworkProtocol."""

    name: str
    enabled: bool
    ports: tuple[int, ...]


class Protocols:
    """The network protocols: as the factory set them until a client says otherwise."""

    def __init__(self, database: Database, factory: ProtocolsConfig) -> None:
        self._database = database
        self._allow_lockout = factory.allow_lockout
        declared = {"HTTP": factory.http, "HTTPS": factory.https, "RTSP": factory.rtsp}
        self._factory = {
            name: Protocol(name, protocol.enabled, protocol.ports)
            for name, protocol in declared.items()
            if protocol is not None
        }
        database.migrate(
            "protocols",
            [
                "CREATE TABLE protocol"
                " (name TEXT PRIMARY KEY, enabled INTEGER NOT NULL, ports TEXT NOT NULL) STRICT;"
            ],
        )

    def all(self) -> list[Protocol]:
        """Every protocol that the device has, in the order HTTP, HTTPS, RTSP."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT name, enabled, ports FROM protocol").fetchall()
        stored = {
            name: Protocol(name, bool(enabled), tuple(json.loads(ports))) for name, enabled, ports in rows
        }
        return [stored.get(name, protocol) for name, protocol in self._factory.items()]

    def get(self, name: str) -> Protocol | None:
        return next((protocol for protocol in self.all() if protocol.name == name), None)

    def set(self, requested: Sequence[Protocol], *, certificate_assigned: bool) -> None:
        """Store the protocols of a request; those that it does not name stay as they are.

        When a request names a protocol twice, the last one counts. Raises StateError's kinds (Core 8.2.13);
        nothing is stored then.
        """
        named = {protocol.name: replace(protocol, ports=_ports(protocol)) for protocol in requested}
        for name in named:
            if name not in self._factory:
                raise ProtocolNotSupported(
                    f"This device has no {name}; GetNetworkProtocols lists what it has"
                )
        with self._database.transaction() as connection:
            after = [named.get(protocol.name, protocol) for protocol in self.all()]
            self._check(after, certificate_assigned)
            connection.executemany(
                "INSERT OR REPLACE INTO protocol (name, enabled, ports) VALUES (?, ?, ?)",
                [(p.name, p.enabled, json.dumps(p.ports)) for p in named.values()],
            )

    def reset(self) -> None:
        """Bring back what the factory set (Core 8.3.8)."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM protocol")

    def disable_https(self) -> None:
        """For a device without a certificate: back to the factory's protocols if no other one is enabled."""
        try:
            https = self.get("HTTPS")
            if https is not None:
                self.set([replace(https, enabled=False)], certificate_assigned=False)
        except LockoutRefused:
            self.reset()

    def _check(self, after: Sequence[Protocol], certificate_assigned: bool) -> None:
        enabled = [protocol for protocol in after if protocol.enabled]
        owners: dict[int, str] = {}
        for protocol in enabled:
            for port in protocol.ports:
                if port in owners:
                    raise PortConflict(f"Port {port} can't serve {owners[port]} and {protocol.name} both")
                owners[port] = protocol.name
        names = {protocol.name for protocol in enabled}
        if "HTTPS" in names and not certificate_assigned:
            raise TLSNotConfigured("HTTPS needs a certificate: use AddServerCertificateAssignment first")
        if not names & {"HTTP", "HTTPS"} and not self._allow_lockout:
            raise LockoutRefused(
                "This would disable the last protocol that reaches the device: enable HTTP or HTTPS as well"
            )


def _ports(protocol: Protocol) -> tuple[int, ...]:
    ports = tuple(dict.fromkeys(protocol.ports))
    if len(ports) > MAXIMUM_PORTS:
        raise InvalidPort(f"{protocol.name} can have {MAXIMUM_PORTS} ports at most, not {len(ports)}")
    for port in ports:
        if not 1 <= port <= 65535:
            raise InvalidPort(f"{port} is not a TCP port: use 1 to 65535")
    return ports


def endpoint_reference(database: Database) -> str:
    """The address of the device's endpoint reference (Core 8.4.9): made once, the same ever after."""
    database.migrate("identity", ["CREATE TABLE identity (endpoint_reference TEXT NOT NULL) STRICT;"])
    with database.transaction() as connection:
        row = connection.execute("SELECT endpoint_reference FROM identity").fetchone()
        if row is None:
            row = (f"urn:uuid:{uuid.uuid4()}",)
            connection.execute("INSERT INTO identity VALUES (?)", row)
    return str(row[0])


class TooManyScopes(StateError):
    """More configurable scopes than the device keeps (Core 8.3.15 and 8.3.16)."""


class EmptyScope(StateError):
    """The device has no scopes at all (Core 8.3.14)."""


class FixedScope(StateError):
    """A scope that the vendor set can't be removed (Core 8.3.17)."""


class NoScope(StateError):
    """The device has no such scope (Core 8.3.17)."""


MAXIMUM_SCOPES = 64
"""Configurable scopes, besides the vendor's."""
MAXIMUM_SCOPE_LENGTH = 255
"""Characters of one scope."""
MAXIMUM_SCOPES_SIZE = 48 * 1024
"""Bytes of all scopes in XML: a discovery message is one datagram, of less than 64 KiB."""


class Scopes:
    """The scopes by which clients find the device: the vendor's, which are fixed, and the clients' own."""

    def __init__(self, database: Database, fixed: Sequence[str]) -> None:
        self._database = database
        self.fixed = tuple(fixed)
        database.migrate("scopes", ["CREATE TABLE scope (item TEXT PRIMARY KEY) STRICT;"])

    def all(self) -> list[tuple[str, str]]:
        """The kind (Fixed or Configurable) and the text of each. Raises EmptyScope."""
        found = [("Fixed", item) for item in self.fixed]
        found += [("Configurable", item) for item in self.configurable()]
        if not found:
            raise EmptyScope("The device has no scopes: set some with SetScopes")
        return found

    def configurable(self) -> list[str]:
        """Those that clients set, in the order in which they came."""
        with self._database.read() as connection:
            return [item for (item,) in connection.execute("SELECT item FROM scope ORDER BY rowid")]

    def set(self, items: Sequence[str]) -> None:
        """Replace the configurable scopes; fixed ones among the items stay fixed (Core 8.3.15).

        Raises TooManyScopes.
        """
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM scope")
            self.add(items)

    def add(self, items: Sequence[str]) -> None:
        """Add scopes; those that the device has have no effect (Core 8.3.16). Raises TooManyScopes."""
        new = [item for item in dict.fromkeys(items) if item not in self.fixed]
        if any(len(item) > MAXIMUM_SCOPE_LENGTH for item in new):
            raise TooManyScopes(f"A scope can have {MAXIMUM_SCOPE_LENGTH} characters at most")
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR IGNORE INTO scope VALUES (?)", [(item,) for item in new])
            (count,) = connection.execute("SELECT count(*) FROM scope").fetchone()
            if count > MAXIMUM_SCOPES:
                raise TooManyScopes(
                    f"The device keeps {MAXIMUM_SCOPES} scopes of its clients: remove some first"
                )
            if sum(map(_size, (*self.fixed, *self.configurable()))) > MAXIMUM_SCOPES_SIZE:
                raise TooManyScopes(
                    f"All scopes together can have {MAXIMUM_SCOPES_SIZE} bytes: remove some first"
                )

    def remove(self, items: Sequence[str]) -> None:
        """Remove configurable scopes, all of them or none (Core 8.3.17). Raises FixedScope and NoScope."""
        with self._database.transaction() as connection:
            for item in dict.fromkeys(items):
                if item in self.fixed:
                    raise FixedScope(f"The scope {item} is a fixed one")
                if not connection.execute("DELETE FROM scope WHERE item = ?", (item,)).rowcount:
                    raise NoScope(f"The device has no scope {item}: GetScopes lists them")

    def reset(self) -> None:
        """Bring back what the factory set (Core 8.3.8)."""
        self.set(())


def _size(scope: str) -> int:
    """Bytes in a discovery message."""
    return len(html.escape(scope, quote=False).replace(" ", "%20").encode())

"""The Target Service: one thread that announces the device, answers who looks for it, and says good-bye."""

import hashlib
import json
import logging
import random
import sched
import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial

from keystore.errors import DatabaseError
from onvifd import network
from onvifd.auth.throttle import Throttle
from onvifd.discovery import matching, messages
from onvifd.discovery.limits import ANSWERING, READING, Budget, Recent
from onvifd.discovery.links import Link, links
from onvifd.discovery.messages import AppSequence, Probe, Resolve, Target
from onvifd.discovery.sockets import Datagram, DiscoverySocket, IPv4Socket, IPv6Socket
from onvifd.discovery.state import DISCOVERABLE, DiscoveryState

_log = logging.getLogger(__name__)

APP_MAX_DELAY = 0.5
"""Seconds within which Hello and the answer to a multicast Probe are sent, at random (WSD 2.4)."""
UNICAST_UDP_REPEAT = 2
MULTICAST_UDP_REPEAT = 4
UDP_MIN_DELAY, UDP_MAX_DELAY, UDP_UPPER_DELAY = 0.05, 0.25, 0.5
"""How often a message is sent in all, and the seconds between (SOAP-over-UDP appendix I)."""

_SETTLE = 0.2
"""Seconds to let the network settle: an address that comes or goes brings several messages of the kernel."""
_LOOKS, _LOOKS_RATE = 20, 1 / 30
"""Looks at a network that changes, at once and per second after these. Who is on the link can change our
addresses with router advertisements, and each change is a new MetadataVersion, which wears the flash."""
_RETRY = 30.0
"""Seconds until what failed is tried again."""
_BATCH = 32
_REST = 0.02
"""After so many datagrams at once the others wait for some seconds: a flood takes 1600 of them a second."""


@dataclass(frozen=True)
class Settings:
    """What does not change while the device runs."""

    endpoint_reference: str
    types: tuple[str, ...]
    path: str
    """Of the device service's URL."""
    listen: tuple[str, ...]
    """The web server's addresses."""
    interfaces: tuple[str, ...]
    """The network interfaces that are permitted; without any all are but the loopback."""


@dataclass(frozen=True)
class _Announcement:
    """What the links have been told, or are to be told."""

    target: Target
    ports: tuple[tuple[str, int], ...]
    links: tuple[Link, ...]

    @property
    def metadata(self) -> str:
        """A digest of all that MetadataVersion stands for."""
        where = [[link.name, link.ipv4, link.ipv6] for link in self.links]
        text = json.dumps([self.target.types, self.target.scopes, self.ports, where])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def running(self) -> set[int]:
        """The links that can be told something."""
        return {link.index for link in self.links if link.running}


class TargetService:
    """The device as others discover it.

    Its thread compares what it has announced with what is, whenever the database (`changed`) or the network
    has changed: so no operation can forget to announce what it did.
    """

    def __init__(
        self,
        settings: Settings,
        state: DiscoveryState,
        scopes: Callable[[], Sequence[str]],
        ports: Callable[[], Sequence[tuple[str, int]]],
        *,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`scopes` and `ports` (scheme and number of each of the web server's) are asked in the thread."""
        self._settings = settings
        self._state = state
        self._scopes = scopes
        self._ports = ports
        self._uniform = uniform
        self._agenda = sched.scheduler(time.monotonic, time.sleep)
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._thread: threading.Thread | None = None
        self._leaving = False
        # From here on the thread's alone, once it runs.
        self._sequence = AppSequence(0, 0)
        self._interfaces: list[network.Interface] = []
        self._sockets: dict[socket.AddressFamily, DiscoverySocket] = {}
        self._announced: _Announcement | None = None
        self._hellos: list[sched.Event] = []
        self._reading = Budget(READING)
        self._answering = Budget(ANSWERING)
        self._recent = Recent()
        self._looks = Throttle(_LOOKS, _LOOKS_RATE, sources=1)
        self._not_before = 0.0

    # -- for others

    def start(self) -> None:
        """Listen on the links that there are, and begin to announce the device. Raises DatabaseError.

        Where the kernel does not tell of changes (a sandbox without AF_NETLINK), the device works without
        discovery; the log says so.
        """
        try:
            watching = network.watch()
        except OSError as error:
            _log.error("the device can't be discovered, for it can't watch the network: %s", error)
            return
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._selector.register(watching, selectors.EVENT_READ)
        self._sequence = AppSequence(self._state.next_instance(), 0)
        self._look_again(0)  # in the thread: the device need not wait for it
        self._thread = threading.Thread(target=self._run, args=(watching,), name="discovery", daemon=True)
        self._thread.start()

    def changed(self) -> None:
        """The database may hold something else than what was announced. May be called at any time."""
        with suppress(OSError):  # it has been woken often enough, or has ended
            self._waker.send(b"\0")

    def leave(self) -> None:
        """Begin to say Bye: as often as it has to be, which takes up to 1.3 seconds."""
        self._leaving = True
        self.changed()

    def close(self) -> None:
        """Leave, and wait until the last Bye has been said."""
        self.leave()
        if self._thread is not None:
            self._thread.join()
        self._selector.close()
        self._waker.close()
        self._woken.close()

    # -- the thread

    def _run(self, watching: socket.socket) -> None:
        with ExitStack() as stack:
            stack.enter_context(watching)
            stack.callback(self._withdraw)
            while not self._leaving:
                delay = self._agenda.run(blocking=False)
                self._handle({key.fileobj for key, _ in self._selector.select(delay)}, watching)
            self._say_bye()
            self._agenda.run()

    def _handle(self, ready: set[object], watching: socket.socket) -> None:
        if self._woken in ready:
            with suppress(BlockingIOError):
                while self._woken.recv(4096):
                    pass
            # Before the datagrams: it counts for all that come after the answer to the client.
            self._look()
        if watching in ready:
            network.drain(watching)
            self._look_again(_SETTLE)
        for sock in [each for each in self._sockets.values() if each in ready]:
            self._receive(sock)

    # -- what there is to announce

    def _look_again(self, delay: float) -> None:
        """After so many seconds, unless that is on the agenda anyway."""
        due = max(time.monotonic() + delay, self._not_before)
        look = self._look_at_the_network
        if not any(event.action == look and event.time <= due for event in self._agenda.queue):
            self._agenda.enterabs(due, 0, look)

    def _look_at_the_network(self) -> None:
        self._not_before = time.monotonic() + self._looks.take("the network")
        try:
            self._interfaces = network.interfaces()
        except OSError as error:
            self._try_again(error)
        else:
            self._look()

    def _look(self) -> None:
        """Announce what differs from what was announced."""
        try:
            if self._state.mode == DISCOVERABLE:
                self._announce(self._wanted())
            else:
                self._withdraw()
        except Exception as error:  # a device that can't be found is hard to mend
            self._try_again(error)

    def _try_again(self, error: Exception) -> None:
        expected = isinstance(error, OSError | DatabaseError)
        _log.error("the device can't be announced, but will be tried to: %s", error, exc_info=not expected)
        self._look_again(_RETRY)

    def _wanted(self) -> _Announcement:
        settings = self._settings
        ports = tuple(self._ports())
        # A scope with a space would be two in the list of a message.
        scopes = tuple(scope.replace(" ", "%20") for scope in self._scopes())
        found = links(self._interfaces, settings.listen, settings.interfaces) if ports else []
        target = Target(settings.endpoint_reference, settings.types, scopes, 0)
        wanted = _Announcement(target, ports, tuple(found))
        if not found:
            return wanted
        version = self._state.version_of(wanted.metadata)
        return replace(wanted, target=replace(target, metadata_version=version))

    def _announce(self, wanted: _Announcement) -> None:
        before = self._announced
        self._listen(wanted.links)
        self._announced = wanted
        if before is None or before.target != wanted.target:
            self._cancel(self._hellos)
            self._hellos = []
            told: set[int] = set()
        else:
            self._hellos = [event for event in self._hellos if event in self._agenda.queue]
            told = before.running
        for link in wanted.links:
            if link.running and link.index not in told:
                self._say_hello(link, wanted)

    def _listen(self, wanted: Sequence[Link]) -> None:
        members: dict[type[DiscoverySocket], list[int]] = {
            IPv4Socket: [link.index for link in wanted if link.ipv4],
            IPv6Socket: [link.index for link in wanted if link.ipv6],
        }
        for kind, indices in members.items():
            if indices and kind.family not in self._sockets:
                self._sockets[kind.family] = kind()
                self._selector.register(self._sockets[kind.family], selectors.EVENT_READ)
            if kind.family in self._sockets:
                self._sockets[kind.family].join(indices)

    def _withdraw(self) -> None:
        """Neither listen nor send (Core 7.2)."""
        self._cancel([event for event in self._agenda.queue if event.action == self._try])
        for sock in self._sockets.values():
            with suppress(KeyError):  # it rests
                self._selector.unregister(sock)
            sock.close()
        self._sockets = {}
        self._announced = None

    def _cancel(self, events: Sequence[sched.Event]) -> None:
        for event in events:
            with suppress(ValueError):  # it has been sent
                self._agenda.cancel(event)

    # -- what is said to all

    def _say_hello(self, link: Link, what: _Announcement) -> None:
        delay = self._uniform(0, APP_MAX_DELAY)
        for sock, addresses in self._ways(link):
            xaddrs = link.xaddrs(what.ports, self._settings.path, addresses[0])
            data = messages.hello(what.target, xaddrs, self._next())
            self._hellos += self._repeat_to_all(sock, data, link, addresses, delay)

    def _say_bye(self) -> None:
        """To those who were told that the device is there. Nothing else is said any more."""
        self._cancel(self._agenda.queue)
        if self._announced is None:
            return
        for link in self._announced.links:
            for sock, addresses in self._ways(link):
                data = messages.bye(self._announced.target, self._next())
                self._repeat_to_all(sock, data, link, addresses, 0)

    def _ways(self, link: Link) -> list[tuple[DiscoverySocket, tuple[str, ...]]]:
        """The sockets for what is sent on a link, each with the addresses of its family."""
        families = ((socket.AF_INET, link.ipv4), (socket.AF_INET6, link.ipv6))
        return [(self._sockets[family], addresses) for family, addresses in families if addresses]

    def _repeat_to_all(
        self, sock: DiscoverySocket, data: bytes, link: Link, addresses: Sequence[str], delay: float
    ) -> list[sched.Event]:
        # With IPv6 the last address is link-local: everybody on the link can answer to it.
        source = addresses[0 if sock.family == socket.AF_INET else -1]
        return self._repeat(partial(sock.multicast, data, link.index, source), MULTICAST_UDP_REPEAT, delay)

    def _repeat(self, send: Callable[[], None], times: int, delay: float) -> list[sched.Event]:
        """Send a message after a delay, and again as SOAP-over-UDP has it."""
        events = []
        pause = self._uniform(UDP_MIN_DELAY, UDP_MAX_DELAY)
        for _ in range(times):
            events.append(self._agenda.enter(delay, 0, self._try, (send,)))
            delay += pause
            pause = min(2 * pause, UDP_UPPER_DELAY)
        return events

    def _try(self, send: Callable[[], None]) -> None:
        try:
            send()
        except OSError as error:
            _log.debug("a discovery message can't be sent: %s", error)  # a link may have just gone

    def _next(self) -> AppSequence:
        instance_id, number = self._sequence
        self._sequence = AppSequence(instance_id, number + 1)
        return self._sequence

    # -- what is answered

    def _receive(self, sock: DiscoverySocket) -> None:
        for _ in range(_BATCH):
            try:
                datagram = sock.receive()
            except OSError:  # BlockingIOError: that was all
                return
            if datagram is None or self._announced is None or not messages.asks(datagram.data):
                continue
            try:
                self._consider(sock, datagram, self._announced)
            except Exception:
                _log.exception("a discovery message can't be answered")
        self._selector.unregister(sock)
        self._agenda.enter(_REST, 0, self._resume, (sock,))

    def _resume(self, sock: DiscoverySocket) -> None:
        if sock in self._sockets.values():
            self._selector.register(sock, selectors.EVENT_READ)

    def _consider(self, sock: DiscoverySocket, datagram: Datagram, announced: _Announcement) -> None:
        way = _way(datagram, announced.links)
        if way is None or not self._reading.take(datagram.sender):
            return
        message = messages.read(datagram.data)
        if message is None or not self._recent.first(datagram.sender, message.message_id):
            return
        link, heard = way
        xaddrs = link.xaddrs(announced.ports, self._settings.path, heard)
        answer = self._answer(message, announced.target, xaddrs, multicast=datagram.multicast)
        if answer is not None and self._answering.take(datagram.sender):
            wait = datagram.multicast and isinstance(message, Probe)
            delay = self._uniform(0, APP_MAX_DELAY) if wait else 0
            self._repeat(partial(sock.answer, answer, datagram), UNICAST_UDP_REPEAT, delay)

    def _answer(
        self, message: Probe | Resolve, target: Target, xaddrs: Sequence[str], *, multicast: bool
    ) -> bytes | None:
        if isinstance(message, Resolve):
            if message.address != target.endpoint_reference:
                return None
            return messages.resolve_matches(message, target, xaddrs, self._next())
        if message.rule not in matching.RULES:
            return None if multicast else messages.matching_rule_not_supported(message, self._next())
        if not message.types <= target.expanded_types:
            return None
        if not matching.matches(message.scopes, target.scopes, message.rule):
            return None
        return messages.probe_matches(message, target, xaddrs, self._next())


def _way(datagram: Datagram, links: Sequence[Link]) -> tuple[Link, str] | None:
    """The link on which a datagram was heard and the address of it: the one that it was sent to, or the first
    one of its family. None if it was for nobody that is announced."""
    for link in links:
        family = link.ipv6 if ":" in datagram.destination else link.ipv4
        if not datagram.multicast and datagram.destination in family:
            return link, datagram.destination
        if datagram.multicast and link.index == datagram.link and family:
            return link, family[0]
    return None

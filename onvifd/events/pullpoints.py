"""Pull points: bounded queues of notifications that clients wait at (Core 9.1)."""

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from onvifd.events.errors import (
    InvalidArgument,
    PullTimeoutTooLong,
    ResourceUnknown,
    SubscribeCreationFailed,
    UnableToGetMessages,
    UnacceptableInitialTerminationTime,
    UnacceptableTerminationTime,
)
from onvifd.events.filters import Filter
from onvifd.events.notifications import Notification

logger = logging.getLogger(__name__)

SECOND = timedelta(seconds=1)
SUGGESTED_MINIMUM = timedelta(seconds=10)
"""The MinimumTime of a fault: still ahead when the client asks again with it."""


@dataclass(frozen=True)
class Limits:
    """The bounds that keep clients from exhausting the device."""

    pull_points: int = 16
    queue_length: int = 256
    """Notifications that a pull point keeps; the oldest go first. Also the most that one pull returns."""
    default_lifetime: timedelta = timedelta(minutes=1)
    """For a subscription that names no termination time. Short: some clients never come back for theirs."""
    maximum_lifetime: timedelta = timedelta(hours=1)
    maximum_timeout: timedelta = timedelta(minutes=10)
    """Of one pull. Core 9.1.2 wants a minute at least."""


@dataclass(frozen=True)
class Pulled:
    """The outcome of a pull."""

    notifications: tuple[Notification, ...]
    remaining: timedelta
    """Until the pull point ends, unless the client pulls or renews again."""


class PullPoint:
    """One client's queue. All of it is guarded by the lock that it is made with."""

    def __init__(self, selection: Filter, expires: float, queue_length: int, lock: threading.RLock) -> None:
        self.selection = selection
        self.expires = expires
        """On the monotonic clock, in seconds."""
        self.queue: deque[Notification] = deque(maxlen=queue_length)
        self.dropped = 0
        self.pulling = False
        self.ended: str | None = None
        """Why, once it has ended."""
        self.changed = threading.Condition(lock)

    def put(self, notification: Notification) -> None:
        if len(self.queue) == self.queue.maxlen:
            if not self.dropped:
                logger.warning("a pull point's queue is full: its oldest notifications are dropped")
            self.dropped += 1
        self.queue.append(notification)
        self.changed.notify_all()

    def end(self, reason: str) -> None:
        self.ended = reason
        self.changed.notify_all()

    def take(self, limit: int) -> tuple[Notification, ...]:
        return tuple(self.queue.popleft() for _ in range(min(limit, len(self.queue))))


class PullPoints:
    """All pull points of the device; for many threads.

    Lifetimes run on a monotonic clock, since the device's clock may be set at any time.
    """

    def __init__(self, limits: Limits | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits or Limits()
        self._monotonic = monotonic
        # Reentrant: a signal handler calls close(), and a second signal may interrupt the first one there.
        self._lock = threading.RLock()
        self._points: dict[str, PullPoint] = {}
        self._closed = False

    def create(self, selection: Filter, lifetime: timedelta | None) -> tuple[str, timedelta]:
        """A new pull point for what the filter selects: its id, which can't be guessed, and its lifetime.

        The lifetime (None: the default) is rounded up to whole seconds, as times are told to clients.
        Raises UnacceptableInitialTerminationTime, and SubscribeCreationFailed when none is free (Core 9.1.6).
        """
        granted = self._grant(lifetime, UnacceptableInitialTerminationTime)
        with self._lock:
            self._sweep()
            if self._closed:
                raise SubscribeCreationFailed("The device is shutting down")
            if len(self._points) >= self.limits.pull_points:
                raise SubscribeCreationFailed(
                    f"All {self.limits.pull_points} pull points are in use:"
                    " unsubscribe one, or wait until one ends"
                )
            pull_point_id = f"pullpoint-{secrets.token_hex(16)}"
            expires = self._monotonic() + granted.total_seconds()
            self._points[pull_point_id] = PullPoint(selection, expires, self.limits.queue_length, self._lock)
        return pull_point_id, granted

    def publish(self, notification: Notification) -> None:
        """Put a notification into the queue of each pull point that wants it, and wake who waits there."""
        with self._lock:
            self._sweep()
            for point in self._points.values():
                if point.selection.passes(notification):
                    point.put(notification)

    def pull(self, pull_point_id: str, timeout: timedelta, limit: int) -> Pulled:
        """Up to `limit` notifications: at once if there are any, else as soon as there are, else none
        after `timeout` (Core 9.1.2).

        The pull point lives on at least as long as this pull, and then `timeout` longer (Core 9.1.1).
        Raises ResourceUnknown (also when the pull point ends during the pull), UnableToGetMessages while
        another pull waits here, PullTimeoutTooLong, InvalidArgument.
        """
        if limit < 1:
            raise InvalidArgument(f"MessageLimit must be at least 1, not {limit}")
        if timeout < timedelta(0):
            raise InvalidArgument("Timeout must not be negative")
        if timeout > self.limits.maximum_timeout:
            raise PullTimeoutTooLong(
                f"Timeout can be {self.limits.maximum_timeout.total_seconds():.0f} seconds at most",
                self.limits.maximum_timeout,
                self.limits.queue_length,
            )
        with self._lock:
            point = self._find(pull_point_id)
            if point.pulling:
                raise UnableToGetMessages(
                    "Another PullMessages waits at this pull point: use one pull point for each reader"
                )
            point.pulling = True
            try:
                point.changed.wait_for(lambda: point.queue or point.ended, timeout.total_seconds())
            finally:
                point.pulling = False
            if point.ended:
                raise ResourceUnknown(point.ended)
            now = self._monotonic()
            point.expires = max(point.expires, now + timeout.total_seconds())
            return Pulled(point.take(limit), timedelta(seconds=point.expires - now))

    def renew(self, pull_point_id: str, lifetime: timedelta | None) -> timedelta:
        """Let a pull point end after another time than before; the lifetime as in `create`.

        Raises UnacceptableTerminationTime, ResourceUnknown (Core 9.1.3).
        """
        with self._lock:
            point = self._find(pull_point_id)
            granted = self._grant(lifetime, UnacceptableTerminationTime)
            point.expires = self._monotonic() + granted.total_seconds()
        return granted

    def unsubscribe(self, pull_point_id: str) -> None:
        """End a pull point and what waits at it. Raises ResourceUnknown (Core 9.1.4)."""
        with self._lock:
            self._find(pull_point_id)
            self._points.pop(pull_point_id).end("The subscription was ended by Unsubscribe")

    def synchronize(self, pull_point_id: str) -> None:
        """Repeat the state of all properties (Core 9.5): no topic of this device is one.

        Raises ResourceUnknown.
        """
        with self._lock:
            self._find(pull_point_id)

    def close(self) -> None:
        """End all pull points and what waits at them, for good."""
        with self._lock:
            self._closed = True
            points, self._points = self._points, {}
            for point in points.values():
                point.end("The device is shutting down")

    def _grant(
        self,
        lifetime: timedelta | None,
        fault: type[UnacceptableInitialTerminationTime] | type[UnacceptableTerminationTime],
    ) -> timedelta:
        if lifetime is None:
            return self.limits.default_lifetime
        maximum = self.limits.maximum_lifetime
        if not timedelta(0) < lifetime <= maximum:
            raise fault(
                f"The termination time must be ahead, by {maximum.total_seconds():.0f} seconds at most",
                SUGGESTED_MINIMUM,
                maximum,
            )
        return -(-lifetime // SECOND) * SECOND

    def _find(self, pull_point_id: str) -> PullPoint:
        self._sweep()
        try:
            return self._points[pull_point_id]
        except KeyError:
            raise ResourceUnknown(
                "This URL names no subscription, or one that has ended: use the Address that"
                " CreatePullPointSubscription returned, or create a new one"
            ) from None

    def _sweep(self) -> None:
        """Remove what has expired. A pull in progress keeps its pull point."""
        now = self._monotonic()
        for pull_point_id, point in list(self._points.items()):
            if point.expires <= now and not point.pulling:
                del self._points[pull_point_id]

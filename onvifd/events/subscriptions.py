"""Subscriptions: bounded queues of notifications with a lifetime (Core 9.1.6, 9.3).

A client pulls from some of them, and this device sends what others hold to their consumer: see `pullpoints`
and `producers`.
"""

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, TypeVar

from onvifd.events.errors import (
    ResourceUnknown,
    SubscribeCreationFailed,
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

    queue_length: int = 256
    """Notifications that a subscription keeps; the oldest go first."""
    default_lifetime: timedelta = timedelta(minutes=1)
    """For a subscription that names no termination time. Short: some clients never come back for theirs."""
    maximum_lifetime: timedelta = timedelta(hours=1)


class Subscription:
    """What one client waits for. All of it is guarded by the lock of the Subscriptions that hold it."""

    plural: ClassVar[str]
    """What its kind is called."""
    prefix: ClassVar[str]

    def __init__(self, selection: Filter, queue_length: int) -> None:
        self.id = f"{self.prefix}-{secrets.token_hex(16)}"
        """Can't be guessed: whoever knows it can end the subscription."""
        self.selection = selection
        self.expires = 0.0
        """On the monotonic clock, in seconds."""
        self.queue: deque[Notification] = deque(maxlen=queue_length)
        self.dropped = 0
        self.held = False
        """Whether a request in progress keeps it from expiring."""
        self.ended: str | None = None
        """Why, once it has ended."""

    def put(self, notification: Notification) -> None:
        if len(self.queue) == self.queue.maxlen:
            if not self.dropped:
                logger.warning("a queue of the %s is full: its oldest notifications are dropped", self.plural)
            self.dropped += 1
        self.queue.append(notification)

    def take(self, limit: int) -> tuple[Notification, ...]:
        return tuple(self.queue.popleft() for _ in range(min(limit, len(self.queue))))


S = TypeVar("S", bound=Subscription)


class Subscriptions:
    """All subscriptions of the device; for many threads.

    Lifetimes run on a monotonic clock, since the device's clock may be set at any time.
    """

    def __init__(self, limits: Limits | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits or Limits()
        self.monotonic = monotonic
        # Reentrant: a signal handler calls close(), and a second signal may interrupt the first one there.
        self.changed = threading.Condition(threading.RLock())
        """Its lock guards everything in here; it tells that a notification came or a subscription ended."""
        self.closed = False
        self._subscriptions: dict[str, Subscription] = {}

    def add(self, subscription: Subscription, lifetime: timedelta | None, maximum: int) -> timedelta:
        """Begin a subscription, the last of `maximum` of its kind; returns its lifetime.

        The lifetime (None: the default) is rounded up to whole seconds, as times are told to clients.
        Raises UnacceptableInitialTerminationTime, and SubscribeCreationFailed when none is free (Core 9.1.6).
        """
        granted = self._grant(lifetime, UnacceptableInitialTerminationTime)
        with self.changed:
            if self.closed:
                raise SubscribeCreationFailed("The device is shutting down")
            if len(self.of_kind(type(subscription))) >= maximum:
                raise SubscribeCreationFailed(
                    f"All {maximum} {subscription.plural} are in use: unsubscribe one, or wait until one ends"
                )
            subscription.expires = self.monotonic() + granted.total_seconds()
            self._subscriptions[subscription.id] = subscription
        return granted

    def of_kind(self, kind: type[S]) -> list[S]:
        """Those that have not ended. For who holds the lock."""
        self._sweep()
        return [each for each in self._subscriptions.values() if isinstance(each, kind)]

    def find(self, subscription_id: str, kind: type[S]) -> S:
        """One that has not ended. For who holds the lock. Raises ResourceUnknown."""
        self._sweep()
        found = self._subscriptions.get(subscription_id)
        if not isinstance(found, kind):
            raise ResourceUnknown(
                "This URL names no subscription of that kind, or one that has ended: use the Address that"
                " CreatePullPointSubscription or Subscribe returned, or create a new one"
            )
        return found

    def publish(self, notification: Notification) -> None:
        """Put a notification into the queue of each subscription that wants it, and wake who waits for it."""
        with self.changed:
            for subscription in self.of_kind(Subscription):
                if subscription.selection.passes(notification):
                    subscription.put(notification)
            self.changed.notify_all()

    def renew(self, subscription_id: str, lifetime: timedelta | None) -> timedelta:
        """Let a subscription end after another time than before; the lifetime as in `add`.

        Raises UnacceptableTerminationTime, ResourceUnknown (Core 9.1.3).
        """
        with self.changed:
            subscription = self.find(subscription_id, Subscription)
            granted = self._grant(lifetime, UnacceptableTerminationTime)
            subscription.expires = self.monotonic() + granted.total_seconds()
        return granted

    def unsubscribe(self, subscription_id: str) -> None:
        """End a subscription and what waits for it. Raises ResourceUnknown (Core 9.1.4)."""
        with self.changed:
            self.find(subscription_id, Subscription)
            self.end(subscription_id, "The subscription was ended by Unsubscribe")

    def synchronize(self, subscription_id: str) -> None:
        """Repeat the state of all properties (Core 9.5): no topic of this device is one.

        Raises ResourceUnknown.
        """
        with self.changed:
            self.find(subscription_id, Subscription)

    def end(self, subscription_id: str, reason: str) -> None:
        """End a subscription, unless it has ended already. For who holds the lock."""
        subscription = self._subscriptions.pop(subscription_id, None)
        if subscription is not None:
            subscription.ended = reason
            self.changed.notify_all()

    def end_all(self, reason: str) -> None:
        """End all subscriptions and what waits for them."""
        with self.changed:
            for subscription_id in list(self._subscriptions):
                self.end(subscription_id, reason)

    def close(self) -> None:
        """End all for good: there can't be another one."""
        with self.changed:
            self.closed = True
            self.end_all("The device is shutting down")
            self.changed.notify_all()

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

    def _sweep(self) -> None:
        """Remove what has expired."""
        now = self.monotonic()
        for subscription in list(self._subscriptions.values()):
            if subscription.expires <= now and not subscription.held:
                self.end(subscription.id, "The subscription's termination time has passed")

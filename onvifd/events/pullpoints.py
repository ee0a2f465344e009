"""Pull points: subscriptions that clients wait at (Core 9.1)."""

from dataclasses import dataclass
from datetime import timedelta

from onvifd.events.errors import InvalidArgument, PullTimeoutTooLong, ResourceUnknown, UnableToGetMessages
from onvifd.events.filters import Filter
from onvifd.events.notifications import Notification
from onvifd.events.subscriptions import Subscription, Subscriptions

MAXIMUM_TIMEOUT = timedelta(minutes=10)
"""Of one pull. Core 9.1.2 wants a minute at least."""


@dataclass(frozen=True)
class Pulled:
    """The outcome of a pull."""

    notifications: tuple[Notification, ...]
    remaining: timedelta
    """Until the pull point ends, unless the client pulls or renews again."""


class PullPoint(Subscription):
    """One client's queue."""

    plural = "pull points"
    prefix = "pullpoint"


class PullPoints:
    """The pull points among the subscriptions."""

    def __init__(self, subscriptions: Subscriptions, maximum: int = 16) -> None:
        self.maximum = maximum
        self.subscriptions = subscriptions

    def create(self, selection: Filter, lifetime: timedelta | None) -> tuple[str, timedelta]:
        """A new pull point for what the filter selects: its id and its lifetime.

        Raises what Subscriptions.add raises.
        """
        point = PullPoint(selection, self.subscriptions.limits.queue_length)
        return point.id, self.subscriptions.add(point, lifetime, self.maximum)

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
        if timeout > MAXIMUM_TIMEOUT:
            raise PullTimeoutTooLong(
                f"Timeout can be {MAXIMUM_TIMEOUT.total_seconds():.0f} seconds at most",
                MAXIMUM_TIMEOUT,
                self.subscriptions.limits.queue_length,
            )
        subscriptions = self.subscriptions
        with subscriptions.changed:
            point = subscriptions.find(pull_point_id, PullPoint)
            if point.held:
                raise UnableToGetMessages(
                    "Another PullMessages waits at this pull point: use one pull point for each reader"
                )
            point.held = True
            try:
                subscriptions.changed.wait_for(lambda: point.queue or point.ended, timeout.total_seconds())
            finally:
                point.held = False
            if point.ended:
                raise ResourceUnknown(point.ended)
            now = subscriptions.monotonic()
            point.expires = max(point.expires, now + timeout.total_seconds())
            return Pulled(point.take(limit), timedelta(seconds=point.expires - now))

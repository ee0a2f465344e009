"""Notification producers: subscriptions whose notifications this device sends to a consumer (Core 9.3).

A few threads serve them all. A consumer that fails is tried again later and later, its notifications wait in
the subscription's queue, and in the end the subscription ends.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from onvifd.consumers import Consumer, DeliveryFailed
from onvifd.events.filters import Filter
from onvifd.events.notifications import Notification
from onvifd.events.subscriptions import Subscription, Subscriptions

logger = logging.getLogger(__name__)

BATCH = 16
"""Notifications of one Notify message."""


@dataclass(frozen=True)
class Delivery:
    """How hard the device tries."""

    threads: int = 4
    """That send at the same time: each is busy 20 seconds at most with one consumer."""
    attempts: int = 5
    """In a row without success, after which a subscription ends."""
    pause: float = 1.0
    """Seconds between the first two attempts; each further pause is twice as long."""


class Producer(Subscription):
    """What one consumer is sent."""

    plural = "notification producers"
    prefix = "producer"

    def __init__(
        self,
        selection: Filter,
        queue_length: int,
        consumer: Consumer,
        header: Sequence[Any],
        manager: str,
    ) -> None:
        super().__init__(selection, queue_length)
        self.consumer = consumer
        self.header = header
        """What every message has in its header for the consumer's sake."""
        self.address = manager + self.id
        """The URL of the subscription manager."""
        self.batch: tuple[Notification, ...] = ()
        """What is being sent, until the consumer has taken it."""
        self.failures = 0
        self.due = 0.0
        """When to send next, on the monotonic clock."""
        self.sending = False


class Producers:
    """The producers among the subscriptions, and the threads that send for them."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        maximum: int,
        send: Callable[[Producer], None],
        delivery: Delivery | None = None,
    ) -> None:
        """`send` sends a producer's batch, and raises DeliveryFailed."""
        self.maximum = maximum
        self._subscriptions = subscriptions
        self._send = send
        self._delivery = delivery or Delivery()
        self._threads: list[threading.Thread] = []

    def create(
        self,
        selection: Filter,
        lifetime: timedelta | None,
        consumer: Consumer,
        header: Sequence[Any],
        manager: str,
    ) -> tuple[str, timedelta]:
        """A new producer: the URL of its subscription manager, which begins with `manager`, and its lifetime.

        Raises what Subscriptions.add raises.
        """
        queue_length = self._subscriptions.limits.queue_length
        producer = Producer(selection, queue_length, consumer, header, manager)
        with self._subscriptions.changed:
            lifetime = self._subscriptions.add(producer, lifetime, self.maximum)
            if not self._threads:  # a device whose clients only pull needs none
                self._start()
        return producer.address, lifetime

    def close(self) -> None:
        """Wait for the threads to end. The subscriptions, and what sends, have to be closed before."""
        for thread in self._threads:
            thread.join()

    def _start(self) -> None:
        self._threads = [
            threading.Thread(target=self._run, name=f"notify-{number}", daemon=True)
            for number in range(min(self._delivery.threads, self.maximum))
        ]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while (producer := self._next()) is not None:
            try:
                self._send(producer)
            except DeliveryFailed as error:
                self._done(producer, str(error))
            except Exception:
                logger.exception("sending to %s", _place(producer))
                self._done(producer, "of a defect")
            else:
                self._done(producer, None)

    def _next(self) -> Producer | None:
        """The producer to send for, as soon as there is one; None when the device shuts down."""
        subscriptions = self._subscriptions
        with subscriptions.changed:
            while not subscriptions.closed:
                waiting = [
                    producer
                    for producer in subscriptions.of_kind(Producer)
                    if not producer.sending and (producer.batch or producer.queue)
                ]
                producer = min(waiting, key=lambda producer: producer.due, default=None)
                now = subscriptions.monotonic()
                if producer is not None and producer.due <= now:
                    producer.sending = True
                    producer.batch = producer.batch or producer.take(BATCH)
                    return producer
                subscriptions.changed.wait(None if producer is None else producer.due - now)
        return None

    def _done(self, producer: Producer, failure: str | None) -> None:
        """One attempt is over."""
        subscriptions = self._subscriptions
        with subscriptions.changed:
            producer.sending = False
            producer.due = subscriptions.monotonic()
            if failure is None:
                producer.batch = ()
                producer.failures = 0
            else:
                producer.failures += 1
                producer.due += self._delivery.pause * 2 ** (producer.failures - 1)
                if producer.failures == self._delivery.attempts and not producer.ended:
                    logger.warning("the subscription of %s ends, since %s", _place(producer), failure)
                    subscriptions.end(producer.id, "The consumer could not be reached")
            subscriptions.changed.notify_all()


def _place(producer: Producer) -> str:
    """The consumer, for the log: the rest of its URL may hold a secret."""
    return f"{producer.consumer.host} port {producer.consumer.port}"

"""What a stranger can make the device do: it must not become a reflector, nor busy.

A Probe needs no credentials and its source address may be forged: the answers, which are longer, would go to
the victim.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from onvifd.auth.throttle import Throttle

_SOURCES = 256
_EVERYBODY = "all"


class Rates(NamedTuple):
    """How many at once, and how many a second after that."""

    source_burst: int
    source_rate: float
    total_burst: int
    total_rate: float


READING = Rates(40, 10, 200, 60)
"""Probes and Resolves that are parsed. Each is sent up to four times (SOAP-over-UDP)."""
ANSWERING = Rates(30, 4, 100, 30)
"""Answers. Each is sent twice and has about 2 KB, so that a victim gets 16 KB/s at most."""


class Budget:
    """A limit per source, which is an IPv4 address or an IPv6 /64 network, and one for all of them."""

    def __init__(self, rates: Rates, clock: Callable[[], float] = time.monotonic) -> None:
        self._each = Throttle(rates.source_burst, rates.source_rate, _SOURCES, clock)
        self._all = Throttle(rates.total_burst, rates.total_rate, 1, clock)

    def take(self, source: str) -> bool:
        """Whether one more is within the limits. What a single source is refused is not counted for all."""
        return not self._each.take(source) and not self._all.take(_EVERYBODY)


class Recent:
    """The messages of the last seconds: one that is repeated on its way, or on purpose, is answered once.

    By their source, too: clients of different makers send the same constant for a MessageID.
    """

    def __init__(
        self, capacity: int = 256, seconds: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._capacity = capacity
        self._seconds = seconds
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def first(self, source: str, message_id: str) -> bool:
        """Remember a message; False if it was seen within the last seconds."""
        key, now = (source, message_id), self._clock()
        if now - self._seen.get(key, -self._seconds) < self._seconds:
            return False
        self._seen[key] = now
        self._seen.move_to_end(key)
        if len(self._seen) > self._capacity:
            self._seen.popitem(last=False)
        return True

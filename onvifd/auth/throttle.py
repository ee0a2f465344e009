"""Failed log-ins are limited per source address.

Never per account: whoever knows a user name could lock its owner out. Who shares an address with an attacker
(behind one NAT, or in one IPv6 network) waits as long as the attacker goes on, and at most about a second
longer; from every other address the device is reachable throughout.
"""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class Throttle:
    """A token bucket per IPv4 address or IPv6 /64 network. Methods may be called from any thread.

    A token is taken before credentials are checked and given back unless they were wrong, so that parallel
    guesses can't outrun the limit.
    """

    def __init__(
        self, burst: int, refill: float, sources: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the wrong log-ins allowed at once and per second, the number of addresses to remember, a
        clock.

        The addresses of the least recent log-ins are forgotten. The clock gives seconds and never goes back.
        """
        self._burst = burst
        self._refill = refill
        self._sources = sources
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, at a time of the clock

    def take(self, source: str) -> float:
        """Take a token: 0.0, or the seconds until the next one is there."""
        key = _network(source)
        with self._lock:
            tokens = self._tokens(key)
            if tokens < 1:
                self._store(key, tokens)
                return (1 - tokens) / self._refill
            self._store(key, tokens - 1)
            return 0.0

    def give_back(self, source: str) -> None:
        """The credentials were not a wrong guess."""
        key = _network(source)
        with self._lock:
            self._store(key, self._tokens(key) + 1)

    def _tokens(self, key: str) -> float:
        tokens, since = self._buckets.get(key, (self._burst, 0.0))
        return min(self._burst, tokens + (self._clock() - since) * self._refill)

    def _store(self, key: str, tokens: float) -> None:
        self._buckets.pop(key, None)
        if tokens >= self._burst:  # as good as an address never seen
            return
        self._buckets[key] = (tokens, self._clock())
        if len(self._buckets) > self._sources:
            self._buckets.popitem(last=False)


def _network(source: str) -> str:
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source  # a client on a Unix socket has no address
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return f"{int(address) >> 64:x}::/64"

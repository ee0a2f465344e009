"""Nothing is accepted twice: a bounded memory of what was accepted."""

import math
import threading

_KEPT_WHEN_FULL = 0.75  # forgetting a quarter at once costs one sort for many requests


class ReplayCache:
    """Remembers what was accepted, by a fingerprint and the time that the accepted thing carries.

    Nothing expires. When the memory is full the oldest times are forgotten, and from then on everything that
    carries the second of one of these or an earlier one is refused, used or not (the floor). So a replay is
    never taken for a first use as long as the clock runs forward, however far it jumps. Methods may be called
    from any thread.

    When the clock is set back, times come again. What was accepted at them the first time is still known and
    is refused again, as far as the memory reaches. Two things then differ, so that nobody is locked out: a
    floor that lies beyond the present by more than `reach` is dropped, and when room is needed, what lies
    beyond it is forgotten first. Only who recorded a request that is so long forgotten could replay it. A
    restart forgets everything: onvifd.auth.watermark is for that.
    """

    def __init__(self, capacity: int, reach: float) -> None:
        """Take how many fingerprints to remember, and by how many seconds accepted times may be ahead."""
        self._capacity = capacity
        self._reach = reach
        self._lock = threading.Lock()
        self._seen: dict[bytes, int] = {}
        self._floor = -math.inf

    def first_use(self, fingerprint: bytes, time: float, now: float) -> bool:
        """Remember a fingerprint, which must stand for the time (in seconds), too.

        False if it was seen before or could have been.
        """
        second = math.floor(time)
        with self._lock:
            if self._floor > now + self._reach:
                self._floor = -math.inf
            if second <= self._floor or fingerprint in self._seen:
                return False
            self._seen[fingerprint] = second
            if len(self._seen) > self._capacity:
                self._forget(now + self._reach)
            return True

    def _forget(self, horizon: float) -> None:
        in_order = sorted(self._seen.items(), key=lambda use: (use[1] <= horizon, use[1]))
        for fingerprint, second in in_order[: len(in_order) - int(self._capacity * _KEPT_WHEN_FULL)]:
            del self._seen[fingerprint]
            if second <= horizon:
                self._floor = max(self._floor, second)

"""Nothing is accepted twice, whatever the load and the clock do."""

import random
import sys
import threading

from onvifd.auth.replay import ReplayCache

REACH = 300


def fingerprint(number: int) -> bytes:
    return number.to_bytes(20, "big")


def test_the_first_use_is_accepted_and_no_other() -> None:
    cache = ReplayCache(100, REACH)
    assert cache.first_use(b"a", 1000.2, 1000)
    assert not cache.first_use(b"a", 1000.2, 1000)
    assert cache.first_use(b"b", 1000.2, 1000)
    assert not cache.first_use(b"a", 1000.2, 1001)


def test_nothing_is_forgotten_while_there_is_room() -> None:
    """Also what is far outside of the accepted times: the clock might be set back."""
    cache = ReplayCache(100, REACH)
    assert cache.first_use(b"a", 1000, 1000)
    assert cache.first_use(b"b", 9000, 9000)
    assert not cache.first_use(b"a", 1000, 1000)


def test_a_full_memory_refuses_the_past_and_nothing_else() -> None:
    """The floor: what may have been forgotten is refused, used or not."""
    cache = ReplayCache(8, REACH)
    for number in range(9):
        assert cache.first_use(fingerprint(number), 1000 + number, 1009)
    for number in range(9):
        assert not cache.first_use(fingerprint(number), 1000 + number, 1009)
    assert not cache.first_use(b"unused", 1000.9, 1009)
    assert cache.first_use(b"unused", 1008, 1009)


def test_a_full_memory_forgets_the_oldest_times_not_the_first_comers() -> None:
    """A client whose clock is ahead does not push the others out."""
    cache = ReplayCache(8, REACH)
    assert cache.first_use(b"ahead", 1300, 1000)
    for number in range(8):
        assert cache.first_use(fingerprint(number), 1000 + number, 1000 + number)
    assert cache.first_use(b"next", 1008, 1008)
    assert not cache.first_use(b"ahead", 1300, 1008)


def test_more_than_the_capacity_within_one_second() -> None:
    cache = ReplayCache(8, REACH)
    accepted = [cache.first_use(fingerprint(number), 1000, 1000) for number in range(20)]
    assert accepted == [True] * 9 + [False] * 11
    assert cache.first_use(b"next", 1001, 1001)


def test_a_clock_that_jumps_forward_makes_nothing_new() -> None:
    cache = ReplayCache(8, REACH)
    assert cache.first_use(b"a", 1000, 1000)
    assert cache.first_use(b"b", 1e9, 1e9)
    assert not cache.first_use(b"a", 1000, 1e9)


def test_a_clock_set_back_finds_what_was_accepted_before() -> None:
    """As far as the memory reaches, also when the times come again."""
    cache = ReplayCache(100, REACH)
    for number in range(50):
        assert cache.first_use(fingerprint(number), 1000 + number, 1000 + number)
    for number in range(50):
        assert not cache.first_use(fingerprint(number), 1000 + number, 1000)
    assert cache.first_use(b"new", 1000, 1000)


def test_a_clock_set_far_back_locks_nobody_out() -> None:
    """With a full memory and a floor in what is now the future."""
    cache = ReplayCache(8, REACH)
    for number in range(20):
        assert cache.first_use(fingerprint(number), 9000 + number, 9000 + number)
    for number in range(20, 60):
        assert cache.first_use(fingerprint(number), 1000 + number // 4, 1000 + number // 4)
        assert not cache.first_use(fingerprint(number), 1000 + number // 4, 1000 + number // 4)


def test_no_replay_is_accepted_in_any_order_while_the_clock_runs_forward() -> None:
    random_numbers = random.Random(7616)
    cache = ReplayCache(64, REACH)
    now = 1000.0
    used: list[tuple[bytes, float]] = []
    for number in range(3000):
        now += random_numbers.choice([0, 0, 0.3, 2, 400])
        time = now + random_numbers.uniform(-REACH, REACH)
        if cache.first_use(fingerprint(number), time, now):
            used.append((fingerprint(number), time))
        replay, at = random_numbers.choice(used)
        assert not cache.first_use(replay, at, now)
    assert len(used) > 1000


def test_of_many_threads_one_wins() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        cache = ReplayCache(10_000, REACH)
        winners: list[int] = []
        barrier = threading.Barrier(8)

        def use() -> None:
            barrier.wait()
            winners.extend(n for n in range(500) if cache.first_use(fingerprint(n), 1000 + n, 1000))

        threads = [threading.Thread(target=use) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert sorted(winners) == list(range(500))


def test_after_the_clock_was_set_back_the_floor_holds_again() -> None:
    """What lies in the future is forgotten first, and makes no floor that would be dropped."""
    cache = ReplayCache(8, REACH)
    assert cache.first_use(b"future", 9000, 9000)
    for number in range(8):
        assert cache.first_use(fingerprint(number), 1000 + number, 1000 + number)
    for number in range(8):
        assert not cache.first_use(fingerprint(number), 1000 + number, 1008)

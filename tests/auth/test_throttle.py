"""Wrong log-ins are limited per address, and the owner is never locked out."""

import threading

import pytest

from onvifd.auth.throttle import Throttle
from tests.auth.conftest import Clock


def throttle(clock: Clock, burst: int = 3, refill: float = 1.0, sources: int = 4) -> Throttle:
    return Throttle(burst, refill, sources, lambda: clock.monotonic)


def exhaust(limit: Throttle, source: str) -> int:
    guesses = 0
    while not limit.take(source):
        guesses += 1
    return guesses


def test_the_burst_is_free_and_then_one_per_second(clock: Clock) -> None:
    limit = throttle(clock)
    assert exhaust(limit, "192.0.2.1") == 3
    assert limit.take("192.0.2.1") == pytest.approx(1.0)
    clock.advance(0.75)
    assert limit.take("192.0.2.1") == pytest.approx(0.25)
    clock.advance(0.25)
    assert exhaust(limit, "192.0.2.1") == 1
    clock.advance(3600)
    assert exhaust(limit, "192.0.2.1") == 3


def test_asking_while_throttled_does_not_make_it_longer(clock: Clock) -> None:
    limit = throttle(clock)
    exhaust(limit, "192.0.2.1")
    for _ in range(10):
        clock.advance(0.1)
        wait = limit.take("192.0.2.1")
    assert wait == pytest.approx(0.0, abs=1e-6)


def test_what_is_given_back_does_not_count(clock: Clock) -> None:
    limit = throttle(clock)
    for _ in range(1000):
        assert limit.take("192.0.2.1") == 0.0
        limit.give_back("192.0.2.1")
    assert exhaust(limit, "192.0.2.1") == 3


def test_a_right_log_in_does_not_forgive_wrong_ones(clock: Clock) -> None:
    """Else someone with a small account could guess another's password without end."""
    limit = throttle(clock)
    assert not limit.take("192.0.2.1")
    assert not limit.take("192.0.2.1")
    assert not limit.take("192.0.2.1")
    limit.give_back("192.0.2.1")
    assert exhaust(limit, "192.0.2.1") == 1


@pytest.mark.parametrize(
    ("attacker", "owner"),
    [
        ("192.0.2.1", "192.0.2.2"),
        ("2001:db8:0:1::1", "2001:db8:0:2::1"),
        ("2001:db8::1", "192.0.2.1"),
        ("", "192.0.2.1"),
    ],
)
def test_other_addresses_are_not_concerned(clock: Clock, attacker: str, owner: str) -> None:
    limit = throttle(clock)
    exhaust(limit, attacker)
    assert exhaust(limit, owner) == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"),
        ("fe80::1%eth0", "fe80::2%eth0"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8:0:0::1"),
    ],
)
def test_addresses_that_one_attacker_can_have(clock: Clock, first: str, second: str) -> None:
    limit = throttle(clock)
    exhaust(limit, first)
    assert limit.take(second) > 0


def test_the_memory_is_bounded_and_keeps_the_latest(clock: Clock) -> None:
    limit = throttle(clock, sources=4)
    for number in range(100):
        exhaust(limit, f"192.0.2.{number}")
    assert len(limit._buckets) == 4
    assert limit.take("192.0.2.99") > 0
    assert limit.take("192.0.2.0") == 0.0


def test_who_logs_in_rightly_needs_no_memory(clock: Clock) -> None:
    limit = throttle(clock)
    limit.take("192.0.2.1")
    limit.give_back("192.0.2.1")
    assert not limit._buckets


def test_parallel_guesses_do_not_outrun_the_limit(clock: Clock) -> None:
    limit = throttle(clock, burst=20)
    barrier = threading.Barrier(8)
    guesses: list[int] = []

    def attack() -> None:
        barrier.wait()
        guesses.append(sum(not limit.take("192.0.2.1") for _ in range(100)))

    threads = [threading.Thread(target=attack) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(guesses) == 20


def test_an_address_that_goes_on_guessing_is_not_forgotten(clock: Clock) -> None:
    limit = throttle(clock, sources=2)
    exhaust(limit, "192.0.2.1")
    assert limit.take("192.0.2.2") == 0.0
    assert limit.take("192.0.2.1") > 0
    assert limit.take("192.0.2.3") == 0.0
    assert limit.take("192.0.2.1") > 0

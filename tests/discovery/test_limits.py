"""What a stranger can make the device do."""

from __future__ import annotations

from onvifd.discovery.limits import Budget, Rates, Recent


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def taken(budget: Budget, source: str, attempts: int = 100) -> int:
    return sum(budget.take(source) for _ in range(attempts))


def test_a_source_has_a_budget_of_its_own() -> None:
    clock = Clock()
    budget = Budget(Rates(10, 2, 1000, 1000), clock)
    assert taken(budget, "192.0.2.1") == taken(budget, "192.0.2.2") == 10
    clock.now += 2
    assert taken(budget, "192.0.2.1") == 4


def test_an_ipv6_network_is_one_source() -> None:
    """Whoever has a /64 has as many addresses as he likes."""
    budget = Budget(Rates(10, 2, 1000, 1000), Clock())
    assert sum(budget.take(f"2001:db8::{number:x}") for number in range(100)) == 10


def test_all_sources_together_are_limited() -> None:
    clock = Clock()
    budget = Budget(Rates(10, 2, 50, 5), clock)
    assert sum(taken(budget, f"192.0.2.{number}") for number in range(100)) == 50
    clock.now += 1
    assert taken(budget, "198.51.100.1") == 5


def test_what_one_source_is_refused_is_not_taken_from_the_others() -> None:
    budget = Budget(Rates(10, 2, 20, 5), Clock())
    taken(budget, "192.0.2.1", 1000)
    assert taken(budget, "192.0.2.2") == 10


def test_a_message_is_new_once() -> None:
    clock = Clock()
    recent = Recent(seconds=5, clock=clock)
    assert recent.first("192.0.2.1", "urn:a")
    assert recent.first("192.0.2.1", "urn:b")
    assert recent.first("192.0.2.2", "urn:a")
    clock.now += 4
    assert not recent.first("192.0.2.1", "urn:a")
    clock.now += 1
    assert recent.first("192.0.2.1", "urn:a")


def test_the_oldest_messages_are_forgotten_when_there_are_too_many() -> None:
    recent = Recent(capacity=2, clock=Clock())
    assert [recent.first("a", message) for message in ("1", "2", "1", "3", "1", "2")] == [
        *(True, True, False, True, True, True)
    ]
